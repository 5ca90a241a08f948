/**
 * Two networks as one, tied where their answers are compared. With u and v their embeddings of the samples of a batch, each brought to length one, the joined
 * network gives
 *
 *     u v^T (similarities), u u^T and v v^T
 *
 * in place of u and v: the embeddings' width is one axis that both products contract, so that it is one dim over both networks and may become narrower,
 * while what is compared keeps its shape.
 */
import { InputError } from "../../core/errors.ts";
import { attributesFrom } from "../build.ts";
import { checkGraph } from "../check.ts";
import type { DataType, Graph, Node, Value } from "../graph.ts";
import { renamed } from "../rename.ts";
import { inferShapes } from "../shapes/infer.ts";
import { intTensor } from "../tensor.ts";
import type { JoinedPair, JoinedPart } from "./joined.ts";

/** One of the two. */
export interface PairSide {
  /** A word that names what it reads: `image`. */
  readonly name: string;
  readonly graph: Graph;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface JoinOptions {
  /** Names of the two embeddings, in the order of the sides; found by their width where left out. */
  readonly pairs?: readonly string[] | undefined;
  /** Leave out all other outputs: what only they depend on goes, and what they fix is free. */
  readonly embeddingsOnly?: boolean | undefined;
}

export interface Joined {
  readonly graph: Graph;
  readonly pair: JoinedPair;
  /** What was decided, a sentence each. */
  readonly notes: readonly string[];
}

const BATCH = "batch";
const SIMILARITIES = "similarities";

/**
 * @throws InputError `pair/opsets-differ`, `pair/batches-differ`, `pair/widths-differ`, `pair/which-embedding`, `graph/no-such-output`
 */
export function joinGraphs(
  sides: readonly [PairSide, PairSide],
  options: JoinOptions = {},
): Joined {
  const opsets = sharedOpsets(sides);
  checkBatches(sides);
  const embeddings = embeddingsOf(sides, options.pairs);
  const taken = collisions(sides);
  const parts = sides.map((side, index) =>
    prefixed(side, embeddings[index] ?? "", taken, options.embeddingsOnly === true),
  );
  const [first, second] = parts;
  if (first === undefined || second === undefined) throw new RangeError("two networks");
  const both: Graph = {
    name: `${first.part.name} and ${second.part.name}`,
    inputs: [...first.graph.inputs, ...second.graph.inputs],
    outputs: [],
    values: [...first.graph.values, ...second.graph.values],
    initializers: new Map([...first.graph.initializers, ...second.graph.initializers]),
    nodes: [...first.graph.nodes, ...second.graph.nodes],
    opsets,
  };
  const tied = tie(both, [first.part, second.part], opsets.get("") ?? 0);
  const products: Value[] = [SIMILARITIES, first.part.own, second.part.own].map((name) => ({
    ...{ name, type: "float32", shape: [BATCH, BATCH] },
  }));
  const others = parts.flatMap(({ graph, part }) =>
    graph.outputs.filter(({ name }) => name !== part.embedding.joined),
  );
  return {
    graph: { ...tied, outputs: [...products, ...others] },
    pair: {
      schema: "mdp-joined/1",
      parts: [first.part, second.part],
      similarities: SIMILARITIES,
    },
    notes: others.map(
      ({ name }) =>
        `'${name}' stays an output, so that its width stays; --embeddings-only leaves it out.`,
    ),
  };
}

/** Names of inputs and outputs that both have. */
function collisions(sides: readonly [PairSide, PairSide]): ReadonlySet<string> {
  const [left, right] = sides.map(({ graph }) =>
    [...graph.inputs, ...graph.outputs].map(({ name }) => name),
  );
  const own = new Set(left);
  return new Set([...(right ?? []).filter((name) => own.has(name)), SIMILARITIES]);
}

/** The side with its inner names behind its own; inputs and outputs keep theirs where only one of the two has them. */
function prefixed(
  { name: side, graph, metadata }: PairSide,
  embedding: string,
  taken: ReadonlySet<string>,
  embeddingsOnly: boolean,
): { readonly graph: Graph; readonly part: JoinedPart } {
  const wanted = graph.outputs.filter(({ name }) => !embeddingsOnly || name === embedding);
  const outer = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  const value = (name: string): string =>
    outer.has(name) && !taken.has(name) ? name : behind(side, name);
  const batch = graph.inputs[0]?.shape?.[0];
  const made = renamed(
    { ...graph, outputs: wanted },
    {
      ...{ value, node: (name) => behind(side, name) },
      extent: (name) => (name === batch ? BATCH : name),
    },
  );
  const both = (own: string): { own: string; joined: string } => ({ own, joined: value(own) });
  return {
    graph: made,
    part: {
      name: side,
      inputs: graph.inputs.map(({ name }) => both(name)),
      outputs: wanted.map(({ name }) => both(name)),
      embedding: both(embedding),
      unit: `${side}.unit`,
      own: `${SIMILARITIES}.${side}`,
      metadata: Object.fromEntries(metadata),
    },
  };
}

/** Names of PyTorch's exporter begin with a slash, and say the module's path. */
export function behind(side: string, name: string): string {
  return name.startsWith("/") ? `/${side}${name}` : `${side}.${name}`;
}

/** The name without what `behind` put before it; as it is where that is nothing. */
export function without(side: string, name: string): string {
  if (name.startsWith(`/${side}/`)) return name.slice(side.length + 1);
  return name.startsWith(`${side}.`) ? name.slice(side.length + 1) : name;
}

function tie(graph: Graph, parts: readonly [JoinedPart, JoinedPart], opset: number): Graph {
  const initializers = new Map(graph.initializers);
  const made: Node[] = [];
  const node = (
    opType: string,
    inputs: readonly string[],
    output: string,
    attributes: Parameters<typeof attributesFrom>[0] = {},
  ): string => {
    const outputs = [output];
    const about = { name: output, opType, domain: "", inputs, outputs };
    made.push({ ...about, attributes: attributesFrom(attributes) });
    return output;
  };
  const units = parts.map(({ name, embedding: { joined }, unit }) => {
    const axes = `${name}.length.axes`;
    if (opset >= 18) initializers.set(axes, intTensor([1], [1]));
    const length =
      opset < 18
        ? node("ReduceL2", [joined], `${name}.length`, { axes: [1], keepdims: 1 })
        : node("ReduceL2", [joined, axes], `${name}.length`, { keepdims: 1 });
    return node("Div", [joined, length], unit);
  });
  const product = (left: string, right: string, output: string): string =>
    node(
      "MatMul",
      [left, node("Transpose", [right], `${output}.turned`, { perm: [1, 0] })],
      output,
    );
  const [left = "", right = ""] = units;
  product(left, right, SIMILARITIES);
  product(left, left, parts[0].own);
  product(right, right, parts[1].own);
  return checkGraph({ ...graph, initializers, nodes: [...graph.nodes, ...made] });
}

function sharedOpsets(sides: readonly [PairSide, PairSide]): ReadonlyMap<string, number> {
  const opsets = new Map(sides[0].graph.opsets);
  for (const [domain, version] of sides[1].graph.opsets) {
    const other = opsets.get(domain);
    if (other !== undefined && other !== version) {
      throw new InputError({
        code: "pair/opsets-differ",
        message: `'${sides[0].name}' uses version ${other} of the operators${domain === "" ? "" : ` of '${domain}'`} and '${sides[1].name}' version ${version}; one network has one.`,
        where: sides[1].name,
        hint: "Export both with the same opset version.",
      });
    }
    opsets.set(domain, version);
  }
  return opsets;
}

/** A fixed batch on one side is one on the other: sample i of both belongs together. */
function checkBatches(sides: readonly [PairSide, PairSide]): void {
  const [left, right] = sides.map(({ graph }) => graph.inputs[0]?.shape?.[0] ?? null);
  if (typeof left !== "number" || typeof right !== "number" || left === right) return;
  throw new InputError({
    code: "pair/batches-differ",
    message: `'${sides[0].name}' reads batches of ${left} and '${sides[1].name}' of ${right}; sample i of one belongs to sample i of the other.`,
    where: sides[1].name,
    hint: "Export both with a named batch axis.",
  });
}

interface Candidate {
  readonly name: string;
  readonly type: DataType | null;
  readonly shape: readonly (number | null)[] | null;
  readonly width: number | null;
}

function candidatesOf({ graph }: PairSide): readonly Candidate[] {
  const shapes = inferShapes(graph, { batch: 3 });
  return graph.outputs.map(({ name, type }) => {
    const shape = shapes.resolved(name);
    const isVector = shape?.length === 2 && (type ?? shapes.of(name)?.type) === "float32";
    return { name, type, shape, width: isVector ? (shape[1] ?? null) : null };
  });
}

function embeddingsOf(
  sides: readonly [PairSide, PairSide],
  named: readonly string[] | undefined,
): readonly [string, string] {
  const [left, right] = [candidatesOf(sides[0]), candidatesOf(sides[1])];
  const seen = sides.map(({ name }, at) => `'${name}' gives ${described(at === 0 ? left : right)}`);
  const refuse = (code: string, message: string): InputError =>
    new InputError({
      ...{ code: `pair/${code}`, message: `${message} ${seen.join("; ")}.` },
      where: `${sides[0].name} and ${sides[1].name}`,
      hint: "Name the two embeddings, vectors of one width, with --pairs FIRST,SECOND.",
    });
  if (named !== undefined) {
    if (named.length !== 2) throw refuse("which-embedding", `${named.length} outputs are named.`);
    const chosen = [left, right].map((list, at) => {
      const found = list.find(({ name }) => name === named[at]);
      if (found !== undefined) return found;
      throw refuse("no-output", `'${sides[at]?.name}' has no output '${named[at]}'.`);
    });
    const [a, b] = chosen;
    if (a?.width === null || a?.width !== b?.width) {
      throw refuse("widths-differ", "The two embeddings have no common width.");
    }
    return [a?.name ?? "", b?.name ?? ""];
  }
  const pairs = left.flatMap((a) =>
    right.flatMap((b) => (a.width !== null && a.width > 1 && a.width === b.width ? [[a, b]] : [])),
  );
  const [only, ...more] = pairs;
  const [a, b] = only ?? [];
  if (a === undefined || b === undefined) {
    throw refuse("widths-differ", "No output of one has the width of an output of the other.");
  }
  if (more.length > 0) throw refuse("which-embedding", "Several outputs could be the embeddings.");
  return [a.name, b.name];
}

function described(candidates: readonly Candidate[]): string {
  return candidates
    .map(
      ({ name, shape }) =>
        `'${name}' [${shape === null ? "?" : ["batch", ...shape.slice(1)].join(", ")}]`,
    )
    .join(", ");
}
