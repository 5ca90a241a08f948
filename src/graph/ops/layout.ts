/** Attributes of ops that move elements, and of those that make tensors of sizes. */
import { intAttribute, intsAttribute, type Node, stringAttribute } from "../graph.ts";
import { type Context, has, type Kind, listOf, numbersAt, valuesAt } from "./context.ts";

export function split(context: Context): Kind<"split"> {
  const { node, opset } = context;
  const axis = intAttribute(node, "axis", 0);
  if (opset < 13) return { kind: "split", axis, sizes: listOf(node, "split"), sizesKnown: true };
  const sizes = valuesAt(context, 1);
  return { kind: "split", axis, sizes, sizesKnown: sizes !== null || !has(context, 1) };
}

export function slice(context: Context): Kind<"slice"> {
  const { node, opset } = context;
  if (opset < 10) {
    const starts = intsAttribute(node, "starts", []);
    const axes = listOf(node, "axes") ?? starts.map((_, axis) => axis);
    const ends = intsAttribute(node, "ends", []);
    return { kind: "slice", starts, ends, axes, steps: starts.map(() => 1) };
  }
  const starts = valuesAt(context, 1);
  const ends = valuesAt(context, 2);
  const axes = has(context, 3) ? numbersAt(context, 3) : (starts?.map((_, axis) => axis) ?? null);
  const steps = has(context, 4) ? numbersAt(context, 4) : (starts?.map(() => 1) ?? null);
  if (starts === null || ends === null || axes === null || steps === null) {
    // The axes alone still say which extents stay as they are.
    return { kind: "slice", starts: null, ends: null, axes, steps: null };
  }
  return { kind: "slice", starts, ends, axes, steps };
}

export function pad(context: Context): Kind<"pad"> {
  const { node, opset } = context;
  const mode = stringAttribute(node, "mode", "constant");
  if (opset < 11) return { kind: "pad", mode, pads: listOf(node, "pads") ?? [], axes: null };
  const axes = has(context, 3) ? numbersAt(context, 3) : null;
  const known = !has(context, 3) || axes !== null;
  return { kind: "pad", mode, pads: known ? valuesAt(context, 1) : null, axes };
}

export function reshape(context: Context): Kind<"reshape"> {
  const allowZero = intAttribute(context.node, "allowzero", 0) !== 0;
  return { kind: "reshape", target: valuesAt(context, 1), allowZero };
}

export function gather(context: Context): Kind<"gather"> {
  const axis = intAttribute(context.node, "axis", 0);
  return { kind: "gather", axis, indices: valuesAt(context, 1) };
}

export function blockSizeOf(node: Node): number {
  return intAttribute(node, "blocksize", 1);
}

export function depthToSpace({ node }: Context): Kind<"depthToSpace"> {
  const mode = stringAttribute(node, "mode", "DCR");
  return { kind: "depthToSpace", blockSize: blockSizeOf(node), mode };
}

export function shape({ node }: Context): Kind<"shape"> {
  const end = node.attributes.get("end");
  return {
    kind: "shape",
    start: intAttribute(node, "start", 0),
    end: end?.kind === "int" ? end.value : null,
  };
}

export function constantOfShape(context: Context): Kind<"constantOfShape"> {
  const value = context.node.attributes.get("value");
  return {
    kind: "constantOfShape",
    target: valuesAt(context, 0),
    value: value?.kind === "tensor" ? value.value : null,
  };
}
