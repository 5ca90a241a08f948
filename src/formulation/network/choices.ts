import { UsageError } from "../../core/errors.ts";
import { type Protection, protectedIn } from "../../structure/components/protection.ts";
import { narrowerCounts, stepOfDim } from "../../structure/dim-step.ts";
import type { Dim, Structure } from "../../structure/structure.ts";

/** What the user allows. */
export interface ChoiceOptions {
  /** Width of the grid of kept channels. */
  readonly step: number;
  /** Whether kept channels are multiples of the step (`zero`) or the full width less multiples of it (`full`). */
  readonly countFrom: "zero" | "full";
  /** Most that may go of a dim, as a share of its units: 0.8 keeps at least a fifth. */
  readonly maxPrune: number;
  /** Dims and components that stay whole. */
  readonly protect: Protection | null;
}

/** Why a dim has a single choice; null where it has several. */
export interface DimChoices {
  readonly counts: readonly number[];
  readonly whole: string | null;
}

/**
 * The numbers of units that each dim may keep, increasing; the last one is always all of them.
 * @throws UsageError `formulation/step`, `formulation/max-prune`, `structure/protection`
 */
export function choicesOf(structure: Structure, options: ChoiceOptions): DimChoices[] {
  if (!Number.isInteger(options.step) || options.step < 1) {
    throw new UsageError({
      code: "formulation/step",
      message: `The step is ${options.step}; it must be a whole number of channels, at least 1.`,
      hint: "Give --step 8, say.",
    });
  }
  if (!(options.maxPrune >= 0 && options.maxPrune <= 1)) {
    throw new UsageError({
      code: "formulation/max-prune",
      message: `--max-prune is ${options.maxPrune}; it must lie between 0 and 1.`,
      hint: "Give --max-prune 0.8 to keep at least a fifth of every dim.",
    });
  }
  const kept = protectedIn(structure, options.protect);
  return structure.dims.map((dim) => choicesOfDim(dim, options, kept.dim(dim)));
}

function choicesOfDim(dim: Dim, options: ChoiceOptions, protectedBy: string | null): DimChoices {
  const all = { counts: [dim.size] };
  if (dim.pinned !== null) return { ...all, whole: dim.pinned };
  if (protectedBy !== null) return { ...all, whole: `protected by you: ${protectedBy}` };
  const least = Math.max(1, Math.ceil(dim.size * (1 - options.maxPrune) - 1e-9));
  const counts = [...narrowerCounts(dim, options.step, options.countFrom, least), dim.size];
  const whole =
    counts.length > 1
      ? null
      : `no narrower width of ${dim.size * dim.unitChannels} channels at step ${stepOfDim(dim, options.step)}`;
  return { counts, whole };
}
