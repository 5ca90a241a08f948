import { InputError } from "../core/errors.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { blocksAround, type FoundBlock, findBlocks } from "./blocks.ts";
import { scopeName, scopesOf } from "./components/component.ts";
import {
  type ComponentRule,
  componentsByHand,
  findComponents,
} from "./components/find-components.ts";
import { dimsAlong } from "./counts.ts";
import { inAttention } from "./dim-step.ts";
import { type FoundDims, findDims } from "./dims.ts";
import { flowElements } from "./flow.ts";
import { findLayers } from "./layers.ts";
import { splitProjections } from "./parts/split-projections.ts";
import { copyConstants, foldWeights } from "./prepare.ts";
import type { Propagation } from "./propagation.ts";
import { namesByRole, rolesOf } from "./roles.ts";
import type { AxisUnits, Dim, Layer, ResolvedShapes, Structure } from "./structure.ts";
import { unfoldFused } from "./unfold/unfold.ts";
import { misdeclaredNotes, unknownShapes } from "./unknown-shapes.ts";
import { unreadDims } from "./unread.ts";
import { findContractions, findWeights } from "./weights.ts";

export interface StructureOptions {
  /** Extent of symbolic batch axes; 1 by default. */
  readonly batch?: number;
  /** Extents of other symbolic axes, by name. */
  readonly bind?: Readonly<Record<string, number>>;
}

/**
 * Finds what can be pruned: dims by uniting tensor indices over the graph (see docs/decisions/0002), layers and blocks.
 * Requires a checked graph.
 *
 * @throws InputError `structure/open-shape` where an input has an extent that is neither a number nor bound.
 * @example
 * const structure = findStructure(readModel("resnet50.onnx").graph);
 * structure.dims.filter((dim) => dim.pinned === null).length // 37
 */
export function findStructure(original: Graph, options: StructureOptions = {}): Structure {
  const { bind = {}, batch: atBatch = 1 } = options;
  const extents = { batch: atBatch, bind };
  const unfolded = unfoldFused(original, extents);
  const folded = foldWeights(unfolded.graph);
  const apart = splitProjections(folded.graph, extents);
  const { graph, shapes, flow, dims, notes } = flowUntied(apart.graph, options);
  // A file may fix its batch.
  const batch = shapes.of(graph.inputs[0]?.name ?? "")?.[0] ?? 1;
  const { dims: found, axis, count } = dims;
  const blocks = findBlocks(graph, shapes);
  const homes = innermostBlocks(flow, found.length, axis, blocks);
  const housed = found.map((dim, index) => ({ ...dim, block: homes[index] ?? null }));
  const roles = rolesOf(flow, { axis }, housed, blocks);
  const names = namesByRole(
    housed.map(({ name }, index) => ({ name, role: roles[index] ?? null })),
  );
  const named = housed.map(
    ({ isFactor, ...dim }, index): Dim => ({
      ...dim,
      unitChannels: isFactor && inAttention(roles[index] ?? null) ? 1 : dim.unitChannels,
      name: names[index] ?? dim.name,
      role: roles[index] ?? null,
      component: null,
      isUnread: false,
    }),
  );
  const layers = findLayers({ graph, shapes, dims: named, blocks, batch, axis, count });
  const unread = unreadDims(graph, named, layers, { axis, shapes });
  const components = findComponents({ graph, shapes, layers });
  return {
    graph,
    given: original,
    bind,
    shapes,
    dims: dimsIn(
      named.map((dim) => ({ ...dim, isUnread: unread.has(dim.index) })),
      { axis, layers, components },
    ),
    layers,
    blocks: blocks.map(({ branch, ...block }) => ({
      ...block,
      layers: layersOf(layers, block.index),
    })),
    components,
    weights: findWeights(graph, count),
    contractions: findContractions(graph, shapes, batch, count),
    axis,
    count,
    shuffles: flow.shuffles,
    notes: [
      ...misdeclaredNotes(inferShapes(graph, { batch, bind }).misdeclared),
      ...unfolded.notes,
      ...folded.notes,
      ...apart.notes,
      ...notes,
    ],
    unknown: unknownShapes(graph, shapes),
  };
}

/**
 * The structure with components named by hand or found by another rule. Hand-made ones take their layers from those found.
 * @throws UsageError `structure/empty-component`
 */
export function withComponents(
  structure: Structure,
  named: ReadonlyMap<string, RegExp>,
  rule: ComponentRule = "auto",
): Structure {
  if (named.size === 0 && rule === "auto") return structure;
  const found = rule === "auto" ? structure.components : findComponents(structure, rule);
  const components = componentsByHand(structure, found, named);
  const { axis, layers, dims } = structure;
  return { ...structure, components, dims: dimsIn(dims, { axis, layers, components }) };
}

/** The dims with the components that they are in. */
function dimsIn(
  dims: readonly Dim[],
  source: Pick<Structure, "axis" | "layers" | "components">,
): readonly Dim[] {
  const scopes = scopesOf({ ...source, dims }, source.components);
  return dims.map((dim, index) => {
    const scope = scopes[index];
    return { ...dim, component: scope === undefined ? null : scopeName(scope) };
  });
}

interface Flowed {
  readonly graph: Graph;
  readonly shapes: ResolvedShapes;
  readonly flow: Propagation;
  readonly dims: FoundDims;
  readonly notes: readonly string[];
}

/** Lets elements flow with a copy of each shared constant per place; copies that would be cut alike stay one. */
function flowUntied(graph: Graph, options: StructureOptions): Flowed {
  const flowed = (each: Graph, notes: readonly string[]): Flowed => {
    const shapes = resolveShapes(each, options.batch ?? 1, options.bind ?? {});
    checkExtents(each, shapes);
    const flow = flowElements(each, shapes);
    return { graph: each, shapes, flow, dims: findDims(flow), notes };
  };
  const apart = copyConstants(graph);
  const first = flowed(apart.graph, []);
  if (apart.copies.size === 0) return first;
  const groups = new Map(
    [...apart.copies].map(([name, copies]) => [name, groupsOf(first, copies)] as const),
  );
  const needed = copyConstants(graph, (name, place) => groups.get(name)?.[place] ?? 0);
  const notes = [...needed.copies].map(([name, copies]) => {
    const count = new Set(copies).size;
    return `The constant '${name}' is stored once for ${count} places that keep different units; each gets a copy of its own.`;
  });
  return flowed(needed.graph, notes);
}

/** A number per copy; equal where two copies have the same units along every axis. */
function groupsOf({ dims, flow }: Flowed, copies: readonly string[]): readonly number[] {
  const keys = copies.map((name) => {
    const rank = flow.axes.get(name)?.length ?? 0;
    return Array.from({ length: rank }, (_, index) => {
      const units = dims.axis(name, index);
      const texts = units?.levels.map((level) => `${level.dims.join()}:${level.units.join()}`);
      return texts?.join(";") ?? "-";
    }).join("|");
  });
  return keys.map((key) => keys.indexOf(key));
}

function layersOf(layers: readonly Layer[], block: number): readonly number[] {
  return layers.filter((layer) => layer.blocks.includes(block)).map((layer) => layer.index);
}

function resolveShapes(
  graph: Graph,
  batch: number,
  bind: Readonly<Record<string, number>>,
): ResolvedShapes {
  const inferred = inferShapes(graph, { batch, bind });
  // Constants must hold for every batch, as surgery writes them into the network.
  const open = inferShapes(graph, { bind });
  const unbound = inferShapes(graph);
  const numbers = (list: readonly unknown[] | null | undefined): readonly number[] | null => {
    const known = list?.filter((item) => typeof item === "number");
    return known !== undefined && known.length === list?.length ? known : null;
  };
  for (const input of graph.inputs) {
    const shape = inferred.of(input.name)?.shape ?? null;
    if (numbers(shape) === null) throw openShape(input.name, shape);
  }
  const shapes = new Map<string, readonly number[] | null>();
  return {
    of: (name) => {
      const known = shapes.get(name);
      if (known !== undefined) return known;
      const shape = numbers(inferred.of(name)?.shape);
      shapes.set(name, shape);
      return shape;
    },
    constant: (name) => numbers(open.constant(name)),
    extents: (name) => unbound.constant(name),
  };
}

function openShape(name: string, shape: readonly unknown[] | null): InputError {
  return new InputError({
    code: "structure/open-shape",
    message: `Input '${name}' has shape ${shape === null ? "unknown" : `[${shape.map((extent) => extent ?? "?").join(", ")}]`}; structure needs every extent as a number.`,
    where: `input '${name}'`,
    hint: "Give each named axis a length, for example --bind height=224 --bind width=224, or export the model with a fixed input size.",
  });
}

/** Per dim, the innermost block whose branch produces every value that the dim is on. */
function innermostBlocks(
  flow: Propagation,
  dims: number,
  axis: (value: string, axis: number) => AxisUnits | null,
  blocks: readonly FoundBlock[],
): readonly (number | null)[] {
  const around: (readonly number[] | null)[] = new Array<null>(dims).fill(null);
  const meet = (dim: number, chain: readonly number[]): void => {
    const before = around[dim] ?? null;
    around[dim] = before === null ? chain : before.filter((block) => chain.includes(block));
  };
  for (const node of flow.graph.nodes) {
    const present = dimsOn(flow, node, axis);
    if (present.size === 0) continue;
    const chain = blocksAround(blocks, node);
    for (const dim of present) meet(dim, chain);
  }
  return around.map((chain) => chain?.at(-1) ?? null);
}

function dimsOn(
  flow: Propagation,
  node: Node,
  axis: (value: string, axis: number) => AxisUnits | null,
): ReadonlySet<number> {
  const present = new Set<number>();
  for (const output of node.outputs) {
    const rank = flow.axes.get(output)?.length ?? 0;
    for (let index = 0; index < rank; index += 1) {
      for (const dim of dimsAlong(axis(output, index))) present.add(dim);
    }
  }
  return present;
}

/** Elements of an axis are held one by one: 4 bytes each. */
const LONGEST_AXIS = 2 ** 28;

function checkExtents(graph: Graph, shapes: ResolvedShapes): void {
  const names = [...graph.inputs.map(({ name }) => name), ...graph.nodes.flatMap((n) => n.outputs)];
  for (const name of names) {
    const longest = Math.max(0, ...(shapes.of(name) ?? []));
    if (longest <= LONGEST_AXIS) continue;
    throw new InputError({
      code: "structure/axis-too-long",
      message: `'${name}' has an axis of ${longest} elements; at most ${LONGEST_AXIS} are supported.`,
      where: name,
      hint: "Check the shapes that the network's inputs are declared with, and what --bind says.",
    });
  }
}
