/**
 * Cuts the embedded vision-language network by several methods and budgets, and judges what is left on pairs that nothing was chosen on.
 *
 * npm run bench -- vision-language --out FOLDER [--seeds 1,2,3] [--shares 50,30,70,t50] [--rows cross-modal,uniform] [--tune 50,30] [--table FILE]
 * Start with a new folder outside of the repository; the same command again goes on where it stopped, and nothing that is there is made again. Prints
 * the tables of docs/results/vision-language.md from all that is there (--print alone: nothing is made). A share of the MACs, or with t before it
 * of the latency in the table of --table (mdp profile :captions). --time 50,t50 times networks of these shares in turns instead.
 */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXIT } from "../src/core/errors.ts";
import { captionPairs } from "../src/data/drawn/captions.ts";
import { modelPath } from "../src/pipeline/open/embedded.ts";
import { openNetwork } from "../src/pipeline/open/network.ts";
import { gradientScores } from "./vision-language/gradient-scores.ts";
import { type Judged, judgeOn } from "./vision-language/pairs.ts";
import { progressiveGates } from "./vision-language/progressive-gates.ts";
import { correlationsOf, type Judgement, tableOf } from "./vision-language/table.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "runs/vision-language" },
    seeds: { type: "string", default: "1" },
    shares: { type: "string", default: "50,30,70" },
    rows: { type: "string", default: "" },
    tune: { type: "string", default: "50,30" },
    table: { type: "string", default: "" },
    time: { type: "string", default: "" },
    print: { type: "boolean", default: false },
  },
});
const MODEL = ":captions";
const TEST = 500;

interface Row {
  readonly key: string;
  readonly name: string;
  /** Scores of `mdp score`, or of this comparison alone. */
  readonly method: string;
  readonly limits?: (share: string) => readonly string[];
  readonly solve?: readonly string[];
}

const whole = (share: string): readonly string[] => [`macs <= ${share}%`];
const apart = (share: string): readonly string[] =>
  ["image", "text", "fusion"].map((part) => `macs('${part}') <= ${share}%`);
const ROWS: readonly Row[] = [
  { key: "cross-modal", name: "cross-modal, program", method: "cross-modal" },
  {
    ...{ key: "uniform", name: "magnitude, uniform", method: "magnitude-l2" },
    solve: ["--method", "uniform"],
  },
  {
    ...{ key: "global", name: "magnitude, global", method: "magnitude-l2" },
    solve: ["--method", "global-threshold"],
  },
  { key: "task", name: "Taylor on the task's loss", method: "task" },
  { key: "one-modality", name: "Gauss-Newton of one modality", method: "one-modality" },
  { key: "gates", name: "progressive gates (UPop-like)", method: "gates" },
  { key: "outputs", name: "all outputs, program", method: "sensitivity" },
  { key: "apart", name: "all outputs, each tower alone", method: "sensitivity", limits: apart },
];

const at = (...path: readonly string[]): string => join(values.out, ...path);

function mdp(...options: readonly string[]): void {
  const command = ["--import", import.meta.resolve("tsx"), "src/cli/main.ts", ...options];
  execFileSync(process.execPath, [...command, "--quiet"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Made under another name first: a killed run leaves nothing that looks done. */
async function once(file: string, make: (path: string) => void | Promise<void>): Promise<string> {
  const path = at(file);
  if (existsSync(path)) return path;
  const meanwhile = at(`unfinished-${file}`);
  await make(meanwhile);
  renameSync(meanwhile, path);
  return path;
}

const draw = captionPairs({ seed: 1, split: "test" });
const judge = judgeOn(
  Array.from({ length: TEST }, (_, index) => draw(index)),
  modelPath(MODEL),
);

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

const DATA = at("data", "both.json");

/** Measured and estimated scores alike from the drawn training pairs, captions and questions. */
async function scoresOf(method: string, share: string, seed: string): Promise<string> {
  switch (method) {
    case "task":
    case "one-modality":
      return once(`${method}-${seed}.json`, async (path) => {
        const scores = await gradientScores(await openNetwork(MODEL), method, Number(seed));
        writeFileSync(path, JSON.stringify(scores));
      });
    case "gates":
      return once(`scores-${method}-${share}-${seed}.json`, async (path) => {
        const open = await openNetwork(MODEL);
        const scores = await progressiveGates(
          open,
          Number(share.replace("t", "")) / 100,
          Number(seed),
        );
        writeFileSync(path, JSON.stringify(scores));
      });
    default:
      return once(`${method}-${seed}.json`, (path) =>
        mdp(
          ...["score", MODEL, "--method", method, "--out", path, "--seed", seed],
          ...(method === "magnitude-l2"
            ? []
            : ["--data", DATA, "--samples", "128", "--batch", "64"]),
        ),
      );
  }
}

async function work(
  { key, method, limits = whole, solve = [] }: Row,
  share: string,
  seed: string,
): Promise<void> {
  const about = { key, seed, share };
  const scores = await scoresOf(method, share, seed);
  const name = `${key}-${share}-${seed}`;
  const budget = share.startsWith("t")
    ? ["--table", values.table, "--budget", `${share.slice(1)}%`]
    : [
        ...["--device", "jetson", "--budget", "none"],
        ...limits(share).flatMap((limit) => ["--limit", limit]),
      ];
  const subnet = await once(`${name}.json`, (path) =>
    mdp("solve", MODEL, "--importance", scores, ...budget, "--out", path, ...solve),
  ).catch((error: unknown) => {
    // A method that drops no blocks may have no subnet within the limit; the solver has said so.
    if ((error as { readonly status?: unknown }).status === EXIT.infeasible) return null;
    throw error;
  });
  if (subnet === null) return;
  const cut = await once(`${name}.onnx`, (path) =>
    mdp("export", MODEL, "--subnet", subnet, "--out", path),
  );
  await judgeOnce({ ...about, stage: "cut" }, cut);
  const repaired = await once(`${name}-repaired.onnx`, (path) =>
    mdp(
      ...["correct", MODEL, "--subnet", subnet, "--data", DATA, "--images", "2000"],
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
      ...["--data", DATA, "--images", "15360", "--epochs", "1", "--batch", "128"],
      ...["--optimizer", "adamw", "--lr", "0.001", "--flip", "none", "--crop", "0"],
      ...["--no-validate", "--seed", seed, "--out", folder],
    );
    appendFileSync(join(folder, "done"), "");
  }
  await judgeOnce({ ...about, stage: "repaired, 120 steps" }, join(folder, "last.onnx"));
}

mkdirSync(values.out, { recursive: true });
const wanted = values.rows.split(",").filter(Boolean);
const rows = ROWS.filter(({ key }) => wanted.length === 0 || wanted.includes(key));
if (values.time !== "") {
  const cuts = values.time
    .split(",")
    .flatMap((share) => rows.map(({ key }) => at(`${key}-${share}-1.onnx`)));
  const command = ["eval", MODEL, ...cuts.filter((path) => existsSync(path)), "--repeats", "200"];
  const options = ["--import", import.meta.resolve("tsx"), "src/cli/main.ts", ...command];
  execFileSync(process.execPath, options, { stdio: ["ignore", "inherit", "inherit"] });
} else {
  if (!values.print) {
    if (!existsSync(DATA)) {
      mdp("data", "captions", "--train", "8000", "--test", "500", "--out", at("data"));
    }
    for (const seed of values.seeds.split(",")) {
      for (const share of values.shares.split(",")) {
        for (const row of rows) await work(row, share, seed);
      }
    }
  }
  const names = ROWS.map(({ key, name }) => [key, name] as const);
  const table = tableOf(await judge(modelPath(MODEL)), results(), names);
  process.stdout.write(`\n${[...table, "", ...correlationsOf(results())].join("\n")}\n`);
}
