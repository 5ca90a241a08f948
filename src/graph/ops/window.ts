/** Attributes of ops that slide a window over the spatial axes. */
import { constantOf } from "../constants.ts";
import { intAttribute, intsAttribute, type Node, stringAttribute } from "../graph.ts";
import type { AutoPad, Window } from "../op.ts";
import { type Context, type Kind, listOf, numbersAt, valuesAt } from "./context.ts";

function windowOf(node: Node, kernelShape: readonly number[] | null): Window {
  const axes = kernelShape?.length ?? 0;
  const ones = new Array<number>(axes).fill(1);
  return {
    kernelShape,
    strides: intsAttribute(node, "strides", ones),
    dilations: intsAttribute(node, "dilations", ones),
    pads: intsAttribute(node, "pads", new Array<number>(axes * 2).fill(0)),
    autoPad: autoPadOf(stringAttribute(node, "auto_pad", "NOTSET")),
  };
}

function autoPadOf(text: string): AutoPad {
  return text === "SAME_UPPER" || text === "SAME_LOWER" || text === "VALID" ? text : "NOTSET";
}

function kernelOf({ node, graph }: Context): readonly number[] | null {
  const weight = constantOf(graph, node.inputs[1] ?? "");
  return listOf(node, "kernel_shape") ?? (weight === null ? null : weight.shape.slice(2));
}

export function conv(context: Context): Kind<"conv"> {
  const { node } = context;
  const group = intAttribute(node, "group", 1);
  return { kind: "conv", group, ...windowOf(node, kernelOf(context)) };
}

export function convTranspose(context: Context): Kind<"convTranspose"> {
  const { node } = context;
  const kernel = kernelOf(context);
  return {
    kind: "convTranspose",
    group: intAttribute(node, "group", 1),
    outputPadding: intsAttribute(
      node,
      "output_padding",
      (kernel ?? []).map(() => 0),
    ),
    outputShape: listOf(node, "output_shape"),
    ...windowOf(node, kernel),
  };
}

/** "max" of MaxPool and GlobalMaxPool, and so on. */
function modeOf({ opType }: Node): "max" | "average" | "lp" {
  if (opType.includes("Max")) return "max";
  return opType.includes("Average") ? "average" : "lp";
}

export function globalPool({ node }: Context): Kind<"globalPool"> {
  return { kind: "globalPool", mode: modeOf(node) };
}

export function pool({ node }: Context): Kind<"pool"> {
  return {
    kind: "pool",
    mode: modeOf(node),
    ceilMode: intAttribute(node, "ceil_mode", 0) !== 0,
    countIncludePad: intAttribute(node, "count_include_pad", 0) !== 0,
    ...windowOf(node, listOf(node, "kernel_shape")),
  };
}

// Upsample (to opset 9) and Resize of opset 10 have the scales as input 1; from 11 on as input 2, and sizes as input 3.
export function resize(context: Context): Kind<"resize"> {
  const { node, opset } = context;
  const late = opset >= 11;
  // Upsample of opset 7 and 8 has its scales as an attribute.
  const attribute = node.attributes.get("scales");
  const stored =
    attribute?.kind === "floats" || attribute?.kind === "ints" ? attribute.value : null;
  const given = stored ?? numbersAt(context, late ? 2 : 1);
  return {
    kind: "resize",
    mode: stringAttribute(node, "mode", "nearest"),
    scales: given === null || given.length === 0 ? null : given,
    sizes: late ? valuesAt(context, 3) : null,
    axes: listOf(node, "axes"),
  };
}
