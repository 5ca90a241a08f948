import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

/** A job of the training script: processes of this machine that find each other as those of torchrun do. */
export interface TrainingJob {
  readonly processes: readonly ChildProcess[];
  /** Exit codes (-1 where a signal ended it) and what each wrote, once all have ended. */
  readonly ended: Promise<readonly { readonly code: number; readonly output: string }[]>;
}

/**
 * Starts train.py of a project on the CPU, one thread per process. Not through torchrun: that of PyTorch 1.13 fails on Python 3.11.
 */
export async function startTraining(
  python: string,
  project: string,
  args: readonly string[],
  count: number,
): Promise<TrainingJob> {
  const port = await freePort();
  const processes = Array.from({ length: count }, (_, rank) =>
    spawn(python, ["train.py", ...args, "--device", "cpu", "--workers", "0"], {
      cwd: project,
      env: {
        ...process.env,
        ...{ OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1", PYTHONUNBUFFERED: "1" },
        ...{ MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(port) },
        ...{ RANK: String(rank), LOCAL_RANK: String(rank) },
        ...{ WORLD_SIZE: String(count), LOCAL_WORLD_SIZE: String(count) },
      },
    }),
  );
  return { processes, ended: Promise.all(processes.map(endOf)) };
}

function endOf(child: ChildProcess): Promise<{ readonly code: number; readonly output: string }> {
  let output = "";
  const add = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout?.on("data", add);
  child.stderr?.on("data", add);
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ code: code ?? -1, output }));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 29_500;
}

/** Rows of a CSV file as texts by column; none where it isn't there yet. */
export function csvRows(path: string): Record<string, string>[] {
  if (!existsSync(path)) return [];
  const [header = "", ...lines] = readFileSync(path, "utf8").trim().split(/\r?\n/);
  const columns = header.split(",");
  return lines.map((line) =>
    Object.fromEntries(line.split(",").map((cell, at) => [columns[at] ?? "", cell])),
  );
}

/** Loss of every step that a run has written. */
export function lossCurve(run: string): number[] {
  return csvRows(join(run, "steps.csv")).map(({ loss }) => Number(loss));
}

/** Waits until a run has made this many steps. */
export async function untilStep(run: string, step: number, seconds: number): Promise<void> {
  const end = Date.now() + 1000 * seconds;
  while (csvRows(join(run, "steps.csv")).length < step) {
    if (Date.now() > end) throw new Error(`no step ${step} of ${run} within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
