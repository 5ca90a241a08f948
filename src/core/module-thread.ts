import { Worker } from "node:worker_threads";

/**
 * A thread that runs a module of ours.
 * @param module URL of its TypeScript source, by `new URL("./name.ts", import.meta.url)`; in the built package the compiled one runs
 */
export function startModuleThread(module: URL, workerData: unknown): Worker {
  if (!import.meta.url.endsWith(".ts")) {
    const built = new URL(module.href.replace(/\.ts$/, ".js"));
    return new Worker(built, { workerData, execArgv: [] });
  }
  // A thread of the sources has to register the loader of TypeScript itself.
  const loader = import.meta.resolve("tsx/esm/api");
  const source = `import("${loader}").then(({ register }) => { register(); return import("${module.href}"); })`;
  return new Worker(source, { workerData, execArgv: [], eval: true });
}
