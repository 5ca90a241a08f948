/** What exporters take apart and a reader wants whole: linear layers, GELU, SiLU, hard swish, channel-wise LayerNorm. */
import { constantOf } from "../../../graph/constants.ts";
import { type Graph, intsAttribute, type Node } from "../../../graph/graph.ts";
import { consumersOf, producerOf } from "../../../graph/traversal.ts";
import { isPlainHardSigmoid } from "./elementwise.ts";
import type { LinearParts } from "./layers.ts";

/** What stands for several nodes, at the last of them. */
export type Pattern =
  | { readonly kind: "linear"; readonly parts: LinearParts }
  | {
      readonly kind: "activation";
      readonly name: "gelu" | "silu" | "hardswish";
      readonly input: string;
    }
  | { readonly kind: "layerNorm2d"; readonly norm: Node; readonly input: string };

export interface Patterns {
  /** By the node whose output is the pattern's. */
  readonly at: ReadonlyMap<Node, Pattern>;
  /** Nodes inside of patterns, which nothing else reads. */
  readonly inside: ReadonlySet<Node>;
}

export function findPatterns(graph: Graph): Patterns {
  const at = new Map<Node, Pattern>();
  const inside = new Set<Node>();
  for (const node of graph.nodes) {
    const found =
      linearAt(graph, node) ?? geluAt(graph, node) ?? gatedAt(graph, node) ?? normAt(graph, node);
    if (found === null) continue;
    at.set(found.last, found.pattern);
    for (const inner of found.inner) inside.add(inner);
  }
  return { at, inside };
}

interface Found {
  readonly last: Node;
  readonly inner: readonly Node[];
  readonly pattern: Pattern;
}

function onlyConsumer(graph: Graph, node: Node): Node | null {
  const [output = ""] = node.outputs;
  const consumers = consumersOf(graph).get(output) ?? [];
  const leaves = graph.outputs.some((value) => value.name === output);
  return consumers.length === 1 && !leaves ? (consumers[0] ?? null) : null;
}

/** MatMul with a stored matrix, also one that is transposed on the way, and the Add of a bias after it. */
function linearAt(graph: Graph, node: Node): Found | null {
  if (node.opType !== "MatMul") return null;
  const [input = "", second = ""] = node.inputs;
  if (constantOf(graph, input) !== null) return null;
  const turned = producerOf(graph).get(second);
  const isTurned =
    turned?.opType === "Transpose" && constantOf(graph, turned.inputs[0] ?? "") !== null;
  const weight = isTurned ? (turned.inputs[0] ?? "") : second;
  if (constantOf(graph, weight)?.shape.length !== 2) return null;
  const inner = isTurned && onlyConsumer(graph, turned) === node ? [turned] : [];
  const parts = { weight, transposed: !isTurned, input };
  const next = onlyConsumer(graph, node);
  const other = next?.inputs.find((name) => name !== node.outputs[0]) ?? "";
  const columns = constantOf(graph, weight)?.shape[isTurned ? 0 : 1];
  const bias = constantOf(graph, other);
  if (next?.opType === "Add" && bias?.shape.length === 1 && bias.shape[0] === columns) {
    const whole = { ...parts, bias: other, output: next.outputs[0] ?? "" };
    return { last: next, inner: [...inner, node], pattern: { kind: "linear", parts: whole } };
  }
  const whole = { ...parts, bias: null, output: node.outputs[0] ?? "" };
  return { last: node, inner, pattern: { kind: "linear", parts: whole } };
}

/** x / 2 (1 + erf(x / sqrt 2)), in either order of the last two products. */
function geluAt(graph: Graph, erf: Node): Found | null {
  if (erf.opType !== "Erf") return null;
  const scaled = producerOf(graph).get(erf.inputs[0] ?? "");
  const input = scaled?.inputs.find((name) => constantOf(graph, name) === null) ?? "";
  const factor = numberIn(graph, scaled);
  const isRoot =
    (scaled?.opType === "Div" && near(factor, Math.SQRT2)) ||
    (scaled?.opType === "Mul" && near(factor, Math.SQRT1_2));
  const added = onlyConsumer(graph, erf);
  if (
    scaled === undefined ||
    !isRoot ||
    added?.opType !== "Add" ||
    !near(numberIn(graph, added), 1)
  )
    return null;
  const first = onlyConsumer(graph, added);
  const second = first === null ? null : onlyConsumer(graph, first);
  if (first?.opType !== "Mul" || second?.opType !== "Mul") return null;
  const inner = [scaled, erf, added, first];
  const pattern = { kind: "activation", name: "gelu", input } as const;
  if (first.inputs.includes(input) && near(numberIn(graph, second), 0.5))
    return { last: second, inner, pattern };
  if (near(numberIn(graph, first), 0.5) && second.inputs.includes(input))
    return { last: second, inner, pattern };
  return null;
}

/** x sigmoid(x) and x hardsigmoid(x). */
function gatedAt(graph: Graph, node: Node): Found | null {
  if (node.opType !== "Mul") return null;
  const [left = "", right = ""] = node.inputs;
  for (const [input, gated] of [
    [left, right],
    [right, left],
  ] as const) {
    const gate = producerOf(graph).get(gated);
    if (gate?.inputs[0] !== input || onlyConsumer(graph, gate) !== node) continue;
    const hard = gate.opType === "HardSigmoid" && isPlainHardSigmoid(gate);
    if (gate.opType !== "Sigmoid" && !hard) continue;
    const name = hard ? "hardswish" : "silu";
    return { last: node, inner: [gate], pattern: { kind: "activation", name, input } };
  }
  return null;
}

/** LayerNormalization over the channels of an image: moved to the end, normalised, moved back. */
function normAt(graph: Graph, norm: Node): Found | null {
  if (norm.opType !== "LayerNormalization") return null;
  const before = producerOf(graph).get(norm.inputs[0] ?? "");
  const after = onlyConsumer(graph, norm);
  if (before?.opType !== "Transpose" || after?.opType !== "Transpose") return null;
  const there = intsAttribute(before, "perm", []).join(" ") === "0 2 3 1";
  const back = intsAttribute(after, "perm", []).join(" ") === "0 3 1 2";
  if (!there || !back || onlyConsumer(graph, before) !== norm) return null;
  const stored = [1, 2].every(
    (index) => constantOf(graph, norm.inputs[index] ?? "")?.shape.length === 1,
  );
  if (!stored) return null;
  const pattern = { kind: "layerNorm2d", norm, input: before.inputs[0] ?? "" } as const;
  return { last: after, inner: [before, norm], pattern };
}

/** The number of a node that has one operand of one element. */
function numberIn(graph: Graph, node: Node | undefined): number | null {
  for (const name of node?.inputs ?? []) {
    const tensor = constantOf(graph, name);
    if (tensor?.type !== "float32" || tensor.byteLength !== 4) continue;
    return new DataView(Uint8Array.from(tensor.bytes()).buffer).getFloat32(0, true);
  }
  return null;
}

function near(value: number | null, expected: number): boolean {
  return value !== null && Math.abs(value - expected) < 1e-4;
}
