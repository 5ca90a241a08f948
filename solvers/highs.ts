import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { highsBody } from "./highs-body.ts";
import { type KeptSolver, keepThread } from "./keeper.ts";
import { type SolverThread, startThread } from "./thread.ts";

/**
 * HiGHS (highs.dev, MIT), compiled to WebAssembly, in a thread of its own. Gaps default to 0 relative and 1e-6
 * absolute: its own default of 1e-4 is larger than the differences that matter here.
 */
export function createHighs(): KeptSolver {
  return keepThread("highs", startHighsThread);
}

/** A thread that runs HiGHS; `createHighs` is what most callers want. */
export function startHighsThread(): SolverThread {
  const path = createRequire(import.meta.url).resolve("highs");
  return startThread("highs", highsBody, pathToFileURL(path).href);
}
