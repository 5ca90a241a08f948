/** Commands of `mdp` as steps that leave a file each, so that a killed benchmark resumes where it stopped. */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readJson } from "../src/core/files.ts";

const cli = join(import.meta.dirname, "../src/cli/main.ts");
const loader = import.meta.resolve("tsx");

/** A command that ended with another code than 0. */
export class StepError extends Error {
  readonly exitCode: number;
  constructor(args: readonly string[], exitCode: number) {
    super(`mdp ${args.join(" ")} ended with exit code ${exitCode}.`);
    this.exitCode = exitCode;
  }
}

/**
 * Runs a command of mdp, its progress on standard error.
 * @param accepted exit codes besides 0 that are a result, too
 * @returns what it prints, where that is kept
 * @throws StepError
 */
export function runMdp(
  args: readonly string[],
  keepOutput = true,
  accepted: readonly number[] = [],
): string {
  const result = spawnSync(process.execPath, ["--import", loader, cli, ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", keepOutput ? "pipe" : "ignore", "inherit"],
  });
  if (result.status !== 0 && !accepted.includes(result.status ?? 1))
    throw new StepError(args, result.status ?? 1);
  return result.stdout ?? "";
}

/**
 * Runs a command of mdp, unless its output is there.
 * @returns seconds; 0 where nothing was run
 * @throws StepError
 */
export function made(output: string, args: readonly string[]): number {
  if (existsSync(output)) return 0;
  console.error(`mdp ${args.join(" ")}`);
  const started = performance.now();
  runMdp([...args, "--quiet"], false);
  return (performance.now() - started) / 1000;
}

/** What a command prints with --json, kept in a file. @throws StepError */
export function report<T>(file: string, args: readonly string[]): T {
  if (!existsSync(file)) {
    console.error(`mdp ${args.join(" ")}`);
    writeFileSync(file, runMdp([...args, "--json", "--quiet"]));
  }
  return readJson(file) as T;
}

/** Top-1 (0 to 1) of a network. @throws StepError */
export function accuracy(network: string, file: string, data: readonly string[]): number {
  const args = ["eval", network, ...data, "--no-latency"];
  const { results } = report<{ results: { accuracy: { top1: number } }[] }>(file, args);
  return results[0]?.accuracy.top1 ?? Number.NaN;
}
