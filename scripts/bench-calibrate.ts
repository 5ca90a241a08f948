/**
 * Budgets met on this machine: profiles a network, then calibrates it to several budgets and times each result again, in
 * processes' own sessions, as somebody who got the file would. Wants a quiet machine.
 *
 *     npm run bench:calibrate                    ResNet-56 (batch 8) and MobileNetV2 (batch 1) at 70, 50 and 30 %
 *     npm run bench:calibrate -- resnet56 50%    one of them
 *
 * Tables and networks stay in the folder that MDP_BENCH names, or in a temporary one; a profile resumes where it stopped.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BenchNetwork, MOBILENET_V2, openBench, RESNET56 } from "./latency/bench-networks.ts";
import { runMdp } from "./mdp-steps.ts";

interface Bench extends BenchNetwork {
  readonly runs: number;
}

interface Timing {
  readonly latency: { readonly ofFirst: number } | null;
}

const BENCHES: readonly Bench[] = [
  { ...RESNET56, runs: 60 },
  { ...MOBILENET_V2, runs: 120 },
];
const BUDGETS = ["70%", "50%", "30%"];
const TOLERANCE = 0.02;
const JUDGED = 5;

/** Limits that can't be met: a result of `mdp calibrate` like others. */
const NOT_MET = 5;

/** The middle of several independent comparisons with the dense network. */
function judged(dense: string, pruned: string, batch: number): number {
  const shares = Array.from({ length: JUDGED }, () => {
    const text = runMdp([
      ...["eval", dense, pruned, "--batch", String(batch), "--repeats", "400", "--json"],
    ]);
    const { results } = JSON.parse(text) as { readonly results: readonly Timing[] };
    return results[1]?.latency?.ofFirst ?? Number.NaN;
  });
  return shares.sort((a, b) => a - b)[Math.floor(JUDGED / 2)] ?? Number.NaN;
}

function run(bench: Bench, budgets: readonly string[]): void {
  const { name, batch, runs } = bench;
  const open = openBench(bench, "calibrate");
  if (open === null) return;
  const { model, folder, setting } = open;
  const profile = JSON.parse(
    runMdp([
      ...[
        "profile",
        model,
        ...setting,
        "--runs",
        String(runs),
        "--name",
        "bench",
        "--max-minutes",
        "8",
      ],
      ...["--out", folder, "--json"],
    ]),
  ) as { readonly path: string };
  for (const budget of budgets) {
    const out = join(folder, budget.replace("%", ""));
    runMdp(
      [
        ...["calibrate", model, "--table", profile.path, "--budget", budget],
        ...["--out", out, "--json"],
      ],
      true,
      [NOT_MET],
    );
    const report = JSON.parse(readFileSync(join(out, "calibrate.json"), "utf8")) as {
      readonly status: string;
      readonly tries: readonly { readonly used: number }[];
      readonly best: number;
    };
    const tries = report.tries.map((one) => (100 * one.used).toFixed(1)).join(", ");
    const found = `${name.padEnd(12)} ${budget.padStart(4)}  ${report.status}; tries ${tries} % of the budget`;
    if (report.status === "above") {
      process.stdout.write(`${found}: no network within it\n`);
      continue;
    }
    const share = judged(model, join(out, "pruned.onnx"), batch);
    const used = share / (Number.parseFloat(budget) / 100);
    const verdict = used <= 1 && used >= 1 - TOLERANCE ? "within" : used > 1 ? "ABOVE" : "BELOW";
    process.stdout.write(
      `${found}; judged again ${(100 * used).toFixed(2)} % (${(100 * share).toFixed(2)} % of dense): ${verdict}\n`,
    );
  }
}

const [only, ...budgets] = process.argv.slice(2);
for (const bench of BENCHES) {
  if (only === undefined || bench.name === only) run(bench, budgets.length > 0 ? budgets : BUDGETS);
}
