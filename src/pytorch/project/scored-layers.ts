import type { Graph } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { findStructure } from "../../structure/find-structure.ts";
import type { Layer, Structure, UnitLevel } from "../../structure/structure.ts";
import type { PyTorchModule } from "../module/module-text.ts";

/** A dim that a layer produces, and where its units lie along the layer's channels. */
interface ScoredPart {
  readonly dim: string;
  /** Per channel the unit, or -1 where the channel belongs to another dim or to none; null: channel i is unit i. */
  readonly units: readonly number[] | null;
}

/** A layer whose units are scored by the BatchNormalization behind it. */
interface ScoredLayer {
  readonly layer: string;
  readonly block: string | null;
  /** Keys of gamma and beta in the module's state_dict. */
  readonly scale: string;
  readonly shift: string;
  readonly parts: readonly ScoredPart[];
}

/**
 * What the training script needs to write an `importance.json` by itself: how the gradients of gamma and beta become scores of
 * units. Contents of `scored.json`.
 */
export interface ScoredLayers {
  readonly schema: "mdp-scored/1";
  readonly dims: readonly { readonly dim: string; readonly units: number }[];
  /** In graph order, as in an importance. */
  readonly layers: readonly ScoredLayer[];
}

/** The layers of a network whose scores `taylor-bn` tells (HALP 2110.10811), by the keys of its module. */
export function scoredLayers(graph: Graph, module: PyTorchModule): ScoredLayers {
  const structure = findStructure(graph);
  const keys = new Map(module.parameters.map(({ initializer, key }) => [initializer, key]));
  return {
    schema: "mdp-scored/1",
    dims: structure.dims.map(({ name, size }) => ({ dim: name, units: size })),
    layers: structure.layers.flatMap((layer) => scoredLayer(structure, layer, keys) ?? []),
  };
}

function scoredLayer(
  structure: Structure,
  layer: Layer,
  keys: ReadonlyMap<string, string>,
): ScoredLayer | null {
  const norm = structure.graph.nodes.find((node) => nodeId(node) === layer.normalisation);
  const [, gamma = "", beta = ""] = norm?.inputs ?? [];
  const [scale, shift] = [keys.get(gamma), keys.get(beta)];
  const axis = structure.axis(gamma, 0);
  if (scale === undefined || shift === undefined || axis === null) return null;
  const block = structure.blocks[layer.blocks.at(-1) ?? -1]?.name ?? null;
  const [level] = axis.levels;
  if (level === undefined || axis.levels.length > 1) return null;
  const parts = [...new Set(level.dims)]
    .filter((dim) => dim >= 0)
    .map((dim): ScoredPart => {
      const name = structure.dims[dim]?.name ?? "";
      return { dim: name, units: unitsOf(level, dim, structure.dims[dim]?.size ?? 0) };
    });
  return { layer: layer.name, block, scale, shift, parts };
}

function unitsOf(axis: UnitLevel, dim: number, size: number): readonly number[] | null {
  const units = Array.from(axis.units, (unit, at) => (axis.dims[at] === dim ? unit : -1));
  return units.length === size && units.every((unit, at) => unit === at) ? null : units;
}
