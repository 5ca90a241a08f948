import type { Graph, Node } from "../../graph/graph.ts";
import { nodeId, nodeLabel } from "../../graph/graph.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { ancestors } from "../../graph/traversal.ts";
import type { Structure } from "../../structure/structure.ts";
import { keptAxes } from "../kept-axes.ts";
import type { Subnet } from "../subnet.ts";
import { type Aim, aimOf } from "./aim.ts";
import { type Clamp, clampBehind } from "./clamp.ts";
import { type LinearLayer, linearLayer, type Uncorrected } from "./linear.ts";

/** One look at one layer, and what it is corrected towards. */
export interface CorrectionStep extends Aim {
  readonly layer: LinearLayer;
  readonly label: string;
  /** Channels of the wanted value that the smaller network has; null: all. */
  readonly channels: Int32Array | null;
  /** Only what is within counts: a Relu or Clip alone reads the found value, and this is not the first look at the layer; else null. */
  readonly clamp: Clamp | null;
}

export interface CorrectionPlan {
  readonly steps: readonly CorrectionStep[];
  /** Layers that stay as they are, with the reason. */
  readonly left: readonly { readonly label: string; readonly reason: string }[];
}

/** What layers are corrected towards: their own dense output, or the residual sum that they add to where they are the last to. */
export type Target = "layer" | "stream";

export interface PlanOptions {
  readonly target: Target;
  /** Further looks at layers whose found value goes through a Relu or Clip. */
  readonly furtherLooks: number;
}

/**
 * Layers of the smaller network in the order to correct them, so that each comes after all that it reads and all that its sum reads.
 * With `stream`, the last layer of a branch makes up for what the stream lost before it, and, where blocks behind it are dropped,
 * for those: what it adds to stands for their sums.
 *
 * A Relu forgets how far below zero a value was, and a Clip how far outside of its bounds. On a further look only values count that
 * are within the bounds in one of the networks (`wayThrough`): each look brings the clamped values closer (it minimises a bound of
 * their distance that is tight at the present weights where these give values within).
 */
export function planCorrection(
  structure: Structure,
  subnet: Subnet,
  smaller: Graph,
  options: PlanOptions,
): CorrectionPlan {
  const shapes = inferShapes(smaller, { batch: 1 });
  const left: { label: string; reason: string }[] = [];
  const steps = new Map<Node, CorrectionStep>();
  const ids = new Set(structure.layers.map((layer) => layer.id));
  for (const node of smaller.nodes) {
    if (!ids.has(nodeId(node)) || node.opType === "Identity") continue;
    const layer = withinMemory(linearLayer(smaller, node, (name) => shapes.resolved(name)));
    const label = nodeLabel(node);
    if ("reason" in layer) left.push({ label, reason: layer.reason });
    else steps.set(node, { ...aimAt(structure, subnet, smaller, layer, options.target), label });
  }
  return { steps: withLooks(smaller, inOrder(smaller, steps), options.furtherLooks), left };
}

/** Bytes of a layer's second moments; a fit holds them four times. Inputs of 11,585. */
const MOST_BYTES = 2 ** 30;

/** The layer, unless its fit would take gigabytes. */
function withinMemory(layer: LinearLayer | Uncorrected): LinearLayer | Uncorrected {
  if ("reason" in layer) return layer;
  const { groups, unknowns } = layer;
  const bytes = 8 * groups * unknowns ** 2;
  if (bytes <= MOST_BYTES) return layer;
  const gigabytes = Math.ceil((4 * bytes) / 2 ** 30);
  return { reason: `it reads ${unknowns} inputs: its fit would take ${gigabytes} GB of memory` };
}

/** The aim of a layer; its own output where what is behind it has other channels. */
function aimAt(
  structure: Structure,
  subnet: Subnet,
  smaller: Graph,
  layer: LinearLayer,
  target: Target,
): Omit<CorrectionStep, "label"> {
  const kept = keptAxes(structure, subnet);
  const axisOf = (value: string): number =>
    layer.window === null ? (structure.shapes.of(value)?.length ?? 0) - 1 : 1;
  const channelsOf = (value: string): Int32Array | null => kept(value, axisOf(value));
  const countOf = (value: string): number =>
    channelsOf(value)?.length ?? structure.shapes.of(value)?.[axisOf(value)] ?? 0;
  const own: Aim = { found: layer.output, wanted: layer.output, scale: null };
  const far = target === "stream" ? aimOf(structure, subnet, smaller, layer) : own;
  const aim = countOf(far.wanted) === layer.outputs * layer.groups ? far : own;
  return { ...aim, layer, channels: channelsOf(aim.wanted), clamp: null };
}

function withLooks(
  smaller: Graph,
  steps: readonly CorrectionStep[],
  furtherLooks: number,
): readonly CorrectionStep[] {
  return steps.flatMap((step) => {
    const clamp = clampBehind(smaller, step.found);
    if (clamp === null) return [step];
    const further = { ...step, clamp };
    return [step, ...new Array<CorrectionStep>(furtherLooks).fill(further)];
  });
}

/** The steps so that each comes after those of all layers that its input and its found value need. */
function inOrder(
  graph: Graph,
  steps: ReadonlyMap<Node, CorrectionStep>,
): readonly CorrectionStep[] {
  const order: CorrectionStep[] = [];
  const begun = new Set<Node>();
  const put = (node: Node): void => {
    const step = steps.get(node);
    if (step === undefined || begun.has(node)) return;
    begun.add(node);
    for (const before of ancestors(graph, [step.layer.input, step.found])) {
      if (before !== node) put(before);
    }
    order.push(step);
  };
  for (const node of graph.nodes) put(node);
  return order;
}
