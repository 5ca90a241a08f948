import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { ownModule } from "./own-module.ts";

/**
 * A thread that runs a module of ours.
 * @param module its TypeScript source, relative to the root and written out in the call, where scripts/build-code.ts finds it
 */
export function startModuleThread(module: string, workerData: unknown): Worker {
  const { path, isSource } = ownModule(module);
  if (!isSource) return new Worker(path, { workerData, execArgv: [] });
  // A thread of the sources has to register the loader of TypeScript itself.
  const loader = import.meta.resolve("tsx/esm/api");
  const { href } = pathToFileURL(path);
  const source = `import("${loader}").then(({ register }) => { register(); return import("${href}"); })`;
  return new Worker(source, { workerData, execArgv: [], eval: true });
}
