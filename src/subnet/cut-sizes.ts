import type { Extent, Node } from "../graph/graph.ts";
import { opOf } from "../graph/read-op.ts";
import { type Fact, type Site, UNKNOWN } from "../graph/shapes/rule.ts";
import { valuesOf } from "../graph/shapes/values.ts";
import { producerOf } from "../graph/traversal.ts";
import type { Rewriting } from "./rewriting.ts";

type Sizes = readonly Extent[] | null;

/**
 * What a list of sizes holds in the smaller network, if nothing is rewritten: networks compute sizes from the lengths of axes
 * (a head's width as embedding / heads), and these follow what is cut, rightly or not. Null: not known before the network runs.
 */
export function sizesAfterCut(rewriting: Rewriting): (name: string) => Sizes {
  const { graph } = rewriting.structure;
  const producers = producerOf(graph);
  const known = new Map<string, Sizes>();
  const sizes = (name: string): Sizes => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const found = compute(name);
    known.set(name, found);
    return found;
  };
  const compute = (name: string): Sizes => {
    const dense = rewriting.open().constant(name);
    const node = producers.get(name);
    if (dense === null || node === undefined || node.outputs[0] !== name) return dense;
    const site: Site = {
      node,
      inputs: node.inputs.map((input) => factAfterCut(rewriting, input)),
      valuesAt: (index) => sizes(node.inputs[index] ?? ""),
      // No size that shapes a pruned axis comes out of a subgraph.
      inside: () => [],
    };
    return valuesOf(opOf(node, graph, sizes), site, factAfterCut(rewriting, name));
  };
  return sizes;
}

/** Whether a list of sizes that the node reads changes with what is cut. */
export function readsMovedSizes(node: Node, rewriting: Rewriting): boolean {
  return node.inputs.slice(1).some((name) => {
    const dense = rewriting.open().constant(name);
    const after = rewriting.sizes(name);
    return dense !== null && (after === null || dense.some((extent, at) => extent !== after[at]));
  });
}

function factAfterCut({ open, kept }: Rewriting, name: string): Fact {
  const fact = open().of(name);
  if (fact === null) return UNKNOWN;
  const shape = fact.shape.map((extent, axis): Extent => {
    const cut = kept(name, axis);
    if (cut === null) return extent;
    // Heads merged with the batch: of the product only what the graph says is known.
    return typeof extent === "number" ? cut.length : null;
  });
  return { type: fact.type, shape };
}
