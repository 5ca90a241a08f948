import { readdirSync } from "node:fs";
import { join } from "node:path";
import { packageRoot, readFileBytes } from "../../core/files.ts";

/** A file that every project gets as it is. */
export interface TemplateFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The training script and what belongs to it, wherever the package is installed; in the order of their names. */
export function templateFiles(): readonly TemplateFile[] {
  const folder = join(packageRoot(), "src", "pytorch", "template");
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort()
    .map((name) => ({ name, bytes: readFileBytes(join(folder, name)) }));
}
