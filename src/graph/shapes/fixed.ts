/** Ops that nothing is pruned through: only what comes out of them is known (ONNX operators). */
import { typeOfCode } from "../data-type.ts";
import type { DataType, Extent } from "../graph.ts";
import { intAttribute, intsAttribute, stringAttribute } from "../graph.ts";
import type { Op } from "../op.ts";
import { conv as convAttributes } from "../ops/window.ts";
import { exactQuotient, productOfAll } from "./extents.ts";
import { matMul } from "./matrix.ts";
import { axisOf, type Fact, inputAt, type Rule, type Site, UNKNOWN } from "./rule.ts";
import { conv } from "./window.ts";

type Outputs = (site: Site) => readonly Fact[];

export const fixed: Rule<"fixed"> = (op, site) =>
  OUTPUTS.get(op.opType)?.(site) ?? site.node.outputs.map(() => UNKNOWN);

const sameAsInput: Outputs = (site) => [inputAt(site, 0)];

/** The element type that an attribute asks for. */
function asked(site: Site, name: string, otherwise: DataType | null): DataType | null {
  const code = intAttribute(site.node, name, 0);
  return code === 0 ? otherwise : typeOfCode(code);
}

/** X is [length, batch, features], or [batch, length, features] where `layout` is 1. */
function recurrent(states: number): Outputs {
  return (site) => {
    const { type, shape } = inputAt(site, 0);
    const batchFirst = intAttribute(site.node, "layout", 0) === 1;
    const [length = null, batch = null] = batchFirst
      ? [shape?.[1] ?? null, shape?.[0] ?? null]
      : [shape?.[0] ?? null, shape?.[1] ?? null];
    const directions =
      stringAttribute(site.node, "direction", "forward") === "bidirectional" ? 2 : 1;
    const given = intAttribute(site.node, "hidden_size", 0);
    const hidden = given > 0 ? given : (inputAt(site, 2).shape?.[2] ?? null);
    const whole = batchFirst
      ? [batch, length, directions, hidden]
      : [length, directions, batch, hidden];
    const last = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
    return [
      { type, shape: whole },
      ...Array.from({ length: states }, () => ({ type, shape: last })),
    ];
  };
}

const gatherND: Outputs = (site) => {
  const data = inputAt(site, 0);
  const indices = inputAt(site, 1).shape;
  const depth = indices?.at(-1);
  if (data.shape === null || indices === null || typeof depth !== "number") {
    return [{ type: data.type, shape: null }];
  }
  const batch = intAttribute(site.node, "batch_dims", 0);
  return [
    { type: data.type, shape: [...indices.slice(0, -1), ...data.shape.slice(batch + depth)] },
  ];
};

const oneHot: Outputs = (site) => {
  const { shape } = inputAt(site, 0);
  const { type } = inputAt(site, 2);
  if (shape === null) return [{ type, shape: null }];
  const axis = axisOf(intAttribute(site.node, "axis", -1), shape.length + 1, site.node);
  const depth = site.valuesAt(1)?.[0] ?? null;
  return [{ type, shape: [...shape.slice(0, axis), depth, ...shape.slice(axis)] }];
};

const compress: Outputs = (site) => {
  const { type, shape } = inputAt(site, 0);
  const axis = site.node.attributes.get("axis");
  if (axis?.kind !== "int") return [{ type, shape: [null] }];
  if (shape === null) return [{ type, shape: null }];
  const along = axisOf(axis.value, shape.length, site.node);
  return [{ type, shape: shape.map((extent, index) => (index === along ? null : extent)) }];
};

const unique: Outputs = (site) => {
  const list: Fact = { type: "int64", shape: [null] };
  return [compress(site)[0] ?? UNKNOWN, list, list, list];
};

/** Random numbers and windows whose shape is an attribute. */
const shaped: Outputs = (site) => [
  { type: asked(site, "dtype", "float32"), shape: intsAttribute(site.node, "shape", []) },
];

const shapedAsInput: Outputs = (site) => {
  const { type, shape } = inputAt(site, 0);
  return [{ type: asked(site, "dtype", type), shape }];
};

const window: Outputs = (site) => [
  { type: asked(site, "output_datatype", "float32"), shape: [site.valuesAt(0)?.[0] ?? null] },
];

function bins(length: Extent, onesided: boolean): Extent {
  if (!onesided) return length;
  return typeof length === "number" ? Math.floor(length / 2) + 1 : null;
}

/** Signal [batch, length, 1 or 2] -> [batch, frames, bins, 2]. */
const shortTimeFourier: Outputs = (site) => {
  const { type, shape } = inputAt(site, 0);
  const step = site.valuesAt(1)?.[0] ?? null;
  const frame = site.valuesAt(3)?.[0] ?? inputAt(site, 2).shape?.[0] ?? null;
  const [batch = null, length = null] = shape ?? [];
  const numbers = [length, frame, step].every((extent) => typeof extent === "number");
  const frames = numbers ? 1 + Math.floor((Number(length) - Number(frame)) / Number(step)) : null;
  const onesided = intAttribute(site.node, "onesided", 1) === 1;
  return [{ type, shape: [batch, frames, bins(frame, onesided), 2] }];
};

// The axis is an attribute before opset 20 and an input after.
const fourier: Outputs = (site) => {
  const { type, shape } = inputAt(site, 0);
  if (shape === null) return [{ type, shape: null }];
  const named =
    site.valuesAt(2)?.[0] ?? intAttribute(site.node, "axis", DEFAULT_FOURIER_AXIS(site));
  const axis = typeof named === "number" ? axisOf(named, shape.length, site.node) : null;
  const given = site.valuesAt(1)?.[0] ?? null;
  const onesided = intAttribute(site.node, "onesided", 0) === 1;
  const inverse = intAttribute(site.node, "inverse", 0) === 1;
  return [
    {
      type,
      shape: shape.map((extent, index) => {
        if (index === shape.length - 1) return inverse && onesided ? 1 : 2;
        if (axis === null) return null;
        return index === axis ? bins(given ?? extent, onesided && !inverse) : extent;
      }),
    },
  ];
};

function DEFAULT_FOURIER_AXIS(site: Site): number {
  return site.node.inputs.length > 2 ? -2 : 1;
}

const melWeights: Outputs = (site) => [
  {
    type: asked(site, "output_datatype", "float32"),
    shape: [bins(site.valuesAt(1)?.[0] ?? null, true), site.valuesAt(0)?.[0] ?? null],
  },
];

/** [batch, channels * block, positions] -> [batch, channels, image...]. */
const columnsToImage: Outputs = (site) => {
  const { type, shape } = inputAt(site, 0);
  const image = site.valuesAt(1);
  const block = site.valuesAt(2);
  if (image === null) return [{ type, shape: null }];
  const channels = exactQuotient(shape?.[1] ?? null, block === null ? null : productOfAll(block));
  return [{ type, shape: [shape?.[0] ?? null, channels, ...image] }];
};

const centerCropPad: Outputs = (site) => {
  const { type, shape } = inputAt(site, 0);
  if (shape === null) return [{ type, shape: null }];
  const wanted = site.valuesAt(1);
  const all = shape.map((_, axis) => axis);
  const axes = intsAttribute(site.node, "axes", all).map((axis) =>
    axisOf(axis, shape.length, site.node),
  );
  const extents = shape.map((extent, axis) => {
    const index = axes.indexOf(axis);
    return index < 0 ? extent : (wanted?.[index] ?? null);
  });
  return [{ type, shape: extents }];
};

/** `size` is [batch, channels, ...places]; the grid has one coordinate per place axis. */
const affineGrid: Outputs = (site) => {
  const { type } = inputAt(site, 0);
  const size = site.valuesAt(1);
  if (size === null) return [{ type, shape: null }];
  return [{ type, shape: [size[0] ?? null, ...size.slice(2), size.length - 2] }];
};

/** The loss itself, then the logarithms of the probabilities. */
const loss: Outputs = (site) => {
  const { type } = inputAt(site, 0);
  const labels = inputAt(site, 1).shape;
  const each = stringAttribute(site.node, "reduction", "mean") === "none";
  return [{ type, shape: each ? labels : [] }, inputAt(site, 0)];
};

/** x, scale, zero point, w, scale, zero point, y scale, y zero point. */
const quantizedConv: Outputs = (site) => convolution(site, 3, inputAt(site, 7).type);

const integerConv: Outputs = (site) => convolution(site, 1, "int32");

function convolution(site: Site, weight: number, type: DataType | null): readonly Fact[] {
  const inputs = [inputAt(site, 0), inputAt(site, weight)];
  const node = {
    ...site.node,
    inputs: [site.node.inputs[0] ?? "", site.node.inputs[weight] ?? ""],
  };
  const kernel = inputs[1]?.shape?.slice(2) ?? [];
  const known = kernel.every((extent) => typeof extent === "number");
  const op: Extract<Op, { kind: "conv" }> = convAttributes({
    node: known ? withKernel(node, kernel.map(Number)) : node,
    graph: NOTHING,
    known: () => null,
    opset: 0,
  });
  return conv(op, { ...site, node, inputs }).map(({ shape }) => ({ type, shape }));
}

function withKernel(node: Site["node"], kernel: readonly number[]): Site["node"] {
  if (node.attributes.has("kernel_shape")) return node;
  const attributes = new Map(node.attributes).set("kernel_shape", { kind: "ints", value: kernel });
  return { ...node, attributes };
}

const NOTHING = {
  name: "",
  inputs: [],
  outputs: [],
  values: [],
  initializers: new Map(),
  nodes: [],
  opsets: new Map(),
} as const;

function product(weight: number, typeOf: (site: Site) => DataType | null): Outputs {
  return (site) => {
    const inputs = [inputAt(site, 0), inputAt(site, weight)];
    return matMul({ kind: "matMul" }, { ...site, inputs }).map(({ shape }) => ({
      type: typeOf(site),
      shape,
    }));
  };
}

const OUTPUTS: ReadonlyMap<string, Outputs> = new Map<string, Outputs>([
  ["AffineGrid", affineGrid],
  ["Bernoulli", shapedAsInput],
  ["BlackmanWindow", window],
  ["CenterCropPad", centerCropPad],
  ["Col2Im", columnsToImage],
  ["Compress", compress],
  ["ConvInteger", integerConv],
  ["DFT", fourier],
  [
    "Det",
    (site) => [
      { type: inputAt(site, 0).type, shape: inputAt(site, 0).shape?.slice(0, -2) ?? null },
    ],
  ],
  [
    "DynamicQuantizeLinear",
    (site) => [
      { type: "uint8", shape: inputAt(site, 0).shape },
      { type: "float32", shape: [] },
      { type: "uint8", shape: [] },
    ],
  ],
  ["EyeLike", shapedAsInput],
  ["GRU", recurrent(1)],
  ["GatherElements", (site) => [{ type: inputAt(site, 0).type, shape: inputAt(site, 1).shape }]],
  ["GatherND", gatherND],
  ["HammingWindow", window],
  ["HannWindow", window],
  ["ImageDecoder", () => [{ type: "uint8", shape: [null, null, null] }]],
  ["LSTM", recurrent(2)],
  ["MatMulInteger", product(1, () => "int32")],
  ["MelWeightMatrix", melWeights],
  [
    "Multinomial",
    (site) => [
      {
        type: asked(site, "dtype", "int32"),
        shape: [inputAt(site, 0).shape?.[0] ?? null, intAttribute(site.node, "sample_size", 1)],
      },
    ],
  ],
  ["NegativeLogLikelihoodLoss", loss],
  ["NonMaxSuppression", () => [{ type: "int64", shape: [null, 3] }]],
  ["NonZero", (site) => [{ type: "int64", shape: [inputAt(site, 0).shape?.length ?? null, null] }]],
  ["OneHot", oneHot],
  ["QLinearConv", quantizedConv],
  ["QLinearMatMul", product(3, (site) => inputAt(site, 7).type)],
  ["RMSNormalization", sameAsInput],
  ["RNN", recurrent(1)],
  ["RandomNormal", shaped],
  ["RandomNormalLike", shapedAsInput],
  ["RandomUniform", shaped],
  ["RandomUniformLike", shapedAsInput],
  ["RotaryEmbedding", sameAsInput],
  ["STFT", shortTimeFourier],
  ["SoftmaxCrossEntropyLoss", loss],
  ["TensorScatter", sameAsInput],
  ["Unique", unique],
]);

/** Whether the shapes of what an op gives are known from those of what it reads. */
export function hasFixedRule(opType: string): boolean {
  return OUTPUTS.has(opType);
}
