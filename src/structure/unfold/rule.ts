import { at } from "../../core/at.ts";
import { constantOf } from "../../graph/constants.ts";
import { codeOfType } from "../../graph/data-type.ts";
import { tensorOf } from "../../graph/fold/numbers.ts";
import type { DataType, Graph, Node } from "../../graph/graph.ts";
import type { NodeWriter } from "../../graph/node-writer.ts";
import type { Shapes } from "../../graph/shapes/infer.ts";

/** What a rule reads, and where it writes. */
export interface Fused {
  readonly node: Node;
  readonly graph: Graph;
  readonly shapes: Shapes;
  readonly writer: NodeWriter;
}

/** Writes a fused op as ops of the standard domain, the last of them with the name of its output; throws `Kept` where it can't. */
export type Unfold = (fused: Fused) => void;

/** Why an op stays as it is. */
export class Kept extends Error {}

export const MICROSOFT = "com.microsoft";

/** An input that may be left out; null where it is. */
export function optional({ node }: Fused, index: number): string | null {
  const name = node.inputs[index] ?? "";
  return name === "" ? null : name;
}

/** An input that the op must have; a file may lack it all the same. */
export function required(fused: Fused, index: number): string {
  const name = optional(fused, index);
  if (name === null) throw new Kept(`it lacks input ${index}`);
  return name;
}

/** Refuses where any of these outputs is asked for. */
export function refuseOutputs({ node }: Fused, outputs: Readonly<Record<number, string>>): void {
  for (const [index, what] of Object.entries(outputs))
    if ((node.outputs[Number(index)] ?? "") !== "") throw new Kept(`it also gives ${what}`);
}

/** Refuses where any of these inputs is given. */
export function refuseInputs(fused: Fused, inputs: Readonly<Record<number, string>>): void {
  for (const [index, what] of Object.entries(inputs))
    if (optional(fused, Number(index)) !== null) throw new Kept(`it reads ${what}`);
}

/** What an op reads that is called once per token. */
export const CACHES = "keys and values of earlier calls";

/** Columns of each head of an axis. */
export function columnsBy(width: number, heads: number): number {
  const columns = width / heads;
  if (Number.isInteger(columns)) return columns;
  throw new Kept(`${heads} heads don't divide a width of ${width}`);
}

const FLOATS: readonly DataType[] = ["float32", "float16", "float64"];

/** The type of numbers that the op works in: that of the first of its inputs whose type is known. */
export function typeOf({ node, graph, shapes }: Fused): DataType {
  for (const name of node.inputs) {
    const type = constantOf(graph, name)?.type ?? shapes.of(name)?.type;
    if (type !== undefined && FLOATS.includes(type)) return type;
  }
  throw new Kept("the type of its numbers is not known");
}

/** A number of the op's type as an initializer. */
export function scalar(fused: Fused, wanted: string, value: number): string {
  const tensor = tensorOf({ type: typeOf(fused), shape: [], values: Float64Array.of(value) });
  return fused.writer.tensor(`${at(fused.node.outputs, 0)}_${wanted}`, tensor);
}

/** A value cast to a type that ONNX has a code for. */
export function castTo(fused: Fused, value: string, type: DataType): string {
  const to = codeOfType(type);
  if (to === null) throw new Kept(`numbers of type ${type} can't be cast`);
  return stepsOf(fused).step("Cast", [value], { to });
}

/** Writes nodes named after the op; `last` gives the op's own output. */
export function stepsOf({ node, writer }: Fused): Steps {
  const output = at(node.outputs, 0);
  return {
    step: (opType, inputs, attributes = {}) =>
      writer.node(opType, inputs, { attributes, wanted: `${output}_${opType}` }),
    last: (opType, inputs, attributes = {}) => writer.node(opType, inputs, { attributes, output }),
  };
}

type Step = (
  opType: string,
  inputs: readonly string[],
  attributes?: NonNullable<Parameters<NodeWriter["node"]>[2]["attributes"]>,
) => string;

export interface Steps {
  readonly step: Step;
  readonly last: Step;
}
