import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { folderAbove } from "./files.ts";

/**
 * A thread that runs a module of ours.
 * @param module its TypeScript source, relative to the root; in the built package the file that scripts/build-code.ts makes of it runs
 */
export function startModuleThread(module: string, workerData: unknown): Worker {
  if (!import.meta.url.endsWith(".ts")) {
    const built = module.replace(/\.ts$/, ".js");
    return new Worker(join(folderAbove(built), built), { workerData, execArgv: [] });
  }
  // A thread of the sources has to register the loader of TypeScript itself.
  const loader = import.meta.resolve("tsx/esm/api");
  const { href } = pathToFileURL(join(folderAbove(module), module));
  const source = `import("${loader}").then(({ register }) => { register(); return import("${href}"); })`;
  return new Worker(source, { workerData, execArgv: [], eval: true });
}
