/**
 * How well few runs tell a table: measures ResNet-56, ResNet-50, MobileNets, an EfficientNet and a small vision transformer until unseen networks are predicted
 * within 1 %, and judges the tables on 30 random subnets that were left out.
 *
 *   npm run bench:profile -- [network [minutes]]
 *
 * Networks come from ../shared (MDP_SHARED names another folder), tables and measurements go to MDP_BENCH or a folder for
 * temporary files; what is there is gone on with. Wants a machine that does nothing else.
 */
import {
  type BenchNetwork,
  EFFICIENTNET_B0,
  MOBILENET_V2,
  MOBILENET_V3,
  openBench,
  RESNET50,
  RESNET56,
  VIT_CIFAR,
} from "./latency/bench-networks.ts";
import { runMdp } from "./mdp-steps.ts";

interface Bench extends BenchNetwork {
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

const BENCHES: readonly Bench[] = [
  { ...RESNET56, runs: 8, repeats: 80 },
  { ...MOBILENET_V2, runs: 60, repeats: 20 },
  { ...VIT_CIFAR, runs: 60, repeats: 20 },
  { ...MOBILENET_V3, runs: 60, repeats: 20 },
  { ...EFFICIENTNET_B0, runs: 60, repeats: 20 },
  { ...RESNET50, runs: 1000, repeats: 20 },
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
  const open = openBench(bench, "profile");
  if (open === null) continue;
  const { model, folder, setting } = open;
  const repeats = ["--repeats", String(bench.repeats)];
  const most = ["--runs", String(bench.runs), "--max-minutes", minutes, ...repeats];
  const place = ["--name", "bench", "--out", folder, "--json"];
  const text = runMdp(["profile", model, ...setting, ...TARGET, ...most, ...place]);
  console.log(line(bench, JSON.parse(text) as Profiled));
}
