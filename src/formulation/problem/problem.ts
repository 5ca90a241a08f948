/**
 * The pruning program, free of networks and of solvers: what can be chosen, what each choice earns and costs.
 * Real networks (structure + importance + latency) and published instances are both turned into this; the exact
 * presolve, the mixed-integer encoding, the decoder and the independent checker all work on it.
 */

/** Exactly one of `choices` options is taken in each dim. Option k keeps `counts[k]` units. */
export interface ProblemDim {
  readonly name: string;
  /** Number of kept units per option, strictly increasing. */
  readonly counts: readonly number[];
  /** Index of the block whose dropping removes the dim altogether, or null where the dim outlives every block. */
  readonly block: number | null;
}

/**
 * A count that is the sum of two others (the axis after a Concat, or a stream that later stages widen) or their product (heads
 * times a head's width): its options are the distinct values of `sumValue`. Longer ones are built as a chain of these: a sum
 * refers to sums before it only.
 * Where one operand is in a block, the other is in the same block, one around it, or none.
 */
export interface ProblemSum {
  readonly name: string;
  readonly left: AxisRef;
  readonly right: AxisRef;
  /** Units of this axis per unit of the left and of the right operand. */
  readonly leftUnits: number;
  readonly rightUnits: number;
  /** Units of this axis per unit of the left times unit of the right operand; none where absent. */
  readonly productUnits?: number | undefined;
  /** Distinct reachable values, increasing. Option s of this axis has values[s] units. */
  readonly values: readonly number[];
}

/** What a table is indexed by: the option of a dim, or the option of a sum (an index into `dims` or `sums`). */
export type AxisRef =
  | { readonly kind: "dim"; readonly index: number }
  | { readonly kind: "sum"; readonly index: number };

/** A branch that can be dropped as a whole. `parent`: the block that contains it. */
export interface ProblemBlock {
  readonly name: string;
  readonly parent: number | null;
}

/**
 * A layer that can be dropped on its own inside a kept block. Where it is dropped, the two dims of `tie` keep the same
 * option (they have the same counts), and the tied dim's units follow the ranking of the other one.
 */
export interface ProblemLayer {
  readonly name: string;
  readonly block: number | null;
  /** Two different dims on its sides; null for a layer whose input and output are one dim (depthwise). */
  readonly tie: { readonly outlives: number; readonly tied: number } | null;
  /** Added to the objective for option k when dropped and tied: what the foreign ranking loses. Empty without a tie. */
  readonly tieGain: readonly number[];
  /** Added to resource r for option k when dropped and tied; where absent or null, nothing. */
  readonly tieCost?: readonly (readonly number[] | null)[] | undefined;
}

/**
 * A table over the options of up to three axes. It counts only while its block is kept and its layer is not dropped.
 * `gain` adds to the objective (importance); `cost[r]` adds to resource r. Tables are row-major over `axes`;
 * with no axes they hold one number. Absent gain, or a null cost, means zero everywhere; entries are finite. Each axis
 * is there whenever the term's block is. An axis that comes twice stands for the same option in both places.
 */
export interface ProblemTerm {
  readonly name: string;
  readonly block: number | null;
  /** A layer of that same block, whose dropping takes the term away. */
  readonly layer: number | null;
  readonly axes: readonly AxisRef[];
  readonly gain: Float64Array | null;
  readonly cost: readonly (Float64Array | null)[];
}

/**
 * The sum of a resource over all active terms may not exceed `limit`; Infinity is no limit. A soft limit may be exceeded:
 * each unit above it takes `penalty` from the objective.
 */
export interface ProblemResource {
  readonly name: string;
  readonly unit: string;
  readonly limit: number;
  /** Of a soft limit: objective lost per unit above it, finite and above 0. Absent or null for a hard one. */
  readonly penalty?: number | null | undefined;
  /**
   * Resources of one group are one thing that is looked at in several places (memory at the points of a run): what counts
   * is the largest of them. They have one limit and one penalty, which is paid once, for the largest excess.
   */
  readonly group?: string | null | undefined;
  /** How people read it, where that is not usage <= limit: `offset + scale * usage`, and what they wrote. */
  readonly reading?: ResourceReading | null | undefined;
}

/** `importance >= 10` is kept as the resource `dense - importance`; this is the way back. */
export interface ResourceReading {
  readonly text: string;
  /** 1 or -1. */
  readonly scale: number;
  readonly offset: number;
}

/** Maximise the summed gain of the active terms within every resource's limit. */
export interface Problem {
  readonly name: string;
  readonly dims: readonly ProblemDim[];
  readonly sums: readonly ProblemSum[];
  readonly blocks: readonly ProblemBlock[];
  readonly layers: readonly ProblemLayer[];
  /** Pairs of layers that may not both be dropped: their ties would chain two rankings. */
  readonly exclusiveLayers: readonly (readonly [number, number])[];
  readonly terms: readonly ProblemTerm[];
  readonly resources: readonly ProblemResource[];
}

/** A complete answer. A dim whose block is dropped has option -1; `droppedLayers` names none of a dropped block. */
export interface Selection {
  readonly options: readonly number[];
  readonly droppedBlocks: ReadonlySet<number>;
  readonly droppedLayers: ReadonlySet<number>;
}
