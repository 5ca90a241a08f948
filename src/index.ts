/// <reference types="node" preserve="true" />
/**
 * The library behind the command line. The front door is one function per command, with the same defaults and checks; it
 * prints nothing. What lies behind it stands in groups: `mdp-prune/structure`, `mdp-prune/latency` and so on.
 *
 * Stable within a major version: the functions of the front door, their settings and results, the documents, and the codes of
 * errors. The groups may change in a minor version; the changelog says how.
 *
 * @example
 * const { subnet, report } = await solve({ model: "net.onnx", device: "jetson-xavier", budget: "50%" });
 * await exportSubnet({ model: "net.onnx", subnet, out: "smaller.onnx" });
 *
 * GLPK, whose licence is GPL-3.0, stands behind an entry point of its own: `mdp-prune/solvers/glpk`.
 */

export * from "./api/authors.ts";
export * from "./api/errors.ts";
export * from "./api/gradients.ts";
export * from "./api/importance.ts";
export * from "./api/latency.ts";
export * from "./api/onnx.ts";
export * from "./api/pytorch.ts";
export * from "./api/solve.ts";
export * from "./api/structure.ts";
export * from "./api/subnet.ts";
export * from "./api/training.ts";
export { type Progress, SILENT } from "./core/progress.ts";
export { type Random, randomFrom } from "./core/random.ts";
export * from "./pipeline/library.ts";
// The judge of networks; that of selections is in the group `solve`.
export { evaluate } from "./pipeline/library.ts";
export type { RunContext, RunEvent } from "./pipeline/run-context.ts";
