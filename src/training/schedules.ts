/** How the learning rate moves over a run. */
export interface ScheduleSpec {
  /**
   * `cosine` and `linear` fall from `rate` to `finalShare * rate` over the whole run, `step` divides by ten after half and after
   * three quarters of it, `constant` stays.
   */
  readonly kind: "cosine" | "linear" | "step" | "constant";
  readonly rate: number;
  /** Epochs over which the rate rises linearly from (nearly) nothing. */
  readonly warmupEpochs: number;
  readonly finalShare: number;
}

export const SCHEDULES = [
  "cosine",
  "linear",
  "step",
  "constant",
] as const satisfies readonly ScheduleSpec["kind"][];

/**
 * The learning rate of one step.
 * @param step counted from 0 over the whole run.
 * @param stepsPerEpoch a fraction is fine.
 *
 * @example
 * rateAt({ kind: "cosine", rate: 0.1, warmupEpochs: 0, finalShare: 0 }, 5, 10, 1) // 0.05
 */
export function rateAt(
  spec: ScheduleSpec,
  step: number,
  totalSteps: number,
  stepsPerEpoch: number,
): number {
  const warmup = Math.min(spec.warmupEpochs * stepsPerEpoch, totalSteps);
  if (step < warmup) return (spec.rate * (step + 1)) / Math.max(1, warmup);
  const done = totalSteps > warmup ? (step - warmup) / (totalSteps - warmup) : 1;
  return spec.rate * shareLeft(spec, Math.min(1, done));
}

/** Share of the rate that is left once `done` (0 to 1) of the way after the warm-up lies behind. */
function shareLeft({ kind, finalShare }: ScheduleSpec, done: number): number {
  switch (kind) {
    case "cosine":
      return finalShare + (1 - finalShare) * 0.5 * (1 + Math.cos(Math.PI * done));
    case "linear":
      return finalShare + (1 - finalShare) * (1 - done);
    case "step":
      return done < 0.5 ? 1 : done < 0.75 ? 0.1 : 0.01;
    case "constant":
      return 1;
    default:
      return kind satisfies never;
  }
}
