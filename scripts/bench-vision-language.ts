/**
 * Cuts the embedded vision-language network by several methods and budgets, and judges what is left on pairs that nothing was chosen on:
 * npx tsx scripts/bench-vision-language.ts --out runs/vl [--model :captions] [--seed 1] [--shares 70,50,30] [--tune 50,30]
 * Prints the rows of docs/results/vision-language.md. What is there already in the folder is not made again.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { captionPairs } from "../src/data/drawn/captions.ts";
import { ANSWERS, TEXT_LENGTH } from "../src/data/drawn/words.ts";
import { modelPath } from "../src/pipeline/open/embedded.ts";
import { type Feed, openSession } from "../src/runtime/session.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "runs/vl" },
    model: { type: "string", default: ":captions" },
    seed: { type: "string", default: "1" },
    shares: { type: "string", default: "70,50,30" },
    tune: { type: "string", default: "50,30" },
  },
});
const TEST = 500;
const ROWS = [
  { name: "magnitude, uniform", method: "magnitude-l2", solve: ["--method", "uniform"] },
  { name: "magnitude, global", method: "magnitude-l2", solve: ["--method", "global-threshold"] },
  { name: "magnitude, program", method: "magnitude-l2", solve: [] },
  { name: "all outputs, program", method: "sensitivity", solve: [] },
  { name: "cross-modal, program", method: "cross-modal", solve: [] },
] as const;
/** Rows that are trained after the cut. */
const TUNED: readonly string[] = ["magnitude, uniform", "cross-modal, program"];

const at = (file: string): string => join(values.out, file);

function mdp(...options: readonly string[]): void {
  execFileSync("npx", ["tsx", "src/cli/main.ts", ...options, "--quiet"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

function once(file: string, make: (path: string) => void): string {
  const path = at(file);
  if (!existsSync(path)) make(path);
  return path;
}

interface Judged {
  readonly imageToText: number;
  readonly textToImage: number;
  readonly vqa: number;
  /** Mean cosine of the fused representation to the dense network's. */
  readonly fused: number;
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

const dense = await answersOf(modelPath(values.model));

async function judge(path: string): Promise<Judged> {
  const own = await answersOf(path);
  const right = drawn.filter(({ answer }, row) => {
    const scores = own.answer.subarray(row * ANSWERS.length, (row + 1) * ANSWERS.length);
    return scores.indexOf(Math.max(...scores)) === answer;
  });
  return {
    imageToText: firstHits(own.images, own.texts),
    textToImage: firstHits(own.texts, own.images),
    vqa: right.length / TEST,
    fused: meanCosine(own.fused, dense.fused),
  };
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

function row(name: string, share: string, stage: string, judged: Judged): void {
  const { imageToText, textToImage, vqa, fused } = judged;
  const percent = (value: number): string => (100 * value).toFixed(1);
  const line = `| ${name} | ${share} | ${stage} | ${percent(imageToText)} | ${percent(textToImage)} | ${percent(vqa)} | ${fused.toFixed(3)} |`;
  appendFileSync(at("rows.md"), `${line}\n`);
  process.stdout.write(`${line}\n`);
}

mkdirSync(values.out, { recursive: true });
const data = once("data", (path) =>
  mdp("data", "captions", "--train", "8000", "--test", "500", "--out", path),
);
row("dense", "100 %", "", await judge(modelPath(values.model)));
for (const share of values.shares.split(",")) {
  for (const { name, method, solve } of ROWS) {
    const scores = once(`${method}.json`, (path) =>
      mdp(
        ...["score", values.model, "--method", method, "--out", path, "--seed", values.seed],
        ...(method === "magnitude-l2" ? [] : ["--data", data, "--samples", "128", "--batch", "64"]),
      ),
    );
    const key = `${name.replace(/\W+/g, "-")}-${share}`;
    const subnet = once(`${key}.json`, (path) =>
      mdp(
        ...[
          "solve",
          values.model,
          "--importance",
          scores,
          "--device",
          "jetson",
          "--budget",
          "none",
        ],
        ...["--limit", `macs <= ${share}%`, "--out", path, ...solve],
      ),
    );
    const cut = once(`${key}.onnx`, (path) =>
      mdp("export", values.model, "--subnet", subnet, "--out", path),
    );
    row(name, `${share} %`, "cut", await judge(cut));
    const repaired = once(`${key}-repaired.onnx`, (path) =>
      mdp(
        ...[
          "correct",
          values.model,
          "--subnet",
          subnet,
          "--data",
          data,
          "--images",
          "1000",
          "--test-images",
          "0",
          "--out",
          path,
        ],
      ),
    );
    row(name, `${share} %`, "repaired", await judge(repaired));
    if (!TUNED.includes(name) || !values.tune.split(",").includes(share)) continue;
    const tuned = once(`${key}-tuned/last.onnx`, () =>
      mdp(
        ...["finetune", repaired, "--teacher", modelPath(values.model), "--loss", "cross-modal"],
        ...[
          "--data",
          data,
          "--images",
          "7680",
          "--epochs",
          "1",
          "--batch",
          "64",
          "--optimizer",
          "adamw",
        ],
        ...[
          "--lr",
          "0.001",
          "--flip",
          "none",
          "--crop",
          "0",
          "--no-validate",
          "--out",
          at(`${key}-tuned`),
        ],
      ),
    );
    row(name, `${share} %`, "repaired, 120 steps", await judge(tuned));
  }
}
