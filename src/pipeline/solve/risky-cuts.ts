import { at } from "../../core/at.ts";
import { nodeId } from "../../graph/graph.ts";
import { denseUnits, evaluateCount } from "../../structure/counts.ts";
import type { Layer, Structure } from "../../structure/structure.ts";
import { type Subnet, unitCounts } from "../../subnet/subnet.ts";

/** A first layer that keeps at most this share passes on little of the picture, whatever its scores say. */
const FEW = 0.25;
const MOST_NAMED = 3;

/**
 * Choices of a subnet that cost more quality than scores tell, in sentences with numbers: a first layer that keeps a quarter, and dropped
 * depthwise layers, which alone look at neighbouring pixels.
 */
export function riskyCuts(structure: Structure, subnet: Subnet): readonly string[] {
  return [...firstLayerCuts(structure, subnet), ...depthwiseDrops(structure, subnet)];
}

function firstLayerCuts(structure: Structure, subnet: Subnet): string[] {
  const inputs = new Set(structure.graph.inputs.map(({ name }) => name));
  const readers = new Set(
    structure.graph.nodes
      .filter((node) => node.inputs.some((name) => inputs.has(name)))
      .map((node) => nodeId(node)),
  );
  return structure.layers.flatMap((layer) => {
    const dim = layer.output.parts[0]?.dim;
    if (!readers.has(layer.id) || layer.opType !== "Conv" || dim === undefined) return [];
    const kept = evaluateCount(layer.output, unitCounts(subnet));
    const dense = evaluateCount(layer.output, denseUnits(structure));
    if (kept > FEW * dense) return [];
    return [
      `The first layer '${layer.name}' keeps ${kept} of ${dense} channels. Scores often tell too little of it: compare with --protect "^${at(structure.dims, dim).name}$".`,
    ];
  });
}

function depthwiseDrops(structure: Structure, { droppedLayers }: Subnet): string[] {
  const isDepthwise = ({ opType, groups }: Layer): boolean => opType === "Conv" && groups > 1;
  const all = structure.layers.filter(isDepthwise);
  const dropped = droppedLayers.map((index) => at(structure.layers, index)).filter(isDepthwise);
  if (dropped.length === 0) return [];
  const names = dropped.slice(0, MOST_NAMED).map(({ name }) => `'${name}'`);
  const more = dropped.length > MOST_NAMED ? `, and ${dropped.length - MOST_NAMED} more` : "";
  return [
    `${dropped.length} of ${all.length} depthwise layers are dropped (${names.join(", ")}${more}). They are few parameters, but the only ones that look at neighbouring pixels: compare with --no-layers.`,
  ];
}
