import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root =
  process.env["MDP_SHARED"] ??
  join(dirname(fileURLToPath(import.meta.url)), "../../../shared");

/** Path of a file or folder of the shared test data, or null where it isn't there. */
export function sharedPath(relative: string): string | null {
  const path = join(root, relative);
  return existsSync(path) ? path : null;
}
