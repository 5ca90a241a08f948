/**
 * Does kept knowledge predict how well a sparse network learns another task? Networks of a bench (scripts/bench-sparsity.ts) are
 * taken to drawn shapes and to digits: by a linear probe, and by training all their weights from that probe, zeros kept.
 *
 *   npx tsx scripts/sparsity-transfer.ts DENSE.onnx --rows FOLDER --digits IMAGES-idx3-ubyte --digits-test IMAGES-idx3-ubyte \
 *     --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --out FOLDER [--train 2000] [--full 'METHOD, SHARE, STAGE;...'] [--epochs 1]
 *
 * One line of JSON per network and task in OUT/transfer.jsonl; what is there is not measured again. In the end: Spearman's correlation of
 * the accuracies on the new task with what was known of the network before.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SILENT } from "../src/core/progress.ts";
import type { Dataset } from "../src/data/dataset.ts";
import { evaluate } from "../src/data/evaluate.ts";
import { writeShapeSet } from "../src/data/shape-files.ts";
import { subset } from "../src/data/subset.ts";
import { floatsOf } from "../src/graph/tensor.ts";
import type { Model } from "../src/onnx/model.ts";
import { readModel } from "../src/onnx/read.ts";
import { serializeModel, writeModel } from "../src/onnx/write.ts";
import { openImages } from "../src/pipeline/open/images.ts";
import { type OpenNetwork, openNetwork } from "../src/pipeline/open/network.ts";
import { runContext } from "../src/pipeline/run-context.ts";
import { runTraining } from "../src/pipeline/train/run-training.ts";
import { PLAIN_FINETUNE } from "../src/pipeline/train/training-defaults.ts";
import { openSession } from "../src/runtime/session.ts";
import { spearman } from "../src/tasks/statistics/correlation.ts";
import { bootstrapInterval } from "./sparsity/bootstrap-interval.ts";
import { distinct } from "./sparsity/distinct.ts";
import { probed } from "./sparsity/probe.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "bench-sparsity" },
    digits: { type: "string" },
    "digits-test": { type: "string" },
    mean: { type: "string", default: "0.485,0.456,0.406" },
    std: { type: "string", default: "0.229,0.224,0.225" },
    train: { type: "string", default: "2000" },
    test: { type: "string", default: "1000" },
    full: { type: "string" },
    epochs: { type: "string", default: "1" },
    threads: { type: "string", default: "2" },
    out: { type: "string", default: "sparsity-transfer" },
  },
});

const context = runContext({ commandLine: "scripts/sparsity-transfer.ts" });

interface Row {
  readonly key: string;
  readonly share: string | null;
  readonly method: string;
  readonly stage: string;
  readonly test?: { readonly accuracy: number };
  readonly unseen?: { readonly accuracy: number } | null;
  readonly knowledgeOfWeights?: number;
  readonly knowledgeOfOutputs?: number;
}

interface Task {
  readonly name: string;
  readonly data: string;
  readonly config: string;
  readonly train: Dataset;
  readonly test: Dataset;
}

/** What a network gives on a task: shares of right answers in percent. */
interface Found {
  readonly key: string;
  readonly task: string;
  readonly probe: number;
  /** Null where all weights were not trained. */
  readonly full: number | null;
}

const IMAGE_SIDE = 32;

/** The tasks, with images as the network was trained on: three channels, 32 x 32, its own mean and deviation. */
async function tasksOf(open: OpenNetwork): Promise<readonly Task[]> {
  const [mean, std] = [values.mean, values.std].map((list) => list.split(",").map(Number));
  const size = [IMAGE_SIDE, IMAGE_SIDE];
  const base = { schema: "mdp-dataset/1", channels: "rgb", size, mean, std };
  const shapes = join(values.out, "shapes");
  const [train, test] = [Number(values.train), Number(values.test)];
  if (!existsSync(join(shapes, "dataset.json"))) {
    const drawn = { size: IMAGE_SIDE, train, test, seed: 1, format: "records" } as const;
    await writeShapeSet(shapes, drawn, SILENT);
  }
  const record = { channels: 3, height: IMAGE_SIDE, width: IMAGE_SIDE };
  const named = [
    {
      name: "shapes",
      data: join(shapes, "train.bin"),
      judge: join(shapes, "test.bin"),
      config: { ...base, format: "records", record },
    },
    ...(values.digits === undefined
      ? []
      : [
          {
            ...{ name: "digits", data: values.digits, judge: values["digits-test"] },
            config: base,
          },
        ]),
  ];
  return Promise.all(
    named.map(async ({ name, data, judge, config }) => {
      const path = join(values.out, `${name}.json`);
      writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`);
      const opened = (from: string | undefined) =>
        openImages(open, { data: from, dataConfig: path, split: undefined }, context);
      return {
        ...{ name, data, config: path, train: subset(await opened(data), train) },
        test: subset(await opened(judge), test),
      };
    }),
  );
}

async function accuracyOf(model: Model, test: Dataset): Promise<number> {
  const bytes = Buffer.concat(serializeModel(model));
  const session = await openSession(bytes, {
    threads: Number(values.threads),
    where: "a classifier",
  });
  try {
    const [found] = await evaluate([{ name: "a classifier", session }], test, { batch: 50 });
    return 100 * (found?.top1 ?? 0);
  } finally {
    await session.close();
  }
}

async function measure(path: string, row: Row, task: Task, isFull: boolean): Promise<Found> {
  const model = await probed(readModel(path), task.train);
  const probe = await accuracyOf(model, task.test);
  const found = { key: row.key, task: task.name, probe, full: null };
  if (!isFull) return found;
  const folder = join(values.out, `${row.key}; ${task.name}`.replaceAll(/[^a-zA-Z0-9]+/g, "-"));
  const start = `${folder}.onnx`;
  writeModel(model, start);
  const settings = {
    ...PLAIN_FINETUNE,
    ...{ data: task.data, dataConfig: task.config, images: Number(values.train), validate: false },
    // Mirrored and moved digits are other ones; nothing is varied in either task.
    ...{ crop: 0, flip: "none" as const, batch: "64" },
    ...{ epochs: Number(values.epochs), threads: Number(values.threads) },
    ...{ keepZeros: row.stage !== "dense", out: folder },
  };
  await runTraining("finetune", await openNetwork(start), settings, context);
  return { ...found, full: await accuracyOf(readModel(join(folder, "last.onnx")), task.test) };
}

/** Square root of the sum of squares of all weights, over the dense network's. */
function normOf(model: Model): number {
  let sum = 0;
  for (const tensor of model.graph.initializers.values()) {
    if (tensor.type !== "float32" || tensor.shape.length < 2) continue;
    for (const value of floatsOf(tensor)) sum += value ** 2;
  }
  return Math.sqrt(sum);
}

function pathOf({ key }: Row): string {
  return join(values.rows, `${key.replaceAll(/[^a-zA-Z0-9]+/g, "-")}.onnx`);
}

const results = join(values.out, "transfer.jsonl");

function measured(): readonly Found[] {
  if (!existsSync(results)) return [];
  const lines = readFileSync(results, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Found);
}

const DENSE: Row = { key: "dense", share: null, method: "dense", stage: "dense" };

async function measureAll(
  open: OpenNetwork,
  rows: readonly Row[],
  tasks: readonly Task[],
): Promise<void> {
  const wanted = values.full?.split(";");
  for (const row of [DENSE, ...rows]) {
    const name = [row.method, row.share, row.stage].join(", ");
    const isFull = row === DENSE || (wanted?.includes(name) ?? true);
    for (const task of tasks) {
      const isDone = measured().some(({ key, task: of }) => key === row.key && of === task.name);
      if (isDone) continue;
      const found = await measure(row === DENSE ? open.path : pathOf(row), row, task, isFull);
      appendFileSync(results, `${JSON.stringify(found)}\n`);
      console.log(JSON.stringify({ name, ...found }));
    }
  }
}

async function main(): Promise<void> {
  const open = await openNetwork(positionals[0]);
  mkdirSync(values.out, { recursive: true });
  const tasks = await tasksOf(open);
  const lines = readFileSync(join(values.rows, "rows.jsonl"), "utf8").trim().split("\n");
  const all = lines.map((line) => JSON.parse(line) as Row);
  const rows = distinct(
    all.filter((row) => row.knowledgeOfOutputs !== undefined && existsSync(pathOf(row))),
  );
  await measureAll(open, rows, tasks);
  const norm = normOf(open.model);
  const known = rows.map((row) => ({ row, norm: normOf(readModel(pathOf(row))) / norm }));
  const found = new Map(measured().map((each) => [`${each.task}; ${each.key}`, each]));
  for (const task of tasks) {
    for (const way of ["probe", "full"] as const) {
      const pairs = known.flatMap((each) => {
        const accuracy = found.get(`${task.name}; ${each.row.key}`)?.[way];
        return accuracy == null ? [] : [{ ...each, accuracy }];
      });
      if (pairs.length >= LEAST_PAIRS) console.log(tableOf(`${task.name}, ${way}`, pairs));
    }
  }
}

/** Fewer networks than this say nothing of a correlation. */
const LEAST_PAIRS = 5;

interface Pair {
  readonly row: Row;
  readonly norm: number;
  readonly accuracy: number;
}

/** One line of a table: how each of the things known before goes with the accuracy on the new task. */
function tableOf(name: string, pairs: readonly Pair[]): string {
  const accuracies = pairs.map(({ accuracy }) => accuracy);
  const predictors = [
    ({ row }: Pair) => row.knowledgeOfOutputs ?? 0,
    ({ row }: Pair) => row.knowledgeOfWeights ?? 0,
    ({ row }: Pair) => row.unseen?.accuracy ?? row.test?.accuracy ?? 0,
    ({ norm }: Pair) => norm,
  ];
  const cells = predictors.map((of) => {
    const predicted = pairs.map(of);
    const [low, high] = bootstrapInterval(predicted, accuracies);
    return `${spearman(predicted, accuracies).toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  });
  const range = `${Math.min(...accuracies).toFixed(1)} to ${Math.max(...accuracies).toFixed(1)}`;
  return `| ${[name, pairs.length, range, ...cells].join(" | ")} |`;
}

await main();
