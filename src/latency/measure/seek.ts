import { likeness, type Smoothness } from "../fit/cell-model.ts";
import { calibratedMs, countsOf, type FittedOps } from "../fit/fit-ops.ts";
import { USUAL_STAIRS } from "../fit/law.ts";
import type { Stairs } from "../fit/stairs.ts";
import type { ProfiledOp } from "../ops.ts";
import type { RunSample } from "../run-sample.ts";

/** Whether a network has an operation, given with its place among all. */
type Has = (op: ProfiledOp, index: number) => boolean;

/** What is known of the uncertainty of a table in the making. */
export interface Uncertainty {
  /** Milliseconds by which the network's operations are likely to be off, each by itself, summed. */
  readonly of: (counts: readonly number[], has: Has) => number;
  /** Takes note of where operations were measured. */
  readonly visit: (counts: readonly number[], has: Has) => void;
  /** Learns how far off each kind of operation was, from a network that the fit had not seen. */
  readonly learn: (fitted: FittedOps, sample: RunSample) => void;
}

/** Likeness of counts: a factor of 1.5 in channels is half way to saying nothing. */
const SMOOTHNESS: Smoothness = { wide: 1, own: 0, reach: 0.5 };
/** What a kind of operation is thought to be off where it was never measured, as a share of its time, before anything is known. */
const FIRST_ERROR = 0.1;
/** Unseen operations that the first guess counts as. */
const FIRST_WEIGHT = 2;

interface Kind {
  readonly places: Map<string, readonly number[]>;
  /** Summed errors in milliseconds, and how unknown the places were that they come from. */
  errors: number;
  unknowns: number;
  stairs: Stairs;
}

/**
 * How uncertain operations are: operations of one signature are off by so much where nothing like it was measured (learnt
 * from how far they were off), and by less the more alike the nearest measured counts are: sqrt(1 - likeness^2), the
 * standard deviation that a Gaussian process has beside one observation.
 *
 * @param denseMs times of the whole network's operations, from which the first guess is made
 */
export function uncertaintyOf(ops: readonly ProfiledOp[], denseMs: RunSample["opMs"]): Uncertainty {
  const kinds = new Map<string, Kind>();
  for (const [index, op] of ops.entries()) {
    const kind = kinds.get(op.signature) ?? {
      places: new Map(),
      errors: 0,
      unknowns: 0,
      stairs: USUAL_STAIRS,
    };
    kinds.set(op.signature, kind);
    kind.errors += FIRST_WEIGHT * FIRST_ERROR * (denseMs[index] ?? 0);
    kind.unknowns += FIRST_WEIGHT;
  }
  const visit: Uncertainty["visit"] = (counts, has) => {
    for (const [index, op] of ops.entries()) {
      if (!has(op, index)) continue;
      const place = countsOf(op, { counts });
      kinds.get(op.signature)?.places.set(String(place), place);
    }
  };
  const of: Uncertainty["of"] = (counts, has) => {
    const seen = new Set<string>();
    return ops.reduce((sum, op, index) => {
      const place = countsOf(op, { counts });
      const key = `${op.signature} ${place}`;
      const kind = kinds.get(op.signature);
      // A second operation at the same place tells nothing new.
      if (!has(op, index) || kind === undefined || seen.has(key)) return sum;
      seen.add(key);
      return sum + (kind.errors / kind.unknowns) * unknownness(kind, place);
    }, 0);
  };
  const learn: Uncertainty["learn"] = (fitted, sample) => {
    for (const [index, op] of ops.entries()) {
      const [ms, kind] = [sample.opMs[index], kinds.get(op.signature)];
      if (ms === null || ms === undefined || kind === undefined) continue;
      const place = countsOf(op, sample);
      const measured = calibratedMs(fitted.calibration, ms, sample.opEvents[index] ?? 0);
      const model = fitted.models.get(op.signature);
      const expected = model?.at(place) ?? 0;
      if (model !== undefined) kind.stairs = model.stairs;
      kind.errors += Math.abs(expected - measured);
      kind.unknowns += Math.max(LEAST_UNKNOWN, unknownness(kind, place));
    }
  };
  return { of, visit, learn };
}

/** Where the very counts were measured, errors are noise, which must not count as ignorance. */
const LEAST_UNKNOWN = 0.1;

function unknownness({ places, stairs }: Kind, place: readonly number[]): number {
  if (places.has(String(place))) return 0;
  let nearest = 0;
  for (const known of places.values())
    nearest = Math.max(nearest, likeness(place, known, SMOOTHNESS, stairs));
  return Math.sqrt(Math.max(0, 1 - nearest * nearest));
}
