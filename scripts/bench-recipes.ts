/**
 * Ways to tune a repaired network, judged on training images that were held out: which of them never leaves it worse?
 *
 *     npm run bench -- recipes MODEL --importance I.json --table T.json --out FOLDER [--device D] [--budgets 91%,60%] [--recipes "now;teacher"]
 *
 * The last 500 training images are held out. The network is cut and repaired on the others, then each recipe tunes it on the others.
 * What is compared is how far its answers are from the original's on the held-out images (no labels). The rule: the recipe with
 * the smallest mean divergence over the budgets, among those that leave no network with a larger one than the repair did. Top-1 on the test images is printed beside it and chooses nothing. Finished rows stay in rows.jsonl in the folder.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../src/core/files.ts";
import { SILENT } from "../src/core/progress.ts";
import { evaluate, type FinetuneSettings, finetune, prune } from "../src/pipeline/library.ts";
import { type RunContext, runContext } from "../src/pipeline/run-context.ts";
import { type Apart, apartFromFirst, CIFAR, rowFile, topByFile } from "./accuracy-rows.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string" },
    importance: { type: "string" },
    table: { type: "string" },
    device: { type: "string" },
    budgets: { type: "string", default: "91%,60%" },
    recipes: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const [model] = positionals;
if (model === undefined || values.out === undefined) {
  throw new Error("usage: bench -- recipes MODEL --out FOLDER --importance I.json --table T.json");
}
const { out, importance, table, device } = values as typeof values & { readonly out: string };
mkdirSync(out, { recursive: true });
const seed = Number(values.seed);
const threads = availableParallelism();
const dataConfig = CIFAR.config;
const run: RunContext = {
  ...runContext({ commandLine: "npm run bench -- recipes" }),
  progress: { ...SILENT, note: (text) => console.error(text) },
};

/** CIFAR's records: a label, then three planes of 32 x 32. */
const RECORD = 1 + 3 * 32 * 32;
const HELD_OUT = 500;
const [taught, heldOut] = ["taught.bin", "held-out.bin"].map((name) => join(out, name)) as [
  string,
  string,
];
if (!existsSync(heldOut)) {
  const records = readFileSync(CIFAR.train);
  const border = records.length - HELD_OUT * RECORD;
  writeFileAtomic(taught, records.subarray(0, border));
  writeFileAtomic(heldOut, records.subarray(border));
}

const NOW = { labelWeight: 0.5, scoreWeight: 0.5, epochs: 3, lr: 0.02 } as const;
const TEACHER = { labelWeight: 0, scoreWeight: 1 } as const;
/** `now` is what `mdp prune --finetune` did before: half labels, half teacher, three epochs at a rate of 0.02. */
const RECIPES: Readonly<Record<string, Partial<FinetuneSettings>>> = {
  now: NOW,
  averaged: { ...NOW, ema: 0.98 },
  teacher: { ...TEACHER, epochs: 3, lr: 0.02 },
  "teacher, averaged": { ...TEACHER, epochs: 3, lr: 0.02, ema: 0.98 },
  "teacher, rate 0.005": { ...TEACHER, epochs: 3, lr: 0.005 },
  "teacher, 1 epoch": { ...TEACHER, epochs: 1, lr: 0.02 },
  "teacher, 1 epoch, averaged": { ...TEACHER, epochs: 1, lr: 0.02, ema: 0.95 },
  "teacher, 1 epoch, rate 0.005": { ...TEACHER, epochs: 1, lr: 0.005 },
  "teacher, 1 epoch, rate 0.005, frozen norms": {
    ...{ ...TEACHER, epochs: 1, lr: 0.005, norms: "frozen" },
  },
};

/** `Apart`: from the original's answers on the held-out images. */
interface Row extends Apart {
  readonly budget: string;
  readonly recipe: string;
  readonly test: number;
  readonly seconds: number;
}

/** Top-1 on the test images, in per cent. */
async function topOf(path: string): Promise<number> {
  const report = await evaluate(
    { models: [path], testData: CIFAR.test, dataConfig, latency: false, batch: 50, threads },
    run,
  );
  return [...topByFile(report).values()][0] ?? Number.NaN;
}

const file = rowFile<Row>(join(out, "rows.jsonl"));
const has = (budget: string, recipe: string): boolean =>
  file.rows().some((row) => row.budget === budget && row.recipe === recipe);

async function add(budget: string, recipe: string, path: string, seconds: number): Promise<void> {
  const [, apart] = await apartFromFirst([model ?? "", path], heldOut, dataConfig);
  if (apart === undefined) return;
  const row = { budget, recipe, ...apart, test: await topOf(path), seconds };
  file.add(row);
  console.error(JSON.stringify(row));
}

const wanted = values.recipes?.split(";") ?? Object.keys(RECIPES);
for (const budget of values.budgets.split(",")) {
  const folder = join(out, String(Number.parseFloat(budget)));
  const started = performance.now();
  if (!has(budget, "repaired")) {
    const given = { model, importance, table, device, budget, out: folder, seed, rebase: false };
    await prune({ ...given, data: taught, testData: heldOut, dataConfig, threads }, run);
    await add(budget, "cut", join(folder, "pruned.onnx"), 0);
    const seconds = (performance.now() - started) / 1000;
    await add(budget, "repaired", join(folder, "corrected.onnx"), seconds);
  }
  for (const recipe of wanted) {
    if (has(budget, recipe)) continue;
    const begun = performance.now();
    const own = join(folder, recipe.replaceAll(/[^a-z0-9.]+/g, "-"));
    await finetune(
      {
        ...{ model: join(folder, "corrected.onnx"), teacher: model, data: taught, dataConfig },
        ...{ out: own, seed, batch: "64", validate: false, threads },
        ...RECIPES[recipe],
      },
      run,
    );
    await add(budget, recipe, join(own, "last.onnx"), (performance.now() - begun) / 1000);
  }
}
console.log("| recipe | budget | divergence | agreement | distance | top-1 on test images | s |");
console.log("| --- | --- | --: | --: | --: | --: | --: |");
for (const { recipe, budget, distance, divergence, agreement, test, seconds } of file.rows()) {
  const apart = `${divergence.toFixed(4)} | ${(100 * agreement).toFixed(1)} | ${distance.toFixed(4)}`;
  console.log(`| ${recipe} | ${budget} | ${apart} | ${test.toFixed(1)} | ${seconds.toFixed(0)} |`);
}
