/** Trains a drawn network on its drawn set: npx tsx scripts/embedded/train-small.ts autoencoder --steps 4000 --out runs/autoencoder */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DIGIT_SIZE, drawDigit } from "../../src/data/drawn/digits.ts";
import { type PendulumSample, pendulumSample } from "../../src/data/drawn/pendulum.ts";
import { pendulumTeacher } from "../../src/data/drawn/pendulum-teacher.ts";
import { drawPlate, PLATE_SIZE } from "../../src/data/drawn/plates.ts";
import type { DrawnSet } from "../../src/data/drawn/set.ts";
import { crossEntropy, type Lossy, meanSquare, weightedSum } from "../../src/gradients/losses.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { agentNetwork } from "../../src/networks/agent.ts";
import { autoencoderNetwork } from "../../src/networks/autoencoder.ts";
import { inspectorNetwork } from "../../src/networks/inspector.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { serializeModel, writeModel } from "../../src/onnx/write.ts";
import { type Feed, type Feeds, openSession } from "../../src/runtime/session.ts";
import { trainGraph } from "./train-graph.ts";

interface Lesson {
  readonly graph: Graph;
  readonly batch: number;
  /** Samples that are trained on, and judged on. */
  readonly train: number;
  readonly test: number;
  /** Inputs and targets of consecutive samples. */
  readonly feeds: (set: DrawnSet, first: number, count: number) => Feeds;
  readonly loss: (graph: Graph) => Lossy & { readonly parts: readonly string[] };
  readonly judge: (outputs: Feeds, feeds: Feeds) => Readonly<Record<string, number>>;
}

const LESSONS: Readonly<Record<string, () => Lesson>> = {
  autoencoder: () => ({
    graph: autoencoderNetwork(1),
    batch: 64,
    train: 20000,
    test: 1000,
    feeds: (set, first, count) => {
      const image = floats(count, [1, DIGIT_SIZE, DIGIT_SIZE], (at) =>
        Array.from(drawDigit(set, first + at).pixels, (value) => value / 255),
      );
      return { image, target: image };
    },
    loss: (graph) => squares(graph, { reconstruction: ["target", 1] }),
    judge: (outputs, feeds) => {
      const [made, wanted] = [numbers(outputs, "reconstruction"), numbers(feeds, "target")];
      const size = DIGIT_SIZE * DIGIT_SIZE;
      let psnr = 0;
      for (let start = 0; start < made.length; start += size) {
        psnr -= 10 * Math.log10(meanSquared(made, wanted, start, start + size));
      }
      return { psnr: psnr / (made.length / size) };
    },
  }),
  inspector: () => ({
    graph: inspectorNetwork(1),
    batch: 32,
    train: 20000,
    test: 2000,
    feeds: (set, first, count) => {
      const plates = Array.from({ length: count }, (_, at) => drawPlate(set, first + at));
      return {
        image: floats(count, [1, PLATE_SIZE, PLATE_SIZE], (at) =>
          Array.from(plates[at]?.pixels ?? [], (value) => (value / 255 - 0.5) / 0.25),
        ),
        defects: integers(plates.map(({ defect }) => defect)),
        places: integers(plates.map(({ place }) => place)),
      };
    },
    loss: (graph) => {
      const defect = crossEntropy(graph, { logits: "defect", labels: "defects" });
      const place = crossEntropy(defect.graph, { logits: "place", labels: "places" });
      return summed(place.graph, [
        { loss: defect.loss, weight: 1 },
        { loss: place.loss, weight: 0.5 },
      ]);
    },
    judge: (outputs, feeds) => {
      const defects = numbers(feeds, "defects");
      const guessed = largest(numbers(outputs, "defect"), 4);
      const placed = largest(numbers(outputs, "place"), 36);
      const places = numbers(feeds, "places");
      return {
        accuracy: share(defects, (label, at) => guessed[at] === label),
        scratches: share(
          defects,
          (label, at) => guessed[at] === label,
          (label) => label === 1,
        ),
        place: share(
          places,
          (label, at) => placed[at] === label,
          (label) => label >= 0,
        ),
      };
    },
  }),
  agent: () => {
    const teacher = pendulumTeacher();
    return {
      graph: agentNetwork(1),
      batch: 256,
      train: 100000,
      test: 2000,
      feeds: (set, first, count) => {
        const samples = Array.from({ length: count }, (_, at) =>
          pendulumSample(set, first + at, teacher),
        );
        const one = (of: (sample: PendulumSample) => number): Feed =>
          floats(count, [1], (at) => samples.slice(at, at + 1).map(of));
        return {
          state: floats(count, [3], (at) => samples[at]?.state ?? []),
          action: one(({ action }) => action),
          policyTarget: one(({ policy }) => policy),
          rewardTarget: one(({ reward }) => reward),
          valueTarget: one(({ value }) => value),
        };
      },
      loss: (graph) =>
        squares(graph, {
          policy: ["policyTarget", 1],
          reward: ["rewardTarget", 1],
          value: ["valueTarget", 1],
        }),
      judge: (outputs, feeds) =>
        Object.fromEntries(
          ["policy", "reward", "value"].map((name) => {
            const wanted = numbers(feeds, `${name}Target`);
            return [name, meanSquared(numbers(outputs, name), wanted, 0, wanted.length)];
          }),
        ),
    };
  },
};

function squares(graph: Graph, targets: Readonly<Record<string, readonly [string, number]>>) {
  const losses: { readonly loss: string; readonly weight: number }[] = [];
  let lossy = graph;
  for (const [value, [target, weight]] of Object.entries(targets)) {
    const made = meanSquare(lossy, { value, target });
    lossy = made.graph;
    losses.push({ loss: made.loss, weight });
  }
  return summed(lossy, losses);
}

function summed(
  graph: Graph,
  losses: readonly { readonly loss: string; readonly weight: number }[],
) {
  return { ...weightedSum(graph, losses), parts: losses.map(({ loss }) => loss) };
}

function floats(
  count: number,
  shape: readonly number[],
  values: (at: number) => ArrayLike<number>,
): Feed {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const data = new Float32Array(count * size);
  for (let at = 0; at < count; at += 1) data.set(values(at), at * size);
  return { type: "float32", shape: [count, ...shape], data };
}

function integers(values: readonly number[]): Feed {
  return { type: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) };
}

function numbers(feeds: Feeds, name: string): number[] {
  return Array.from((feeds[name]?.data ?? []) as Float32Array, Number);
}

function meanSquared(made: number[], wanted: number[], start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at += 1) sum += ((made[at] ?? 0) - (wanted[at] ?? 0)) ** 2;
  return sum / (end - start);
}

function largest(scores: number[], classes: number): number[] {
  return Array.from({ length: scores.length / classes }, (_, row) => {
    const part = scores.slice(row * classes, (row + 1) * classes);
    return part.indexOf(Math.max(...part));
  });
}

function share(
  labels: number[],
  hit: (label: number, at: number) => boolean,
  counts: (label: number) => boolean = () => true,
): number {
  const asked = labels.filter(counts).length;
  return labels.filter((label, at) => counts(label) && hit(label, at)).length / asked;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string" },
    steps: { type: "string", default: "4000" },
    rate: { type: "string", default: "0.002" },
    every: { type: "string", default: "500" },
  },
});
const [name = ""] = positionals;
const lesson = LESSONS[name]?.();
if (lesson === undefined) throw new Error(`one of ${Object.keys(LESSONS).join(", ")} is needed`);
const folder = values.out ?? join("runs", name);
const { graph, batch, test, feeds, loss, judge } = lesson;
const testFeeds = feeds({ seed: 1, split: "test" }, 0, test);
const pool = Math.ceil(lesson.train / batch);
const drawn = new Map<number, Feeds>();
await trainGraph({
  ...{ graph, batch, loss, folder },
  steps: Number(values.steps),
  rate: Number(values.rate),
  // Batches are drawn once and come again, the same in every epoch.
  feeds: (step) => {
    const at = step % pool;
    const known = drawn.get(at) ?? feeds({ seed: 1, split: "train" }, at * batch, batch);
    drawn.set(at, known);
    return known;
  },
  key: `${name} ${values.steps} ${values.rate}`,
  every: Number(values.every),
  evaluate: async (trained) => {
    const model = modelOf(trained);
    writeModel(model, join(folder, "last.onnx"));
    const session = await openSession(new Uint8Array(Buffer.concat(serializeModel(model))));
    const asked = Object.fromEntries(
      graph.inputs.map((input) => [input.name, testFeeds[input.name] as Feed]),
    );
    const outputs = await session.run(asked);
    await session.close();
    return judge(outputs, testFeeds);
  },
});
