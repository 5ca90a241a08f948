import { constantOf } from "../graph/constants.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { floatsOf } from "../graph/tensor.ts";
import { consumersOf, producerOf } from "../graph/traversal.ts";

/**
 * Whether a ReduceMean is a statistic of a normalisation that is written out, so that it is taken over whatever stays:
 *
 *     LayerNorm: m = mean(x), d = x - m, v = mean(d^2), y = d / sqrt(v + eps);     RMSNorm: v = mean(x^2), y = x / sqrt(v + eps)
 *
 * 1. a mean of x that only subtractions from x read;
 * 2. a mean of squares of d that only its root reads, and d (or x) is divided by that, as Div, or Reciprocal and Mul.
 * Any other mean is a feature of its own: its value is what the network was trained with.
 */
export function isNormStatistic(graph: Graph, node: Node): boolean {
  if (node.opType !== "ReduceMean" || node.domain !== "") return false;
  const [input = ""] = node.inputs;
  const [output = ""] = node.outputs;
  if (isOutput(graph, output)) return false;
  return isMean(graph, input, output) || isVariance(graph, input, output);
}

/** Reductions that leave out what is zero, so that they are taken over whatever stays without further ado. */
const LENGTHS: ReadonlySet<string> = new Set(["ReduceL2", "ReduceSumSquare", "ReduceSum"]);

/**
 * Whether a reduction is the length of a vector, or its square, by which the vector itself is divided and nothing else:
 *
 *     n = ||x||, y = x / n;     n as ReduceL2, sqrt(ReduceSumSquare) or sqrt(ReduceSum(x^2)), with a floor (Clip, Max, + eps) and an Expand in between
 */
export function isLength(graph: Graph, node: Node): boolean {
  if (!LENGTHS.has(node.opType) || node.domain !== "") return false;
  const [input = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const producer = producerOf(graph).get(input);
  const squareOf = producer === undefined ? null : squared(graph, producer);
  if (node.opType === "ReduceSum" && squareOf === null) return false;
  const base = node.opType === "ReduceSum" ? (squareOf ?? "") : input;
  return dividesOnly(graph, { name: output, base, isRooted: node.opType === "ReduceL2" });
}

interface LengthValue {
  readonly name: string;
  readonly base: string;
  /** Whether it is the length already, not its square. */
  readonly isRooted: boolean;
}

function dividesOnly(graph: Graph, { name, base, isRooted }: LengthValue): boolean {
  const readers = consumersOf(graph).get(name) ?? [];
  if (readers.length === 0 || isOutput(graph, name)) return false;
  return readers.every((reader) => {
    const [first = "", second = ""] = reader.inputs;
    const next = (rooted: boolean): boolean =>
      dividesOnly(graph, { name: reader.outputs[0] ?? "", base, isRooted: rooted });
    switch (reader.opType) {
      case "Div":
        return isRooted && first === base && second === name;
      case "Sqrt":
        return !isRooted && next(true);
      case "Pow":
        return !isRooted && first === name && isNumber(graph, second, 0.5) && next(true);
      case "Clip":
      case "Expand":
        return first === name && next(isRooted);
      case "Max":
      case "Add":
        return isConstant(graph, first === name ? second : first) && next(isRooted);
      default:
        return false;
    }
  });
}

function isConstant(graph: Graph, name: string): boolean {
  return constantOf(graph, name) !== null;
}

function isMean(graph: Graph, input: string, output: string): boolean {
  const readers = consumersOf(graph).get(output) ?? [];
  const isCentring = (node: Node): boolean =>
    node.opType === "Sub" && node.inputs[0] === input && node.inputs[1] === output;
  if (readers.length === 0 || !readers.every(isCentring)) return false;
  // What is centred has to be normalised too, or the mean would be a feature that is taken away from another one.
  return readers.every((node) => {
    const centred = node.outputs[0] ?? "";
    return squaresOf(graph, centred).some((square) =>
      (consumersOf(graph).get(square) ?? []).some(
        (reader) => reader.opType === "ReduceMean" && isNormStatistic(graph, reader),
      ),
    );
  });
}

/** Values that are the square of `name`. */
function squaresOf(graph: Graph, name: string): readonly string[] {
  const readers = consumersOf(graph).get(name) ?? [];
  return readers
    .filter((node) => squared(graph, node) === name)
    .map((node) => node.outputs[0] ?? "");
}

/** What a node squares; null where it does something else. */
function squared(graph: Graph, node: Node): string | null {
  const [left = "", right = ""] = node.inputs;
  if (node.opType === "Mul" && left === right) return left;
  return node.opType === "Pow" && isNumber(graph, right, 2) ? left : null;
}

function isVariance(graph: Graph, input: string, output: string): boolean {
  const producer = producerOf(graph).get(input);
  const base = producer === undefined ? null : squared(graph, producer);
  if (base === null) return false;
  const only = (name: string): Node | null => {
    const readers = consumersOf(graph).get(name) ?? [];
    const [reader] = readers;
    return readers.length === 1 && reader !== undefined && !isOutput(graph, name) ? reader : null;
  };
  const lifted = only(output);
  const isLift =
    lifted?.opType === "Add" && lifted.inputs.some((name) => constantOf(graph, name) !== null);
  const root = isLift ? only(lifted.outputs[0] ?? "") : lifted;
  if (root === null) return false;
  const inverted =
    root.opType === "Pow" && isNumber(graph, root.inputs[1] ?? "", -0.5)
      ? root
      : root.opType === "Sqrt"
        ? only(root.outputs[0] ?? "")
        : null;
  if (root.opType === "Sqrt" && inverted?.opType === "Div") {
    return dividesBase(graph, inverted, base, root.outputs[0] ?? "");
  }
  if (inverted === null || (inverted !== root && inverted.opType !== "Reciprocal")) return false;
  const factor = inverted.outputs[0] ?? "";
  const readers = consumersOf(graph).get(factor) ?? [];
  return (
    readers.length > 0 &&
    !isOutput(graph, factor) &&
    readers.every((node) => node.opType === "Mul" && node.inputs.includes(base))
  );
}

/** base / root, or (1 / root) that base is multiplied with. */
function dividesBase(graph: Graph, division: Node, base: string, root: string): boolean {
  const [left = "", right = ""] = division.inputs;
  if (right !== root) return false;
  if (left === base) return true;
  const inverse = division.outputs[0] ?? "";
  const readers = consumersOf(graph).get(inverse) ?? [];
  return (
    isNumber(graph, left, 1) &&
    readers.length > 0 &&
    readers.every((node) => node.opType === "Mul" && node.inputs.includes(base))
  );
}

function isNumber(graph: Graph, name: string, wanted: number): boolean {
  const tensor = constantOf(graph, name);
  if (tensor === null || (tensor.type !== "float32" && tensor.type !== "float64")) return false;
  const values = floatsOf(tensor);
  return values.length === 1 && values[0] === wanted;
}

function isOutput(graph: Graph, name: string): boolean {
  return graph.outputs.some((value) => value.name === name);
}
