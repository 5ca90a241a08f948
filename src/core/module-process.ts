import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * A process that runs a module of ours and exchanges messages with it. Unlike a thread, it may be ended at any moment.
 * @param module URL of its TypeScript source, by `new URL("./name.ts", import.meta.url)`; in the built package the compiled one runs
 */
export function startModuleProcess(module: URL): ChildProcess {
  const isSource = import.meta.url.endsWith(".ts");
  const path = fileURLToPath(isSource ? module.href : module.href.replace(/\.ts$/, ".js"));
  return fork(path, {
    // Sources need the loader of TypeScript.
    execArgv: isSource ? ["--import", import.meta.resolve("tsx")] : [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
}
