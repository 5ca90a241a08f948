/**
 * Cuts in groups that are near each other, each with the part of the network that its cuts change: what lies behind the first of
 * their gates. What lies before is the same for all of them, is computed once per batch, and is fed. A group has its own
 * gates alone, so that the runtime can rewrite the rest as it does in a network without any.
 */
import { type DataType, type Graph, nodeId } from "../../graph/graph.ts";
import { storedValues } from "../../graph/liveness.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { elementCount } from "../../graph/tensor.ts";
import { namesRead, producerOf, removeDeadNodes } from "../../graph/traversal.ts";
import type { Feed, Feeds } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import type { Candidate } from "./candidates.ts";
import { type Cut, type GatedNetwork, gatedNetwork } from "./gated.ts";

export interface CutGroup {
  /** Places in the list of candidates, with the gates that each closes. */
  readonly cuts: readonly { readonly at: number; readonly closed: Feeds }[];
  /** All gates of the group, open. */
  readonly open: Feeds;
  readonly graph: Graph;
  /** Values of the whole network that the graph is fed. */
  readonly reads: readonly string[];
}

/** More groups than these save little: cuts of one group compute a twelfth of the network too much at most. */
const GROUPS = 12;
/** Of all groups together: weights, what is fed, and twice the largest value of each. */
const BYTES = 2 ** 29;

const WHOLE: Cut = { kept: new Map(), droppedBlocks: [], droppedLayers: [] };

/**
 * Every candidate that closes a gate is in one group; one that closes none, or whose gates reach nothing that is compared, changes
 * nothing and may be in none.
 * @param compared values of the network that are compared
 * @param batch samples per run: fewer groups are made where the memory of more would exceed half a gigabyte
 */
export function cutGroups(
  structure: Structure,
  gated: GatedNetwork,
  candidates: readonly Candidate[],
  { compared, batch }: { readonly compared: readonly string[]; readonly batch: number },
): readonly CutGroup[] {
  const open = gated.feeds(WHOLE);
  const first = firstReads(gated.graph);
  const placed = candidates.flatMap(({ cut }, at) => {
    const closed = changedFeeds(open, gated.feeds(cut));
    const names = Object.keys(closed);
    if (names.length === 0) return [];
    return [{ at, closed, from: Math.min(...names.map((name) => first.get(name) ?? 0)) }];
  });
  placed.sort((one, other) => one.from - other.from || one.at - other.at);
  const sizes = sizesOf(structure, batch);
  for (let count = GROUPS; ; count = Math.floor(count / 2)) {
    const groups = inParts(placed, count)
      .map((cuts) => groupOf(structure, cuts, { compared, open }))
      .filter(({ graph }) => graph.outputs.length > 0);
    const bytes = groups.reduce((sum, group) => sum + bytesOf(group, sizes), 0);
    if (bytes <= BYTES || count <= 1) return groups;
  }
}

interface Placed {
  readonly at: number;
  readonly closed: Feeds;
  /** Index of the first node of the gated network that it changes. */
  readonly from: number;
}

/** Where each input is read first. */
function firstReads({ nodes }: Graph): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  for (const [index, node] of nodes.entries()) {
    for (const name of node.inputs) if (!first.has(name)) first.set(name, index);
  }
  return first;
}

function changedFeeds(open: Feeds, cut: Feeds): Feeds {
  const changed = Object.entries(cut).filter(([name, feed]) => {
    const whole = open[name];
    if (feed.type !== "float32" || whole?.type !== "float32") return true;
    return feed.data.some((value, at) => value !== whole.data[at]);
  });
  return Object.fromEntries(changed);
}

/** About equally many cuts each, in order; cuts that begin at one place stay together. */
function inParts(placed: readonly Placed[], count: number): readonly (readonly Placed[])[] {
  const parts: Placed[][] = [];
  for (const [index, cut] of placed.entries()) {
    const wanted = Math.floor((index * count) / placed.length);
    const isSame = placed[index - 1]?.from === cut.from;
    if (parts.length === 0 || (wanted >= parts.length && !isSame)) parts.push([cut]);
    else parts.at(-1)?.push(cut);
  }
  return parts;
}

function groupOf(
  structure: Structure,
  cuts: readonly Placed[],
  { compared, open }: { readonly compared: readonly string[]; readonly open: Feeds },
): CutGroup {
  const names = new Set(cuts.flatMap(({ closed }) => Object.keys(closed)));
  const own = gatedNetwork(structure, names);
  const ownOpen = Object.keys(own.feeds(WHOLE));
  const { graph, reads } = behind(structure, own.graph, new Set(ownOpen), compared);
  return {
    cuts: cuts.map(({ at, closed }) => ({ at, closed })),
    open: Object.fromEntries(ownOpen.map((name) => [name, open[name] as Feed])),
    graph,
    reads,
  };
}

/**
 * The part of a gated network that depends on its gates. It is fed values of float32 that the network without gates has; whatever
 * else it reads is computed in it as well.
 */
function behind(
  structure: Structure,
  graph: Graph,
  gates: ReadonlySet<string>,
  compared: readonly string[],
): { readonly graph: Graph; readonly reads: readonly string[] } {
  const changing = new Set(gates);
  for (const node of graph.nodes) {
    if (namesRead(node).some((name) => changing.has(name))) {
      for (const name of node.outputs) changing.add(name);
    }
  }
  const given = new Map(structure.graph.inputs.map((value) => [value.name, value]));
  const plain = producerOf(structure.graph);
  const shapes = inferShapes(structure.graph, { bind: structure.bind });
  const moving = storedValues(structure.graph, () => false);
  const isFed = (name: string): boolean =>
    given.has(name) ||
    (plain.has(name) && moving.has(name) && isFloat(shapes.of(name)?.type ?? "other"));
  const producers = producerOf(graph);
  const inside = new Set<string>();
  const reads = new Set<string>();
  const outputs = compared.filter((name) => changing.has(name));
  const wanted = [...outputs];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (!changing.has(name) && isFed(name)) {
      reads.add(name);
      continue;
    }
    const node = producers.get(name);
    if (node === undefined || inside.has(nodeId(node))) continue;
    inside.add(nodeId(node));
    wanted.push(...namesRead(node));
  }
  const inputs = [...reads].map(
    (name) => given.get(name) ?? { name, type: "float32" as const, shape: null },
  );
  const part = {
    ...graph,
    nodes: graph.nodes.filter((node) => inside.has(nodeId(node))),
    inputs: [...inputs, ...graph.inputs.filter(({ name }) => gates.has(name))],
    outputs: outputs.map((name) => ({ name, type: "float32" as const, shape: null })),
  };
  return { graph: removeDeadNodes(part).graph, reads: [...reads] };
}

/** What is not known to be of another type is float32, as weights are. */
function isFloat(type: DataType): boolean {
  return type === "float32" || type === "other";
}

/** Bytes of a value at the batch. */
function sizesOf({ shapes, graph }: Structure, batch: number): (name: string) => number {
  const found = shapes.of(graph.inputs[0]?.name ?? "")?.[0] ?? 1;
  return (name) => (4 * batch * elementCount(shapes.of(name) ?? [])) / Math.max(1, found);
}

function bytesOf({ graph, reads }: CutGroup, sizeOf: (name: string) => number): number {
  const fed = reads.reduce((sum, name) => sum + sizeOf(name), 0);
  const names = graph.nodes.flatMap(({ outputs }) => outputs);
  const largest = names.reduce((most, name) => Math.max(most, sizeOf(name)), 0);
  const weights = [...graph.initializers.values()].reduce(
    (sum, { byteLength }) => sum + byteLength,
    0,
  );
  return weights + fed + 2 * largest;
}
