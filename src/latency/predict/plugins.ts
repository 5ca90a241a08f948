import type { Node, NodeId } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { hasTrait } from "../../graph/op-traits.ts";
import { consumersOf, producerOf } from "../../graph/traversal.ts";
import type { Structure } from "../../structure/structure.ts";
import type { ProfiledOp } from "../ops.ts";

/** The kernels of a detector's end, which TensorRT runs as one plugin (EfficientNMS). */
export interface Plugin {
  /** The operation that stands for all of them. */
  readonly head: ProfiledOp;
  /** The others, which cost nothing. */
  readonly inside: ReadonlySet<ProfiledOp>;
  /** Values that it reads: boxes and scores. */
  readonly reads: readonly string[];
}

/** Family of its kernels; device descriptions know it from detectors that were measured with the plugin. */
export const SUPPRESSION = "NonMaxSuppression";

const IS_SUPPRESSION = /^(NonMaxSuppression|(EfficientNMS|BatchedNMS).*)$/;
/** What chooses boxes before they are compared with each other. */
const CHOOSES: ReadonlySet<string> = new Set(["TopK", "NonZero"]);

/**
 * The end of a detector: the suppressions that no layer follows, all that follows them, and all that chooses boxes before them (TopK, NonZero and
 * what depends on these). Null where there is none. What decodes boxes stays as it is.
 */
export function suppressionPlugin(structure: Structure, ops: readonly ProfiledOp[]): Plugin | null {
  const { graph } = structure;
  const last = graph.nodes.filter(({ opType }) => IS_SUPPRESSION.test(opType));
  if (last.length === 0) return null;
  const after = reached(structure, last, true);
  const before = reached(structure, last, false);
  const choosing = graph.nodes.filter(
    (node) => CHOOSES.has(node.opType) && before.has(nodeId(node)),
  );
  const chosen = reached(structure, choosing, true);
  const feeds = layersBelow(structure);
  const region = new Set(
    graph.nodes
      .map(nodeId)
      .filter((id) => !feeds.has(id) && (after.has(id) || (before.has(id) && chosen.has(id)))),
  );
  const inside = ops.filter(({ nodes }) => nodes.every((id) => region.has(id)));
  const isLast = new Set(last.map(nodeId));
  const head = inside.find(({ nodes }) => nodes.some((id) => isLast.has(id)));
  if (head === undefined) return null;
  return {
    head,
    inside: new Set(inside.filter((op) => op !== head)),
    reads: valuesInto(structure, new Set(inside.flatMap(({ nodes }) => nodes))),
  };
}

/** Nodes that these lead to, or come from, themselves included. */
function reached(
  { graph }: Structure,
  from: readonly Node[],
  isForward: boolean,
): ReadonlySet<NodeId> {
  const consumers = consumersOf(graph);
  const producers = producerOf(graph);
  const found = new Set<NodeId>();
  const open = [...from];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (found.has(nodeId(node))) continue;
    found.add(nodeId(node));
    const next = isForward
      ? node.outputs.flatMap((name) => consumers.get(name) ?? [])
      : node.inputs.flatMap((name) => producers.get(name) ?? []);
    open.push(...next);
  }
  return found;
}

/** Nodes that a layer depends on. */
function layersBelow(structure: Structure): ReadonlySet<NodeId> {
  return reached(
    structure,
    structure.graph.nodes.filter((node) => hasTrait(node, "layer")),
    false,
  );
}

/** What is computed outside and read inside. */
function valuesInto({ graph, shapes }: Structure, inside: ReadonlySet<NodeId>): readonly string[] {
  const producers = producerOf(graph);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const values = graph.nodes
    .filter((node) => inside.has(nodeId(node)))
    .flatMap(({ inputs: names }) => names)
    .filter((name) => {
      const producer = producers.get(name);
      const comes = producer === undefined ? inputs.has(name) : !inside.has(nodeId(producer));
      return comes && shapes.constant(name) === null;
    });
  return [...new Set(values)];
}
