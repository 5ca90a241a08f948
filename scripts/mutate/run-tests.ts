import { spawn } from "node:child_process";

export type Verdict = "killed" | "survived" | "timeout";

/** Runs test files in a copy of the tree until one fails. */
export function runTests(tree: string, args: readonly string[], seconds: number): Promise<Verdict> {
  const command = [
    "node_modules/vitest/vitest.mjs",
    ...args,
    "--run",
    "--bail=1",
    "--maxWorkers=1",
    "--reporter=dot",
  ];
  return new Promise((resolve) => {
    // A group of its own, so that its workers end with it.
    const child = spawn(process.execPath, command, {
      cwd: tree,
      stdio: "ignore",
      detached: true,
      env: { ...process.env, MDP_QUICK: "1" },
    });
    let isLate = false;
    const clock = setTimeout(() => {
      isLate = true;
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, 1000 * seconds);
    child.on("close", (code) => {
      clearTimeout(clock);
      resolve(isLate ? "timeout" : code === 0 ? "survived" : "killed");
    });
  });
}
