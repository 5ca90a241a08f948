/**
 * A vision transformer at three latencies: straight after the cut, repaired, and tuned, with ablations at one of them.
 *
 *     npm run bench -- vit vit.onnx train.bin test.bin docs/examples/cifar10.json --work /tmp/vit
 *
 * The network is brought into the basis of its singular vectors, scored by sensitivity on training images and measured on this machine
 * once; each row is then a run of `mdp prune` with these scores and this table, judged on the test images. Everything is kept
 * in the work folder, so that the same command resumes; `--only linear` makes the rows whose name holds that word.
 * docs/results/transformers.md holds what it printed.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../src/core/files.ts";
import { SILENT } from "../src/core/progress.ts";
import type { RunSummary } from "../src/documents/run.ts";
import { importanceText } from "../src/importance/importance.ts";
import { type PruneSettings, profile, prune, score } from "../src/pipeline/library.ts";
import { openNetwork } from "../src/pipeline/open/network.ts";
import { rebaseOpened } from "../src/pipeline/rebase/rebase-network.ts";
import { type RunContext, runContext } from "../src/pipeline/run-context.ts";
import { measuredShare, topByFile } from "./accuracy-rows.ts";
import { matchedLinear } from "./latency/linear-table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    work: { type: "string" },
    budgets: { type: "string", default: "80%,65%,48%" },
    ablate: { type: "string", default: "65%" },
    only: { type: "string", default: "" },
    images: { type: "string", default: "256" },
    minutes: { type: "string", default: "6" },
    epochs: { type: "string", default: "3" },
    lr: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const [path, train, test, config] = positionals;
const { work } = values;
if (path === undefined || train === undefined || test === undefined || config === undefined) {
  throw new Error("usage: bench -- vit MODEL TRAIN TEST DATA-CONFIG --work FOLDER");
}
if (work === undefined) throw new Error("--work FOLDER: where what was made is kept");
mkdirSync(work, { recursive: true });

const seed = Number(values.seed);
const data = { data: train, dataConfig: config };
const run: RunContext = {
  ...runContext({ commandLine: `npm run bench -- vit --seed ${seed}` }),
  progress: { ...SILENT, note: (text) => console.error(text) },
};

/** A network with its scores and its table, made once. */
async function prepared(name: string, rebased: boolean): Promise<Prepared> {
  const file = (end: string): string => join(work as string, `${name}${end}`);
  const network = rebased ? file(".onnx") : (path as string);
  if (!existsSync(network)) {
    await rebaseOpened(await openNetwork(path), { ...data, images: 256, seed }, network, run);
  }
  if (!existsSync(file("-scores.json"))) {
    const method = "sensitivity";
    const wanted = {
      model: network,
      method,
      ...data,
      images: Number(values.images),
      seed,
    } as const;
    writeFileAtomic(file("-scores.json"), importanceText(await score(wanted, run)));
  }
  return { network, scores: file("-scores.json") };
}

interface Prepared {
  readonly network: string;
  readonly scores: string;
}

/** The basis changes weights alone, so that one table serves both. */
async function tableOf({ network }: Prepared): Promise<string> {
  const out = join(work as string, "table");
  const known = join(out, "path.txt");
  if (!existsSync(known)) {
    const maxMinutes = Number(values.minutes);
    const { tablePath } = await profile({ model: network, out, maxMinutes, seed }, run);
    writeFileAtomic(known, tablePath);
  }
  return readFileSync(known, "utf8");
}

interface Row {
  readonly name: string;
  readonly budget: string;
  readonly chosen: () => Promise<Chosen>;
}

interface Chosen {
  readonly from: Prepared;
  readonly settings?: Partial<PruneSettings>;
  /** Predicted by the measured table, as a share of the whole network, where another table made the choice. */
  readonly share?: number;
}

async function judged(
  table: string,
  { name, budget }: Row,
  { from, settings }: Chosen,
): Promise<RunSummary> {
  const out = join(work as string, `${name}-${budget.replace("%", "")}`);
  return prune(
    {
      ...{ model: from.network, importance: from.scores, table, budget, out, seed, ...data },
      ...{ testData: test as string, rebase: false, finetune: true, epochs: Number(values.epochs) },
      ...(values.lr === undefined ? {} : { lr: Number(values.lr) }),
      ...settings,
    },
    run,
  );
}

/** Top-1 in per cent by the file's name; latency as a share of the dense network's, predicted and measured. */
function line(
  { name, budget }: Row,
  { share: predicted }: Chosen,
  { eval: report, solve }: RunSummary,
): string {
  const top = topByFile(report);
  const share = (value: number | undefined): string =>
    value === undefined ? "–" : value.toFixed(2);
  const cells = [
    ...[name, budget, share(predicted ?? solve.latencyMs.chosen / solve.latencyMs.dense)],
    share(measuredShare(report)),
    ...["pruned.onnx", "corrected.onnx", "finetuned.onnx"].map(
      (file) => top.get(file)?.toFixed(1) ?? "–",
    ),
  ];
  return `| ${cells.join(" | ")} |`;
}

const basis = await prepared("rebased", true);
const table = await tableOf(basis);
const budgets = values.budgets.split(",");
const MLP_ONLY = { protect: "heads|qk|v$|embedding", blocks: false } as const;
const plain = (settings?: Partial<PruneSettings>) => async (): Promise<Chosen> => ({
  from: basis,
  ...(settings === undefined ? {} : { settings }),
});

/** Chosen by a latency that is linear in the work, at the same latency by the measured table. */
async function linear(): Promise<Chosen> {
  const given = { model: basis.network, importance: basis.scores, table };
  const wanted = Number.parseFloat(values.ablate) / 100;
  const { share, ...settings } = await matchedLinear(given, wanted, work as string);
  return { from: basis, settings, share };
}

const ablate = values.ablate;
const rows: readonly Row[] = [
  ...budgets.map((budget): Row => ({ name: "all dims", budget, chosen: plain() })),
  // MLPs alone reach about three quarters of the latency.
  { name: "MLP only", budget: budgets[0] ?? "80%", chosen: plain(MLP_ONLY) },
  { name: "no blocks", budget: ablate, chosen: plain({ blocks: false }) },
  {
    name: "as it was, no rebase",
    budget: ablate,
    chosen: async () => ({ from: await prepared("original", false) }),
  },
  { name: "linear latency", budget: ablate, chosen: linear },
];
console.log("| choice | budget | predicted | measured | straight | repaired | tuned |");
console.log("| --- | --- | --: | --: | --: | --: | --: |");
for (const row of rows.filter(({ name }) => name.includes(values.only))) {
  const chosen = await row.chosen();
  console.log(line(row, chosen, await judged(table, row, chosen)));
}
