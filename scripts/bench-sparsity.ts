/**
 * Sparse networks side by side: scores, rates and patterns; with zeros alone, with fitted weights, and these trained further. Labels
 * only judge, but for the training.
 *
 *   npx tsx scripts/bench-sparsity.ts NETWORK.onnx --data TRAIN [--test TEST] --data-config CONFIG --out FOLDER \
 *     [--share 90,80,70] [--method 'NAME;NAME'] [--stage fitted,straight] [--pattern 2:4] [--seed 1] [--unseen 4000] [--threads 2]
 *   ... --stage tuned [--epochs 1] [--tune-images N] [--lr 0.02] [--clip 1]     trains fitted networks that are in FOLDER, on TRAIN; zeros stay, the dense network teaches
 *
 * One line of JSON per network in FOLDER/rows.jsonl, the network beside it. What is there already is not measured again, so that a run
 * can be stopped and goes on. The first layer and the one that gives the output stay dense in every row.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SILENT } from "../src/core/progress.ts";
import { readModel } from "../src/onnx/read.ts";
import { writeModel } from "../src/onnx/write.ts";
import { unseenBy } from "../src/pipeline/correct/correct-network.ts";
import { openImages } from "../src/pipeline/open/images.ts";
import { type OpenNetwork, openNetwork } from "../src/pipeline/open/network.ts";
import type { SparsifyRequest } from "../src/pipeline/sparsify/request.ts";
import { sparsifyOpened } from "../src/pipeline/sparsify/sparsify-network.ts";
import { runTraining } from "../src/pipeline/train/run-training.ts";
import { PLAIN_FINETUNE } from "../src/pipeline/train/training-defaults.ts";
import { agreementOf } from "./sparsity/agreement.ts";
import { METHODS, type Method, PATTERN_METHODS } from "./sparsity/methods.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", default: "" },
    test: { type: "string", default: "" },
    "data-config": { type: "string" },
    out: { type: "string", default: "bench-sparsity" },
    share: { type: "string", default: "90,80" },
    method: { type: "string" },
    stage: { type: "string", default: "fitted,straight" },
    pattern: { type: "string" },
    "keep-dense": { type: "string", default: "^(conv1|linear|fc)" },
    seed: { type: "string", default: "1" },
    images: { type: "string", default: "512" },
    unseen: { type: "string", default: "4000" },
    epochs: { type: "string", default: "1" },
    "tune-images": { type: "string" },
    lr: { type: "string" },
    clip: { type: "string" },
    threads: { type: "string", default: "2" },
  },
});

const context = {
  progress: {
    ...SILENT,
    note: console.error,
    step: (stage: string, done: number, total: number) => {
      if (done % 10 === 0) console.error(`${stage}: ${done} of ${total}`);
    },
  },
  signal: new AbortController().signal,
  commandLine: "scripts/bench-sparsity.ts",
  onEvent: () => {},
};

type Stage = "fitted" | "straight" | "tuned";

interface Job extends Method {
  readonly share: string | null;
  readonly stage: Stage;
  readonly seed: number;
}

function jobs(): readonly Job[] {
  const seed = Number(values.seed);
  const stages = values.stage.split(",") as Stage[];
  if (values.pattern !== undefined) {
    const pattern = `pattern ${values.pattern}`;
    return PATTERN_METHODS.map((method) => ({ ...method, name: pattern + method.name }))
      .filter(({ name }) =>
        values.method === undefined ? name === pattern : values.method.split(";").includes(name),
      )
      .flatMap((method) => stages.map((stage) => ({ ...method, share: null, stage, seed })));
  }
  return values.share.split(",").flatMap((share) =>
    METHODS.filter(
      ({ name }) => values.method === undefined || values.method.split(";").includes(name),
    )
      .flatMap((method) => stages.map((stage) => ({ ...method, share, stage, seed })))
      // Without a fit there are neither rounds nor damages around.
      .filter(({ stage, rounds }) => stage !== "straight" || rounds === undefined),
  );
}

function keyOf(open: OpenNetwork, { name, share, stage, seed }: Job): string {
  const { epochs, "tune-images": images, lr, clip } = values;
  const of = images === undefined ? "" : ` of ${images} images`;
  const how = `${lr === undefined ? "" : ` lr ${lr}`}${clip === undefined ? "" : ` clip ${clip}`}`;
  const trained = stage === "tuned" ? `tuned ${epochs} epochs${of}${how}` : stage;
  return [open.name, share ?? "", name, trained, `seed ${seed}`].join("; ");
}

function pathOf(key: string): string {
  return join(values.out, key.replaceAll(/[^a-zA-Z0-9]+/g, "-"));
}

/** Trains the fitted network further with the defaults of `mdp finetune`, in batches of 64. */
async function tune(open: OpenNetwork, job: Job, key: string): Promise<object> {
  const source = `${pathOf(keyOf(open, { ...job, stage: "fitted" }))}.onnx`;
  if (!existsSync(source)) throw new Error(`'${source}' is missing: run --stage fitted first`);
  const network = await openNetwork(source);
  const settings = {
    ...PLAIN_FINETUNE,
    ...{ data: values.data, dataConfig: values["data-config"], teacher: open.path },
    ...{ keepZeros: true, epochs: Number(values.epochs), batch: "64", validate: false },
    ...(values["tune-images"] === undefined ? {} : { images: Number(values["tune-images"]) }),
    ...(values.lr === undefined ? {} : { lr: Number(values.lr) }),
    ...(values.clip === undefined ? {} : { clip: Number(values.clip) }),
    ...{ seed: job.seed, threads: Number(values.threads), out: pathOf(key) },
  };
  await runTraining("finetune", network, settings, context);
  const trained = readModel(join(pathOf(key), "last.onnx"));
  const named = { data: values.test, dataConfig: values["data-config"] };
  const test = await openImages(open, named, context);
  return { test: await agreementOf(open.model, trained, test, 1000), unseen: null };
}

async function run(open: OpenNetwork, job: Job, key: string): Promise<object> {
  if (job.stage === "tuned") return tune(open, job, key);
  const { share, stage, seed, score, rates, rounds = 1, refine = 0 } = job;
  const { damage = "squares", passes = 1 } = job;
  const request: SparsifyRequest = {
    ...(share === null ? {} : { sparsity: `${share}%` }),
    limits: { limit: [], soft: [], penalty: [], minimize: null },
    ...{ components: new Map(), score, rates, format: "zeros" },
    pattern: values.pattern ?? "none",
    repair: stage === "straight" ? "none" : "least-squares",
    keepDense: new RegExp(values["keep-dense"]),
    ...{ data: values.data, dataConfig: values["data-config"], split: undefined },
    ...{ images: Number(values.images), measured: 128, batch: 32, labels: "self" },
    ...{
      ridge: 0.01,
      looks: 2,
      rounds,
      passes,
      refine,
      damage,
      memory: 2,
      threads: Number(values.threads),
    },
    seed,
  };
  const sparse = await sparsifyOpened(open, request, context);
  const { total, seconds, program } = sparse.report;
  writeModel(sparse.model, `${pathOf(key)}.onnx`);
  const rest = unseenBy(await openImages(open, request, context), Number(values.images), seed);
  const test =
    values.test === "" ? null : await openImages(open, { ...request, data: values.test }, context);
  return {
    test: test === null ? null : await agreementOf(open.model, sparse.model, test, 1000),
    unseen:
      rest === null
        ? null
        : await agreementOf(open.model, sparse.model, rest, Number(values.unseen)),
    zeros: 1 - total.nonzeros / total.weights,
    gzip: total.gzip.sparse / total.gzip.dense,
    knowledgeOfWeights: total.knowledgeOfWeights,
    knowledgeOfOutputs: total.knowledgeOfOutputs,
    damage: program?.damage ?? null,
    seconds,
  };
}

async function main(): Promise<void> {
  const open = await openNetwork(positionals[0]);
  mkdirSync(values.out, { recursive: true });
  const rows = join(values.out, "rows.jsonl");
  for (const job of jobs()) {
    const { name, share, stage, seed } = job;
    const key = keyOf(open, job);
    const done = existsSync(rows) ? readFileSync(rows, "utf8") : "";
    if (done.includes(JSON.stringify(key))) continue;
    const found = await run(open, job, key).catch((error: unknown) => ({ error: String(error) }));
    const row = { key, network: open.name, share, method: name, stage, seed, ...found };
    appendFileSync(rows, `${JSON.stringify(row)}\n`);
    console.log(JSON.stringify(row));
  }
}

await main();
