import type { Node } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { producerOf } from "../../graph/traversal.ts";
import type { Structure } from "../../structure/structure.ts";
import type { ProfiledOp } from "../ops.ts";
import type { Precision } from "./device.ts";

/** Whether the network names by QuantizeLinear and DequantizeLinear what runs in 8 bits. */
export function isQuantised({ graph }: Structure): boolean {
  return graph.nodes.some(({ opType }) => opType === "QuantizeLinear");
}

/**
 * The number format of each operation of a table. In int8, a quantised network runs those in int8 that read what DequantizeLinear gives,
 * and the others in float16, as TensorRT does (explicit quantisation); in a network that is not quantised, all of them count in int8.
 */
export function formatsOf(
  structure: Structure,
  precision: Precision,
): (op: ProfiledOp) => Precision {
  if (precision !== "int8" || !isQuantised(structure)) return () => precision;
  const producers = producerOf(structure.graph);
  const nodes = new Map(structure.graph.nodes.map((node) => [nodeId(node), node]));
  const isDequantised = (node: Node | undefined): boolean =>
    producers.get(node?.inputs[0] ?? "")?.opType === "DequantizeLinear";
  return (op) => (isDequantised(nodes.get(op.id)) ? "int8" : "float16");
}

/** What of a quantised network's table runs in which format; `formats` are those of its operations. */
export function formatNotes(
  structure: Structure,
  formats: readonly Precision[],
  precision: Precision,
): string[] {
  if (!isQuantised(structure)) return [];
  if (precision !== "int8") {
    return [
      `The network is quantised; the table counts it in ${precision}, as without its rounding.`,
    ];
  }
  const eight = formats.filter((format) => format === "int8").length;
  return [
    `The network is quantised: ${eight} of ${formats.length} operations read what DequantizeLinear gives and count in int8, the others in float16; the rounding itself is part of the kernels around it.`,
  ];
}
