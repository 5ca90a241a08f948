import { at, get } from "../../core/at.ts";
import { attributesFrom } from "../../graph/build.ts";
import { type Graph, input, type Node, nodeId } from "../../graph/graph.ts";
import { type NodeWriter, nodeWriter } from "../../graph/node-writer.ts";
import { opOf } from "../../graph/read-op.ts";
import type { Shapes } from "../../graph/shapes/infer.ts";
import { removeDeadNodes } from "../../graph/traversal.ts";
import { axisIndex } from "../propagation.ts";
import { type Move, type Projections, squeezedAxes } from "./projections.ts";
import { writeReordered } from "./reorder.ts";

/** What is written while parts are moved. */
interface Writing {
  readonly graph: Graph;
  readonly shapes: Shapes;
  readonly writer: NodeWriter;
  /** What stands in the place of a node. */
  readonly instead: Map<Node, readonly Node[]>;
  /** What is read instead of a value that held one part. */
  readonly renamed: Map<string, string>;
}

/** The graph in which every part of these projections is moved alone. */
export function moveParts(graph: Graph, shapes: Shapes, found: readonly Projections[]): Graph {
  const writer = nodeWriter(graph);
  const writing: Writing = { graph, shapes, writer, instead: new Map(), renamed: new Map() };
  for (const projections of found) moveEach(writing, projections);
  const { instead, renamed } = writing;
  const nodes = graph.nodes
    .flatMap((node) => instead.get(node) ?? [node])
    .map((node) => ({ ...node, inputs: node.inputs.map((name) => renamed.get(name) ?? name) }));
  return removeDeadNodes({ ...graph, nodes, initializers: writer.initializers }).graph;
}

function moveEach(writing: Writing, projections: Projections): void {
  const { node, moves, takes } = projections;
  const { writer, instead, renamed } = writing;
  /** Per value that held all parts, the value of each. */
  const parts = new Map<string, readonly string[]>();
  const names = splitApart(writing, projections);
  const sizes = sizesOf(writing, projections);
  parts.set(
    nodeId(node),
    names.map((name, part) => copied(writer, node, part, [name, sizes], node.attributes)),
  );
  instead.set(node, writer.take());
  for (const move of moves) {
    const sources = get(parts, input(move.node, 0));
    parts.set(
      nodeId(move.node),
      sources.map((source, part) => movedAlone(writing, move, source, part)),
    );
    instead.set(move.node, writer.take());
  }
  for (const take of takes) {
    const sources = get(parts, input(take.node, 0));
    take.node.outputs.forEach((output, index) => {
      const source = at(sources, at(take.parts, index));
      if (take.keeps) writer.alongAxes("Unsqueeze", source, [take.place], { output });
      else renamed.set(output, source);
    });
    instead.set(take.node, writer.take());
  }
}

/** The axis split into one value per part. */
function splitApart(
  { graph, shapes, writer }: Writing,
  { node, axis, count, reordered }: Projections,
): readonly string[] {
  const given = input(node, 0);
  const each = at(shapes.resolved(given) ?? [], axis) / count;
  const source =
    reordered === null ? given : writeReordered(writer, graph, reordered.chain, reordered.order);
  const parts = Array.from({ length: count }, (_, part) => part);
  const names = parts.map((part) => `${source}_part${part}`);
  return writer.split(
    source,
    axis,
    parts.map(() => each),
    names,
  );
}

/** The list of sizes that each part is reshaped to. */
function sizesOf({ shapes, writer }: Writing, { node, place, target }: Projections): string {
  const wanted = `${nodeId(node)}_sizes`;
  if (target !== null) return writer.ints(wanted, target);
  const rank = shapes.of(nodeId(node))?.shape.length ?? 0;
  const places = Array.from({ length: rank }, (_, index) => index).filter((at) => at !== place);
  const inputs = [input(node, 1), writer.ints(`${nodeId(node)}_places`, places)];
  return writer.node("Gather", inputs, { attributes: { axis: 0 }, wanted });
}

/** The node once more, for one part; returns its output. */
function copied(
  writer: NodeWriter,
  node: Node,
  part: number,
  inputs: readonly string[],
  attributes: Node["attributes"],
): string {
  const { source: _read, ...kept } = node;
  const output = writer.fresh(`${nodeId(node)}_part${part}`);
  const name = node.name === "" ? "" : `${node.name}_${part}`;
  writer.push({ ...kept, name, inputs, outputs: [output], attributes });
  return output;
}

/** What moved all parts, for one of them: the axis that counted the parts is gone. */
function movedAlone(
  { graph, shapes, writer }: Writing,
  { node, place }: Move,
  source: string,
  part: number,
): string {
  const op = opOf(node, graph, shapes.constant);
  const shape = shapes.resolved(input(node, 0)) ?? [];
  const without = (axes: readonly number[], gone: number): readonly number[] =>
    axes.filter((axis) => axis !== gone).map((axis) => (axis > gone ? axis - 1 : axis));
  const wanted = `${nodeId(node)}_part${part}`;
  switch (op.kind) {
    case "transpose": {
      const perm = op.perm ?? shape.map((_, axis) => shape.length - 1 - axis);
      const attributes = attributesFrom({ perm: without(perm, place) });
      return copied(writer, node, part, [source], attributes);
    }
    case "squeeze": {
      const axes = without(squeezedAxes(op.axes, shape) ?? [], place);
      return writer.alongAxes("Squeeze", source, axes, { wanted });
    }
    case "unsqueeze": {
      const rank = shape.length + (op.axes?.length ?? 0);
      const axes = (op.axes ?? []).map((axis) => axisIndex(axis, rank));
      const left = Array.from({ length: rank }, (_, axis) => axis).filter(
        (axis) => !axes.includes(axis),
      );
      return writer.alongAxes("Unsqueeze", source, without(axes, at(left, place)), { wanted });
    }
    default:
      return copied(writer, node, part, [source], node.attributes);
  }
}
