import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { Solver } from "../src/mip/solver.ts";
import { glpkBody } from "./glpk-body.ts";
import { keepThread } from "./keeper.ts";
import { startThread } from "./thread.ts";

/**
 * GLPK (GPL-3.0), from the optional package `glpk.js`, in a thread of its own. It takes over where HiGHS fails. It takes
 * no start, has no cuts, tells no progress, and its time limit has whole seconds; on programs that are small
 * or were made small it is good enough. Without the package every solve fails with a message that says so.
 */
export function createGlpk(): Solver {
  return keepThread("glpk", () => startThread("glpk", glpkBody, glpkUrl()));
}

/** Whether the optional package is there. */
export function hasGlpk(): boolean {
  try {
    glpkUrl();
    return true;
  } catch {
    return false;
  }
}

function glpkUrl(): string {
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve("glpk.js/node")).href;
  } catch (cause) {
    throw new Error("the optional package glpk.js is not installed: npm install glpk.js", {
      cause,
    });
  }
}
