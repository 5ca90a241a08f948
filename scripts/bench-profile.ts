/**
 * How well few runs tell a table: measures ResNet-56, MobileNetV2 and ResNet-50 until unseen networks are predicted
 * within 1 %, and judges the tables on 30 random subnets that were left out.
 *
 *   npm run bench:profile -- [network [minutes]]
 *
 * Networks come from ../shared (MDP_SHARED names another folder), tables and measurements go to MDP_BENCH or a folder for
 * temporary files; what is there is gone on with. Wants a machine that does nothing else.
 */
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runMdp } from "./mdp-steps.ts";

interface Bench {
  readonly name: string;
  readonly model: string;
  readonly batch: number;
  readonly step: number;
  /** At most so many networks; what they measure is then near 10 % of the cells. */
  readonly runs: number;
  /** Counted runs of each: the fewer networks there are, the better each must be known. */
  readonly repeats: number;
}

interface Profiled {
  readonly ownCells: number;
  readonly seconds: number;
  readonly table: { readonly runs: number };
  readonly validation: {
    readonly meanError: number;
    readonly worstError: number;
    readonly bias: number;
    readonly plainMeanError: number;
    readonly plainWorstError: number;
  };
}

const ROOT = join(import.meta.dirname, "..");
const SHARED = process.env["MDP_SHARED"] ?? join(ROOT, "../shared");
const FOLDER = process.env["MDP_BENCH"] ?? join(tmpdir(), "mdp-bench-profile");
const BENCHES: readonly Bench[] = [
  {
    name: "resnet56",
    model: "models/cifar10_resnet56_op13_bn.onnx",
    batch: 8,
    step: 4,
    runs: 8,
    repeats: 80,
  },
  {
    name: "mobilenetv2",
    model: "graphs/mobilenet_v2_op13_bn.onnx.br",
    batch: 1,
    step: 8,
    runs: 1000,
    repeats: 20,
  },
  {
    name: "resnet50",
    model: "graphs/resnet50_op13_bn.onnx.br",
    batch: 1,
    step: 8,
    runs: 1000,
    repeats: 20,
  },
];
const TARGET = ["--target-error", "1%", "--validate", "30"];

function line(
  { name, batch, step }: Bench,
  { table, ownCells, seconds, validation }: Profiled,
): string {
  const { meanError, worstError, bias, plainMeanError, plainWorstError } = validation;
  const percents = [ownCells, meanError, worstError, bias, plainMeanError, plainWorstError].map(
    (share) => (100 * share).toFixed(1),
  );
  const cells = [name, batch, step, table.runs, (seconds / 60).toFixed(1), ...percents];
  return `| ${cells.join(" | ")} |`;
}

const [only, minutes = "30"] = process.argv.slice(2);
console.log(
  "| network | batch | step | networks run | minutes | cells % | mean % | worst % | bias % | with drift: mean % | worst % |",
);
console.log("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |");
for (const bench of BENCHES) {
  if (only !== undefined && only !== bench.name) continue;
  const model = join(SHARED, bench.model);
  if (!existsSync(model)) {
    console.log(`${bench.name}: ${model} is not there, left out`);
    continue;
  }
  const folder = join(FOLDER, bench.name);
  mkdirSync(folder, { recursive: true });
  const setting = ["--batch", String(bench.batch), "--step", String(bench.step)];
  const repeats = ["--repeats", String(bench.repeats)];
  const most = ["--runs", String(bench.runs), "--max-minutes", minutes, ...repeats];
  const place = ["--name", "bench", "--out", folder, "--json"];
  const text = runMdp(["profile", model, ...setting, ...TARGET, ...most, ...place]);
  console.log(line(bench, JSON.parse(text) as Profiled));
}
