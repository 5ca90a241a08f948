/**
 * Peak memory as linear functions of the choices: at each node that runs, the sum of the values that are there at once
 * (graph/liveness.ts says what is assumed). The peak is the largest of these sums, so that a limit holds at every node.
 *
 * What is dropped changes who lives how long. Where a block is dropped, its Add's result is the other operand; where a
 * layer is dropped, its result is its input:
 *
 *     result counts always               where its stand-in would be gone by then
 *     result counts while it is kept     where its stand-in is there anyway
 *
 * And a value counts only while one of the nodes that still want it is kept. Where that would need a product of two
 * choices, the value counts whenever it may be there: a sum is then an upper bound, and never too small.
 * At a node that is itself dropped, what is there was there at a node before it, so that its sum adds nothing.
 */
import type { Node } from "../../graph/graph.ts";
import { isView } from "../../graph/liveness.ts";
import { hasTrait } from "../../graph/op-traits.ts";
import { namesRead } from "../../graph/traversal.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import { holds, OUTSIDE, type Place, placeAround } from "../network/places.ts";
import {
  type Memories,
  type Memory,
  memoriesOf,
  type RunSetting,
  sizeText,
  type ValueSize,
} from "./memories.ts";

/** One of the values that are there at a point. */
export interface LiveValue {
  readonly name: string;
  readonly size: ValueSize;
  readonly place: Place;
  /** -1 takes a value back where its place is kept. */
  readonly sign: 1 | -1;
}

/** What is there at once while a node runs. */
export type MemoryPoint = readonly LiveValue[];

/**
 * The values that are there at the network's inputs and at each of its nodes, points that others include left out.
 * @throws InputError `formulation/unknown-shape`
 */
export function memoryPoints(network: NetworkProblem, setting: RunSetting): MemoryPoint[] {
  const { graph } = network.structure;
  const memories = memoriesOf(network, setting);
  const points: MemoryPoint[] = [pointAt(network, memories, -1, null)];
  graph.nodes.forEach((node, at) => {
    const runs = node.outputs.some((name) => memories.roots.has(name)) && !isView(node);
    if (runs) points.push(pointAt(network, memories, at, node));
  });
  return withoutIncluded(network, points);
}

function pointAt(
  network: NetworkProblem,
  memories: Memories,
  at: number,
  node: Node | null,
): MemoryPoint {
  const live: LiveValue[] = [];
  for (const memory of memories.byName.values()) {
    const { name, size, written } = memory;
    if (written > at) continue;
    if (node !== null && written === at) {
      live.push(...whenWritten(network, memories, memory, node));
      continue;
    }
    const place = placeWhenWanted(network, memories, memory, at);
    if (place !== null) live.push({ name, size, place, sign: 1 });
  }
  return live;
}

/** Where a value counts from the nodes that still read it; null where none does. */
function wantedAt(network: NetworkProblem, memory: Memory, at: number): Place | null {
  const { blocks } = network.problem;
  const places = memory.uses.filter((use) => use.at >= at).map(({ place }) => place);
  const [first, ...rest] = places;
  if (first === undefined) return null;
  return rest.reduce((left, right) => placeAround(blocks, left, right), first);
}

function placeWhenWanted(
  network: NetworkProblem,
  memories: Memories,
  memory: Memory,
  at: number,
): Place | null {
  const { blocks } = network.problem;
  const wanted = wantedAt(network, memory, at);
  if (wanted === null || memory.standIn === null) return wanted;
  const source = memories.byName.get(memory.standIn.name);
  const sourceWanted = source === undefined ? null : wantedAt(network, source, at);
  const { kept } = memory.standIn;
  const isThereAnyway = sourceWanted !== null && holds(blocks, sourceWanted, wanted);
  return isThereAnyway && holds(blocks, wanted, kept) ? kept : wanted;
}

/** Where the result of the node that runs takes memory of its own; nowhere, where it writes over an operand. */
function whenWritten(
  network: NetworkProblem,
  memories: Memories,
  memory: Memory,
  node: Node,
): LiveValue[] {
  const { blocks } = network.problem;
  const { name, size, written } = memory;
  const own = memory.standIn?.kept ?? memory.place;
  const alone = (place: Place): LiveValue => ({ name, size, place, sign: 1 });
  if (!hasTrait(node, "inPlace")) return [alone(own)];
  if (node.outputs.filter((output) => memories.roots.has(output)).length !== 1) return [alone(own)];
  const operands = namesRead(node)
    .flatMap((input) => memories.byName.get(memories.roots.get(input) ?? "") ?? [])
    .filter((operand) => sizeText(operand.size) === sizeText(size));
  let least = own;
  for (const operand of operands) {
    const after = wantedAfter(network, memories, operand, memory, written);
    if (after === null) return overStandIn(network, memories, operand, alone(own), written);
    if (holds(blocks, least, after)) least = after;
  }
  return [alone(least)];
}

/** Where what stands for the operand is still wanted, the result can't write over it while the operand is dropped. */
function overStandIn(
  network: NetworkProblem,
  memories: Memories,
  { standIn }: Memory,
  result: LiveValue,
  at: number,
): LiveValue[] {
  const source = memories.byName.get(standIn?.name ?? "");
  if (standIn === null || source === undefined) return [];
  if (wantedAt(network, source, at + 1) === null) return [];
  if (!holds(network.problem.blocks, result.place, standIn.kept)) return [];
  return [result, { ...result, place: standIn.kept, sign: -1 }];
}

/** Where an operand is still wanted once the node has run: by its readers, or because it stands for something else. */
function wantedAfter(
  network: NetworkProblem,
  memories: Memories,
  operand: Memory,
  result: Memory,
  at: number,
): Place | null {
  const others = [...memories.byName.values()].filter(
    (other) =>
      other !== result &&
      other.written <= at &&
      standsFor(memories, operand.name, other) &&
      wantedAt(network, other, at + 1) !== null,
  );
  return others.length > 0 ? OUTSIDE : wantedAt(network, operand, at + 1);
}

/** Whether `name` would stand for the memory, through others too. */
function standsFor(memories: Memories, name: string, memory: Memory): boolean {
  for (let other: Memory | undefined = memory; other?.standIn; ) {
    if (other.standIn.name === name) return true;
    other = memories.byName.get(other.standIn.name);
  }
  return false;
}

/** Points whose every value is at another point too need no limit of their own. */
function withoutIncluded(network: NetworkProblem, points: readonly MemoryPoint[]): MemoryPoint[] {
  const { blocks } = network.problem;
  const sized = points.map((point) => ({
    point,
    values: point.map(({ size, place, sign }) => ({ text: sizeText(size), place, sign })),
  }));
  type Sized = (typeof sized)[number];
  const isIn = (inner: Sized, outer: Sized): boolean => {
    const free = [...outer.values];
    const isMatched = inner.values.every(({ text, place, sign }) => {
      const at = free.findIndex(
        (value) => value.text === text && value.sign === sign && holds(blocks, value.place, place),
      );
      if (at >= 0) free.splice(at, 1);
      return at >= 0;
    });
    return isMatched && free.every(({ sign }) => sign > 0);
  };
  const kept: Sized[] = [];
  for (const candidate of [...sized].sort((a, b) => b.point.length - a.point.length)) {
    if (!kept.some((other) => isIn(candidate, other))) kept.push(candidate);
  }
  return kept.map(({ point }) => point);
}
