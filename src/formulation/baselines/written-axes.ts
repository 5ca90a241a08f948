/**
 * Which axis of a table is the one that its operation writes. A table of two counts doesn't say which of them is the output;
 * a model of latency as a function of the output channels has to know.
 */
import { InternalError } from "../../core/errors.ts";
import { type Node, nodeId } from "../../graph/graph.ts";
import type { LatencyOp, LatencyTable } from "../../latency/table.ts";
import type { AxisCount, Structure } from "../../structure/structure.ts";
import type { NetworkProblem } from "../network-problem.ts";
import type { Problem } from "../problem.ts";

/** Per term, the position in its axes of what the operation writes; null where no choice shapes that. */
export type WrittenAxes = readonly (number | null)[];

/** In published instances the first axis is the layer's own group. */
export function instanceWrittenAxes(problem: Problem): WrittenAxes {
  return problem.terms.map(({ axes }) => (axes.length === 0 ? null : 0));
}

/** Of a network's program, from its graph. */
export function networkWrittenAxes(network: NetworkProblem, table: LatencyTable): WrittenAxes {
  const { problem, structure } = network;
  const nodes = new Map(structure.graph.nodes.map((node) => [nodeId(node), node]));
  const ops = table.ops.values();
  return problem.terms.map(({ name, axes }) => {
    // Latency terms come in the order of the table.
    if (!name.startsWith("latency of ")) return null;
    const op = ops.next().value;
    if (op === undefined || name !== `latency of ${op.label}`) throw unmatched(name);
    const position = writtenPosition(structure, problem, op, nodes.get(op.id));
    return position === null || position >= axes.length ? null : position;
  });
}

/** Among the axes that have a choice, the one that the operation's output has. */
function writtenPosition(
  structure: Structure,
  problem: Problem,
  op: LatencyOp,
  node: Node | undefined,
): number | null {
  const isFree = (dim: number): boolean => (problem.dims[dim]?.counts.length ?? 1) > 1;
  const freeDims = ({ parts }: Pick<AxisCount, "parts">): string =>
    parts
      .map(({ dim }) => dim)
      .filter(isFree)
      .sort((a, b) => a - b)
      .join();
  const output = node?.outputs[0] ?? "";
  const rank = structure.shapes.of(output)?.length ?? 0;
  const outputs = new Set(
    Array.from({ length: rank }, (_, axis) => freeDims(structure.count(output, axis))),
  );
  const open = op.axes.map(freeDims).filter((dims) => dims !== "");
  const position = open.findLastIndex((dims) => outputs.has(dims));
  return position < 0 ? null : position;
}

function unmatched(name: string): InternalError {
  return new InternalError({
    code: "formulation/unmatched-term",
    message: `The program's '${name}' has no place in the latency table it was made from.`,
  });
}
