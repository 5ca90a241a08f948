import { readJson } from "../core/files.ts";
import { type Instance, parseInstance } from "../formulation/problem/instance.ts";

/**
 * Reads an optimisation instance in the format of the published MDP ones (arXiv 2406.12079).
 * @throws InputError `core/read-failed`, `core/not-json`, and as `parseInstance`
 */
export function readInstance(path: string): Instance {
  return parseInstance(readJson(path), path);
}
