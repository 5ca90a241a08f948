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
import { findDims } from "./dims.ts";
import { flowElements } from "./flow.ts";
import { findLayers } from "./layers.ts";
import type { Propagation } from "./propagation.ts";
import type { AxisUnits, Dim, Layer, ResolvedShapes, Structure } from "./structure.ts";
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
export function findStructure(graph: Graph, options: StructureOptions = {}): Structure {
  const { bind = {} } = options;
  const shapes = resolveShapes(graph, options.batch ?? 1, bind);
  // A file may fix its batch.
  const batch = shapes.of(graph.inputs[0]?.name ?? "")?.[0] ?? 1;
  const flow = flowElements(graph, shapes);
  const { dims: found, axis, count } = findDims(flow);
  const blocks = findBlocks(graph, shapes);
  const homes = innermostBlocks(flow, found.length, axis, blocks);
  const apart: readonly Dim[] = found.map((dim, index) => ({
    ...dim,
    block: homes[index] ?? null,
    component: null,
  }));
  const layers = findLayers({ graph, shapes, dims: apart, blocks, batch, axis, count });
  const components = findComponents({ graph, shapes, layers });
  return {
    graph,
    shapes,
    dims: dimsIn(apart, { axis, layers, components }),
    layers,
    blocks: blocks.map(({ branch, ...block }) => ({
      ...block,
      layers: layersOf(layers, block.index),
    })),
    components,
    weights: findWeights(graph, count),
    contractions: findContractions(graph, shapes, batch),
    axis,
    count,
    shuffles: flow.shuffles,
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
  };
}

function openShape(name: string, shape: readonly unknown[] | null): InputError {
  return new InputError({
    code: "structure/open-shape",
    message: `Input '${name}' has shape ${shape === null ? "unknown" : `[${shape.map((extent) => extent ?? "?").join(", ")}]`}; structure needs every extent as a number.`,
    where: `input '${name}'`,
    hint: "Bind the named axes, for example height=224 and width=224, or export the model with a fixed input size.",
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
      for (const dim of axis(output, index)?.dims ?? []) if (dim >= 0) present.add(dim);
    }
  }
  return present;
}
