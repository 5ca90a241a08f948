import { describe, expect, test } from "vitest";
import type { Graph } from "../../../src/graph/graph.ts";
import { floatsOf, floatTensor } from "../../../src/graph/tensor.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { type CorrectOptions, correctSubnet } from "../../../src/subnet/correct/correct.ts";
import { cutGraph } from "../../../src/subnet/cut.ts";
import { keepAll, type Subnet } from "../../../src/subnet/subnet.ts";
import { networkBuilder } from "../../helpers/networks.ts";
import { apart, firstBatch, normalImages, valuesOf } from "./helpers.ts";

const SHAPE = [3, 9, 9] as const;
const NO_RIDGE: CorrectOptions = { ridge: 1e-9, positions: 81 };

interface Middle {
  /** Adds what reads the eight channels of `x`; returns eight channels. */
  readonly add: (b: ReturnType<typeof networkBuilder>, x: string) => string;
}

/** A convolution to eight channels, something that reads them, a pool and a matrix. */
function network({ add }: Middle): Graph {
  const b = networkBuilder(11);
  const first = b.relu(b.conv("first", b.input("input", ["batch", ...SHAPE]), { from: 3, to: 8 }));
  const last = b.relu(add(b, first));
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [last])]);
  b.output(b.gemm("fc", pooled, 8, 5));
  return b.graph();
}

/** The graph with a tensor changed element by element. */
function changed(
  graph: Graph,
  name: string,
  change: (value: number, index: number, values: Float32Array) => number,
): Graph {
  const tensor = graph.initializers.get(name);
  if (tensor === undefined) throw new Error(`no tensor ${name}`);
  const old = floatsOf(tensor);
  const values = Float32Array.from(old, (value, index) => change(value, index, old));
  const initializers = new Map(graph.initializers).set(name, floatTensor(tensor.shape, values));
  return { ...graph, initializers };
}

/** Channel 7 becomes `factor` times channel 2, also behind its Relu. */
function withTwin(graph: Graph, factor: number): Graph {
  const twin =
    (size: number, by: number) =>
    (value: number, index: number, values: Float32Array): number =>
      Math.floor(index / size) === 7 ? by * (values[2 * size + (index % size)] ?? 0) : value;
  let result = changed(graph, "first.weight", twin(27, 1));
  for (const part of ["weight", "bias"])
    result = changed(result, `first.bn.${part}`, twin(1, factor));
  for (const part of ["running_mean", "running_var"])
    result = changed(result, `first.bn.${part}`, twin(1, 1));
  return result;
}

function withoutUnit(
  graph: Graph,
  unit: number,
): readonly [ReturnType<typeof findStructure>, Subnet] {
  const structure = findStructure(graph);
  const whole = keepAll(structure);
  const kept = whole.kept.map((units, index) =>
    index === 0 ? units.filter((each) => each !== unit) : units,
  );
  return [structure, { ...whole, kept }];
}

async function distances(
  graph: Graph,
  options: CorrectOptions,
): Promise<readonly [number, number]> {
  const [structure, subnet] = withoutUnit(graph, 7);
  const images = normalImages(60, SHAPE);
  const { graph: corrected } = await correctSubnet(
    modelOf(graph),
    structure,
    subnet,
    images,
    options,
  );
  const fresh = await firstBatch(normalImages(10, SHAPE, 99));
  const output = graph.outputs[0]?.name ?? "";
  const [dense, cut, mended] = await Promise.all(
    [graph, cutGraph(structure, subnet), corrected].map(async (each) => {
      const values = await valuesOf(each, [output], fresh);
      return values[output] ?? new Float32Array();
    }),
  );
  if (dense === undefined || cut === undefined || mended === undefined)
    throw new Error("no output");
  return [apart(dense, cut), apart(dense, mended)];
}

const MIDDLES: Readonly<Record<string, Middle>> = {
  "a convolution with BatchNormalization": {
    add: (b, x) => b.conv("second", x, { from: 8, to: 8 }),
  },
  "a convolution with a bias": {
    add: (b, x) => b.conv("second", x, { from: 8, to: 8, bn: false }),
  },
  "a strided convolution with neither": {
    add: (b, x) =>
      b.node("Conv", [x, b.weight("second.weight", [8, 8, 3, 3])], {
        attributes: { pads: [1, 1, 1, 1], strides: [2, 2], dilations: [2, 2] },
      }),
  },
  "a matrix product over channels, with a constant behind it": {
    add: (b, x) => {
      const last = b.node("Transpose", [x], { attributes: { perm: [0, 2, 3, 1] } });
      const product = b.node("MatMul", [last, b.weight("second.weight", [8, 8])]);
      const sum = b.node("Add", [product, b.weight("second.bias", [8])]);
      return b.node("Transpose", [sum], { attributes: { perm: [0, 3, 1, 2] } });
    },
  },
  "the last convolution of a residual branch": {
    add: (b, x) => {
      const other = b.conv("other", b.relu(b.conv("before", x, { from: 8, to: 8 })), {
        from: 8,
        to: 8,
      });
      return b.add("sum", other, b.conv("short", x, { from: 8, to: 8, kernel: 1 }));
    },
  },
};

describe("a unit that is a multiple of a kept one leaves no trace behind", () => {
  test.each(Object.entries(MIDDLES))("%s", async (_, middle) => {
    const [cut, mended] = await distances(withTwin(network(middle), 1.5), NO_RIDGE);
    expect(cut).toBeGreaterThan(1e-2);
    expect(mended).toBeLessThan(1e-5);
  });
});

describe("a unit that never changes goes into the bias", () => {
  const pointwise = (bias: boolean, norm: boolean): Middle => ({
    add: (b, x) => {
      const inputs = [x, b.weight("second.weight", [8, 8, 1, 1])];
      if (bias) inputs.push(b.weight("second.bias", [8]));
      const output = b.node("Conv", inputs);
      return norm ? b.norm("second.bn", output, 8) : output;
    },
  });
  const cases: readonly (readonly [string, Middle])[] = [
    ["of the convolution", pointwise(true, false)],
    ["of the convolution, before BatchNormalization too", pointwise(true, true)],
    ["that the convolution gets for it", pointwise(false, false)],
    ["which is BatchNormalization's mean", pointwise(false, true)],
  ];
  test.each(cases)("%s", async (_, middle) => {
    const constant = (value: number, index: number): number => (index === 7 ? 0 * value : value);
    const positive = (value: number, index: number): number => (index === 7 ? 2 : value);
    const graph = changed(
      changed(network(middle), "first.bn.weight", constant),
      "first.bn.bias",
      positive,
    );
    // However strong the pull towards the old weights is: the bias is free.
    const [cut, mended] = await distances(graph, { ridge: 100, positions: 20 });
    expect(cut).toBeGreaterThan(1e-2);
    expect(mended).toBeLessThan(1e-5);
  });
});

test("a layer of many thousand inputs stays as it is and is named, and the others are fitted", async () => {
  const b = networkBuilder(12);
  const input = b.input("input", ["batch", 3, 42, 42]);
  const first = b.relu(b.conv("first", input, { from: 3, to: 8 }));
  const second = b.relu(b.conv("second", first, { from: 8, to: 8 }));
  b.output(b.gemm("fc", b.node("Flatten", [second]), 8 * 42 * 42, 2));
  const graph = b.graph();
  const [structure, subnet] = withoutUnit(graph, 7);
  const { left, layers } = await correctSubnet(
    modelOf(graph),
    structure,
    subnet,
    normalImages(10, [3, 42, 42]),
    NO_RIDGE,
  );
  const reason = "it reads 14112 inputs: its fit would take 6 GB of memory";
  expect(left.map((each) => each.reason)).toEqual([reason]);
  expect(layers.length).toBeGreaterThan(0);
});
