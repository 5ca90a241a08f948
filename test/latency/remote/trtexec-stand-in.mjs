// A stand-in for NVIDIA's trtexec: no TensorRT is behind it. It accepts the options that each version's --help lists, refuses
// others, and writes files in the formats that samples/common/sampleReporting.cpp and the engine inspector of that version
// write. Layers are fused from the names of the network's nodes; times are made up from their number.
// The version comes with the environment: STAND_IN_VERSION is 8201, 8601, 101303 or 110400.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";

const version = process.env.STAND_IN_VERSION ?? "8601";
const number = Number(version);
const OPTIONS = [
  ...["--onnx=<file>", "--saveEngine=<file>", "--loadEngine=<file>", "--help", "--verbose"],
  ...["--warmUp=N", "--duration=N", "--iterations=N", "--noDataTransfers", "--useSpinWait"],
  ...["--exportTimes=<file>", "--exportProfile=<file>", "--exportLayerInfo=<file>"],
  "--timingCacheFile=<file>",
  ...(number < 10_000 ? ["--workspace=N", "--buildOnly"] : []),
  ...(number >= 8400
    ? ["--memPoolSize=poolspec", "--profilingVerbosity=mode"]
    : ["--nvtxMode=mode"]),
  ...(number >= 8600 ? ["--skipInference"] : []),
  ...(number < 110_000 ? ["--fp16", "--int8", "--best"] : []),
];
const known = new Set(OPTIONS.map((option) => option.split("=")[0]));

const given = new Map(
  process.argv.slice(2).map((word) => {
    const [name, ...rest] = word.split("=");
    return [name, rest.join("=")];
  }),
);
process.stdout.write(`${`&&&& RUNNING TensorRT.trtexec [TensorRT v${version}] # trtexec`}\n`);
if (given.has("--help")) {
  process.stdout.write(
    `${`=== Options ===\n${OPTIONS.map((option) => `  ${option}`).join("\n")}`}\n`,
  );
  process.exit(0);
}
for (const name of given.keys()) {
  if (known.has(name)) continue;
  process.stdout.write(
    `${`[E] Unknown option: ${name}\n&&&& FAILED TensorRT.trtexec [TensorRT v${version}]`}\n`,
  );
  process.exit(1);
}
if (process.env.STAND_IN_LOG)
  appendFileSync(process.env.STAND_IN_LOG, `${process.argv.slice(2).join(" ")}\n`);

if (given.has("--onnx")) {
  // Names of nodes as the file holds them: this is no parser of ONNX.
  const names = [...new Set(readFileSync(given.get("--onnx"), "latin1").match(/mdp\d+x/g) ?? [])];
  if (names.length === 0) {
    process.stdout.write(`${"[E] [TRT] ModelImporter.cpp: no nodes"}\n`);
    process.exit(1);
  }
  names.sort((a, b) => Number(a.slice(3, -1)) - Number(b.slice(3, -1)));
  writeFileSync(given.get("--saveEngine"), JSON.stringify({ version, names }));
  if (given.has("--timingCacheFile")) writeFileSync(given.get("--timingCacheFile"), "timings");
}
if (given.has("--loadEngine")) {
  if (!existsSync(given.get("--loadEngine"))) {
    process.stdout.write(`${`[E] Error opening engine file: ${given.get("--loadEngine")}`}\n`);
    process.exit(1);
  }
  const { names } = JSON.parse(readFileSync(given.get("--loadEngine"), "utf8"));
  run(names, Number(given.get("--iterations")));
}
process.stdout.write(`${`&&&& PASSED TensorRT.trtexec [TensorRT v${version}] # trtexec`}\n`);

function run(names, iterations) {
  const [first] = names;
  const layers = [];
  for (let index = 0; index < names.length; index += 2) {
    const pair = names.slice(index, index + 2);
    layers.push({ name: pair.join(" + "), nodes: pair });
  }
  layers.unshift({ name: `Reformatting CopyNode for Input Tensor 0 to ${first}`, nodes: [] });
  const ms = (layer) => (layer.nodes.length === 0 ? 0.001 : 0.01 * layer.nodes.length);
  const total = layers.reduce((sum, layer) => sum + ms(layer), 0);
  if (given.has("--exportTimes")) {
    const warm = number < 8500 ? 3 : 0;
    const rows = Array.from({ length: iterations + warm }, (_, index) => {
      const start = index < warm ? 10 * index : 200 + index * total;
      const compute = index < warm ? 9 * total : total;
      return (
        `{ "startEnqMs" : ${start}, "endEnqMs" : ${start}, "startH2dMs" : ${start}, "endH2dMs" : ${start}` +
        `, "startComputeMs" : ${start}, "endComputeMs" : ${start + compute}, "startD2hMs" : ${start}, "endD2hMs" : ${start}` +
        `, "h2dMs" : 0, "computeMs" : ${compute}, "d2hMs" : 0, "latencyMs" : ${compute}` +
        `${number < 8500 ? `, "endToEndMs" : ${compute}` : ""} }\n`
      );
    });
    writeFileSync(given.get("--exportTimes"), `[\n  ${rows.join(", ")}]\n`);
  }
  if (given.has("--exportProfile")) {
    const rows = layers.map(
      (layer) =>
        `, { "name" : "${layer.name}", "timeMs" : ${iterations * ms(layer)}, "averageMs" : ${ms(layer)}` +
        `${number >= 8400 ? `, "medianMs" : ${ms(layer)}` : ""}, "percentage" : ${(100 * ms(layer)) / total} }\n`,
    );
    writeFileSync(
      given.get("--exportProfile"),
      `[\n  { "count" : ${iterations} }\n${rows.join("")}]\n`,
    );
  }
  if (given.has("--exportLayerInfo")) {
    const described = layers.map((layer) =>
      number < 8600
        ? JSON.stringify(layer.name)
        : `{"Name": "${layer.name}", "LayerType": "CaskConvolution", "Metadata": "${layer.nodes
            .map((node) => `[ONNX Layer: ${node}]`)
            .join("\u001f")}"}`,
    );
    const io = number < 110_000 ? '"Bindings": ["x", "y"]' : '"I/O Tensors": [{"Name": "x"}]';
    writeFileSync(
      given.get("--exportLayerInfo"),
      `{"Layers": [${described.join("\n,")}\n],\n${io}\n}\n`,
    );
  }
}
