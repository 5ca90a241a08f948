import { InputError } from "../core/errors.ts";
import type { Extent, Graph, Node, Value } from "./graph.ts";
import { nodeLabel } from "./graph.ts";
import { inferShapes, type Shapes } from "./shapes/infer.ts";
import { consumersOf, namesRead, producerOf, removeDeadNodes } from "./traversal.ts";

/** The values by which a network is compared with the one that it was cut from. */
export interface Answers {
  /** Names of float values that move smoothly with the weights. */
  readonly values: readonly string[];
  /** What was left out, or read elsewhere, and why; a sentence each. */
  readonly notes: readonly string[];
}

/** Ops whose results jump, or are no tensors of one size: behind them nothing can be compared number by number. */
const JUMPING: ReadonlySet<string> = new Set([
  ...["NonMaxSuppression", "TopK", "ArgMax", "ArgMin", "NonZero", "Unique", "OneHot", "Compress"],
  ...["Loop", "If", "Scan", "SequenceConstruct", "SequenceInsert", "SequenceAt", "SplitToSequence"],
  ...["ConcatFromSequence", "SequenceEmpty", "SequenceErase", "SequenceLength", "Multinomial"],
  ...["Bernoulli", "RandomNormalLike", "RandomUniformLike"],
]);

/** Ops that only arrange values: what comes out is what went in. */
const ARRANGING: ReadonlySet<string> = new Set([
  ...["Concat", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity"],
]);

/** Ops that read no more of a value than its shape. */
const SHAPE_ONLY: ReadonlySet<string> = new Set(["Shape", "Size"]);

const FLOATS: ReadonlySet<string> = new Set(["float32", "float16", "float64"]);

/**
 * The values that a network is compared by: its outputs, or the chosen ones. Integers are left out. What comes out of post-processing
 * (NonMaxSuppression, TopK, Loop) is followed back to the last values that move smoothly with the weights. An output of three or more axes that is a
 * concatenation counts part by part, so that large numbers (boxes) don't drown small ones (scores).
 * @param chosen names of outputs, or of inner values; all outputs where left out
 * @throws InputError `graph/no-such-output`, `graph/no-answers`
 */
export function answersOf(graph: Graph, chosen?: readonly string[] | undefined): Answers {
  const names = chosen ?? graph.outputs.map(({ name }) => name);
  const known = new Set([
    ...graph.outputs.map(({ name }) => name),
    ...graph.nodes.flatMap((node) => node.outputs),
  ]);
  const missing = names.find((name) => !known.has(name));
  if (missing !== undefined) throw noSuchOutput(missing, graph);
  const flow = flowOf(graph);
  const notes: string[] = [];
  const values = names.flatMap((name) => valuesBehind(name, flow, notes));
  const unique = [...new Set(values)];
  if (unique.length > 0) return { values: unique, notes };
  // A network without weights: its outputs are all there is.
  const floats = names.filter((name) => FLOATS.has(flow.shapes.of(name)?.type ?? ""));
  if (flow.learned.size === 0 && floats.length > 0) return { values: floats, notes: [] };
  throw noAnswers(graph, names, notes);
}

function noAnswers(graph: Graph, names: readonly string[], notes: readonly string[]): InputError {
  return new InputError({
    code: "graph/no-answers",
    message: `None of the outputs ${names.map((name) => `'${name}'`).join(", ")} can be compared: ${notes.join(" ")}`,
    where: `graph '${graph.name}'`,
    hint: "Name float values that depend on the weights with --outputs, or score with a method that reads the weights alone.",
  });
}

/**
 * The network without its post-processing: outputs that move smoothly with the weights stay, others make way for the last smooth values
 * before them (as `answersOf` finds them), and outputs that don't depend on the weights go. Samples then keep apart, and have one size. Itself where nothing changes.
 * @throws InputError `graph/no-answers` where nothing is left
 */
export function upToAnswers(graph: Graph): Graph {
  const flow = flowOf(graph);
  const { learned, jumping, shapes } = flow;
  if (graph.outputs.every(({ name }) => learned.has(name) && !jumping.has(name))) return graph;
  const names = graph.outputs.flatMap(({ name }) =>
    jumping.has(name) ? frontier(name, flow).values : learned.has(name) ? [name] : [],
  );
  if (names.length === 0) throw noAnswers(graph, [], []);
  const known = new Map(graph.outputs.map((output) => [output.name, output]));
  const outputs = [...new Set(names)].map((name): Value => {
    const found = shapes.of(name);
    const type = found === null || found.type === "other" ? "float32" : found.type;
    return known.get(name) ?? { name, type, shape: found?.shape.map(written) ?? null };
  });
  return removeDeadNodes({ ...graph, outputs }).graph;
}

/** Lengths that are known stay written. */
function written(extent: unknown): Extent {
  return typeof extent === "number" || typeof extent === "string" ? extent : null;
}

/** What is known of every value: whether weights made it, and whether something that jumps lies before it. */
interface Flow {
  readonly graph: Graph;
  readonly shapes: Shapes;
  readonly producers: ReadonlyMap<string, Node>;
  readonly learned: ReadonlySet<string>;
  readonly jumping: ReadonlySet<string>;
}

function flowOf(graph: Graph): Flow {
  const shapes = inferShapes(graph);
  const learned = new Set<string>();
  const jumping = new Set<string>();
  for (const [name, tensor] of graph.initializers) {
    if (FLOATS.has(tensor.type) && tensor.shape.some((extent) => extent > 1)) learned.add(name);
  }
  for (const node of graph.nodes) {
    if (SHAPE_ONLY.has(node.opType)) continue;
    const read = namesRead(node).filter((name) => shapes.of(name)?.type !== "bool");
    if (!read.some((name) => learned.has(name))) continue;
    const jumps = JUMPING.has(node.opType) || read.some((name) => jumping.has(name));
    for (const name of node.outputs) {
      if (name === "") continue;
      learned.add(name);
      if (jumps || isWhole(shapes.of(name)?.type)) jumping.add(name);
    }
  }
  return { graph, shapes, producers: producerOf(graph), learned, jumping };
}

function isWhole(type: string | undefined): boolean {
  return type !== undefined && type !== "other" && type !== "bool" && !FLOATS.has(type);
}

function valuesBehind(name: string, flow: Flow, notes: string[]): readonly string[] {
  const { learned, jumping, shapes } = flow;
  if (!learned.has(name)) {
    notes.push(`Output '${name}' does not depend on the weights; it is left out.`);
    return [];
  }
  const type = shapes.of(name)?.type;
  if (jumping.has(name)) {
    const { values, blame } = frontier(name, flow);
    notes.push(
      values.length === 0
        ? `Output '${name}' (${type ?? "of unknown type"}) has no smooth value before it; it is left out.`
        : `Output '${name}' comes out of ${blame}; ${values.map((value) => `'${value}'`).join(", ")} before it ${values.length === 1 ? "is" : "are"} compared instead.`,
    );
    return values;
  }
  const parts = partsOf(name, flow);
  if (parts.length > 1) {
    notes.push(
      `Output '${name}' is put together from ${parts.length} values, which count one by one.`,
    );
  }
  return parts;
}

/** The last smooth values before a jumping one, and the ops that jump. A value that is read in several arrangements counts once. */
function frontier(
  name: string,
  flow: Flow,
): { readonly values: readonly string[]; readonly blame: string } {
  const { producers, learned, jumping, shapes, graph } = flow;
  const seen = new Set<string>();
  const found = new Set<string>();
  const ops = new Set<string>();
  const open = [name];
  const isWeight = (value: string): boolean => graph.initializers.has(value);
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const node = producers.get(value);
    if (node === undefined || seen.has(value)) continue;
    seen.add(value);
    const read = namesRead(node).filter((each) => learned.has(each) && !isWeight(each));
    if (!read.some((each) => jumping.has(each))) ops.add(`${node.opType} '${nodeLabel(node)}'`);
    for (const each of read) {
      if (jumping.has(each)) open.push(each);
      else if (FLOATS.has(shapes.of(each)?.type ?? "float32")) found.add(arranged(each, flow));
    }
  }
  return { values: [...found], blame: [...ops].join(", ") };
}

/** The value before all that only arranges it. */
function arranged(name: string, { producers, learned }: Flow): string {
  let value = name;
  for (;;) {
    const node = producers.get(value);
    const [source = ""] = node?.inputs ?? [];
    const isArranged =
      node?.domain === "" && node.opType !== "Concat" && ARRANGING.has(node.opType);
    if (!isArranged || !learned.has(source)) return value;
    value = source;
  }
}

/** The values that an output of at least three axes is concatenated from; itself where it isn't. */
function partsOf(name: string, { producers, shapes, learned, graph }: Flow): readonly string[] {
  if ((shapes.of(name)?.shape.length ?? 0) < 3) return [name];
  const consumers = consumersOf(graph);
  const parts: string[] = [];
  const visit = (value: string): boolean => {
    const node = producers.get(value);
    const sources = (
      node?.opType === "Concat" ? node.inputs : (node?.inputs.slice(0, 1) ?? [])
    ).filter((source) => learned.has(source));
    if (node === undefined || node.domain !== "" || !ARRANGING.has(node.opType)) {
      parts.push(value);
      return false;
    }
    let split = node.opType === "Concat" && sources.length > 1;
    for (const source of sources) split = visit(source) || split;
    return split;
  };
  const split = visit(name);
  const inner = parts.every((part) => part === name || (consumers.get(part)?.length ?? 0) > 0);
  return split && inner ? [...new Set(parts)] : [name];
}

function noSuchOutput(name: string, graph: Graph): InputError {
  return new InputError({
    code: "graph/no-such-output",
    message: `The network has no value '${name}'; its outputs are ${graph.outputs.map((output) => `'${output.name}'`).join(", ")}.`,
    where: `graph '${graph.name}'`,
    hint: "Check --outputs.",
  });
}
