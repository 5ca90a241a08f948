import { InputError } from "../../../core/errors.ts";
import { sha256 } from "../../../core/files.ts";
import { parseProfile } from "../../../runtime/profile.ts";
import type { Optimisation } from "../../../runtime/session.ts";
import { quantile } from "../../../runtime/timing.ts";
import { recordedTimes } from "../../measure/op-times.ts";
import type { Board } from "../board.ts";
import { badAnswer } from "../ssh/failure.ts";
import { measuringJob } from "./ort-script.ts";
import { type BoardNetwork, BUSY_MS, type Runner, type RunSettings } from "./runner.ts";

const LEVELS: Readonly<Record<Optimisation, string>> = {
  disabled: "0",
  basic: "1",
  extended: "2",
  all: "99",
};
const LIMIT_SECONDS = 1800;
/** Its own warm-up, and one more. */
const UNCOUNTED = 2;

/**
 * onnxruntime's own benchmark program: each network is a process of its own, so that networks take turns less often than with
 * our scripts. The first run of each process, which it doesn't count itself, is all that warms up.
 */
export function perfTestRunner(board: Board, settings: RunSettings, program: string): Runner {
  const flagsFor = (repeats: number): string[] => [
    ...["-e", "cpu", "-I", "-m", "times", "-r", String(repeats)],
    ...["-x", String(settings.threads), "-y", "1", "-o", LEVELS[settings.optimisation]],
  ];
  const flags = flagsFor(settings.repeats);
  const exec = async (
    owner: BoardNetwork,
    network: BoardNetwork,
    extra: (job: string) => readonly string[],
    salt: string,
  ): Promise<string> => {
    const name = measuringJob(owner, sha256(JSON.stringify([flags, network.hash, salt])));
    // It writes its results behind those of an earlier try.
    const results = `${name}.csv`;
    const argv = [program, ...flags, ...extra(name), network.file, results];
    await board.exec({ name, argv, limitSeconds: LIMIT_SECONDS });
    return name;
  };
  const read = async (name: string): Promise<string> => {
    const bytes = await board.get(name);
    if (bytes === null) throw badAnswer(board.destination, `onnxruntime_perf_test left no ${name}`);
    return bytes.toString("utf8");
  };
  const time = async (
    owner: BoardNetwork,
    network: BoardNetwork,
    role: string,
  ): Promise<number> => {
    const name = await exec(owner, network, () => [], role);
    const times = parsePerfTest(await read(`${name}.csv`), board.destination);
    return quantile(times.slice(-settings.repeats), 0.5);
  };
  return {
    runtime: { name: "onnxruntime", version: "unknown", flags: ["runner=perf_test", ...flags] },
    precisions: ["float32"],
    busy: async (network, runMs) => [
      ...[program, ...flagsFor(Math.ceil(BUSY_MS / runMs)), network.file],
      `${measuringJob(network, sha256("busy"))}.csv`,
    ],
    run: async (network, reference, recorded) => {
      const totalMs = await time(network, network, "network");
      const referenceMs = await time(network, reference, "reference");
      if (!recorded) return { totalMs, referenceMs, times: null };
      const profiled = await exec(network, network, (job) => ["-p", `${job}.profile`], "recorded");
      await board.take(`${profiled}.profile`);
      const runs = parseProfile(await read(`${profiled}.profile`), board.destination);
      const paces = runs.map((_, run) => (run < UNCOUNTED ? null : 1));
      return {
        totalMs,
        referenceMs,
        times: recordedTimes(network.graph, settings.ops, runs, paces),
      };
    },
  };
}

/**
 * Reads the results file of onnxruntime_perf_test: a line "model,seconds,peak bytes,cpu percent,run" per run, then words.
 * Source: DumpToFile in onnxruntime/test/perftest/performance_runner.h.
 * @returns milliseconds per run
 * @throws InputError `remote/bad-perf-test-file`
 */
export function parsePerfTest(text: string, where: string): number[] {
  const times = text.split("\n").flatMap((line) => {
    const fields = line.split(",");
    const seconds = Number(fields.at(-4));
    return fields.length >= 5 && Number.isFinite(seconds) && seconds > 0
      ? [Math.round(seconds * 1e9) / 1e6]
      : [];
  });
  if (times.length > 0) return times;
  throw new InputError({
    code: "remote/bad-perf-test-file",
    message: "The results of onnxruntime_perf_test hold no times.",
    where,
    hint: "The board's disk may be full, or this version of the program writes another format.",
  });
}
