/**
 * Exporters fix the batch of a network at 1 unless they are told otherwise: sizes that its Reshapes ask for then hold for one sample.
 * Here the sizes are asked for so that any number of samples runs, as what is computed from data (scores, training) wants many.
 */
import { at } from "../core/at.ts";
import { MdpError } from "../core/errors.ts";
import { constantIntegers, constantOf } from "../graph/constants.ts";
import { type Graph, input, type Node, nodeId, nodeLabel, type Value } from "../graph/graph.ts";
import { type NodeWriter, nodeWriter } from "../graph/node-writer.ts";
import { traitsOf } from "../graph/op-traits.ts";
import { opOf } from "../graph/read-op.ts";
import { inferShapes, type Shapes } from "../graph/shapes/infer.ts";
import { elementCount, intTensor } from "../graph/tensor.ts";
import { consumersOf } from "../graph/traversal.ts";
import { axisIndex } from "./propagation.ts";

/** Samples that shapes are tried with: no extent of a network is likely to hide a factor of it. */
const TRIED = 1009;

const BATCH_NAME = "batch";

/** The network for any number of samples, or why that can't be. */
export type OpenedBatch =
  | { readonly graph: Graph; readonly reason: null }
  | { readonly graph: null; readonly reason: string };

/**
 * The graph with its batch open. Whether samples then keep apart has to be seen by running it.
 * Requires that every input begins with an axis of extent 1; other networks are refused with the reason.
 */
export function openBatch(graph: Graph): OpenedBatch {
  const closed = graph.inputs.find(({ shape }) => shape?.[0] !== 1);
  if (closed !== undefined || graph.inputs.length === 0)
    return refused(`input '${closed?.name ?? ""}' has no leading axis of extent 1`);
  const opened: Graph = {
    ...graph,
    inputs: graph.inputs.map(withOpenBatch),
    outputs: graph.outputs.map((output) => ({ ...output, shape: null })),
    values: [],
  };
  try {
    const found = openedGraph(graph, opened);
    return { graph: { ...found, outputs: graph.outputs.map(withOpenBatch) }, reason: null };
  } catch (error) {
    if (!(error instanceof MdpError || error instanceof Stays)) throw error;
    return refused(error.message);
  }
}

function refused(reason: string): OpenedBatch {
  return { graph: null, reason };
}

class Stays extends Error {}

function withOpenBatch(value: Value): Value {
  return value.shape === null || value.shape.length === 0
    ? value
    : { ...value, shape: [BATCH_NAME, ...value.shape.slice(1)] };
}

/** Where the batch lies in a value: an axis whose extent is a multiple of it, before or behind what the axis held. */
interface Place {
  readonly axis: number;
  readonly behind: boolean;
}

interface Opening {
  /** Shapes for one sample. */
  readonly dense: (name: string) => readonly number[] | null;
  readonly writer: NodeWriter;
  /** Values whose batch lies behind what its axis held. */
  readonly behind: Set<string>;
  /** Nodes so far. */
  readonly done: Node[];
  readonly start: Graph;
}

function openedGraph(original: Graph, start: Graph): Graph {
  const single = inferShapes(original);
  const opening: Opening = {
    dense: single.resolved,
    writer: nodeWriter(start),
    behind: new Set(),
    done: [],
    start,
  };
  for (const node of original.nodes) {
    const nodes = opened(opening, original, node);
    opening.done.push(...opening.writer.take(), ...nodes);
    passOn(opening, node);
  }
  const graph = soFar(opening);
  const shapes = inferShapes(graph, { batch: TRIED });
  for (const { name } of graph.outputs) {
    const [one, many] = [single.resolved(name), shapes.resolved(name)];
    const wanted = one === null ? null : [TRIED * at(one, 0), ...one.slice(1)];
    if (many === null || String(many) !== String(wanted) || one?.[0] !== 1)
      throw new Stays(`output '${name}' doesn't begin with one entry per sample`);
  }
  return graph;
}

function soFar({ start, done, writer }: Opening): Graph {
  return { ...start, nodes: done, initializers: writer.initializers };
}

/** What stands in the place of a node. */
function opened(opening: Opening, original: Graph, node: Node): readonly Node[] {
  const kind = traitsOf(node)?.kind;
  if (kind === "reshape") return openedReshape(opening, original, node);
  if (kind === "concat") return openedConcat(opening, original, node);
  if (kind === "resize") return openedResize(opening, original, node);
  return [node];
}

/** Where the batch lies in each value that was made so far. */
function placesSoFar(opening: Opening): (name: string) => Place | null {
  const shapes = inferShapes(soFar(opening), { batch: TRIED });
  return (name) => placeAmong(opening, shapes, name);
}

function placeAmong(opening: Opening, shapes: Shapes, name: string): Place | null {
  const [one, many] = [opening.dense(name), shapes.resolved(name)];
  if (one === null || many === null || one.length !== many.length) return null;
  const axis = one.findIndex((extent, index) => many[index] === TRIED * extent);
  return axis < 0 ? null : { axis, behind: opening.behind.has(name) };
}

/** The batch stays behind what its axis held through ops that move no axes. */
function passOn({ behind, dense }: Opening, node: Node): void {
  const kind = traitsOf(node)?.kind ?? "opaque";
  if (["reshape", "transpose", "flatten", "squeeze", "unsqueeze"].includes(kind)) return;
  const source = node.inputs.find((name) => behind.has(name));
  const [output = ""] = node.outputs;
  if (source !== undefined && dense(source)?.length === dense(output)?.length) behind.add(output);
}

function openedReshape(opening: Opening, original: Graph, node: Node): readonly Node[] {
  const target = constantOf(original, input(node, 1));
  if (target === null) return [node];
  const [from, to] = [opening.dense(input(node, 0)), opening.dense(nodeId(node))];
  const place = placesSoFar(opening)(input(node, 0));
  if (from === null || to === null) throw new Stays(`the shape of '${nodeId(node)}' is not known`);
  if (place === null) return [node];
  // Elements of one sample behind the batch, in the order of rows: a Reshape doesn't move it.
  const inner = elementCount(from.slice(place.axis + (place.behind ? 1 : 0)));
  const found = landing(original, node, to, inner);
  if (found === null)
    throw new Stays(
      `Reshape '${nodeLabel(node)}' takes apart what lies on both sides of the batch axis`,
    );
  if (found.behind) opening.behind.add(nodeId(node));
  const sizes = to.map((extent, axis) => (axis === found.axis ? -1 : extent));
  const name = opening.writer.tensor(`${nodeId(node)}_open`, intTensor([sizes.length], sizes));
  const { source: _read, ...rest } = node;
  const attributes = new Map([...node.attributes].filter(([key]) => key !== "allowzero"));
  return [{ ...rest, inputs: [input(node, 0), name], attributes }];
}

/** Where the batch goes: an axis of its own; behind the rows of a matrix that is multiplied; before an axis; behind one. */
function landing(graph: Graph, node: Node, to: readonly number[], inner: number): Place | null {
  const places = to.map((extent, axis) => {
    const within = elementCount(to.slice(axis + 1));
    return { axis, before: within * extent === inner, behind: within === inner, extent };
  });
  const alone = places.find(({ extent, behind }) => extent === 1 && behind);
  if (alone !== undefined) return { axis: alone.axis, behind: false };
  const before = places.find((place) => place.before);
  const behind = places.find((place) => place.behind);
  const readers = consumersOf(graph).get(nodeId(node)) ?? [];
  const isMultiplied = readers.some((reader) => traitsOf(reader)?.layer === true);
  if (before !== undefined && !(isMultiplied && before.axis === to.length - 1))
    return { axis: before.axis, behind: false };
  return behind === undefined ? null : { axis: behind.axis, behind: true };
}

/** A constant that is put before or behind every sample (a class token) is copied for each of them. */
function openedConcat(opening: Opening, original: Graph, node: Node): readonly Node[] {
  const places = node.inputs.map(placesSoFar(opening));
  const first = places.findIndex((place) => place !== null);
  const place = places[first];
  if (place === null || place === undefined || places.every((one) => one !== null)) return [node];
  const op = opOf(node, original);
  const rank = opening.dense(nodeId(node))?.length ?? 0;
  if (op.kind === "concat" && axisIndex(op.axis, rank) === place.axis)
    throw new Stays(`Concat '${nodeLabel(node)}' joins along the batch axis`);
  const { writer } = opening;
  const label = nodeId(node);
  const shape = writer.node("Shape", [at(node.inputs, first)], { wanted: `${label}_shape` });
  const count = writer.node("Gather", [shape, writer.ints(`${label}_axis`, [place.axis])], {
    attributes: { axis: 0 },
    wanted: `${label}_batch`,
  });
  const ones = (length: number, role: string): readonly string[] =>
    length === 0 ? [] : [writer.ints(`${label}_${role}`, new Array<number>(length).fill(1))];
  const parts = [...ones(place.axis, "before"), count, ...ones(rank - place.axis - 1, "behind")];
  const target = writer.node("Concat", parts, {
    attributes: { axis: 0 },
    wanted: `${label}_copies`,
  });
  const inputs = node.inputs.map((name, index) =>
    places[index] === null
      ? writer.node("Expand", [name, target], { wanted: `${label}_copied${index}` })
      : name,
  );
  return [{ ...node, inputs }];
}

/** A Resize to sizes that are written down for one sample takes the batch from what it reads. */
function openedResize(opening: Opening, original: Graph, node: Node): readonly Node[] {
  const op = opOf(node, original);
  const written = constantIntegers(original, node.inputs[3] ?? "");
  if (op.kind !== "resize" || written === null || written.length === 0) return [node];
  const place = placesSoFar(opening)(input(node, 0));
  const from = opening.dense(input(node, 0));
  if (place === null || from === null) return [node];
  const axes = (op.axes ?? from.map((_, axis) => axis)).map((axis) => axisIndex(axis, from.length));
  const index = axes.indexOf(place.axis);
  if (index < 0) return [node];
  if (written[index] !== from[place.axis])
    throw new Stays(`Resize '${nodeLabel(node)}' changes the batch axis`);
  const { writer } = opening;
  const label = nodeId(node);
  const shape = writer.node("Shape", [input(node, 0)], { wanted: `${label}_shape` });
  const count = writer.node("Gather", [shape, writer.ints(`${label}_axis`, [place.axis])], {
    attributes: { axis: 0 },
    wanted: `${label}_batch`,
  });
  const others = (sizes: readonly number[], role: string): readonly string[] =>
    sizes.length === 0 ? [] : [writer.ints(`${label}_${role}`, sizes)];
  const parts = [
    ...others(written.slice(0, index), "before"),
    count,
    ...others(written.slice(index + 1), "behind"),
  ];
  const sizes = writer.node("Concat", parts, { attributes: { axis: 0 }, wanted: `${label}_sizes` });
  return [{ ...node, inputs: [...node.inputs.slice(0, 3), sizes] }];
}
