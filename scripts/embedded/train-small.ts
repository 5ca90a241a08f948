/** Trains a drawn network on its drawn set: npx tsx scripts/embedded/train-small.ts autoencoder --steps 4000 --out runs/autoencoder */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DIGIT_SIZE, drawDigit } from "../../src/data/drawn/digits.ts";
import { type PendulumSample, pendulumSample } from "../../src/data/drawn/pendulum.ts";
import { pendulumTeacher } from "../../src/data/drawn/pendulum-teacher.ts";
import { drawPlate, PLATE_SIZE } from "../../src/data/drawn/plates.ts";
import { drawScene, SCENE_CLASSES, SCENE_SIZE } from "../../src/data/drawn/scenes.ts";
import type { DrawnSet } from "../../src/data/drawn/set.ts";
import { crossEntropy, type Lossy, meanSquare, weightedSum } from "../../src/gradients/losses.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { agentNetwork } from "../../src/networks/agent.ts";
import { autoencoderNetwork } from "../../src/networks/autoencoder.ts";
import { detectorNetwork } from "../../src/networks/detector.ts";
import { inspectorNetwork } from "../../src/networks/inspector.ts";
import { segmenterNetwork } from "../../src/networks/segmenter.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { serializeModel, writeModel } from "../../src/onnx/write.ts";
import { type Feed, type Feeds, openSession } from "../../src/runtime/session.ts";
import { centreLoss, centreTargets } from "../../src/tasks/losses/centres.ts";
import { indexCrossEntropy } from "../../src/tasks/losses/classes.ts";
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
  segmenter: () => ({
    graph: segmenterNetwork(1),
    batch: 16,
    train: 8000,
    test: 500,
    feeds: (set, first, count) => {
      const { drawn, image } = scenes(set, first, count);
      const data = new BigInt64Array(count * SCENE_SIZE * SCENE_SIZE);
      drawn.forEach(({ mask }, at) => {
        data.set(Array.from(mask, BigInt), at * mask.length);
      });
      return { image, masks: { type: "int64", shape: [count, SCENE_SIZE, SCENE_SIZE], data } };
    },
    loss: (graph) => {
      const made = indexCrossEntropy(graph, { logits: "classes", axis: 1, labels: "masks" });
      return summed(made.graph, [{ loss: made.loss, weight: 1 }]);
    },
    judge: (outputs, feeds) => {
      const [scores, masks] = [numbers(outputs, "classes"), numbers(feeds, "masks")];
      const plane = SCENE_SIZE * SCENE_SIZE;
      const [both, either] = [new Float64Array(6), new Float64Array(6)];
      let right = 0;
      masks.forEach((label, at) => {
        const start = Math.floor(at / plane) * 6 * plane + (at % plane);
        let best = 0;
        for (let kind = 1; kind < 6; kind += 1) {
          if ((scores[start + kind * plane] ?? 0) > (scores[start + best * plane] ?? 0))
            best = kind;
        }
        for (const kind of new Set([label, best])) either[kind] = (either[kind] ?? 0) + 1;
        if (best !== label) return;
        both[label] = (both[label] ?? 0) + 1;
        right += 1;
      });
      const shares = Array.from(both, (hits, kind) => hits / (either[kind] ?? 1));
      return { miou: shares.reduce((sum, hit) => sum + hit, 0) / 6, pixels: right / masks.length };
    },
  }),
  detector: () => ({
    graph: detectorNetwork(1),
    batch: 16,
    train: 8000,
    test: 500,
    feeds: (set, first, count) => {
      const { drawn, image } = scenes(set, first, count);
      const targets = drawn.map(({ objects }) =>
        centreTargets(
          objects.map(({ kind, box: [left, top, right, bottom] }) => ({
            ...{ left, top, right, bottom, label: kind },
          })),
          GRID,
        ),
      );
      return {
        image,
        centres: floats(count, [GRID.classes, 16, 16], (at) => targets[at]?.centres ?? []),
        distances: floats(count, [4, 16, 16], (at) => targets[at]?.distances ?? []),
      };
    },
    loss: (graph) => {
      const names = {
        heatmap: "heatmap",
        sides: "sides",
        centres: "centres",
        distances: "distances",
      };
      const made = centreLoss(graph, { ...names, sideWeight: 0.5 });
      return summed(made.graph, [{ loss: made.loss, weight: 1 }]);
    },
    judge: (outputs, feeds) => {
      const heat = numbers(outputs, "heatmap");
      const [sides, wanted] = [numbers(outputs, "sides"), numbers(feeds, "distances")];
      const centres = numbers(feeds, "centres");
      // Share of the true centres whose cell is above one half, and how far the sides are off there, in cells.
      let [found, asked, apart, counted] = [0, 0, 0, 0];
      centres.forEach((value, at) => {
        if (value !== 1) return;
        asked += 1;
        if ((heat[at] ?? 0) > 0) found += 1;
      });
      wanted.forEach((value, at) => {
        if (value < 0) return;
        apart += Math.abs(value - (sides[at] ?? 0));
        counted += 1;
      });
      return { recall: found / asked, cellsOff: apart / counted };
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

/** Where the objects of a scene are, as the centre loss wants it. */
const GRID = { classes: SCENE_CLASSES.length, rows: 16, columns: 16, stride: 4 } as const;

function scenes(set: DrawnSet, first: number, count: number) {
  const drawn = Array.from({ length: count }, (_, at) => drawScene(set, first + at));
  const image = floats(count, [3, SCENE_SIZE, SCENE_SIZE], (at) =>
    Array.from(drawn[at]?.pixels ?? [], (value) => (value / 255 - 0.5) / 0.25),
  );
  return { drawn, image };
}

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
    // Steps that the run in this folder was to have: it goes on from where it ended, with the rate of the longer one.
    continues: { type: "string" },
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
  key: `${name} ${values.continues ?? values.steps} ${values.rate}`,
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
