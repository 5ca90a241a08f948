import { z } from "zod";
import { sha256 } from "../../../core/files.ts";
import { parseProfile } from "../../../runtime/profile.ts";
import { sessionTurns, TURNS } from "../../../runtime/turns.ts";
import { recordedTimes } from "../../measure/op-times.ts";
import { type BoardFile, boardFile } from "../assets.ts";
import type { Board, Job } from "../board.ts";
import { badAnswer } from "../ssh/failure.ts";
import {
  type BoardNetwork,
  type BoardRun,
  BUSY_MS,
  type Runner,
  type RunnerName,
  type RunSettings,
} from "./runner.ts";

/** A language that our script is written in, and what runs it on the board. */
export interface ScriptHost {
  readonly name: RunnerName;
  readonly script: Extract<BoardFile, "runner.mjs" | "runner.py">;
  /** The interpreter on the board. */
  readonly program: string;
  /** Version of onnxruntime there. */
  readonly version: string;
  /** A folder that Node finds onnxruntime-node from; null for the usual places. */
  readonly modules: string | null;
}

const RESULT = z.object({
  schema: z.literal("mdp-board-result/2"),
  version: z.string(),
  /** The reference, the network, and the network with the runtime's recording on. */
  sessions: z
    .array(
      z.object({
        uncounted: z.number().int().positive(),
        turns: z.array(z.array(z.number().positive()).min(1)).min(1),
      }),
    )
    .min(2),
});

/** A board can be a hundred times slower than this machine. */
const LIMIT_SECONDS = 1800;

/** onnxruntime on the board, called by a small script of ours, with the same turns as on this machine. */
export async function scriptRunner(
  board: Board,
  settings: RunSettings,
  host: ScriptHost,
): Promise<Runner> {
  const source = boardFile(host.script);
  const dot = host.script.lastIndexOf(".");
  const script = `s${sha256(source).slice(0, 16)}${host.script.slice(dot)}`;
  if (!(await board.has(script))) await board.put(script, Buffer.from(source));
  const run = async (
    network: BoardNetwork,
    reference: BoardNetwork,
    recorded: boolean,
  ): Promise<BoardRun> => {
    const job = jobText(network, reference, recorded, settings, host.modules);
    const name = measuringJob(network, sha256(`${script} ${host.program} ${job}`));
    const input = `${name}.json`;
    await board.put(input, Buffer.from(job.replaceAll(PROFILE, `${name}.profile`)));
    const command: Job = {
      name,
      argv: [host.program, script, input],
      limitSeconds: LIMIT_SECONDS,
    };
    await board.exec(command);
    const result = readResult(await board.get(`${name}.out`), board, host);
    const [dense, total, alone] = sessionTurns(result.sessions);
    const referenceMs = dense?.medianMs ?? Number.NaN;
    return {
      totalMs: (total?.ofFirst ?? Number.NaN) * referenceMs,
      referenceMs,
      paired: true,
      times: recorded
        ? recordedTimes(
            network.graph,
            settings.ops,
            await profileOf(board, name),
            alone?.paces ?? [],
          )
        : null,
    };
  };
  const busy: Runner["busy"] = async (network, runMs) => {
    const repeats = Math.ceil(BUSY_MS / runMs);
    const job = jobText(network, null, false, { ...settings, repeats }, host.modules);
    const input = `${measuringJob(network, sha256(job))}.json`;
    await board.put(input, Buffer.from(job));
    return [host.program, script, input];
  };
  return {
    runtime: { name: "onnxruntime", version: host.version, flags: [`runner=${host.name}`] },
    precisions: ["float32"],
    run,
    busy,
  };
}

/** Measurements of a network begin with its hash, so that they can be removed together. */
export function measuringJob(network: BoardNetwork, hash: string): string {
  return `m${network.hash}.${hash.slice(0, 16)}`;
}

/** Stands in the job for a name that depends on the job itself. */
const PROFILE = "@profile@";

function jobText(
  network: BoardNetwork,
  reference: BoardNetwork | null,
  recorded: boolean,
  settings: RunSettings,
  modules: string | null,
): string {
  return JSON.stringify({
    network: network.file,
    reference: reference?.file ?? null,
    profile: recorded ? PROFILE : null,
    inputs: network.graph.inputs.map(({ name, type, shape }) => ({ name, type, shape })),
    threads: settings.threads,
    optimisation: settings.optimisation,
    repeats: settings.repeats,
    turns: TURNS,
    modules,
  });
}

async function profileOf(board: Board, name: string): Promise<ReturnType<typeof parseProfile>> {
  const text = await board.get(`${name}.profile`);
  if (text === null) throw badAnswer(board.destination, "the runtime left no recording of the run");
  return parseProfile(text.toString("utf8"), board.destination);
}

function readResult(bytes: Buffer | null, board: Board, host: ScriptHost): z.infer<typeof RESULT> {
  // What a package prints while it loads comes before.
  const line = bytes?.toString("utf8").trim().split("\n").at(-1) ?? "";
  try {
    const result = RESULT.parse(JSON.parse(line));
    if (result.version === host.version) return result;
  } catch (cause) {
    throw badAnswer(board.destination, `${host.name} gave no times`, cause);
  }
  throw badAnswer(
    board.destination,
    `onnxruntime's version was ${host.version} and has changed while measuring`,
  );
}
