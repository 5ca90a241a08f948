import { type ChildProcess, fork } from "node:child_process";
import { ownModule } from "./own-module.ts";

/**
 * A process that runs a module of ours and exchanges messages with it. Unlike a thread, it may be ended at any moment.
 * @param module its TypeScript source, relative to the root and written out in the call, where scripts/build-code.ts finds it
 */
export function startModuleProcess(module: string): ChildProcess {
  const { path, isSource } = ownModule(module);
  return fork(path, {
    // Sources need the loader of TypeScript.
    execArgv: isSource ? ["--import", import.meta.resolve("tsx")] : [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
}
