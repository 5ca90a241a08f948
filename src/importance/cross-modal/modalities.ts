import { InputError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { ancestors, producerOf } from "../../graph/traversal.ts";

/** The outputs of a network of two modalities. */
export interface Modalities {
  /** Embeddings of the two, [samples, width] of one width: row i of both belongs together. */
  readonly pair: readonly [left: string, right: string];
  /** Outputs that depend on both: a fused representation, answers. */
  readonly joint: readonly string[];
  /**
   * Where the network multiplies them itself, so that their width may change: outputs [samples, samples] that hold their products with each other and with
   * themselves. The pair is then compared by these alone.
   */
  readonly products?: Products | undefined;
}

export interface Products {
  readonly both: string;
  /** Of the left and of the right with themselves, where there are any. */
  readonly own: readonly string[];
}

export interface ModalityNames {
  /** The two embeddings; found by what they depend on where left out. */
  readonly pair?: readonly string[] | undefined;
  /** Outputs of both; all where left out. */
  readonly joint?: readonly string[] | undefined;
}

/**
 * Finds the two embeddings: two outputs of one width that depend on different inputs. Outputs that depend on both are joint.
 * @throws InputError `importance/no-pair`, `importance/widths-differ`, `graph/no-such-output`
 */
export function modalitiesOf(graph: Graph, names: ModalityNames = {}): Modalities {
  const shapes = inferShapes(graph, { batch: 3 });
  const widthOf = (name: string): number | null => {
    const shape = shapes.resolved(name);
    return shape?.length === 2 && shapes.of(name)?.type === "float32" ? (shape[1] ?? null) : null;
  };
  for (const name of [...(names.pair ?? []), ...(names.joint ?? [])]) checkOutput(graph, name);
  const tied = names.pair === undefined ? tiedPair(graph, widthOf) : null;
  if (tied !== null) {
    const made = new Set([tied.products.both, ...tied.products.own]);
    const joint = names.joint ?? jointOutputs(graph, tied.pair).filter((name) => !made.has(name));
    return { ...tied, joint };
  }
  const pair = names.pair === undefined ? foundPair(graph, widthOf) : twoOf(names.pair);
  const [left, right] = pair;
  const widths = [widthOf(left), widthOf(right)];
  if (widths[0] === null || widths[0] !== widths[1]) {
    throw new InputError({
      code: "importance/widths-differ",
      message: `'${left}' has ${described(widths[0])} and '${right}' ${described(widths[1])}; two outputs of [samples, width] of one width are needed.`,
      where: `graph '${graph.name}'`,
      hint: "Name the two embeddings with --pairs LEFT,RIGHT.",
    });
  }
  const joint = names.joint ?? jointOutputs(graph, pair);
  return { pair, joint };
}

/** Two values that are no outputs, whose product is one: vectors of one width that depend on different inputs. */
function tiedPair(
  graph: Graph,
  widthOf: (name: string) => number | null,
): { readonly pair: readonly [string, string]; readonly products: Products } | null {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const producers = producerOf(graph);
  const turned = (name: string): string => {
    const node = producers.get(name);
    return node?.opType === "Transpose" ? (node.inputs[0] ?? name) : name;
  };
  const products = graph.outputs.flatMap(({ name }) => {
    const node = producers.get(name);
    if (node?.opType !== "MatMul") return [];
    const [left = "", right = ""] = node.inputs.map(turned);
    return widthOf(left) === null || widthOf(left) !== widthOf(right)
      ? []
      : [{ name, left, right }];
  });
  const both = products.find(({ left, right }) => {
    const own = inputsBehind(graph, left);
    const others = [...inputsBehind(graph, right)];
    return own.size > 0 && others.length > 0 && !others.some((input) => own.has(input));
  });
  if (both === undefined || outputs.has(both.left) || outputs.has(both.right)) return null;
  const own = products.flatMap(({ name, left, right }) =>
    left === right && (left === both.left || left === both.right) ? [name] : [],
  );
  return { pair: [both.left, both.right], products: { both: both.name, own } };
}

/** Names of the inputs that each output depends on. */
function inputsBehind(graph: Graph, output: string): ReadonlySet<string> {
  const fed = new Set(graph.inputs.map(({ name }) => name));
  const read = ancestors(graph, [output]).flatMap(({ inputs }) => inputs);
  return new Set(read.filter((name) => fed.has(name)));
}

function foundPair(
  graph: Graph,
  widthOf: (name: string) => number | null,
): readonly [string, string] {
  const candidates = graph.outputs
    .map(({ name }) => ({ name, width: widthOf(name), inputs: inputsBehind(graph, name) }))
    .filter(({ width, inputs }) => width !== null && width > 1 && inputs.size > 0);
  for (const [at, left] of candidates.entries()) {
    const right = candidates
      .slice(at + 1)
      .find(
        ({ width, inputs }) => width === left.width && ![...inputs].some((x) => left.inputs.has(x)),
      );
    if (right !== undefined) return [left.name, right.name];
  }
  throw new InputError({
    code: "importance/no-pair",
    message: `No two outputs of one width depend on different inputs: there are ${graph.outputs.map(({ name }) => `'${name}' of ${[...inputsBehind(graph, name)].join(" and ") || "nothing"}`).join(", ")}.`,
    where: `graph '${graph.name}'`,
    hint: "A network of two towers gives an embedding of each. Name them with --pairs LEFT,RIGHT, or use --method sensitivity, which compares all outputs.",
  });
}

function jointOutputs(graph: Graph, pair: readonly [string, string]): readonly string[] {
  const sides = pair.map((name) => inputsBehind(graph, name));
  return graph.outputs.flatMap(({ name, type }) => {
    if (type !== "float32" || pair.includes(name)) return [];
    const inputs = inputsBehind(graph, name);
    return sides.every((side) => [...side].some((input) => inputs.has(input))) ? [name] : [];
  });
}

function twoOf(names: readonly string[]): readonly [string, string] {
  const [left, right, ...others] = names;
  if (left !== undefined && right !== undefined && others.length === 0 && left !== right) {
    return [left, right];
  }
  throw new InputError({
    code: "importance/no-pair",
    message: `${names.length} outputs are named (${names.join(", ")}); a pair is two different ones.`,
    where: "--pairs",
    hint: "Name the two embeddings: --pairs image_embed,text_embed.",
  });
}

function checkOutput(graph: Graph, name: string): void {
  if (graph.outputs.some((output) => output.name === name)) return;
  throw new InputError({
    code: "graph/no-such-output",
    message: `The network has no output '${name}'; it has ${graph.outputs.map((output) => `'${output.name}'`).join(", ")}.`,
    where: `graph '${graph.name}'`,
    hint: "Check the names behind --pairs and --fused.",
  });
}

function described(width: number | null | undefined): string {
  return width === null || width === undefined ? "another form" : `width ${width}`;
}
