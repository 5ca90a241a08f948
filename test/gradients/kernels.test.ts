/** Kernel gradients at sizes that finite differences can't reach, beside the sum that defines them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { differentiate } from "../../src/gradients/differentiate.ts";
import { staticGraph } from "../../src/gradients/static-graph.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { inferShapes } from "../../src/graph/shapes/infer.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { randomFeeds } from "../../src/runtime/feeds.ts";
import { type Feeds, openSession } from "../../src/runtime/session.ts";
import { bytesOfModel } from "../helpers/ort.ts";

const SEED = 20261122;

interface Spec {
  readonly batch: number;
  readonly extents: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before rows and columns, then after them. */
  readonly pads: readonly number[];
  readonly groups: number;
  readonly perGroup: number;
  readonly outputs: number;
}

/** The loss is the sum of the output times `dy`, so that `dy` is the output's gradient. */
function weighedConvolution(spec: Spec): Graph {
  const b = graphBuilder();
  const [from, to] = [spec.groups * spec.perGroup, spec.groups * spec.outputs];
  b.input("x", [spec.batch, from, ...spec.extents]);
  const shape = [to, spec.perGroup, ...spec.kernel];
  const length = shape.reduce((product, extent) => product * extent, 1);
  b.tensor("w", floatTensor(shape, new Float32Array(length)));
  const y = b.node("Conv", ["x", "w"], {
    outputs: ["y"],
    attributes: {
      kernel_shape: spec.kernel,
      strides: spec.strides,
      dilations: spec.dilations,
      pads: spec.pads,
      group: spec.groups,
    },
  });
  b.input("dy", [spec.batch, to, ...outputExtents(spec)]);
  const weighed = b.node("Mul", [y, "dy"]);
  b.output(b.node("ReduceSum", [weighed], { outputs: ["loss"], attributes: { keepdims: 0 } }));
  return staticGraph(b.graph(), { batch: spec.batch });
}

function outputExtents({ extents, kernel, strides, dilations, pads }: Spec): readonly number[] {
  return extents.map((extent, axis) => {
    const reach = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const room = extent + (pads[axis] ?? 0) + (pads[axis + 2] ?? 0) - reach;
    return Math.floor(room / (strides[axis] ?? 1)) + 1;
  });
}

/** Calls with every coordinate below the extents. */
function over(extents: readonly number[], visit: (at: readonly number[]) => void): void {
  const walk = (at: readonly number[]): void => {
    const extent = extents[at.length];
    if (extent === undefined) visit(at);
    else for (let index = 0; index < extent; index += 1) walk([...at, index]);
  };
  walk([]);
}

function at(feeds: Feeds, name: string, index: readonly number[]): number {
  const feed = feeds[name];
  if (feed?.type !== "float32") throw new Error(`no '${name}'`);
  const inside = index.every((value, axis) => value >= 0 && value < (feed.shape[axis] ?? 0));
  if (!inside) return 0;
  const place = index.reduce((sum, value, axis) => sum * (feed.shape[axis] ?? 1) + value, 0);
  return feed.data[place] ?? Number.NaN;
}

/** dW[o, i, a, b] = sum over images and positions of dy[n, o, h, w] x[n, i, h s + a d - p, w s + b d - p], in float64. */
function defined(
  spec: Spec,
  feeds: Feeds,
  [o = 0, i = 0, a = 0, b = 0]: readonly number[],
): number {
  const { strides, dilations, pads, batch, perGroup, outputs } = spec;
  const channel = Math.floor(o / outputs) * perGroup + i;
  let sum = 0;
  over([batch, ...outputExtents(spec)], ([image = 0, row = 0, column = 0]) => {
    const y = row * (strides[0] ?? 1) + a * (dilations[0] ?? 1) - (pads[0] ?? 0);
    const x = column * (strides[1] ?? 1) + b * (dilations[1] ?? 1) - (pads[1] ?? 0);
    sum += at(feeds, "dy", [image, o, row, column]) * at(feeds, "x", [image, channel, y, x]);
  });
  return sum;
}

async function worst(spec: Spec): Promise<number> {
  const { graph, gradients } = differentiate(weighedConvolution(spec), {
    loss: "loss",
    withRespectTo: ["w"],
  });
  const name = gradients.get("w") ?? "";
  const session = await openSession(bytesOfModel(modelOf(graph)));
  const feeds = randomFeeds(session.inputs, { seed: 3 });
  const result = await session.run(feeds);
  await session.close();
  const shape = inferShapes(graph).resolved(name) ?? [];
  let [difference, largest] = [0, 0];
  over(shape, (index) => {
    const expected = defined(spec, feeds, index);
    difference = Math.max(difference, Math.abs(at(result, name, index) - expected));
    largest = Math.max(largest, Math.abs(expected));
  });
  return difference / largest;
}

const pair = (low: number, high: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: low, max: high }), { minLength: 2, maxLength: 2 });

const specs: fc.Arbitrary<Spec> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    extents: pair(5, 34),
    kernel: pair(1, 4),
    strides: fc.constantFrom([1, 1], [1, 1], [1, 1], [2, 2], [1, 2], [3, 1]),
    dilations: pair(1, 2),
    pads: fc.tuple(pair(0, 3), pair(0, 3)).map(([begins, ends]) => [...begins, ...ends]),
    groups: fc.constantFrom(1, 1, 2),
    perGroup: fc.integer({ min: 1, max: 3 }),
    outputs: fc.integer({ min: 1, max: 3 }),
  })
  .filter((spec) => outputExtents(spec).every((extent) => extent > 0));

test("the gradient of a kernel is the sum that defines it, on images short and long", async () => {
  await fc.assert(
    fc.asyncProperty(specs, async (spec) => {
      expect(await worst(spec)).toBeLessThan(1e-5);
    }),
    { seed: SEED, numRuns: 60 },
  );
});

const plain: Spec = {
  batch: 2,
  extents: [28, 28],
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  pads: [1, 1, 1, 1],
  groups: 1,
  perGroup: 3,
  outputs: 2,
};

test.each([
  ["an image that makes a product of its own", plain],
  ["an image that is strung together with others", { ...plain, extents: [8, 8] }],
  ["more outputs than inputs", { ...plain, perGroup: 1, outputs: 4 }],
  ["groups, long", { ...plain, groups: 2 }],
  ["groups, short", { ...plain, groups: 2, extents: [6, 5] }],
  ["more padding than the kernel reaches", { ...plain, extents: [6, 5], pads: [3, 2, 4, 3] }],
  ["no padding", { ...plain, pads: [0, 0, 0, 0] }],
  ["a single row", { ...plain, extents: [1, 40], kernel: [1, 3], pads: [0, 1, 0, 1] }],
  ["1x1 on few positions", { ...plain, extents: [3, 3], kernel: [1, 1], pads: [0, 0, 0, 0] }],
])("the gradient of a kernel is the sum that defines it: %s", async (_name, spec) => {
  expect(await worst(spec)).toBeLessThan(1e-5);
});
