import type { DataType, Extent, Graph, Node, Value } from "../graph.ts";
import { opOf } from "../read-op.ts";
import { type KnownValues, smallValues } from "../values.ts";
import { isResolved } from "./extents.ts";
import { type Fact, type Site, UNKNOWN } from "./rule.ts";
import { applyRule } from "./rules.ts";
import { valuesOf } from "./values.ts";

/** A type and shape that are known; extents that are not stay symbols, or null. */
interface Shaped {
  readonly type: DataType;
  readonly shape: readonly Extent[];
}

/** Shapes of all values of a graph. */
export interface Shapes {
  /** Type and shape of a value; null where its rank is not known. An unknown type is "other". */
  readonly of: (name: string) => Shaped | null;
  /** The shape of a value where every extent is a number, otherwise null. */
  readonly resolved: (name: string) => readonly number[] | null;
  /** Elements of a small tensor of numbers, row-major, symbols where they depend on the batch; null: not constant. */
  readonly constant: KnownValues;
  /** Where the file declares another shape than its nodes give; runtimes only warn about that, and so what they give holds. */
  readonly misdeclared: readonly Misdeclared[];
}

/** A value whose declared shape is wrong. */
export interface Misdeclared {
  readonly value: string;
  readonly node: Node;
  readonly found: readonly Extent[];
  readonly declared: readonly Extent[];
}

export interface InferOptions {
  /** Numbers for symbolic extents, by name. */
  readonly bind?: Readonly<Record<string, number>>;
  /** Number for the leading symbolic or unknown extent of every input. */
  readonly batch?: number;
}

/**
 * Shapes of every value, from the inputs through one rule per op. Unknown ops get what the file says of their outputs, or
 * nothing.
 * @throws InputError `graph/contradictory-shapes` where shapes can't go together
 *
 * @example
 * inferShapes(graph, { batch: 8 }).resolved("logits"); // [8, 1000]
 */
export function inferShapes(graph: Graph, options: InferOptions = {}): Shapes {
  const key = JSON.stringify([options.batch ?? null, Object.entries(options.bind ?? {}).sort()]);
  const known = shapesByGraph.get(graph) ?? new Map<string, Shapes>();
  shapesByGraph.set(graph, known);
  const shapes = known.get(key) ?? infer(graph, options);
  known.set(key, shapes);
  return shapes;
}

// Graphs are immutable, and many stages ask for the same shapes.
const shapesByGraph = new WeakMap<Graph, Map<string, Shapes>>();

function infer(graph: Graph, options: InferOptions): Shapes {
  const bind = bindings(graph, options);
  const state = stateOf(graph, bind, null);
  const { facts, constant, misdeclared } = state;
  for (const input of graph.inputs) facts.set(input.name, boundInput(input, bind, options.batch));
  for (const node of graph.nodes) inferNode(node, graph, state);
  return {
    misdeclared,
    of: (name) => {
      const fact = facts.get(name);
      return fact === undefined || fact.shape === null
        ? null
        : { type: fact.type ?? "other", shape: fact.shape };
    },
    resolved: (name) => {
      const shape = facts.get(name)?.shape ?? null;
      return shape !== null && isResolved(shape) ? shape : null;
    },
    constant,
  };
}

interface State {
  readonly facts: Map<string, Fact>;
  readonly declared: ReadonlyMap<string, Fact>;
  readonly values: Map<string, readonly Extent[] | null>;
  readonly constant: KnownValues;
  readonly bind: ReadonlyMap<string, number>;
  readonly misdeclared: Misdeclared[];
}

/** @param around what a subgraph sees of the graph around it */
function stateOf(graph: Graph, bind: ReadonlyMap<string, number>, around: State | null): State {
  const declared = new Map<string, Fact>();
  for (const value of [...graph.values, ...graph.outputs])
    declared.set(value.name, bound(value, bind));
  const facts = new Map<string, Fact>(around?.facts);
  for (const [name, { type, shape }] of graph.initializers) facts.set(name, { type, shape });
  const values = new Map<string, readonly Extent[] | null>();
  const constant: KnownValues = (name) => {
    const known = values.get(name);
    if (known !== undefined) return known;
    const tensor = graph.initializers.get(name);
    if (tensor === undefined) return around?.constant(name) ?? null;
    const read = smallValues(tensor);
    values.set(name, read);
    return read;
  };
  return { facts, declared, values, constant, bind, misdeclared: around?.misdeclared ?? [] };
}

/** Facts of the outputs of a subgraph, from those of its inputs. */
function inferInside(subgraph: Graph, inputs: readonly Fact[], around: State): readonly Fact[] {
  const state = stateOf(subgraph, around.bind, around);
  for (const [index, input] of subgraph.inputs.entries()) {
    const own = bound(input, around.bind);
    const given = inputs[index] ?? UNKNOWN;
    state.facts.set(input.name, { type: given.type ?? own.type, shape: given.shape ?? own.shape });
    // What is fed from outside hides a value of the same name around.
    state.values.set(input.name, null);
  }
  for (const node of subgraph.nodes) inferNode(node, subgraph, state);
  return subgraph.outputs.map(({ name }) => state.facts.get(name) ?? UNKNOWN);
}

function inferNode(node: Node, graph: Graph, state: State): void {
  const site: Site = {
    node,
    inputs: node.inputs.map((name) => state.facts.get(name) ?? UNKNOWN),
    valuesAt: (index) => state.constant(node.inputs[index] ?? ""),
    inside: (subgraph, inputs) => inferInside(subgraph, inputs, state),
  };
  const op = opOf(node, graph, state.constant);
  const inferred = applyRule(op, site);
  for (const [index, name] of node.outputs.entries()) {
    if (name === "") continue;
    const given = state.declared.get(name) ?? UNKNOWN;
    const fact = merged(inferred[index] ?? UNKNOWN, given);
    if (fact.misdeclared && fact.shape !== null && given.shape !== null) {
      state.misdeclared.push({ value: name, node, found: fact.shape, declared: given.shape });
    }
    state.facts.set(name, fact);
    if (index === 0) state.values.set(name, valuesOf(op, site, fact));
  }
}

/** What is inferred, filled up with what the file declares; where both are numbers and differ, what is inferred holds. */
function merged(inferred: Fact, declared: Fact): Fact & { readonly misdeclared: boolean } {
  const type = inferred.type ?? declared.type;
  if (inferred.shape === null || declared.shape === null) {
    return { type, shape: inferred.shape ?? declared.shape, misdeclared: false };
  }
  const { shape } = declared;
  const clash =
    inferred.shape.length !== shape.length ||
    inferred.shape.some(
      (extent, axis) =>
        typeof extent === "number" && typeof shape[axis] === "number" && extent !== shape[axis],
    );
  if (clash) return { type, shape: inferred.shape, misdeclared: true };
  return {
    type,
    misdeclared: false,
    shape: inferred.shape.map((extent, axis) => narrower(extent, shape[axis] ?? null)),
  };
}

function narrower(inferred: Extent, declared: Extent): Extent {
  return inferred === null || typeof declared === "number" ? declared : inferred;
}

function bindings(graph: Graph, options: InferOptions): ReadonlyMap<string, number> {
  const bind = new Map(Object.entries(options.bind ?? {}));
  if (options.batch === undefined) return bind;
  for (const input of graph.inputs) {
    const leading = input.shape?.[0];
    if (typeof leading === "string" && !bind.has(leading)) bind.set(leading, options.batch);
  }
  return bind;
}

function bound(value: Value, bind: ReadonlyMap<string, number>): Fact {
  const shape = value.shape?.map((extent) =>
    typeof extent === "string" ? (bind.get(extent) ?? extent) : extent,
  );
  return { type: value.type, shape: shape ?? null };
}

function boundInput(
  value: Value,
  bind: ReadonlyMap<string, number>,
  batch: number | undefined,
): Fact {
  const { type, shape } = bound(value, bind);
  const [leading, ...rest] = shape ?? [];
  return leading === null && batch !== undefined
    ? { type, shape: [batch, ...rest] }
    : { type, shape };
}
