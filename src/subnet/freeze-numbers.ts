import { tensorOf } from "../graph/fold/numbers.ts";
import type { Extent, Graph, Tensor } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import { dataInputs } from "../graph/op-traits.ts";
import { inferShapes, type Shapes } from "../graph/shapes/infer.ts";
import { producerOf } from "../graph/traversal.ts";
import type { Structure } from "../structure/structure.ts";

/**
 * Counts of channels that a network reads from its own shapes and computes with (a mean by hand, 1 / sqrt(width)) must stay what
 * they were: the masked original computes with all its channels. Where surgery changed such a number, and where it is read as a
 * number and not as a size, it becomes a constant. What can't be known before the network runs was pinned by the structure
 * (`structure/rules/counted.ts`).
 */
export function freezeNumbers(structure: Structure, cut: Graph): Graph {
  const readsSizes = cut.nodes.some((node) => /^(Shape|Size)$/.test(node.opType));
  if (!readsSizes) return cut;
  const before = inferShapes(structure.graph);
  const after = inferShapes(cut);
  const producers = producerOf(cut);
  const frozen = new Map<string, string>();
  const initializers = new Map<string, Tensor>(cut.initializers);
  const freeze = (name: string): string => {
    const known = frozen.get(name);
    if (known !== undefined) return known;
    const was = isCounted(name) ? numbersOf(before, name) : null;
    const { type, shape } = before.of(name) ?? { type: "other" as const, shape: [] };
    if (was === null || !producers.has(name) || String(was) === String(after.constant(name))) {
      frozen.set(name, name);
      return name;
    }
    let own = `${name}_frozen`;
    while (initializers.has(own) || producers.has(own)) own += "_";
    const values = Float64Array.from(was);
    initializers.set(own, tensorOf({ type, shape: shape.map(Number), values }));
    frozen.set(name, own);
    return own;
  };
  // Small weights are known numbers too, and are cut.
  const counted = new Map<string, boolean>();
  const isCounted = (name: string): boolean => {
    const known = counted.get(name);
    if (known !== undefined) return known;
    const node = producers.get(name);
    const reads = /^(Shape|Size)$/.test(node?.opType ?? "");
    // A Slice of a weight up to a length is the weight's numbers.
    const read = node?.inputs.slice(0, Math.max(1, dataInputs(node).length)) ?? [];
    const found = reads || read.some((input) => input !== "" && isCounted(input));
    counted.set(name, found);
    return found;
  };
  let changed = false;
  const nodes = cut.nodes.map((node) => {
    // Arithmetic on sizes alone goes on as it is; where its result is read as a number, that is frozen.
    if (before.constant(nodeId(node)) !== null) return node;
    const data = dataInputs(node).length;
    const inputs = node.inputs.map((name, index) => (index < data ? freeze(name) : name));
    if (inputs.every((name, index) => name === node.inputs[index])) return node;
    changed = true;
    return { ...node, inputs };
  });
  return changed ? { ...cut, nodes, initializers } : cut;
}

function numbersOf(shapes: Shapes, name: string): readonly number[] | null {
  const values: readonly Extent[] | null = shapes.constant(name);
  return values?.every((value) => typeof value === "number") ? values : null;
}
