import { InputError } from "../../core/errors.ts";
import type { Board } from "./board.ts";
import type { BoardFacts, BoardPaths, FoundProgram } from "./probe/facts.ts";
import { scriptRunner } from "./runners/ort-script.ts";
import { perfTestRunner } from "./runners/perf-test.ts";
import { RUNNERS, type Runner, type RunnerName, type RunSettings } from "./runners/runner.ts";
import { trtexecRunner } from "./runners/trtexec/runner.ts";

/** How to get each runtime, for people. */
export const INSTALL: Readonly<Record<RunnerName, string>> = {
  trtexec:
    "trtexec comes with TensorRT: on a Jetson `sudo apt install tensorrt`; it lies in /usr/src/tensorrt/bin. Name another place with --remote-trtexec.",
  "onnxruntime-node":
    "Install Node 20 there, then `mkdir -p ~/.cache/mdp/runtime && cd ~/.cache/mdp/runtime && npm install onnxruntime-node`. Name other places with --remote-node and --remote-modules.",
  "onnxruntime-python":
    "`python3 -m pip install onnxruntime numpy` there. Name another interpreter with --remote-python.",
  onnxruntime_perf_test:
    "onnxruntime_perf_test is built with onnxruntime from its sources. Name its place with --remote-perf-test.",
};

/** What a board has of each runner; null where it hasn't. */
export function foundRunners(facts: BoardFacts): Readonly<Record<RunnerName, FoundProgram | null>> {
  return {
    trtexec: facts.trtexec,
    "onnxruntime-node": facts.ortNode,
    "onnxruntime-python": facts.ortPython,
    onnxruntime_perf_test: facts.perfTest,
  };
}

/**
 * The runner that was asked for, or the best that is there.
 * @throws InputError `remote/no-runtime`
 */
export function chooseRunner(
  facts: BoardFacts,
  wanted: RunnerName | "auto",
  destination: string,
): RunnerName {
  const found = foundRunners(facts);
  const works = (name: RunnerName): boolean => found[name] !== null && found[name].problem === null;
  const chosen = wanted === "auto" ? RUNNERS.find(works) : wanted;
  if (chosen !== undefined && works(chosen)) return chosen;
  const problem = chosen === undefined ? null : (found[chosen]?.problem ?? null);
  throw new InputError({
    code: "remote/no-runtime",
    message:
      chosen === undefined
        ? `There is none of ${RUNNERS.join(", ")} on the board.`
        : `${chosen} ${problem === null ? "is not on the board" : `doesn't work on the board: ${problem}`}.`,
    where: destination,
    hint: INSTALL[chosen ?? (facts.isJetson ? "trtexec" : "onnxruntime-node")],
  });
}

/** @throws InputError and UsageError as the runners */
export async function openRunner(
  name: RunnerName,
  board: Board,
  facts: BoardFacts,
  paths: BoardPaths,
  settings: RunSettings,
): Promise<Runner> {
  const found = foundRunners(facts)[name];
  const version = found?.version ?? "unknown";
  switch (name) {
    case "trtexec":
      return trtexecRunner(board, settings, { path: found?.path ?? "trtexec", version });
    case "onnxruntime-node": {
      const program = facts.node?.path ?? "node";
      const modules = paths.modules ?? null;
      return scriptRunner(board, settings, {
        name,
        script: "runner.mjs",
        program,
        version,
        modules,
      });
    }
    case "onnxruntime-python": {
      const program = facts.python?.path ?? "python3";
      return scriptRunner(board, settings, {
        name,
        script: "runner.py",
        program,
        version,
        modules: null,
      });
    }
    case "onnxruntime_perf_test":
      return perfTestRunner(board, settings, found?.path ?? name);
    default:
      return name satisfies never;
  }
}
