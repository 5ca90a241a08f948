import fc from "fast-check";
import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { type AttributeLiteral, graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { elementCount, floatTensor } from "../../src/graph/tensor.ts";
import { worstGradient } from "../helpers/gradient-check.ts";

const SEED = 20261122;
const TOLERANCE = 1e-5;

interface Spec {
  readonly rank: number;
  readonly extents: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly autoPad: string;
  readonly groups: number;
  readonly perGroup: number;
  readonly outputs: number;
}

const list = (low: number, high: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: low, max: high }), { minLength: 4, maxLength: 4 });

const windows: fc.Arbitrary<Spec> = fc.record({
  rank: fc.constantFrom(2, 2, 2, 1),
  extents: list(4, 7),
  kernel: list(1, 3),
  strides: list(1, 3),
  dilations: list(1, 2),
  pads: list(0, 2),
  autoPad: fc.constantFrom("NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
  groups: fc.integer({ min: 1, max: 3 }),
  perGroup: fc.integer({ min: 1, max: 2 }),
  outputs: fc.integer({ min: 1, max: 2 }),
});

function weights(shape: readonly number[], seed: number): ReturnType<typeof floatTensor> {
  const random = randomFrom(seed);
  return floatTensor(shape, Float32Array.from({ length: elementCount(shape) }, random.normal));
}

function attributesOf(spec: Spec, dilated = true): Record<string, AttributeLiteral> {
  const axes = (all: readonly number[]): readonly number[] => all.slice(0, spec.rank);
  const dilations = dilated ? { dilations: axes(spec.dilations) } : {};
  const window = { kernel_shape: axes(spec.kernel), strides: axes(spec.strides), ...dilations };
  if (spec.autoPad !== "NOTSET") return { ...window, auto_pad: spec.autoPad };
  return { ...window, pads: spec.pads.slice(0, 2 * spec.rank) };
}

/** Whether every window lies inside the padded input, and none inside the padding alone. */
function fits(spec: Spec): boolean {
  // onnxruntime refuses dilations beside automatic padding.
  const spread = spec.dilations.slice(0, spec.rank).some((dilation) => dilation > 1);
  if (spec.autoPad !== "NOTSET" && spread) return false;
  return spec.extents.slice(0, spec.rank).every((extent, axis) => {
    const reach = ((spec.kernel[axis] ?? 1) - 1) * (spec.dilations[axis] ?? 1) + 1;
    const pads = [spec.pads[axis] ?? 0, spec.pads[axis + spec.rank] ?? 0];
    return reach <= extent && pads.every((pad) => pad < (spec.kernel[axis] ?? 1));
  });
}

function convolution(spec: Spec): Graph {
  const b = graphBuilder();
  const space = spec.extents.slice(0, spec.rank);
  const kernel = spec.kernel.slice(0, spec.rank);
  const [from, to] = [spec.groups * spec.perGroup, spec.groups * spec.outputs];
  b.input("x", ["batch", from, ...space]);
  b.tensor("w", weights([to, spec.perGroup, ...kernel], 1));
  b.tensor("bias", weights([to], 2));
  const attributes = { ...attributesOf(spec), group: spec.groups };
  b.output(b.node("Conv", ["x", "w", "bias"], { attributes }));
  return b.graph();
}

test("the gradients of convolutions are those of the definition, whatever the window and the groups", async () => {
  const specs = windows.filter(fits);
  await fc.assert(
    fc.asyncProperty(specs, async (spec) => {
      expect(await worstGradient(convolution(spec))).toBeLessThan(TOLERANCE);
    }),
    { seed: SEED, numRuns: 40 },
  );
});

const plain = {
  rank: 2,
  extents: [5, 6],
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  pads: [1, 1, 1, 1],
  autoPad: "NOTSET",
  groups: 1,
  perGroup: 4,
  outputs: 4,
} as const satisfies Spec;

test.each([
  ["3x3 with stride 1", plain],
  ["3x3 in groups", { ...plain, groups: 2 }],
  ["more inputs than outputs", { ...plain, perGroup: 5, outputs: 2 }],
  ["1x1", { ...plain, kernel: [1, 1], pads: [0, 0, 0, 0] }],
  ["1x1 with stride 2", { ...plain, kernel: [1, 1], pads: [0, 0, 0, 0], strides: [2, 2] }],
  ["3x3 with stride 2", { ...plain, strides: [2, 2] }],
  [
    "patches side by side",
    { ...plain, extents: [4, 6], kernel: [2, 3], strides: [2, 3], pads: [0, 0, 0, 0] },
  ],
  ["depthwise", { ...plain, groups: 5, perGroup: 1, outputs: 1 }],
  ["depthwise with stride 2", { ...plain, groups: 5, perGroup: 1, outputs: 1, strides: [2, 2] }],
  ["depthwise with a multiplier", { ...plain, groups: 3, perGroup: 1, outputs: 2 }],
  ["grouped with stride 2", { ...plain, groups: 2, perGroup: 3, strides: [2, 2] }],
  ["more padding than the kernel reaches", { ...plain, pads: [3, 2, 4, 3] }],
])("the gradients of a convolution are right: %s", async (_name, spec) => {
  expect(await worstGradient(convolution(spec), { batch: 3 })).toBeLessThan(TOLERANCE);
});

test("the gradients of transposed convolutions are those of the definition", async () => {
  const specs = windows.filter((spec) => fits(spec) && spec.autoPad === "NOTSET");
  await fc.assert(
    fc.asyncProperty(specs, fc.boolean(), async (spec, wider) => {
      const b = graphBuilder();
      const [from, to] = [spec.groups * spec.perGroup, spec.outputs];
      const kernel = spec.kernel.slice(0, spec.rank);
      b.input("x", ["batch", from, ...spec.extents.slice(0, spec.rank)]);
      b.tensor("w", weights([from, to, ...kernel], 1));
      b.tensor("bias", weights([to * spec.groups], 2));
      const extra = spec.strides.slice(0, spec.rank).map((stride) => (wider ? stride - 1 : 0));
      const attributes = { ...attributesOf(spec), group: spec.groups, output_padding: extra };
      b.output(b.node("ConvTranspose", ["x", "w", "bias"], { attributes }));
      expect(await worstGradient(b.graph())).toBeLessThan(TOLERANCE);
    }),
    { seed: SEED, numRuns: 25 },
  );
});

test.each(["MaxPool", "AveragePool"])(
  "the gradients of %s are those of the definition",
  async (opType) => {
    const options = fc.record({ ceil: fc.boolean(), counted: fc.boolean() });
    const specs = windows.filter((spec) => fits({ ...spec, dilations: [1, 1, 1, 1] }));
    await fc.assert(
      fc.asyncProperty(specs, options, async (spec, { ceil, counted }) => {
        const b = graphBuilder({ opset: 17 });
        b.input("x", ["batch", spec.perGroup, ...spec.extents.slice(0, spec.rank)]);
        // Windows that begin in the padding are counted differently in different versions of the operator.
        const padded = spec.pads.slice(0, 2 * spec.rank).some((pad) => pad > 0);
        if (ceil && padded) return;
        const average: Record<string, AttributeLiteral> =
          opType === "AveragePool" && counted && !ceil ? { count_include_pad: 1 } : {};
        const rounding = spec.autoPad === "NOTSET" ? { ceil_mode: ceil ? 1 : 0 } : {};
        const attributes = { ...attributesOf(spec, false), ...average, ...rounding };
        b.output(b.node(opType, ["x"], { attributes }));
        expect(await worstGradient(b.graph())).toBeLessThan(TOLERANCE);
      }),
      { seed: SEED, numRuns: 25 },
    );
  },
  60_000,
);

test.each(["GlobalAveragePool", "GlobalMaxPool"])("the gradient of %s is right", async (opType) => {
  const b = graphBuilder();
  b.output(b.node(opType, [b.input("x", ["batch", 3, 4, 5])]));
  expect(await worstGradient(b.graph())).toBeLessThan(TOLERANCE);
});

test.each([
  ["nearest, twice as large", "nearest", "asymmetric", "floor", [1, 1, 2, 2]],
  ["nearest, half pixels", "nearest", "half_pixel", "round_prefer_floor", [1, 1, 3, 2]],
  ["nearest, by no whole number", "nearest", "asymmetric", "floor", [1, 1, 1.5, 2.5]],
  ["nearest, smaller", "nearest", "half_pixel", "round_prefer_floor", [1, 1, 0.5, 0.5]],
  ["linear", "linear", "half_pixel", "floor", [1, 1, 2, 1.5]],
  ["linear, corners aligned", "linear", "align_corners", "floor", [1, 1, 2, 2]],
])("the gradient of Resize is right: %s", async (_name, mode, coordinates, nearest, scales) => {
  const b = graphBuilder();
  b.input("x", ["batch", 2, 4, 6]);
  b.tensor("fixed.roi", floatTensor([0], []));
  b.tensor("fixed.scales", floatTensor([4], scales));
  const attributes = {
    mode,
    coordinate_transformation_mode: coordinates,
    nearest_mode: nearest,
  };
  b.output(b.node("Resize", ["x", "fixed.roi", "fixed.scales"], { attributes }));
  expect(await worstGradient(b.graph())).toBeLessThan(TOLERANCE);
});
