/**
 * Cuts the embedded vision-language network by several methods and budgets, and judges what is left on pairs that nothing was chosen on.
 *
 * npm run bench -- vision-language --out FOLDER [--seeds 1,2,3] [--shares 50,30,70] [--rows cross-modal,uniform] [--tune 50,30]
 * Start with a new folder outside of the repository; the same command again goes on where it stopped, and nothing that is there is made again. Prints
 * the tables of docs/results/vision-language.md from all that is there (--print alone: nothing is made).
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { captionPairs } from "../src/data/drawn/captions.ts";
import { ANSWERS, TEXT_LENGTH } from "../src/data/drawn/words.ts";
import { modelPath } from "../src/pipeline/open/embedded.ts";
import { type Feed, openSession } from "../src/runtime/session.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "runs/vision-language" },
    seeds: { type: "string", default: "1" },
    shares: { type: "string", default: "50,30,70" },
    rows: { type: "string", default: "" },
    tune: { type: "string", default: "50,30" },
    print: { type: "boolean", default: false },
  },
});
const MODEL = ":captions";
const TEST = 500;

interface Row {
  readonly key: string;
  readonly name: string;
  /** Scores by `mdp score`. */
  readonly method: string;
  readonly limits: (share: string) => readonly string[];
  readonly solve?: readonly string[];
}

const whole = (share: string): readonly string[] => [`macs <= ${share}%`];
const apart = (share: string): readonly string[] =>
  ["image", "text", "fusion"].map((part) => `macs('${part}') <= ${share}%`);
const ROWS: readonly Row[] = [
  { key: "cross-modal", name: "cross-modal, program", method: "cross-modal", limits: whole },
  {
    ...{ key: "uniform", name: "magnitude, uniform", method: "magnitude-l2", limits: whole },
    solve: ["--method", "uniform"],
  },
  { key: "outputs", name: "all outputs, program", method: "sensitivity", limits: whole },
  { key: "apart", name: "all outputs, each tower alone", method: "sensitivity", limits: apart },
  {
    ...{ key: "global", name: "magnitude, global", method: "magnitude-l2", limits: whole },
    solve: ["--method", "global-threshold"],
  },
  { key: "magnitude", name: "magnitude, program", method: "magnitude-l2", limits: whole },
];
const STAGES = ["cut", "repaired", "repaired, 120 steps"] as const;

const at = (...path: readonly string[]): string => join(values.out, ...path);

function mdp(...options: readonly string[]): void {
  const command = ["--import", import.meta.resolve("tsx"), "src/cli/main.ts", ...options];
  execFileSync(process.execPath, [...command, "--quiet"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Made under another name first: a killed run leaves nothing that looks done. */
function once(file: string, make: (path: string) => void): string {
  const path = at(file);
  if (existsSync(path)) return path;
  const meanwhile = at(`unfinished-${file}`);
  make(meanwhile);
  renameSync(meanwhile, path);
  return path;
}

interface Judged {
  readonly imageToText: number;
  readonly textToImage: number;
  readonly answers: number;
  /** Mean cosine of the fused representation to the dense network's. */
  readonly fused: number;
}

interface Judgement extends Judged {
  readonly key: string;
  readonly seed: string;
  readonly share: string;
  readonly stage: string;
}

const pairs = captionPairs({ seed: 1, split: "test" });
const drawn = Array.from({ length: TEST }, (_, index) => pairs(index));
const image: Feed = {
  type: "float32",
  shape: [TEST, 3, 32, 32],
  data: Float32Array.from(
    drawn.flatMap(({ pixels }) => Array.from(pixels, (v) => (v / 255 - 0.5) / 0.25)),
  ),
};
const tokens = (of: "caption" | "question"): Feed => ({
  type: "int64",
  shape: [TEST, TEXT_LENGTH],
  data: BigInt64Array.from(
    drawn.flatMap((pair) => [...pair[of]]),
    BigInt,
  ),
});

async function answersOf(path: string) {
  const session = await openSession(path);
  const captions = await session.run({ image, tokens: tokens("caption") });
  const questions = await session.run({ image, tokens: tokens("question") });
  await session.close();
  return {
    images: captions["image_embed"]?.data as Float32Array,
    texts: captions["text_embed"]?.data as Float32Array,
    fused: questions["fused"]?.data as Float32Array,
    answer: questions["answer"]?.data as Float32Array,
  };
}

async function judge(path: string): Promise<Judged> {
  const own = await answersOf(path);
  const dense = await denseAnswers();
  const right = drawn.filter(({ answer }, row) => {
    const scores = own.answer.subarray(row * ANSWERS.length, (row + 1) * ANSWERS.length);
    return scores.indexOf(Math.max(...scores)) === answer;
  });
  return {
    imageToText: firstHits(own.images, own.texts),
    textToImage: firstHits(own.texts, own.images),
    answers: right.length / TEST,
    fused: meanCosine(own.fused, dense.fused),
  };
}

let known: ReturnType<typeof answersOf> | null = null;
function denseAnswers(): ReturnType<typeof answersOf> {
  known ??= answersOf(modelPath(MODEL));
  return known;
}

function product(a: Float32Array, i: number, b: Float32Array, j: number, width: number): number {
  let sum = 0;
  for (let at = 0; at < width; at += 1) sum += (a[i * width + at] ?? 0) * (b[j * width + at] ?? 0);
  return sum;
}

function firstHits(from: Float32Array, to: Float32Array): number {
  const width = from.length / TEST;
  let hits = 0;
  for (let row = 0; row < TEST; row += 1) {
    const own = product(from, row, to, row, width);
    let beaten = false;
    for (let other = 0; other < TEST && !beaten; other += 1) {
      beaten = other !== row && product(from, row, to, other, width) >= own;
    }
    if (!beaten) hits += 1;
  }
  return hits / TEST;
}

function meanCosine(a: Float32Array, b: Float32Array): number {
  const width = a.length / TEST;
  let sum = 0;
  for (let row = 0; row < TEST; row += 1) {
    const norms = product(a, row, a, row, width) * product(b, row, b, row, width);
    sum += product(a, row, b, row, width) / Math.sqrt(norms);
  }
  return sum / TEST;
}

const RESULTS = at("results.jsonl");
function results(): readonly Judgement[] {
  if (!existsSync(RESULTS)) return [];
  const lines = readFileSync(RESULTS, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Judgement);
}

async function judgeOnce(about: Omit<Judgement, keyof Judged>, path: string): Promise<void> {
  const same = (one: Judgement): boolean =>
    one.key === about.key &&
    one.seed === about.seed &&
    one.share === about.share &&
    one.stage === about.stage;
  if (results().some(same)) return;
  const line = JSON.stringify({ ...about, ...(await judge(path)) });
  appendFileSync(RESULTS, `${line}\n`);
  process.stdout.write(`${line}\n`);
}

async function work(
  { key, method, limits, solve = [] }: Row,
  share: string,
  seed: string,
): Promise<void> {
  const about = { key, seed, share };
  const data = at("data", "both.json");
  const scores = once(`${method}-${seed}.json`, (path) => {
    mdp(
      ...["score", MODEL, "--method", method, "--out", path, "--seed", seed],
      ...(method === "magnitude-l2" ? [] : ["--data", data, "--samples", "128", "--batch", "64"]),
    );
  });
  const name = `${key}-${share}-${seed}`;
  const subnet = once(`${name}.json`, (path) => {
    mdp(
      ...["solve", MODEL, "--importance", scores, "--device", "jetson", "--budget", "none"],
      ...limits(share).flatMap((limit) => ["--limit", limit]),
      ...["--out", path, ...solve],
    );
  });
  const cut = once(`${name}.onnx`, (path) =>
    mdp("export", MODEL, "--subnet", subnet, "--out", path),
  );
  await judgeOnce({ ...about, stage: "cut" }, cut);
  const repaired = once(`${name}-repaired.onnx`, (path) =>
    mdp(
      ...["correct", MODEL, "--subnet", subnet, "--data", data, "--images", "2000"],
      ...["--test-images", "0", "--seed", seed, "--out", path],
    ),
  );
  await judgeOnce({ ...about, stage: "repaired" }, repaired);
  if (!values.tune.split(",").includes(share)) return;
  const folder = at(`${name}-tuned`);
  // 64 pictures a step, each with its caption and its question.
  if (!existsSync(join(folder, "done"))) {
    mdp(
      ...["finetune", repaired, "--teacher", modelPath(MODEL), "--loss", "cross-modal"],
      ...["--data", data, "--images", "15360", "--epochs", "1", "--batch", "128"],
      ...["--optimizer", "adamw", "--lr", "0.001", "--flip", "none", "--crop", "0"],
      ...["--no-validate", "--seed", seed, "--out", folder],
    );
    appendFileSync(join(folder, "done"), "");
  }
  await judgeOnce({ ...about, stage: "repaired, 120 steps" }, join(folder, "last.onnx"));
}

const percent = (value: number): string => (100 * value).toFixed(1);
const recall = ({ imageToText, textToImage }: Judged): number => (imageToText + textToImage) / 2;

/** Rows of all that was judged; of several seeds the one with the worst mean R@1. */
function table(dense: Judged): readonly string[] {
  const all = results();
  const line = (...cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const figures = (one: Judged): readonly string[] => [
    ...[one.imageToText, one.textToImage, one.answers].map(percent),
    one.fused.toFixed(3),
    `${percent(recall(one) / recall(dense))} / ${percent(one.answers / dense.answers)}`,
  ];
  const rows = ["70", "50", "30"].flatMap((share) =>
    ROWS.flatMap(({ key, name }) =>
      STAGES.flatMap((stage) => {
        const seeds = all.filter(
          (one) => one.key === key && one.share === share && one.stage === stage,
        );
        const [worst] = [...seeds].sort((a, b) => recall(a) - recall(b));
        return worst === undefined
          ? []
          : [line(name, `${share} %`, stage, `${seeds.length}`, ...figures(worst))];
      }),
    ),
  );
  return [
    line(
      "method",
      "MACs at most",
      "stage",
      "seeds",
      "image to text",
      "text to image",
      "answers",
      "fused cosine",
      "R@1 / answers, % of dense",
    ),
    line(...new Array<string>(9).fill("---")),
    line("dense", "100 %", "", "", ...figures(dense)),
    ...rows,
  ];
}

/** How well the fused cosine tells retrieval and answers, over all rows (Pearson). */
function correlations(): readonly string[] {
  const all = results();
  const with_ = (of: (one: Judgement) => number): string => {
    const [x, y] = [all.map(({ fused }) => fused), all.map(of)];
    const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
    const [mx, my] = [mean(x), mean(y)];
    const sum = (f: (i: number) => number): number => x.reduce((total, _, i) => total + f(i), 0);
    const dx = (i: number): number => (x[i] ?? 0) - mx;
    const dy = (i: number): number => (y[i] ?? 0) - my;
    const r =
      sum((i) => dx(i) * dy(i)) / Math.sqrt(sum((i) => dx(i) ** 2) * sum((i) => dy(i) ** 2));
    return r.toFixed(3);
  };
  return [
    `Correlation of the fused cosine over ${all.length} networks: with mean R@1 ${with_(recall)}, with answers ${with_((one) => one.answers)}.`,
  ];
}

mkdirSync(values.out, { recursive: true });
if (!values.print) {
  if (!existsSync(at("data", "both.json"))) {
    mdp("data", "captions", "--train", "8000", "--test", "500", "--out", at("data"));
  }
  const wanted = values.rows.split(",").filter(Boolean);
  for (const seed of values.seeds.split(",")) {
    for (const share of values.shares.split(",")) {
      for (const row of ROWS) {
        if (wanted.length === 0 || wanted.includes(row.key)) await work(row, share, seed);
      }
    }
  }
}
const lines = [...table(await judge(modelPath(MODEL))), "", ...correlations()];
process.stdout.write(`\n${lines.join("\n")}\n`);
