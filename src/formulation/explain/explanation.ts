import type { ResourceReading } from "../problem/problem.ts";
import type { NearestLimit } from "../solve/answer.ts";

/**
 * What an explanation says. Losses are in units of the objective: those of choices against the selection that is explained, those of
 * limits against the optimum.
 */

/**
 * What it costs to force one choice and decide everything else again within the limits. `exact`: the forced optimum is
 * proven. `between`: it loses at least `least` (null: nothing is known), and `most` is what a selection that has it loses (null: none was found).
 * `impossible`: no selection within the limits has it.
 */
export type Loss =
  | { readonly kind: "exact"; readonly loss: number }
  | { readonly kind: "between"; readonly least: number | null; readonly most: number | null }
  | { readonly kind: "impossible" };

/** Another option of a dim, and what it would cost. */
export interface StepReason {
  readonly count: number;
  readonly loss: Loss;
  /** With everything else as it is: what changes in the objective and, per resource, in its use. Null where other choices must change with it. */
  readonly alone: { readonly gain: number; readonly usage: readonly number[] } | null;
}

/**
 * Why a dim keeps what it keeps. `only-choice`: it has one option. `gone`: it went with its block. `narrowed`: it is below its full
 * width, and `floor`: at its least option as well. `no-saving`: it is whole, and no narrower width uses less of any limit, all else
 * as it is. `worth-more`: it is whole, because its units earn more than what they use would elsewhere.
 */
export type DimWhy = "only-choice" | "gone" | "narrowed" | "floor" | "no-saving" | "worth-more";

export interface DimReason {
  readonly name: string;
  readonly why: DimWhy;
  /** Units; 0 where it is gone. */
  readonly kept: number;
  readonly units: number;
  /** One option less and one more; null where there is none. */
  readonly narrower: StepReason | null;
  readonly wider: StepReason | null;
}

/** A block or a layer, and what it would cost to decide it the other way. Those inside a dropped block have no reason of their own. */
export interface PartReason {
  readonly name: string;
  readonly kept: boolean;
  readonly loss: Loss;
}

/** A limit, how near the selection is to it, and what it is worth. */
export interface LimitReason {
  /** Indices of the resources that it limits: one, or those of a group. */
  readonly members: readonly number[];
  readonly resource: string;
  readonly unit: string;
  readonly limit: number;
  readonly used: number;
  /** How people read it; see `ProblemResource`. */
  readonly reading: ResourceReading | null;
  /** Whether it may be exceeded at a penalty. */
  readonly soft: boolean;
  /** What taking this limit away alone would earn; above 0 it binds. Null where it isn't known. */
  readonly worthAll: number | null;
  /** Slope of the bound at the limit: objective per unit. Null where no bound was found. */
  readonly multiplier: number | null;
  /** Change of the limit that `less` and `more` are for, in its unit. */
  readonly step: number;
  readonly less: Loss;
  /** A loss below 0: what that much more earns. */
  readonly more: Loss;
}

export interface Explanation {
  /** Of the selection that is explained. */
  readonly objective: number;
  readonly usage: readonly number[];
  /** The best there is within the same limits. */
  readonly optimum: {
    readonly objective: number;
    readonly bound: number;
    readonly proven: boolean;
  };
  /** The bound that the limits' multipliers prove; null without multipliers. */
  readonly relaxation: number | null;
  readonly limits: readonly LimitReason[];
  readonly dims: readonly DimReason[];
  readonly blocks: readonly PartReason[];
  readonly layers: readonly PartReason[];
  /** What the reader must know. Sentences. */
  readonly notes: readonly string[];
}

/** Why no selection meets the limits. */
export interface Conflict {
  /** Per limit that stands in the way, how far it alone would have to move. */
  readonly nearest: readonly NearestLimit[];
  /** Limits of which that isn't known, because the time was over. */
  readonly open: readonly string[];
  /** Limits that contradict each other, none of which can be left out of the contradiction. */
  readonly limits: readonly string[];
  /** False where the time was over before each of them was shown to be needed. */
  readonly minimal: boolean;
}
