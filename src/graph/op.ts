import type { DataType, Extent, Tensor } from "./graph.ts";

/** How a window op chooses its padding: `pads` as given, or computed from the input ("SAME_*"), or none ("VALID"). */
export type AutoPad = "NOTSET" | "SAME_UPPER" | "SAME_LOWER" | "VALID";

/** Attributes of an op that slides a window; lists hold one number per spatial axis, `pads` all begins, then all ends. */
export interface Window {
  /** null: neither the attribute nor a constant weight says it. Then the defaulted lists are empty. */
  readonly kernelShape: readonly number[] | null;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly autoPad: AutoPad;
}

/**
 * What a node does, with attributes defaulted as its opset says and with the inputs that hold sizes resolved where they
 * are constant (null: not constant). Axes are as in the file: they may be negative. Lists of sizes may hold symbols.
 */
export type Op =
  | ({ readonly kind: "conv"; readonly group: number } & Window)
  | ({
      readonly kind: "convTranspose";
      readonly group: number;
      readonly outputPadding: readonly number[];
      readonly outputShape: readonly number[] | null;
    } & Window)
  | {
      readonly kind: "gemm";
      readonly alpha: number;
      readonly beta: number;
      readonly transA: boolean;
      readonly transB: boolean;
    }
  | { readonly kind: "matMul" }
  | { readonly kind: "batchNorm"; readonly epsilon: number; readonly training: boolean }
  | { readonly kind: "layerNorm"; readonly axis: number; readonly epsilon: number }
  | { readonly kind: "instanceNorm"; readonly epsilon: number }
  | { readonly kind: "groupNorm"; readonly groups: number; readonly epsilon: number }
  | { readonly kind: "lrn"; readonly size: number }
  | ({
      readonly kind: "pool";
      readonly mode: "max" | "average" | "lp";
      readonly ceilMode: boolean;
      readonly countIncludePad: boolean;
    } & Window)
  | { readonly kind: "globalPool"; readonly mode: "max" | "average" | "lp" }
  | {
      readonly kind: "reduce";
      /** "Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp", "ArgMax", "ArgMin". */
      readonly reduction: string;
      /** null: not constant; an empty list: all axes, or none where `noopWithEmptyAxes`. */
      readonly axes: readonly number[] | null;
      readonly keepDims: boolean;
      readonly noopWithEmptyAxes: boolean;
    }
  /** One tensor in, the same shape out, element by element; further inputs are scalars (Clip's bounds, Dropout's ratio). */
  | { readonly kind: "unary"; readonly function: string }
  /** All inputs broadcast to one shape, element by element. `function` is the op type: Add, Mul, Where, Max, PRelu, ... */
  | { readonly kind: "elementwise"; readonly function: string }
  /** `flattened`: before opset 13 all axes from `axis` on are normalised together. */
  | {
      readonly kind: "softmax";
      readonly axis: number;
      readonly log: boolean;
      readonly flattened: boolean;
    }
  | { readonly kind: "concat"; readonly axis: number }
  /** `sizes` null: equal parts, one per output, or not constant (`sizesKnown` false). */
  | {
      readonly kind: "split";
      readonly axis: number;
      readonly sizes: readonly Extent[] | null;
      readonly sizesKnown: boolean;
    }
  /** starts, ends and steps are all null where one of the four is not constant; `axes` may still be known. */
  | {
      readonly kind: "slice";
      readonly starts: readonly Extent[] | null;
      readonly ends: readonly Extent[] | null;
      readonly axes: readonly number[] | null;
      readonly steps: readonly number[] | null;
    }
  /** `pads`: all begins, then all ends, for `axes` (null: every axis). */
  | {
      readonly kind: "pad";
      readonly mode: string;
      readonly pads: readonly Extent[] | null;
      readonly axes: readonly number[] | null;
    }
  /** `perm` null: the axes reversed. */
  | { readonly kind: "transpose"; readonly perm: readonly number[] | null }
  | {
      readonly kind: "reshape";
      readonly target: readonly Extent[] | null;
      readonly allowZero: boolean;
    }
  | { readonly kind: "flatten"; readonly axis: number }
  /** `axes` null: not constant; an empty list: every axis of extent 1. */
  | { readonly kind: "squeeze"; readonly axes: readonly number[] | null }
  | { readonly kind: "unsqueeze"; readonly axes: readonly number[] | null }
  | { readonly kind: "expand"; readonly target: readonly Extent[] | null }
  | { readonly kind: "tile"; readonly repeats: readonly number[] | null }
  | { readonly kind: "gather"; readonly axis: number; readonly indices: readonly Extent[] | null }
  | {
      readonly kind: "resize";
      readonly mode: string;
      readonly scales: readonly number[] | null;
      readonly sizes: readonly Extent[] | null;
      readonly axes: readonly number[] | null;
    }
  | { readonly kind: "depthToSpace"; readonly blockSize: number; readonly mode: string }
  | { readonly kind: "spaceToDepth"; readonly blockSize: number }
  | { readonly kind: "cast"; readonly to: DataType }
  | { readonly kind: "shape"; readonly start: number; readonly end: number | null }
  | { readonly kind: "size" }
  | { readonly kind: "constant"; readonly tensor: Tensor | null }
  | {
      readonly kind: "constantOfShape";
      readonly target: readonly Extent[] | null;
      readonly value: Tensor | null;
    }
  | { readonly kind: "range" }
  /** Overwrites some elements of its first input (ScatterND, ScatterElements). */
  | { readonly kind: "scatter" }
  /** Letters per operand and of the result, "..." among them; `terms` null where the equation can't be read. */
  | {
      readonly kind: "einsum";
      readonly terms: readonly (readonly string[])[] | null;
      readonly result: readonly string[];
    }
  /** `axis` is that of a list of scales; `blockSize` 0: no blocks; `to` null: as the zero point says. */
  | {
      readonly kind: "quantize";
      readonly axis: number;
      readonly blockSize: number;
      readonly to: DataType | null;
    }
  | {
      readonly kind: "dequantize";
      readonly axis: number;
      readonly blockSize: number;
      readonly to: DataType | null;
    }
  /** Works along the given axes of its first input; along every other one index by index. */
  | { readonly kind: "along"; readonly opType: string; readonly axes: readonly number[] }
  /** Runs a subgraph: If, Loop, Scan. */
  | { readonly kind: "control"; readonly opType: string }
  /** Has a shape rule, but nothing is pruned through it. */
  | { readonly kind: "fixed"; readonly opType: string }
  /** Not known here: kept as it is, never pruned through. */
  | { readonly kind: "opaque"; readonly opType: string; readonly domain: string };

export type OpKind = Op["kind"];
