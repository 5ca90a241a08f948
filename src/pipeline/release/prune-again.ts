import { join, resolve } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { readDocument } from "../../documents/document.ts";
import { CONFIG } from "../../documents/run.ts";
import type { MetricsOptions } from "../prune/coefficients-stage.ts";
import { type PrunedByMetrics, pruneByMetrics } from "../prune/prune-by-metrics.ts";
import type { PruneModelSettings } from "../prune/prune-model.ts";
import type { RunContext } from "../run-context.ts";

export interface PruneAgain {
  /** Folder of the earlier run: its options and coefficients. */
  readonly run: string;
  /** Folder of the new run. */
  readonly out: string;
  readonly metrics: string;
  /** New items, dealt to search and confirm. */
  readonly items: string;
  readonly release: string | undefined;
}

/**
 * Prunes again with the options of an earlier run, on new items, beginning at the coefficients that it found.
 * @throws UsageError `release/not-by-metrics`, `release/same-run`, and as `pruneByMetrics`
 */
export function pruneAgain(request: PruneAgain, context: RunContext): Promise<PrunedByMetrics> {
  const { run, out, metrics, items, release } = request;
  if (resolve(run) === resolve(out)) {
    throw new UsageError({
      code: "release/same-run",
      message: "The new run would replace the earlier one.",
      where: out,
      hint: "Give --out a folder of its own.",
    });
  }
  const { options, network } = readDocument(CONFIG, join(run, "config.json"));
  if (typeof options["metrics"] !== "string") {
    throw new UsageError({
      code: "release/not-by-metrics",
      message: "This run was not made with --metrics, so that it has no coefficients.",
      where: run,
      hint: "Name the folder of a run of mdp prune --metrics.",
    });
  }
  const from = join(run, "coefficients.json");
  const written = { ...options, model: network.path, metrics, from, out, release };
  const settings = Object.fromEntries(
    Object.entries(written).map(([name, value]) => [camelCase(name), value]),
  );
  // What config.json holds was checked when the earlier run began, and each stage checks its options again.
  const asked = { ...settings, items: resolve(items) } as unknown as PruneModelSettings &
    MetricsOptions;
  return pruneByMetrics(asked, written, context);
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
