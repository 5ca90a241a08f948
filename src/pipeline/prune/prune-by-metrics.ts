import { UsageError } from "../../core/errors.ts";
import type { CoefficientsReport, ReasonsReport } from "../../documents/coefficients.ts";
import type { GateReport } from "../../documents/release.ts";
import { checkWhole } from "../checks.ts";
import { metricLimits } from "../metrics/metric-limits.ts";
import type { RunContext } from "../run-context.ts";
import {
  coefficientsStage,
  gateStage,
  isRepaired,
  type MetricsOptions,
} from "./coefficients-stage.ts";
import { finetuneStage } from "./finetune-stage.ts";
import { type PruneModelSettings, prepareRun } from "./prune-model.ts";
import { exportStage } from "./prune-stages.ts";

/** What a run by the user's metrics ends with. */
export interface PrunedByMetrics {
  readonly coefficients: CoefficientsReport;
  readonly reasons: ReasonsReport;
  readonly gate: GateReport;
  /** The network, in the run's folder. */
  readonly network: string;
}

/**
 * Runs the pipeline with the user's metrics: coefficients are searched, the best few subnets repaired, the chosen one exported with its
 * proof, trained where that was asked for, and gated after the last change to it.
 * @throws as the stages
 */
export async function pruneByMetrics(
  settings: PruneModelSettings & MetricsOptions,
  written: Readonly<Record<string, unknown>>,
  context: RunContext,
): Promise<PrunedByMetrics> {
  checkWhole(settings.evaluations, "--evaluations", 1);
  refuseZeros(settings);
  const { limit, requirements } = metricLimits(settings.limit);
  const asked = {
    ...{ ...settings, limit },
    requirements: requirements.size === 0 ? undefined : requirements,
  };
  const job = await prepareRun(asked, written, context);
  try {
    const { coefficients, reasons } = await coefficientsStage(job, asked);
    await exportStage(job);
    const corrected = isRepaired(job) ? "corrected.onnx" : null;
    const tuned = await finetuneStage(job, corrected ?? "pruned.onnx");
    const last = tuned ?? corrected ?? "pruned.onnx";
    const gate = await gateStage(job, last, asked);
    return { coefficients, reasons, gate, network: job.run.path(last) };
  } finally {
    job.run.close();
  }
}

/** The search knows channels only. */
function refuseZeros({ sparsity, damages }: PruneModelSettings): void {
  if (sparsity === undefined && damages === undefined) return;
  throw new UsageError({
    code: "sparsify/with-metrics",
    message: "The search by metrics chooses channels, no single weights.",
    where: sparsity === undefined ? "--damages" : "--sparsity",
    hint: "Leave it out, and run mdp sparsify --subnet RUN/subnet.json afterwards; mdp gate then decides about the result.",
  });
}

/** Options of the search mean nothing without metrics. @throws UsageError `cli/needs-metrics` */
export function refuseWithoutMetrics(options: Readonly<Record<string, unknown>>): void {
  for (const name of ["release", "from", "coefficients"] as const) {
    if (options[name] === undefined) continue;
    throw new UsageError({
      code: "cli/needs-metrics",
      message: `--${name} is part of pruning by your own metrics, and no metrics are named.`,
      where: `--${name}`,
      hint: "Give --metrics metrics.json; mdp metrics init writes one.",
    });
  }
}
