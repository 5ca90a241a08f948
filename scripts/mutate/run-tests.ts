import { spawn } from "node:child_process";

export type Verdict = "killed" | "survived" | "timeout";

const CONFIG = "scripts/mutate/vitest.config.ts";

/**
 * Runs test files in a copy of the tree, in this order, until one test fails.
 * @param settings further environment variables of scripts/mutate/vitest.config.ts
 */
export function runTests(
  tree: string,
  tests: readonly string[],
  seconds: number,
  flags: readonly string[] = [],
  settings: Readonly<Record<string, string>> = {},
): Promise<Verdict> {
  if (tests.length === 0) return Promise.resolve("survived");
  const command = ["node_modules/vitest/vitest.mjs", "run", "--config", CONFIG, ...flags];
  return new Promise((resolve) => {
    // A group of its own, so that its workers end with it.
    const child = spawn(process.execPath, command, {
      cwd: tree,
      stdio: "ignore",
      detached: true,
      env: { ...process.env, ...settings, MUTANT_TESTS: tests.join(",") },
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
