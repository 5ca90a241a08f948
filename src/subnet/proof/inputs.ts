import type { Random } from "../../core/random.ts";
import { constantIntegers, constantOf } from "../../graph/constants.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import { consumersOf } from "../../graph/traversal.ts";
import { randomFeeds } from "../../runtime/feeds.ts";
import type { Feeds, SessionValue } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";

/** Inputs that somebody gave for a proof, and what to call them. */
export interface GivenInputs {
  readonly name: string;
  /** False where random ones may stand in for those that say nothing. */
  readonly only: boolean;
  readonly feeds: readonly Feeds[];
}

/** One way to choose inputs. */
export interface InputKind {
  readonly name: string;
  /** How many different inputs there are; Infinity where they are drawn. */
  readonly count: number;
  readonly feeds: (run: number) => Feeds;
}

const FLOATS: readonly { readonly name: string; readonly draw: (random: Random) => number }[] = [
  { name: "standard normal numbers", draw: (random) => random.normal() },
  { name: "numbers from 0 to 1", draw: (random) => random.next() },
  { name: "numbers from -1 to 1", draw: (random) => 2 * random.next() - 1 },
  { name: "numbers from 1 to 2", draw: (random) => 1 + random.next() },
  { name: "whole numbers from 0 to 255", draw: (random) => random.integer(256) },
];

/**
 * Inputs to prove a subnet on, those to try first at the front: what was given, otherwise random ones. Integers stay within
 * what the graph indexes with them.
 */
export function inputKinds(
  structure: Structure,
  inputs: readonly SessionValue[],
  options: { readonly seed: number; readonly given?: GivenInputs | undefined },
): readonly InputKind[] {
  const { seed, given } = options;
  const drawn = FLOATS.map(({ name, draw }): InputKind => {
    const shapes = shapesOf(structure);
    const integers = indexBounds(structure);
    return {
      name,
      count: Number.POSITIVE_INFINITY,
      feeds: (run) => randomFeeds(inputs, { seed: seed + run, shapes, integers, float: draw }),
    };
  });
  const hasFloats = inputs.some((input) => input.type.startsWith("float"));
  const random = hasFloats ? drawn : drawn.slice(0, 1).map(named("random integers"));
  if (given === undefined || given.feeds.length === 0) return random;
  const { name, feeds } = given;
  const first = { name, count: feeds.length, feeds: (run: number) => feeds[run] ?? {} };
  return given.only ? [first] : [first, ...random];
}

function named(name: string): (kind: InputKind) => InputKind {
  return (kind) => ({ ...kind, name });
}

function shapesOf(structure: Structure): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(
    structure.graph.inputs.map((input) => [input.name, structure.shapes.of(input.name) ?? []]),
  );
}

/** How many values each integer input may take: as many as the smallest table that it indexes has rows; 2 where none is known. */
function indexBounds(structure: Structure): Readonly<Record<string, number>> {
  return Object.fromEntries(
    structure.graph.inputs.flatMap((input) => {
      const bounds = indexedBy(structure, input.name);
      return bounds.length === 0 ? [] : [[input.name, Math.max(1, Math.min(...bounds))]];
    }),
  );
}

const PASSES: ReadonlySet<string> = new Set([
  ...["Cast", "Identity", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose", "Slice"],
  ...["Expand", "Concat", "Split", "Tile", "Gather", "Dropout"],
]);

/** Lengths of the axes that a value's elements index, through ops that only move them. */
function indexedBy(structure: Structure, name: string): readonly number[] {
  const { graph } = structure;
  const consumers = consumersOf(graph);
  const bounds: number[] = [];
  const seen = new Set([name]);
  for (const value of seen) {
    for (const node of consumers.get(value) ?? []) {
      const bound = indexBound(structure, node, value);
      if (bound !== null) bounds.push(bound);
      else if (PASSES.has(node.opType) && node.inputs[0] === value) {
        for (const output of node.outputs) if (output !== "") seen.add(output);
      }
    }
  }
  return bounds;
}

/** Rows of the table that a node indexes with this value; null where it does not index with it. */
function indexBound({ graph, shapes }: Structure, node: Node, value: string): number | null {
  const [data = "", indices = ""] = node.inputs;
  if (node.opType === "OneHot" && data === value) {
    return constantIntegers(graph, indices)?.[0] ?? null;
  }
  if (indices !== value) return null;
  if (node.opType !== "Gather" && node.opType !== "GatherElements") return null;
  const shape = constantOf(graph, data)?.shape ?? shapes.of(data);
  const attribute = node.attributes.get("axis");
  const axis = attribute?.kind === "int" ? attribute.value : 0;
  return shape?.at(axis) ?? null;
}

/** Values that depend on what the network is fed, not only on its shape. */
export function fedValues(graph: Graph): ReadonlySet<string> {
  const fed = new Set(graph.inputs.map((input) => input.name));
  for (const node of graph.nodes) {
    if (node.opType === "Shape" || node.opType === "Size") continue;
    if (node.inputs.some((name) => fed.has(name))) {
      for (const output of node.outputs) fed.add(output);
    }
  }
  return fed;
}
