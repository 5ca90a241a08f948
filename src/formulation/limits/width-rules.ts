/**
 * Limits on single dims: floors, ceilings, equal dims and alignment need no rows in the program, because they only say
 * which widths there are to choose from.
 */
import { DIM_ROLES, type Dim, type DimRole, type Structure } from "../../structure/structure.ts";
import type { WidthRule, WidthRules } from "../network/widths.ts";
import { dimsNamed } from "./dims-named.ts";
import { type Comparison, FLIPPED, type FormPart, type Relation } from "./form.ts";
import type { ParsedLimit } from "./parse.ts";
import type { ParsedRequest } from "./request.ts";
import { limitError, type Source } from "./source.ts";

/** Whether the relation speaks of dims one by one: `count('...')` alone against a number, or two that are equal. */
export function isWidthRelation(relation: Relation): boolean {
  return singleCount(relation) !== null || equalCounts(relation) !== null;
}

/** A rule for each of several dims, and how near a subnet's dims are to it. */
export interface CountRule extends WidthRule {
  readonly source: Source;
  readonly relation: Relation;
  readonly comparison: Comparison;
  readonly dims: readonly Dim[];
  /** Channels that the rule asks of a dim. */
  readonly limitOf: (dim: Dim) => number;
}

export interface AlignRule extends WidthRule {
  readonly source: Source;
  readonly multiple: number;
}

export interface EqualRule {
  readonly source: Source;
  readonly relation: Relation;
  readonly text: string;
  readonly dims: readonly [number, number];
}

/** What a request's limits say of widths. */
export interface RequestedWidths {
  readonly counts: readonly CountRule[];
  readonly alignments: readonly AlignRule[];
  readonly equal: readonly EqualRule[];
}

/** Channels between the widths of a device's own table; of the main device for null. */
export type StepOf = (device: string | null, source: Source, at: number) => number;

/**
 * @throws UsageError `formulation/limit-name`, `formulation/limit-equal`
 */
export function requestedWidths(
  structure: Structure,
  { hard }: Pick<ParsedRequest, "hard">,
  stepOf: StepOf,
): RequestedWidths {
  const relations = hard.flatMap(({ source, relations: all }) =>
    all.map((relation) => ({ source, relation })),
  );
  return {
    counts: relations.flatMap(({ source, relation }) => countRule(structure, source, relation)),
    equal: relations.flatMap(({ source, relation }) => equalRule(structure, source, relation)),
    alignments: hard.flatMap((limit) => alignRule(limit, stepOf)),
  };
}

export function widthRules({ counts, alignments, equal }: RequestedWidths): WidthRules {
  return { rules: [...counts, ...alignments], equal };
}

interface SingleCount {
  readonly part: FormPart;
  /** Channels asked for: `fixed` + `share` times the dim's own. */
  readonly fixed: number;
  readonly share: number;
  readonly comparison: Comparison;
}

function singleCount({ left, comparison, right }: Relation): SingleCount | null {
  const [part, ...more] = [...left.parts, ...right.parts];
  if (part?.ref.name !== "count" || more.length > 0) return null;
  const isLeft = left.parts.length > 0;
  const [own, other] = isLeft ? [left, right] : [right, left];
  const direction = isLeft === part.factor > 0 ? comparison : FLIPPED[comparison];
  return {
    part,
    fixed: (other.constant - own.constant) / part.factor,
    // The dense value is that of the whole side: of the factor times the dim.
    share: other.share,
    comparison: direction,
  };
}

function equalCounts({ left, comparison, right }: Relation): [FormPart, FormPart] | null {
  const [a, ...moreLeft] = left.parts;
  const [b, ...moreRight] = right.parts;
  const isPlain = left.constant === right.constant && left.share === 0 && right.share === 0;
  if (comparison !== "==" || a === undefined || b === undefined || !isPlain) return null;
  if (moreLeft.length + moreRight.length > 0 || a.factor !== b.factor) return null;
  return a.ref.name === "count" && b.ref.name === "count" ? [a, b] : null;
}

/** Rounding of a share of a whole number. */
const ROUNDING = 1e-9;

/** Whether so many channels meet the limit. */
export function meets(channels: number, comparison: Comparison, limit: number): boolean {
  if (comparison === "<=") return channels <= limit + ROUNDING;
  if (comparison === ">=") return channels >= limit - ROUNDING;
  return Math.abs(channels - limit) <= ROUNDING;
}

function countRule(structure: Structure, source: Source, relation: Relation): CountRule[] {
  const single = singleCount(relation);
  if (single === null) return [];
  const { part, fixed, share, comparison } = single;
  const dims = dimsNamed(structure, part.ref, source);
  const named = new Set(dims.map(({ index }) => index));
  const limitOf = (dim: Dim): number => fixed + share * dim.size * dim.unitChannels;
  const allows = (dim: Dim, channels: number): boolean =>
    !named.has(dim.index) || meets(channels, comparison, limitOf(dim));
  for (const dim of dims) {
    if (dim.pinned === null || allows(dim, dim.size * dim.unitChannels)) continue;
    throw limitError(
      source,
      part.ref.at,
      "name",
      `Dim '${dim.name}' can't be pruned and keeps its ${dim.size * dim.unitChannels} channels: ${dim.pinned}.`,
      "Leave this limit out.",
    );
  }
  return [{ source, relation, text: source.text, comparison, dims, limitOf, allows }];
}

function equalRule(structure: Structure, source: Source, relation: Relation): EqualRule[] {
  const pair = equalCounts(relation);
  if (pair === null) return [];
  const [left, right] = pair.map(({ ref }) => {
    const dims = dimsNamed(structure, ref, source);
    const [only, ...more] = dims;
    if (only === undefined || more.length > 0) {
      throw limitError(
        source,
        ref.at,
        "equal",
        `'${ref.argument}' names ${dims.length} dims: ${dims
          .map(({ name }) => name)
          .slice(0, 4)
          .join(", ")}...`,
        "Two dims are made equal by their full names, which mdp inspect lists.",
      );
    }
    return only;
  });
  if (left === undefined || right === undefined || left === right) return [];
  if (left.unitChannels !== right.unitChannels) {
    throw limitError(
      source,
      relation.at,
      "equal",
      `'${left.name}' is kept in groups of ${left.unitChannels} channels, '${right.name}' in groups of ${right.unitChannels}.`,
      "Only dims that are kept in groups of one size can be made equal.",
    );
  }
  return [{ source, relation, text: source.text, dims: [left.index, right.index] }];
}

function alignRule({ source, alignment }: ParsedLimit, stepOf: StepOf): AlignRule[] {
  if (alignment === null) return [];
  const { device, at } = alignment;
  const role = DIM_ROLES.find((each) => each === device) ?? null;
  if (role !== null) return [alignRole(source, alignment, role)];
  // A device that isn't there is a mistake, even where the multiple is given.
  const step = device === null ? null : stepOf(device, source, at);
  const multiple = alignment.multiple ?? step ?? stepOf(null, source, at);
  const allows = (dim: Dim, channels: number): boolean =>
    isCounted(dim) || isAligned(dim, channels, multiple);
  return [{ source, text: source.text, multiple, allows }];
}

/** Heads are no channels: what a kernel wants of widths is not said of them, unless they are named. */
function isCounted({ role }: Dim): boolean {
  return role === "heads" || role === "groups";
}

function isAligned(dim: Dim, channels: number, multiple: number): boolean {
  return channels % multiple === 0 || channels === dim.size * dim.unitChannels;
}

/** `align('qk', 8)`: what a kernel wants of the dims of one role. */
function alignRole(
  source: Source,
  { multiple, at }: NonNullable<ParsedLimit["alignment"]>,
  role: DimRole,
): AlignRule {
  if (multiple === null) {
    throw limitError(
      source,
      at,
      "argument",
      `'${role}' is what dims are in a transformer, and has no step of its own.`,
      `Say of what widths are to be multiples: align('${role}', 8).`,
    );
  }
  const allows = (dim: Dim, channels: number): boolean =>
    dim.role !== role || isAligned(dim, channels, multiple);
  return { source, text: source.text, multiple, allows };
}
