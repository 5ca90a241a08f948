import { type Node, nodeId } from "../../graph/graph.ts";
import { hasTrait, traitsOf } from "../../graph/op-traits.ts";
import type { Structure } from "../../structure/structure.ts";
import type { ProfiledOp } from "../ops.ts";

/**
 * For operations that TensorRT computes in the registers of the contraction before them, the value that they take over
 * without reading it from memory. `profiledOps` leaves them apart where the one can be dropped without the other (the
 * activation behind a droppable convolution, or behind the addition that ends a block); they are no kernel of their own
 * all the same.
 */
export function fusedInputs(
  structure: Structure,
  ops: readonly ProfiledOp[],
): ReadonlyMap<ProfiledOp, string> {
  const nodes = new Map(structure.graph.nodes.map((node) => [nodeId(node), node]));
  const opOfValue = new Map<string, number>();
  const fused = new Map<ProfiledOp, string>();
  const takesMore = (index: number): boolean => {
    const op = ops[index];
    if (op === undefined) return false;
    const head = nodes.get(op.id);
    return (
      fused.has(op) || (head !== undefined && (hasTrait(head, "layer") || isElementwise(head)))
    );
  };
  for (const [index, op] of ops.entries()) {
    const own = op.nodes.flatMap((id) => nodes.get(id) ?? []);
    const value = latestInput(own, opOfValue);
    const feeding = value === null ? undefined : opOfValue.get(value);
    const cheap = own.every((node) => hasTrait(node, "follows") || isElementwise(node));
    if (cheap && value !== null && feeding !== undefined && takesMore(feeding)) {
      if (sameSize(structure, value, own)) fused.set(op, value);
    }
    for (const node of own) for (const name of node.outputs) opOfValue.set(name, index);
  }
  return fused;
}

/** Chains of these are one kernel, whether or not a layer stands before them. */
function isElementwise(node: Node): boolean {
  const kind = traitsOf(node)?.kind;
  return kind === "unary" || kind === "elementwise";
}

/** What the operation reads from the latest of those before it. */
function latestInput(
  nodes: readonly Node[],
  opOfValue: ReadonlyMap<string, number>,
): string | null {
  let latest: string | null = null;
  for (const name of nodes.flatMap((node) => node.inputs)) {
    const index = opOfValue.get(name);
    if (index === undefined) continue;
    if (latest === null || index > (opOfValue.get(latest) ?? -1)) latest = name;
  }
  return latest;
}

/** A broadcast result is larger than what it comes from, and is a kernel of its own. */
function sameSize(structure: Structure, value: string, nodes: readonly Node[]): boolean {
  const size = (name: string): number | undefined =>
    structure.shapes.of(name)?.reduce((product, extent) => product * extent, 1);
  const own = size(value);
  return own !== undefined && nodes.every((node) => size(node.outputs[0] ?? "") === own);
}
