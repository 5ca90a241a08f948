import { z } from "zod";
import { InputError } from "../core/errors.ts";
import { textHash } from "../core/text-hash.ts";
import type { Structure } from "../structure/structure.ts";
import { checkJoint, JOINT, type JointImportance, jointFault } from "./joint.ts";

/**
 * Methods that read the weights alone. `magnitude-l1` sums |w| and `magnitude-l2` sums w^2 over the weights that produce the
 * unit (Li et al., Pruning Filters for Efficient ConvNets, 1608.08710); `bn-scale` takes |gamma| of the BatchNormalization
 * behind them (Liu et al., Network Slimming, 1708.06519); `random` is the baseline.
 */
export const WEIGHT_METHODS = ["magnitude-l1", "magnitude-l2", "bn-scale", "random"] as const;
export type WeightMethod = (typeof WEIGHT_METHODS)[number];

/**
 * Methods that run images through the network. With L the mean loss of a batch, and means over batches:
 * `taylor-bn` |gamma dL/dgamma + beta dL/dbeta| of the BatchNormalization behind the layer (HALP 2110.10811, MDP 2406.12079);
 * `taylor` the sum over the unit's weights of (w dL/dw)^2, and `taylor-abs` of |w dL/dw| (Molchanov et al., 1906.10771);
 * `hessian` (sum over the unit's weights of w dL/dw)^2 (NViT, 2110.04869);
 * `fisher` half the mean over images of (sum over positions of a dl/da)^2, a the unit's output and l the image's loss (Theis et
 * al., 1801.05787);
 * `activation` mean |a| behind the activation function (after Molchanov et al., 1611.06440);
 * `reconstruction` the share of the consuming layers' output variance that the best least-squares refit of their weights
 * can't restore once the unit is gone (Optimal Brain Surgeon on the layer, as in 1705.07565);
 * `sensitivity` runs the network without a dim's last units, at seven widths and without each block, and takes the change of its answers; units are ordered by `reconstruction`;
 * `cross-modal` is the same for networks of two towers: it compares the similarities of all pairs in a batch, both embeddings and what fuses them, and orders
 * units by the Gauss-Newton curvature of a distillation from the network itself;
 * `refer` |trimmed mean over the unit's weights of w dK/dw|, K the sum over layers of the mean singular value of their outputs, and `afr`
 * the sum of the standardised `refer` and the same of the loss (what pre-training taught stays; 2607.08027).
 */
export const DATA_METHODS = [
  "taylor-bn",
  "taylor",
  "taylor-abs",
  "fisher",
  "hessian",
  "activation",
  "reconstruction",
  "sensitivity",
  "cross-modal",
  "refer",
  "afr",
] as const;
export type DataMethod = (typeof DATA_METHODS)[number];

export const IMPORTANCE_METHODS = [...WEIGHT_METHODS, ...DATA_METHODS] as const;
export type ImportanceMethod = (typeof IMPORTANCE_METHODS)[number];

/** Whether the method needs images. */
export function needsData(method: ImportanceMethod): method is DataMethod {
  return (DATA_METHODS as readonly string[]).includes(method);
}

/** What the loss compares the answer of the network with: the labels of the data, or the network's own best class. */
export const LABEL_SOURCES = ["data", "self"] as const;
export type LabelSource = (typeof LABEL_SOURCES)[number];

/** The images that scores were made from. */
export interface ScoreData {
  readonly images: number;
  /** Images per batch: gradients are of a batch's mean loss. */
  readonly batch: number;
  /** Null where the method has no loss. */
  readonly labels: LabelSource | null;
  /** Cuts were measured after each was repaired by itself. */
  readonly repaired?: true | undefined;
  /** SHA-256 of the prepared images and their labels, in order. */
  readonly hash: string;
}

/** What a layer's scores are divided by, so that layers can be added up: nothing, or their mean, maximum or sum. */
export const NORMALISATIONS = ["none", "mean", "max", "sum"] as const;
export type Normalisation = (typeof NORMALISATIONS)[number];

/** One layer's part in the importance of a dim. */
export interface LayerImportance {
  /** The layer's name, as in the structure. */
  readonly layer: string;
  /** Name of the innermost block around the layer: dropping it loses this part, and only this. */
  readonly block: string | null;
  /** One number per unit of the dim, not negative. */
  readonly scores: readonly number[];
}

export interface DimImportance {
  /** The dim's name, as in the structure. */
  readonly dim: string;
  readonly units: number;
  /** Units from the most to the least important, where that is not the order of their summed scores. */
  readonly order?: readonly number[] | undefined;
  /** Layers that produce the dim, in graph order; none where no layer does: its units then count nothing. */
  readonly layers: readonly LayerImportance[];
}

/** What one of the compared answers would lose: importance for it alone, in its own variance. */
export interface PartImportance {
  /** An output or another value; `similarities` of two embeddings. */
  readonly name: string;
  readonly dims: readonly DimImportance[];
  readonly joint?: readonly JointImportance[] | undefined;
}

/** How much each unit of each dim is worth, split over the layers that produce it. Contents of `importance.json`. */
export interface Importance {
  readonly schema: "mdp-importance/1";
  /** A name of `IMPORTANCE_METHODS`, or another one where the scores were made elsewhere. */
  readonly method: string;
  readonly normalisation: string;
  /** SHA-256 of the network file that was scored; null where it was never a file. */
  readonly networkHash: string | null;
  /** Seed of chance: of random scores, or of the choice of images. */
  readonly seed: number | null;
  /** Absent where the scores were made without images. */
  readonly data?: ScoreData | undefined;
  /** Names of layers that may be dropped alone by the structure, but whose loss these scores can't tell: they stay. */
  readonly unpricedLayers?: readonly string[] | undefined;
  /** Pinned dims are among them: their layers count where a block with them is dropped. */
  readonly dims: readonly DimImportance[];
  /** What dims of one product are worth together, beyond the sum of their scores; absent where nothing is known of it. */
  readonly joint?: readonly JointImportance[] | undefined;
  /** The same for each of several compared answers alone, where cuts were measured; units go in the orders of `dims`. */
  readonly parts?: readonly PartImportance[] | undefined;
}

const DIMS = z.array(
  z.object({
    dim: z.string(),
    units: z.int().nonnegative(),
    order: z.array(z.int().nonnegative()).optional(),
    layers: z.array(
      z.object({
        layer: z.string(),
        block: z.string().nullable(),
        scores: z.array(z.number().nonnegative()),
      }),
    ),
  }),
);

export const IMPORTANCE = z.object({
  schema: z.literal("mdp-importance/1"),
  method: z.string(),
  normalisation: z.string(),
  networkHash: z.string().nullable(),
  seed: z.number().nullable(),
  data: z
    .object({
      images: z.int().positive(),
      batch: z.int().positive(),
      labels: z.enum(LABEL_SOURCES).nullable(),
      hash: z.string(),
      repaired: z.literal(true).optional(),
    })
    .optional(),
  unpricedLayers: z.array(z.string()).optional(),
  dims: DIMS,
  joint: z.array(JOINT).optional(),
  parts: z
    .array(z.object({ name: z.string(), dims: DIMS, joint: z.array(JOINT).optional() }))
    .optional(),
});

/**
 * Importance from parsed JSON.
 * @param where the file it came from, for messages.
 * @throws InputError `importance/bad-file`
 */
export function parseImportance(json: unknown, where: string): Importance {
  const parsed = IMPORTANCE.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new InputError({
      code: "importance/bad-file",
      message: `This is no importance file: '${issue?.path.join(".") ?? ""}': ${issue?.message ?? ""}.`,
      where,
      hint: "Write one with `mdp score`.",
    });
  }
  for (const part of [parsed.data, ...(parsed.data.parts ?? [])]) checkScores(part, where);
  return parsed.data;
}

/** @throws InputError `importance/bad-file` where numbers of scores or orders don't fit the dims */
function checkScores({ dims, joint }: Pick<Importance, "dims" | "joint">, where: string): void {
  for (const dim of dims) {
    if (dim.order !== undefined && !isOrder(dim.order, dim.units)) {
      throw badFile(
        `The order of dim '${dim.dim}' does not name each of its ${dim.units} units once.`,
        where,
      );
    }
    const wrong = dim.layers.find((layer) => layer.scores.length !== dim.units);
    if (wrong !== undefined) {
      throw badFile(
        `Dim '${dim.dim}' has ${dim.units} units, but ${wrong.scores.length} scores in layer '${wrong.layer}'.`,
        where,
      );
    }
  }
  for (const table of joint ?? []) {
    const fault = jointFault(table);
    if (fault !== null) throw badFile(fault, where);
  }
}

function badFile(message: string, where: string): InputError {
  return new InputError({
    code: "importance/bad-file",
    message,
    where,
    hint: "Write the file again with `mdp score`.",
  });
}

function isOrder(order: readonly number[], units: number): boolean {
  const named = new Set(order.filter((unit) => unit < units));
  return order.length === units && named.size === units;
}

/**
 * Checks that the importance speaks of this network: the same dims with the same units, and layers that exist.
 * @throws InputError `importance/other-network`
 */
export function checkImportance(importance: Importance, structure: Structure, where: string): void {
  for (const part of [importance, ...(importance.parts ?? [])]) checkPart(part, structure, where);
}

function checkPart(
  { dims, joint }: Pick<Importance, "dims" | "joint">,
  structure: Structure,
  where: string,
): void {
  const byName = new Map(dims.map((dim) => [dim.dim, dim]));
  const layers = new Set(structure.layers.map((layer) => layer.name));
  for (const dim of structure.dims) {
    const scored = byName.get(dim.name);
    if (scored === undefined && dim.pinned === null) {
      throw otherNetwork(`the network's dim '${dim.name}' is not in it`, where);
    }
    if (scored !== undefined && scored.units !== dim.size) {
      throw otherNetwork(
        `dim '${dim.name}' has ${dim.size} units in the network and ${scored.units} in it`,
        where,
      );
    }
    byName.delete(dim.name);
    const stranger = scored?.layers.find((layer) => !layers.has(layer.layer));
    if (stranger !== undefined) {
      throw otherNetwork(`the network has no layer '${stranger.layer}'`, where);
    }
  }
  const [stranger] = byName.keys();
  if (stranger !== undefined) throw otherNetwork(`the network has no dim '${stranger}'`, where);
  checkJoint(joint ?? [], structure, (reason) => otherNetwork(reason, where));
}

/** The same with nothing for units that nothing reads. */
export function withoutUnread(importance: Importance, { dims }: Structure): Importance {
  const unread = new Set(dims.filter((dim) => dim.isUnread).map(({ name }) => name));
  if (unread.size === 0) return importance;
  const worthless = (dim: DimImportance): DimImportance => ({
    ...dim,
    layers: dim.layers.map((layer) => ({ ...layer, scores: layer.scores.map(() => 0) })),
  });
  return {
    ...importance,
    dims: importance.dims.map((dim) => (unread.has(dim.dim) ? worthless(dim) : dim)),
  };
}

function otherNetwork(reason: string, where: string): InputError {
  return new InputError({
    code: "importance/other-network",
    message: `The importance was made for another network: ${reason}.`,
    where,
    hint: "Score this network with `mdp score`, or name the network that was scored.",
  });
}

/** The file's text: JSON with each layer's scores on one line. */
export function importanceText(importance: Importance): string {
  const indented = JSON.stringify(importance, null, 1);
  return `${indented.replace(/\[[\d\s,.e+-]+\]/g, (list) => list.replace(/\s+/g, ""))}\n`;
}

/** SHA-256 of what an importance says. */
export function importanceHash(importance: Importance): string {
  return textHash(importanceText(importance));
}

/** Scores of the units of a dim, summed over its layers. Zeros where no layer produces it. */
export function scoreUnits(dim: DimImportance): Float64Array {
  const totals = new Float64Array(dim.units);
  for (const { scores } of dim.layers) {
    for (const [unit, score] of scores.entries()) totals[unit] = (totals[unit] ?? 0) + score;
  }
  return totals;
}

/** Unit indices from the most to the least important; equal ones by index. */
export function rankUnits(scores: ArrayLike<number>): number[] {
  return Array.from({ length: scores.length }, (_, unit) => unit).sort(
    (a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b,
  );
}

/** Units of a dim from the most to the least important. */
export function unitOrder(dim: DimImportance): readonly number[] {
  return dim.order ?? rankUnits(scoreUnits(dim));
}
