import { join } from "node:path";
import { folderAbove } from "./files.ts";

/** A module of ours that is started, in a thread or process, rather than imported. */
export interface OwnModule {
  readonly path: string;
  /** Whether the file is TypeScript, whose loader whoever runs it must register. */
  readonly isSource: boolean;
}

/**
 * Where a module of ours lies: in the sources, or as scripts/build-code.ts has built it.
 * @param source its TypeScript file, relative to the root
 */
export function ownModule(source: string): OwnModule {
  const isSource = import.meta.url.endsWith(".ts");
  const file = isSource ? source : source.replace(/\.ts$/, ".js");
  return { path: join(folderAbove(file), file), isSource };
}
