import { foldedOf } from "../../graph/fold/folded.ts";
import { freeCount } from "../../structure/counts.ts";
import type { ProfiledOp } from "../ops.ts";
import type { WorkOptions } from "./work.ts";

/** A number at the channels of an operation's axes. */
export type At = (counts: readonly number[]) => number;

/** Sizes are made ready once, as they are asked for in every cell of a table. */
export interface Sizes {
  /** Where shapes of the network begin to be unknown, for people; null where all are known. */
  readonly unknown: string | null;
  /** Elements of a value or weight. Activations count the whole batch. */
  readonly elements: (name: string) => At;
  readonly extent: (name: string, axis: number) => At;
  readonly shape: (name: string) => readonly number[];
  readonly batchRatio: number;
}

export function sizesOf(op: ProfiledOp, { structure, batchRatio }: WorkOptions): Sizes {
  const forms = op.axes.map((axis) => JSON.stringify(axis));
  const shape = (name: string): readonly number[] =>
    foldedOf(structure.graph, name)?.shape ?? structure.shapes.of(name) ?? [];
  // Which axis of the operation an axis of a value follows; -1 where its length is fixed.
  const followed = (name: string, axis: number): number => {
    const count = freeCount(structure, name, axis);
    return count.parts.length === 0 ? -1 : forms.indexOf(JSON.stringify(count));
  };
  const extent = (name: string, axis: number): At => {
    const own = shape(name);
    const dense = own[axis] ?? 1;
    const follows = axis >= 0 && axis < own.length ? followed(name, axis) : -1;
    return follows < 0 ? () => dense : (counts) => counts[follows] ?? dense;
  };
  const elements = (name: string): At => {
    let fixed = foldedOf(structure.graph, name) === null ? batchRatio : 1;
    const free: At[] = [];
    for (const [axis, dense] of shape(name).entries()) {
      if (followed(name, axis) < 0) fixed *= Math.max(1, dense);
      else free.push(extent(name, axis));
    }
    return (counts) => {
      let product = fixed;
      for (const one of free) product *= Math.max(1, one(counts));
      return product;
    };
  };
  return { unknown: structure.unknown[0]?.text ?? null, elements, extent, shape, batchRatio };
}
