/**
 * Writes every architecture of ../shared as a PyTorch module, dense and as random subnets, runs it in PyTorch and the network in
 * onnxruntime, and prints how far their outputs are apart. Needs a Python with PyTorch (MDP_PYTHON names one).
 *
 *   tsx scripts/check-modules.ts [--json] [--draws N] [PATTERN]
 */
import { parseArgs } from "node:util";
import { randomFrom } from "../src/core/random.ts";
import { readModel } from "../src/onnx/read.ts";
import { findPython } from "../src/pytorch/python.ts";
import { findStructure } from "../src/structure/find-structure.ts";
import { cutGraph } from "../src/subnet/cut.ts";
import { randomSubnet } from "../src/subnet/random-subnet.ts";
import { ARCHITECTURES } from "../test/helpers/architectures.ts";
import { type ModuleCase, type ModuleRun, openTorch } from "../test/helpers/run-module.ts";
import { sharedGraph } from "../test/helpers/shared.ts";

/** Largest relative difference that counts as equal. */
const TOLERANCE = 1e-5;

const NETWORKS = [
  { name: "the embedded default", path: "" },
  ...ARCHITECTURES,
  { name: "ResNet-50, opset 17", path: "graphs/resnet50_op17_bn.onnx.br" },
  { name: "CIFAR ResNet-20, opset 17", path: "models/cifar10_resnet20_op17_bn.onnx" },
  { name: "SqueezeNet, random weights", path: "graphs/squeezenet1_1_op13_bn.onnx.br" },
  { name: "ViT-B/16", path: "graphs/vit_b_16_op17_bn.onnx.br" },
  { name: "Swin-T", path: "graphs/swin_t_op17_bn.onnx.br" },
];

const { values, positionals } = parseArgs({
  options: { json: { type: "boolean" }, draws: { type: "string" } },
  allowPositionals: true,
});
const pattern = new RegExp(positionals[0] ?? "");
const draws = Number(values.draws ?? 3);
const python = await findPython();
if (python === null || python.torch === null) {
  console.error("No Python with PyTorch: name one in MDP_PYTHON.");
  process.exit(2);
}

function graphAt(path: string): ReturnType<typeof readModel>["graph"] | null {
  if (path !== "") return sharedGraph(path)?.graph ?? null;
  return readModel(new URL("../src/data/default/shapes-resnet.onnx", import.meta.url).pathname)
    .graph;
}

function problemOf(run: ModuleRun): string | null {
  const { error, missing, unexpected, features, batch } = run.found;
  if (error !== undefined) return error;
  const lists = { missing, unexpected, features };
  for (const [name, list] of Object.entries(lists)) {
    if (list.length > 0) return `${name}: ${list.slice(0, 4).join(", ")}`;
  }
  if (batch.some((size) => size !== 3)) return `batch 3 came out as ${batch.join(", ")}`;
  return run.relative <= TOLERANCE ? null : `outputs differ by ${run.relative.toExponential(1)}`;
}

const torch = openTorch(python);
const rows: object[] = [];
if (values.json !== true) {
  console.log("network | dense | subnets | lines | lines of subnets | names kept | problems");
  console.log("--- | ---: | ---: | ---: | ---: | ---: | ---");
}
for (const { name, path } of NETWORKS.filter((known) => pattern.test(known.name))) {
  const graph = graphAt(path);
  if (graph === null) continue;
  const structure = findStructure(graph);
  const random = randomFrom(7);
  const runs: ModuleRun[] = [];
  const problems: string[] = [];
  for (let draw = 0; draw <= draws; draw += 1) {
    try {
      const cut =
        draw === 0 ? graph : cutGraph(structure, randomSubnet(structure, random, { minKept: 0.2 }));
      const one: ModuleCase = { name, graph: cut, seed: draw };
      runs.push(await torch.run(one));
    } catch (error) {
      problems.push(String(error));
    }
  }
  problems.push(...runs.flatMap((run) => problemOf(run) ?? []));
  const [dense, ...subnets] = runs;
  const parameters = dense?.module.parameters ?? [];
  const kept = parameters.filter((one) => one.key === one.initializer).length;
  const lines = subnets.map((run) => run.module.lines);
  const row = {
    name,
    dense: dense?.relative ?? null,
    subnets: Math.max(...subnets.map((run) => run.relative)),
    lines: dense?.module.lines ?? 0,
    subnetLines: lines,
    kept: `${kept} of ${parameters.length}`,
    problems,
  };
  rows.push(row);
  if (values.json === true) continue;
  const range = lines.length === 0 ? "" : `${Math.min(...lines)} to ${Math.max(...lines)}`;
  const figures = [
    dense?.relative.toExponential(1) ?? "-",
    row.subnets.toExponential(1),
    row.lines,
  ];
  console.log([name, ...figures, range, row.kept, problems.join("; ")].join(" | "));
  if (problems.length > 0) process.exitCode = 1;
}
if (values.json === true) console.log(JSON.stringify(rows, null, 1));
torch.close();
