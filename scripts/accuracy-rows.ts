/** What the benchmarks of accuracy share: where the usual images lie, rows that stay when a run is killed, and how far networks are apart. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { readDatasetConfig } from "../src/data/config.ts";
import { openDataset } from "../src/data/dataset.ts";
import type { EvalReport } from "../src/documents/evaluation.ts";
import { damageOf, divergenceOf } from "../src/importance/sensitivity/damage.ts";
import type { SampleBatch } from "../src/runtime/batches.ts";
import { bindFeeds } from "../src/runtime/bind-feeds.ts";
import { type Feed, openSession, type Session } from "../src/runtime/session.ts";

const shared = process.env["MDP_SHARED"] ?? join(import.meta.dirname, "../../shared");

/** Trained networks and images that are not part of the project (CONTRIBUTING.md). */
export const CIFAR = {
  resnet56: join(shared, "models/cifar10_resnet56_op13_bn.onnx"),
  train: join(shared, "datasets/cifar10-lossless-train4000.bin"),
  test: join(shared, "datasets/cifar10-lossless-test-a.bin"),
  config: join(import.meta.dirname, "../docs/examples/cifar10.json"),
} as const;

/** Rows of a file with a line of JSON each. */
export interface RowFile<Row> {
  readonly rows: () => readonly Row[];
  readonly add: (row: Row) => void;
}

export function rowFile<Row>(path: string): RowFile<Row> {
  return {
    rows: () =>
      existsSync(path)
        ? readFileSync(path, "utf8")
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => JSON.parse(line) as Row)
        : [],
    add: (row) => appendFileSync(path, `${JSON.stringify(row)}\n`),
  };
}

/** Top-1 in per cent, by the name of a network's file. */
export function topByFile({ results }: EvalReport): ReadonlyMap<string, number> {
  return new Map(
    results.flatMap(({ model, accuracy }) =>
      accuracy === null ? [] : [[basename(model), 100 * accuracy.top1] as const],
    ),
  );
}

/** The cut network's latency as measured, as a share of the dense one's. */
export function measuredShare({ results }: EvalReport): number | undefined {
  return results.find(({ model }) => basename(model) === "pruned.onnx")?.latency?.ofFirst;
}

const BATCH = 50;

/** How far a network's answers are from another's on the same images. No labels are read. */
export interface Apart {
  /** Squared difference over the variance, both around the mean over the classes, which is what sensitivity scores measure. */
  readonly distance: number;
  /** Of the class probabilities, in nats per image. */
  readonly divergence: number;
  /** Share of the images with the same best class. */
  readonly agreement: number;
}

/** Of each network from the first one. */
export async function apartFromFirst(
  models: readonly string[],
  data: string,
  config: string,
): Promise<readonly Apart[]> {
  const dataset = await openDataset(data, { config: readDatasetConfig(config) });
  const sessions: Session[] = [];
  for (const model of models) sessions.push(await openSession(model));
  const sums = models.map(() => ({ difference: 0, size: 0, divergence: 0, same: 0 }));
  for await (const batch of dataset.batches(BATCH)) {
    let first: Answers | null = null;
    for (const [at, session] of sessions.entries()) {
      const answers = await answersTo(session, batch);
      first ??= answers;
      const sum = sums[at];
      if (sum !== undefined) addApart(sum, first, answers);
    }
  }
  for (const session of sessions) await session.close();
  return sums.map(({ difference, size, divergence, same }) => ({
    distance: difference / size,
    divergence: divergence / dataset.count,
    agreement: same / dataset.count,
  }));
}

type Answers = Extract<Feed, { readonly type: "float32" }>;

async function answersTo(session: Session, batch: SampleBatch): Promise<Answers> {
  const inputs = session.inputs.map(({ name, shape }) => ({
    ...{ name, type: "float32" as const, shape },
  }));
  const [answers] = Object.values(await session.run(bindFeeds(inputs, batch, "data")));
  if (answers?.type !== "float32") throw new Error("only float32 can be compared");
  return answers;
}

function addApart(
  sum: { difference: number; size: number; divergence: number; same: number },
  first: Answers,
  answers: Answers,
): void {
  const { difference, size } = damageOf(first.data, answers.data, first.shape);
  sum.difference += difference;
  sum.size += size;
  sum.divergence += divergenceOf(first.data, answers.data, first.shape).difference;
  const [samples = 0, classes = 1] = first.shape;
  for (let at = 0; at < samples; at += 1) {
    const best = ({ data }: Answers): number => {
      const row = data.subarray(at * classes, (at + 1) * classes);
      return row.indexOf(Math.max(...row));
    };
    if (best(first) === best(answers)) sum.same += 1;
  }
}

/** Mean, and half of the range where there are several. */
export function spreadText(values: readonly number[], digits = 1): string {
  if (values.length === 0) return "–";
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const half = (Math.max(...values) - Math.min(...values)) / 2;
  return values.length === 1
    ? mean.toFixed(digits)
    : `${mean.toFixed(digits)} ± ${half.toFixed(digits)}`;
}
