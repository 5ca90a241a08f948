/**
 * Whole commands, each in a process of its own: wall time, CPU time, peak memory, and for a solve what it proved.
 *
 *     npm run bench -- commands [--only TEXT] [--repeat 3] [--time-limit 60] [--json]
 *
 * Networks come from ../shared (MDP_SHARED names another folder; compressed ones are unpacked first) or are built with random
 * weights; predicted tables of the AGX Xavier, half the latency, the default score (random ones for published networks, which
 * have no weights). The package must be built (`npm run build`). Prints a Markdown table, or one
 * JSON document with --json.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { brotliDecompressSync } from "node:zlib";
import { packageRoot } from "../src/core/files.ts";
import type { Graph } from "../src/graph/graph.ts";
import { isPublished } from "../src/networks/published/published.ts";
import { modelOf } from "../src/onnx/model.ts";
import { writeModel } from "../src/onnx/write.ts";
import { deepLabV3 } from "./graphs/deeplab.ts";
import { inceptionV3 } from "./graphs/inception.ts";

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  /** A file of ../shared or a network to build; the embedded default, or none, without it. */
  readonly network?: string | (() => Graph);
}

interface Measured {
  readonly name: string;
  readonly exitCode: number | null;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakMebibytes: number;
  readonly status: string;
  readonly objective: number | null;
  readonly bound: number | null;
  readonly gap: number | null;
}

/** Limits beside the latency's, on another device and on what the network is made of. */
const SIX_MORE = [
  "latency('jetson-nano') <= 55%",
  "params <= 75%",
  "macs <= 55%",
  "bytes <= 75%",
  "memory <= 90%",
  "params('layer4') <= 75%",
].flatMap((limit) => ["--limit", limit]);

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    repeat: { type: "string", default: "1" },
    "time-limit": { type: "string", default: "60" },
    json: { type: "boolean", default: false },
  },
});
const program = join(packageRoot(), "dist/src/cli/main.js");
if (!existsSync(program)) {
  console.error(`${program} is missing: run npm run build first.`);
  process.exit(2);
}
const shared = process.env["MDP_SHARED"] ?? join(packageRoot(), "../shared");
const folder = mkdtempSync(join(tmpdir(), "mdp-bench-"));
const usage = join(folder, "usage.mjs");
writeFileSync(
  usage,
  `import { existsSync, readFileSync, writeFileSync } from "node:fs";
process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  // The system's maxRSS begins with what the parent had; Linux also tells the peak of this program alone.
  const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
  const peak = Number(/^VmHWM:\\s*(\\d+) kB/m.exec(status)?.[1] ?? maxRSS);
  writeFileSync(process.env.MDP_BENCH_USAGE, JSON.stringify({ cpu: userCPUTime + systemCPUTime, maxRSS: peak }));
});
`,
);

const measured: Measured[] = [];
try {
  for (const each of cases()) {
    if (!each.name.includes(options.only)) continue;
    const network = networkOf(each);
    if (network === null) {
      console.error(`${each.name}: the network is not below ${shared}; left out.`);
      continue;
    }
    const runs = Array.from({ length: Number(options.repeat) }, () => run(each, network));
    runs.sort((left, right) => left.wallSeconds - right.wallSeconds);
    const median = runs[Math.floor(runs.length / 2)];
    if (median !== undefined) measured.push(median);
    console.error(`${each.name}: ${median?.status}, ${median?.wallSeconds.toFixed(2)} s`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}`;
console.log(options.json ? JSON.stringify({ machine, measured }, null, 1) : table());

function cases(): readonly Case[] {
  const half = (step: number): readonly string[] => [
    ...["solve", "--device", "jetson-xavier", "--budget", "50%", "--step", String(step)],
    ...["--time-limit", options["time-limit"]],
  ];
  const graph = (name: string, file: string, step = 8): Case => ({
    name: `${name}, step ${step}`,
    args: half(step),
    network: `graphs/${file}.onnx.br`,
  });
  return [
    { name: "mdp --version", args: ["--version"] },
    { name: "mdp solve --device jetson", args: ["solve", "--device", "jetson"] },
    ...[8, 4, 2, 1].map((step) => graph("ResNet-50", "resnet50_op13_bn", step)),
    graph("GoogLeNet", "googlenet_op13_bn"),
    graph("DenseNet-121", "densenet121_op13_bn"),
    graph("ShuffleNetV2", "shufflenet_v2_x1_0_op13_bn"),
    { name: "ResNet-152, step 4", args: half(4), network: "published:resnet152" },
    { name: "YOLOv5s, step 8", args: half(8), network: "published:yolov5s" },
    { name: "YOLOv7-tiny, step 8", args: half(8), network: "published:yolov7t" },
    { name: "YOLOv8s, step 8", args: half(8), network: "published:yolov8s" },
    {
      ...graph("ResNet-50 with seven limits", "resnet50_op13_bn"),
      args: [...half(8), ...SIX_MORE],
    },
    { name: "Inception v3, step 8", args: half(8), network: inceptionV3 },
    { name: "DeepLabV3, step 8", args: half(8), network: deepLabV3 },
  ];
}

/** Arguments that name the network, or null where it is not there. */
function networkOf({ network }: Case): readonly string[] | null {
  if (network === undefined) return [];
  if (typeof network === "string") {
    if (isPublished(network)) return [network, "--importance", randomScores(network)];
    const path = join(shared, network);
    return existsSync(path) ? [unpacked(path)] : null;
  }
  const path = join(folder, `${network.name}.onnx`);
  if (!existsSync(path)) writeModel(modelOf(network()), path);
  return [path];
}

/** Uneven scores of a network whose shapes alone are known. */
function randomScores(network: string): string {
  const file = join(folder, `${network.replaceAll(/\W/g, "-")}.json`);
  const args = ["score", network, "--method", "random", "--out", file, "--quiet"];
  const { status, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`no scores of ${network}: ${stderr}`);
  return file;
}

/** The file itself: users' networks are not compressed. */
function unpacked(path: string): string {
  if (!path.endsWith(".br")) return path;
  const file = join(folder, basename(path, ".br"));
  if (!existsSync(file)) writeFileSync(file, brotliDecompressSync(readFileSync(path)));
  return file;
}

function run({ name, args }: Case, network: readonly string[]): Measured {
  const used = join(folder, "usage.json");
  const preload = ["--import", pathToFileURL(usage).href];
  const json = args[0] === "solve" ? ["--json", "--quiet"] : [];
  const began = performance.now();
  const result = spawnSync(
    process.execPath,
    [...preload, program, ...args.slice(0, 1), ...network, ...args.slice(1), ...json],
    {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
      cwd: folder,
      env: { ...process.env, MDP_BENCH_USAGE: used },
    },
  );
  const wallSeconds = (performance.now() - began) / 1000;
  const { cpu, maxRSS } = JSON.parse(readFileSync(used, "utf8"));
  const report = json.length === 0 ? {} : JSON.parse(result.stdout);
  const answer = report.answer ?? {};
  return {
    name,
    exitCode: result.status,
    wallSeconds,
    cpuSeconds: cpu / 1e6,
    peakMebibytes: maxRSS / 1024,
    status: answer.status ?? report.error?.code ?? (result.status === 0 ? "done" : "failed"),
    objective: answer.objective ?? null,
    bound: answer.bound ?? null,
    gap: answer.gap ?? null,
  };
}

function table(): string {
  const rows = measured.map((each) =>
    [
      each.name,
      each.status,
      each.wallSeconds.toFixed(2),
      each.cpuSeconds.toFixed(2),
      each.peakMebibytes.toFixed(0),
      each.objective?.toFixed(4) ?? "",
      each.bound?.toFixed(4) ?? "",
      each.gap === null ? "" : `${(100 * each.gap).toFixed(2)} %`,
    ].join(" | "),
  );
  return [
    "| command | status | wall s | CPU s | peak MiB | objective | bound | gap |",
    "| --- | --- | --: | --: | --: | --: | --: | --: |",
    ...rows.map((row) => `| ${row} |`),
    `\n${machine}; median of ${options.repeat}.`,
  ].join("\n");
}
