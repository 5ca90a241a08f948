import type { Graph, Node } from "../../../../graph/graph.ts";
import { nodeId } from "../../../../graph/graph.ts";
import { hasTrait } from "../../../../graph/op-traits.ts";
import { inferShapes } from "../../../../graph/shapes/infer.ts";
import type { CreditedTime } from "../../../measure/credit.ts";
import type { ProfiledOp } from "../../../ops.ts";
import type { TrtLayer, TrtLayerTime } from "./outputs.ts";

/**
 * Credits the layers of an engine to the operations they came from. A layer that is several operations (`a + b`, `a || b`, a
 * `{ForeignNode[a...z]}`) is divided among those with weights by their multiply-accumulates; what is fused to
 * them costs nothing of its own. Copies that change the layout belong to the layer they serve; a layer that names no node,
 * to the one before it.
 *
 * @param graph the network that was built into the engine
 * @param nodeNames what its nodes were called there, in their order
 */
export function creditLayers(
  graph: Graph,
  nodeNames: readonly string[],
  ops: readonly ProfiledOp[],
  times: readonly TrtLayerTime[],
  layers: readonly TrtLayer[],
): CreditedTime[] {
  const indexOf = new Map(nodeNames.map((name, index) => [name, index] as const));
  const described = new Map(layers.map((layer) => [layer.name, layer] as const));
  const opOf = new Map(ops.flatMap((op, index) => op.nodes.map((id) => [id, index] as const)));
  const found = times.map(({ name }) => layerNodes(name, described.get(name), indexOf));
  const claimed = new Set(found.flatMap(({ exact }) => exact));
  const shares = found.map(({ exact, ranges }) => {
    const between = ranges.flatMap(([from, to]) =>
      Array.from({ length: to - from + 1 }, (_, step) => from + step).filter(
        (index) => !claimed.has(index),
      ),
    );
    return sharesOf(graph, opOf, [...new Set([...exact, ...between])]);
  });
  const credited = ops.map(() => ({ ms: 0, events: 0 }));
  for (const [index, { ms }] of times.entries()) {
    for (const { op, share } of shares[index]?.length ? shares[index] : neighbour(shares, index)) {
      const time = credited[op];
      if (time === undefined) continue;
      time.ms += share * ms;
      time.events += 1;
    }
  }
  return credited;
}

interface Share {
  readonly op: number;
  readonly share: number;
}

function neighbour(shares: readonly (readonly Share[])[], index: number): readonly Share[] {
  const has = (list: readonly Share[]): boolean => list.length > 0;
  return shares.slice(0, index).findLast(has) ?? shares.slice(index + 1).find(has) ?? [];
}

/** The nodes that a layer's name or description names. */
interface LayerNodes {
  readonly exact: readonly number[];
  /** First and last of the nodes that were compiled as one. */
  readonly ranges: readonly (readonly [number, number])[];
}

const REFORMAT = /^Reformatting CopyNode for (?:Input|Output) Tensor \d+ (?:to|from) /;
const FOREIGN = /\{ForeignNode\[(.+?)\.\.\.(.+?)\]\}/g;

function layerNodes(
  name: string,
  layer: TrtLayer | undefined,
  indexOf: ReadonlyMap<string, number>,
): LayerNodes {
  const remembered = (layer?.onnxNodes ?? []).flatMap((node) => indexOf.get(node) ?? []);
  if (remembered.length > 0) return { exact: remembered, ranges: [] };
  const plain = name.replace(REFORMAT, "");
  const ranges = [...plain.matchAll(FOREIGN)].flatMap(([, from = "", to = ""]) => {
    const ends = [from, to].flatMap((end) => findNode(end, indexOf) ?? []).sort((a, b) => a - b);
    const [first, last] = ends;
    return first === undefined || last === undefined ? [] : [[first, last] as const];
  });
  const exact = plain
    .replaceAll(FOREIGN, "")
    .split(/ \+ | \|\| |, /)
    .flatMap((piece) => findNode(piece, indexOf) ?? []);
  return { exact, ranges };
}

/** A piece of a layer's name: "PWN(PWN(a), b)" is split into "PWN(PWN(a)" and "b)"; copies bear "_clone_1" or a number. */
function findNode(piece: string, indexOf: ReadonlyMap<string, number>): number | null {
  const inside = piece.trim().replace(/^(?:PWN\(|fusedPoint\()+/, "");
  const bare = inside.replace(/\)+$/, "");
  const candidates = [piece.trim(), inside, bare, bare.replace(/_clone_\d+$/, "")];
  for (const candidate of candidates) {
    const index = indexOf.get(candidate);
    if (index !== undefined) return index;
  }
  return null;
}

function sharesOf(
  graph: Graph,
  opOf: ReadonlyMap<string, number>,
  indices: readonly number[],
): Share[] {
  const nodes = indices.flatMap((index) => graph.nodes[index] ?? []);
  const owned = nodes.flatMap((node) => {
    const op = opOf.get(nodeId(node));
    return op === undefined ? [] : [{ node, op }];
  });
  const workers = owned.filter(({ node }) => hasTrait(node, "heavy"));
  const [only] = owned;
  if (only === undefined) return [];
  if (workers.length === 0) return [{ op: only.op, share: 1 }];
  const [first] = workers;
  if (first !== undefined && workers.length === 1) return [{ op: first.op, share: 1 }];
  const work = workers.map(({ node }) => macsOf(graph, node));
  const all = work.reduce((sum, macs) => sum + macs, 0);
  return workers.map(({ op }, index) => ({
    op,
    share: all > 0 ? (work[index] ?? 0) / all : 1 / workers.length,
  }));
}

const shapesOf = new WeakMap<Graph, ReturnType<typeof inferShapes>>();

/** Multiply-accumulates of one image, near enough to divide a fused layer. */
function macsOf(graph: Graph, node: Node): number {
  const known = shapesOf.get(graph) ?? inferShapes(graph);
  shapesOf.set(graph, known);
  const extents = (name: string): readonly number[] => known.resolved(name) ?? [];
  const written = product(extents(node.outputs[0] ?? ""));
  if (node.opType === "Conv") return written * product(extents(node.inputs[1] ?? "").slice(1));
  return written * (extents(node.inputs[0] ?? "").at(-1) ?? 1);
}

function product(extents: readonly number[]): number {
  return extents.reduce((result, extent) => result * extent, 1);
}
