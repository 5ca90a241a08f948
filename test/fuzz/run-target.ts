import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FromChild } from "./child.ts";
import { SABOTAGED, TARGETS } from "./targets.ts";
import { type Finding, inputAt, placeOf } from "./try-input.ts";

export interface FuzzRun {
  readonly target: string;
  readonly seed: number;
  /** Number of the first input. */
  readonly from: number;
  /** Inputs to try; fewer where the time is over before. */
  readonly count: number;
  readonly seconds: number;
  /** Longer for one input is a hang. */
  readonly hangSeconds: number;
  /** Resident megabytes, above what a child begins with, that are too much. */
  readonly mostMegabytes: number;
  /** Folder that inputs which did harm are kept in. */
  readonly keep: string;
}

export interface FuzzResult {
  readonly tried: number;
  /** One per fault: by the place that throws it. */
  readonly findings: readonly Finding[];
  /** How often each was hit. */
  readonly hits: ReadonlyMap<string, number>;
}

/** File in the folder of a child that holds the number of the input it is at. */
const AT = "at";
const START_SECONDS = 120;

/** Tries inputs in processes of their own: one that crashes, hangs or takes too much memory is a finding, and the next goes on behind it. */
export async function runTarget(run: FuzzRun): Promise<FuzzResult> {
  const found = new Map<string, Finding>();
  const hits = new Map<string, number>();
  const clock = { until: Number.POSITIVE_INFINITY };
  const end = run.from + run.count;
  let next = run.from;
  while (next < end && performance.now() < clock.until) {
    const part = await runPart({ ...run, from: next }, end, clock);
    for (const { finding, input } of part.findings) {
      const key = `${finding.kind}${placeOf(finding.what)}`;
      hits.set(key, (hits.get(key) ?? 0) + 1);
      if (found.has(key)) continue;
      found.set(key, finding);
      await keepInput(run, finding, input);
    }
    next = part.next;
  }
  return { tried: next - run.from, findings: [...found.values()], hits };
}

interface Part {
  readonly next: number;
  readonly findings: readonly { readonly finding: Finding; readonly input: string }[];
}

/** @param clock is set when the first child is ready: making a target's seeds does not count */
function runPart(run: FuzzRun, end: number, clock: { until: number }): Promise<Part> {
  const { target, seed, from } = run;
  const folder = mkdtempSync(join(tmpdir(), "mdp-fuzz-"));
  const findings: { finding: Finding; input: string }[] = [];
  const add = (kind: Finding["kind"], index: number, what: string, input = ""): void => {
    findings.push({ finding: { target, seed, index, kind, what }, input });
  };
  const at = (): number => {
    try {
      const bytes = readFileSync(join(folder, AT));
      return bytes.byteLength === 8 ? bytes.readDoubleLE(0) : from;
    } catch {
      return from;
    }
  };
  const child = fork(
    join(fileURLToPath(import.meta.url), "../child.ts"),
    [target, seed, from, end, folder, run.mostMegabytes].map(String),
    {
      execArgv: ["--import", import.meta.resolve("tsx"), "--max-old-space-size=1024"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    },
  );
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-4000);
  });
  return new Promise((resolve) => {
    let [isReady, isStopped, isTold] = [false, false, false];
    let [since, seen] = [performance.now(), -1];
    const stop = (): void => {
      isStopped = true;
      child.kill("SIGKILL");
    };
    const watch = setInterval(() => {
      const now = performance.now();
      const index = at();
      if (index !== seen) [since, seen] = [now, index];
      if (isReady && now > clock.until) stop();
      else if (now - since > 1000 * (isReady ? run.hangSeconds : START_SECONDS) && !isStopped) {
        add("hang", index, `no end within ${run.hangSeconds} s`);
        isTold = true;
        stop();
      }
    }, 100);
    child.on("message", (message: FromChild) => {
      if (message.kind === "ready") {
        isReady = true;
        since = performance.now();
        clock.until = Math.min(clock.until, since + 1000 * run.seconds);
      } else if (message.kind === "fault") {
        // A fault that nobody waited for ends the child.
        isTold = message.input === "";
        add("error", message.index, message.what, message.input);
      } else {
        isTold = true;
        add("memory", message.index, `${message.megabytes.toFixed(0)} MB were taken`);
      }
    });
    child.on("close", (code, signal) => {
      clearInterval(watch);
      const index = at();
      const isMemory = /heap out of memory|allocation failed/i.test(text);
      if (code !== 0 && !isTold && !isStopped) {
        add(
          isMemory ? "memory" : "crash",
          index,
          `ended with ${signal ?? code}: ${text.trim().slice(-300)}`,
        );
      }
      rmSync(folder, { recursive: true, force: true });
      const isBehind = code !== 0 && (isTold || !isStopped);
      resolve({
        next: isReady || isBehind ? Math.min(end, isBehind ? index + 1 : index) : end,
        findings,
      });
    });
  });
}

/** The file of a finding; inputs of children that died are made again here. */
async function keepInput(
  run: FuzzRun,
  { target, seed, index }: Finding,
  input: string,
): Promise<void> {
  mkdirSync(run.keep, { recursive: true });
  const bytes = input === "" ? await remade(target, seed, index) : Buffer.from(input, "base64");
  writeFileSync(join(run.keep, `${target}-${seed}-${index}.bin`), bytes);
}

async function remade(target: string, seed: number, index: number): Promise<Uint8Array> {
  const load = TARGETS[target] ?? SABOTAGED[target];
  const folder = mkdtempSync(join(tmpdir(), "mdp-fuzz-"));
  try {
    const reader = await (await load?.())?.open(folder);
    return reader === undefined ? new Uint8Array() : inputAt(reader, target, seed, index).bytes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
