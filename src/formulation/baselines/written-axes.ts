/**
 * Which axis of a table is the one that its operation writes. A table of two counts doesn't say which of them is the output;
 * a model of latency as a function of the output channels has to know.
 */
import type { Node } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import type { LatencyOp, LatencyTable } from "../../latency/table.ts";
import { dimsOf } from "../../structure/counts.ts";
import type { AxisCount } from "../../structure/structure.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import type { Problem } from "../problem/problem.ts";

/** Per term, the positions in its axes of what the operation writes; all of them for what is no operation's latency. */
export type WrittenAxes = readonly (readonly number[])[];

/** In published instances the first axis is the layer's own group. */
export function instanceWrittenAxes(problem: Problem): WrittenAxes {
  return problem.terms.map(({ axes }) => (axes.length === 0 ? [] : [0]));
}

const LATENCY = "latency of ";

/** Of a network's program, from its graph. */
export function networkWrittenAxes(network: NetworkProblem, table: LatencyTable): WrittenAxes {
  const nodes = new Map(network.structure.graph.nodes.map((node) => [nodeId(node), node]));
  const ops = new Map(table.ops.map((op) => [`${LATENCY}${op.label}`, op]));
  return network.problem.terms.map(({ name, axes }) => {
    const op = ops.get(name);
    if (op === undefined) return axes.map((_, at) => at);
    return writtenPositions(network, op, nodes.get(op.id)).filter(
      (position) => position < axes.length,
    );
  });
}

/** Among the axes that have a choice, those that the operation's output has. */
function writtenPositions(
  { problem, structure, variables }: NetworkProblem,
  op: LatencyOp,
  node: Node | undefined,
): readonly number[] {
  const choices = ({ parts }: Pick<AxisCount, "parts">): string =>
    parts
      .flatMap(dimsOf)
      .map((dim) => variables[dim] ?? dim)
      .filter((dim) => (problem.dims[dim]?.counts.length ?? 1) > 1)
      .sort((a, b) => a - b)
      .join();
  const output = node?.outputs[0] ?? "";
  const rank = structure.shapes.of(output)?.length ?? 0;
  const outputs = new Set(
    Array.from({ length: rank }, (_, axis) => choices(structure.count(output, axis))),
  );
  return op.axes
    .map(choices)
    .filter((dims) => dims !== "")
    .flatMap((dims, position) => (outputs.has(dims) ? [position] : []));
}
