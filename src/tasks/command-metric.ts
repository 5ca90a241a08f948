import { spawn } from "node:child_process";
import { z } from "zod";
import { InputError, InterruptedError } from "../core/errors.ts";

/** One run of a user's own program that judges a network. */
export interface CommandRun {
  /** Program and arguments; run without a shell. */
  readonly command: readonly string[];
  /** Path of the ONNX file that is judged. */
  readonly model: string;
  /** The items (or episodes) to judge on, by their numbers. */
  readonly items: readonly number[];
  readonly seed: number;
  /** 600 unless given. */
  readonly timeoutSeconds?: number | undefined;
  /** Folder that the program runs in; this process's own unless given. */
  readonly folder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the program says: one number per item, or a single number without items (and so without an interval). */
export type CommandValues =
  | { readonly kind: "items"; readonly values: readonly number[] }
  | { readonly kind: "whole"; readonly value: number };

const numbers = z.array(z.number());
const answer = z.union([
  z.strictObject({ values: numbers }),
  z.strictObject({ value: z.number() }),
  z.strictObject({ metrics: z.record(z.string(), z.union([numbers, z.number()])) }),
]);

/** The name of the only metric of a program that doesn't name it. */
export const ONLY_METRIC = "";

const LAST_LINES = 12;
const LARGEST_OUTPUT = 64 * 2 ** 20;

/**
 * Runs a program as `COMMAND... --model FILE --items 0,4,7 --seed N`. It prints, as the last line of its standard output, JSON:
 * `{"values": [..]}` with one number per item, `{"value": x}`, or `{"metrics": {"reward": [..], "upright": [..]}}`. What else it prints is ignored.
 * @returns by the metric's name; `ONLY_METRIC` where the program gives one
 * @throws InputError `tasks/command-failed` where it can't be started, ends with another code than 0, runs too long, or prints no such JSON
 * or another number of values than items
 * @throws InterruptedError `tasks/interrupted`
 */
export async function runCommandMetric(
  run: CommandRun,
): Promise<ReadonlyMap<string, CommandValues>> {
  const ended = await outputOf(run);
  const line = ended.output.trimEnd().split("\n").at(-1) ?? "";
  const parsed = answer.safeParse(jsonOf(line));
  if (!parsed.success) {
    throw failed(
      run,
      line === ""
        ? "It printed nothing."
        : `Its last line is none of {"values": [..]}, {"value": x} and {"metrics": {..}} with finite numbers.`,
      ended.log,
    );
  }
  const found =
    "metrics" in parsed.data
      ? Object.entries(parsed.data.metrics)
      : [[ONLY_METRIC, "values" in parsed.data ? parsed.data.values : parsed.data.value] as const];
  if (found.length === 0) throw failed(run, "It names no metric.", ended.log);
  return new Map(
    found.map(([name, given]): [string, CommandValues] => {
      if (typeof given === "number") return [name, { kind: "whole", value: given }];
      if (given.length === run.items.length) return [name, { kind: "items", values: given }];
      const what = name === ONLY_METRIC ? "" : ` for '${name}'`;
      throw failed(
        run,
        `It gave ${given.length} values${what} for ${run.items.length} items.`,
        ended.log,
      );
    }),
  );
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

interface Ended {
  readonly output: string;
  /** The last lines of both streams, for messages. */
  readonly log: string;
}

function outputOf(run: CommandRun): Promise<Ended> {
  const { command, model, items, seed, timeoutSeconds = 600, folder, signal } = run;
  const [program = "", ...given] = command;
  const options = ["--model", model, "--items", items.join(","), "--seed", String(seed)];
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...given, ...options], {
      cwd: folder,
      shell: false,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [output, log] = ["", ""];
    let failure: string | null = null;
    const stop = (why: string): void => {
      failure = why;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(
      () => stop(`It was stopped after ${timeoutSeconds} s.`),
      1000 * timeoutSeconds,
    );
    const aborted = (): void => stop("interrupted");
    signal?.addEventListener("abort", aborted, { once: true });
    const keep = (text: string): void => {
      log = (log + text).split("\n").slice(-LAST_LINES).join("\n");
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      keep(text);
      if (output.length > LARGEST_OUTPUT) stop("It printed more than 64 MiB.");
    });
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", (error) => {
      failure = `It can't be started: ${error.message}.`;
    });
    child.on("close", (code, killedBy) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      if (signal?.aborted) reject(interrupted());
      else if (failure !== null) reject(failed(run, failure, log));
      else if (code === 0) resolve({ output, log });
      else {
        const how = code === null ? `ended by ${killedBy}` : `ended with code ${code}`;
        reject(failed(run, `It ${how}.`, log));
      }
    });
  });
}

function failed(run: CommandRun, what: string, log: string): InputError {
  const lines = log.trimEnd();
  return new InputError({
    code: "tasks/command-failed",
    message: `The metric's command gave no result. ${what}${lines === "" ? "" : ` Its last lines:\n${lines}`}`,
    where: run.command.join(" "),
    hint: 'A command prints one line of JSON as its last: {"values": [one number per item]}; docs/tasks.md describes the contract.',
  });
}

function interrupted(): InterruptedError {
  return new InterruptedError({
    code: "tasks/interrupted",
    message: "Stopped while a metric's command ran.",
    hint: "Run the same command again.",
  });
}
