import { SILENT } from "../../src/core/progress.ts";
import type { RunContext } from "../../src/pipeline/run-context.ts";

/** A run that reports to nobody and is never stopped. */
export const silentRun: RunContext = {
  progress: SILENT,
  signal: new AbortController().signal,
  commandLine: "",
  onEvent: () => {},
};
