import { foldedOf } from "../graph/fold/folded.ts";
import type { Attribute, Node, NodeId } from "../graph/graph.ts";
import { nodeId, nodeLabel } from "../graph/graph.ts";
import { hasTrait } from "../graph/op-traits.ts";
import { producerOf } from "../graph/traversal.ts";
import { freeCount } from "../structure/counts.ts";
import type { AxisCount, Structure } from "../structure/structure.ts";

/**
 * An operation that a latency table has an entry for: a node that works, with the cheap nodes behind it that a runtime
 * usually fuses into it. All of its nodes go or stay together: they are in the same blocks and droppable layer.
 */
export interface ProfiledOp {
  /** Node id of the first node; what the table calls it. */
  readonly id: NodeId;
  readonly label: string;
  /** "Conv+Relu" */
  readonly kind: string;
  readonly nodes: readonly NodeId[];
  /** Up to two channel counts that shape it, without dims that can't be pruned. */
  readonly axes: readonly AxisCount[];
  /** Ops of one signature do the same work at the same counts, so that measurements of one serve the others. */
  readonly signature: string;
  /** Ops of one family do the same work per position of their output, which has so many of them (height times width). */
  readonly family: string;
  readonly positions: number;
  /** Whether dropping blocks or layers can remove it. */
  readonly droppable: boolean;
}

/** The operations of a network. Nodes that compute constants only are left out: runtimes fold them. */
export function profiledOps(structure: Structure): readonly ProfiledOp[] {
  const known = opsByStructure.get(structure);
  if (known !== undefined) return known;
  const ops = findOps(structure);
  opsByStructure.set(structure, ops);
  return ops;
}

/** A prediction asks three times for the operations of one structure. */
const opsByStructure = new WeakMap<Structure, readonly ProfiledOp[]>();

function findOps(structure: Structure): readonly ProfiledOp[] {
  const dynamic = dynamicValues(structure);
  const placeOf = places(structure);
  const groups: { place: string; nodes: Node[] }[] = [];
  const groupOf = new Map<string, number>();
  for (const node of structure.graph.nodes) {
    if (!node.outputs.some((name) => dynamic.has(name))) continue;
    const place = placeOf(nodeId(node));
    const joined = hasTrait(node, "follows") ? groupToJoin(node, place, groupOf, groups) : null;
    const index = joined ?? groups.push({ place, nodes: [] }) - 1;
    groups[index]?.nodes.push(node);
    for (const name of node.outputs) groupOf.set(name, index);
  }
  return groups.map(({ place, nodes }) => describeOp(structure, nodes, dynamic, place !== ""));
}

/** The latest group, among those that feed the node, that goes and stays with it. */
function groupToJoin(
  node: Node,
  place: string,
  groupOf: ReadonlyMap<string, number>,
  groups: readonly { readonly place: string }[],
): number | null {
  const feeding = node.inputs
    .flatMap((name) => groupOf.get(name) ?? [])
    .filter((index) => groups[index]?.place === place);
  return feeding.length === 0 ? null : Math.max(...feeding);
}

function dynamicValues(structure: Structure): ReadonlySet<string> {
  const dynamic = new Set(structure.graph.inputs.map((value) => value.name));
  for (const node of structure.graph.nodes) {
    const known = node.outputs.every((name) => structure.shapes.constant(name) !== null);
    if (known || !node.inputs.some((name) => dynamic.has(name))) continue;
    for (const name of node.outputs) dynamic.add(name);
  }
  return dynamic;
}

/** Names the choices that can remove a node: the innermost block and the droppable layer it is part of; "" for none. */
function places(structure: Structure): (id: NodeId) => string {
  const blockOf = new Map<NodeId, number>();
  const depth = (index: number | null): number =>
    index === null ? 0 : 1 + depth(structure.blocks[index]?.parent ?? null);
  const outerFirst = [...structure.blocks].sort((a, b) => depth(a.index) - depth(b.index));
  for (const block of outerFirst) for (const id of block.nodes) blockOf.set(id, block.index);
  const layerOf = new Map<NodeId, number>();
  for (const layer of structure.layers.filter(({ drop }) => drop !== null)) {
    layerOf.set(layer.id, layer.index);
    if (layer.normalisation !== null) layerOf.set(layer.normalisation, layer.index);
  }
  return (id) => {
    const [block, layer] = [blockOf.get(id), layerOf.get(id)];
    return `${block === undefined ? "" : `b${block}`}${layer === undefined ? "" : `l${layer}`}`;
  };
}

function describeOp(
  structure: Structure,
  nodes: readonly Node[],
  dynamic: ReadonlySet<string>,
  droppable: boolean,
): ProfiledOp {
  const [head] = nodes as readonly [Node];
  const axes = axesOf(structure, head, dynamic);
  return {
    id: nodeId(head),
    label: nodeLabel(head),
    kind: kindOf(nodes),
    nodes: nodes.map(nodeId),
    axes,
    signature: signatureOf(structure, nodes, axes, dynamic, String),
    family: signatureOf(structure, nodes, axes, dynamic, (extent, isSpatial) =>
      isSpatial ? "_" : String(extent),
    ),
    positions: positionsOf(structure, head, axes),
    droppable,
  };
}

function kindOf(nodes: readonly Node[]): string {
  // BatchNormalization is folded into the weights wherever it directly follows them; it never costs anything of its own.
  return nodes
    .map((node) => node.opType)
    .filter((opType, index) => index === 0 || opType !== "BatchNormalization")
    .join("+");
}

/** Channel counts of what the node reads and writes; where there are more than two, the first read and the written. */
function axesOf(structure: Structure, head: Node, dynamic: ReadonlySet<string>): AxisCount[] {
  const distinct = new Map<string, AxisCount>();
  const names = [
    ...head.inputs.filter((name) => dynamic.has(name)),
    ...head.outputs.filter((name) => name !== ""),
  ];
  for (const name of names) {
    for (const count of shapedAxes(structure, name)) distinct.set(JSON.stringify(count), count);
  }
  const all = [...distinct.values()];
  const last = all.at(-1);
  if (all.length <= 2 || last === undefined) return all;
  // What a Concat costs follows from the sum alone.
  return head.opType === "Concat" ? [last] : [...all.slice(0, 1), last];
}

function shapedAxes(structure: Structure, value: string): AxisCount[] {
  const rank = structure.shapes.of(value)?.length ?? 0;
  return Array.from({ length: rank }, (_, axis) => freeCount(structure, value, axis)).filter(
    (count) => count.parts.length > 0,
  );
}

/** Height times width of what the node writes where that is an image that no dim shapes; 1 otherwise. */
function positionsOf(structure: Structure, head: Node, axes: readonly AxisCount[]): number {
  const output = head.outputs[0] ?? "";
  const shape = structure.shapes.of(output) ?? [];
  if (shape.length !== IMAGE_RANK) return 1;
  const forms = axes.map((axis) => JSON.stringify(axis));
  return shape.reduce((product, extent, axis) => {
    const isFixed = !forms.includes(JSON.stringify(freeCount(structure, output, axis)));
    return axis >= FIRST_SPATIAL && isFixed ? product * extent : product;
  }, 1);
}

/** Batch, channels, height, width. */
const IMAGE_RANK = 4;
const FIRST_SPATIAL = 2;

/** @param extentText of an extent that no dim shapes; `isSpatial` for height and width of images */
function signatureOf(
  structure: Structure,
  nodes: readonly Node[],
  axes: readonly AxisCount[],
  dynamic: ReadonlySet<string>,
  extentText: (extent: number, isSpatial: boolean) => string,
): string {
  const forms = axes.map((axis) => JSON.stringify(axis));
  const shapeText = (value: string): string => {
    const shape = structure.shapes.of(value) ?? [];
    const extents = shape.map((extent, axis) => {
      const index = forms.indexOf(JSON.stringify(freeCount(structure, value, axis)));
      const isSpatial = shape.length === IMAGE_RANK && axis >= FIRST_SPATIAL;
      return index < 0 ? extentText(extent, isSpatial) : `*${index}`;
    });
    return `[${extents.join(",")}]`;
  };
  const producers = producerOf(structure.graph);
  return nodes
    .filter((node, index) => index === 0 || node.opType !== "BatchNormalization")
    .map((node, index) => {
      const read = index > 0 ? [] : node.inputs.filter((name) => dynamic.has(name));
      // A first layer reads the input in its own layout, which costs differently.
      const fromInput = read.some((name) => !producers.has(name)) ? "input" : "";
      const weight =
        index > 0 ? [] : node.inputs.slice(1, 2).flatMap((name) => kernelOf(structure, name));
      return [
        node.opType,
        fromInput,
        attributesText(node),
        weight.join("x"),
        read.map(shapeText).join(),
        index > 0 ? "" : node.outputs.slice(0, 1).map(shapeText).join(),
      ].join("|");
    })
    .join("+");
}

/** Spatial extents of a constant weight. */
function kernelOf(structure: Structure, name: string): readonly number[] {
  return foldedOf(structure.graph, name)?.shape.slice(2) ?? [];
}

function attributesText(node: Node): string {
  return [...node.attributes]
    .filter(([name]) => name !== "group")
    .map(([name, attribute]) => `${name}=${attributeText(attribute)}`)
    .sort()
    .join(",");
}

function attributeText(attribute: Attribute): string {
  return attribute.kind === "tensor" || attribute.kind === "graph" || attribute.kind === "opaque"
    ? attribute.kind
    : String(attribute.value);
}
