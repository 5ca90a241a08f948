import { sha256 } from "../../../../core/files.ts";
import type { Graph } from "../../../../graph/graph.ts";
import { quantile } from "../../../../runtime/timing.ts";
import type { Board } from "../../board.ts";
import { badAnswer } from "../../ssh/failure.ts";
import { measuringJob } from "../ort-script.ts";
import {
  type BoardNetwork,
  type BoardRun,
  BUSY_MS,
  type Runner,
  type RunSettings,
} from "../runner.ts";
import { creditLayers } from "./credit-layers.ts";
import { trtFlags, trtPrecisions } from "./flags.ts";
import { parseTrtLayers, parseTrtProfile, parseTrtTimes } from "./outputs.ts";

/** Building an engine tries many kernels: a quarter of an hour is usual on a Nano. */
const BUILD_SECONDS = 3 * 3600;
const RUN_SECONDS = 1800;

/** What nodes are called in the engine, so that layers' names can be taken apart whatever the network calls its own. */
export function trtNodeNames(graph: Graph): string[] {
  return graph.nodes.map((_, index) => `mdp${index}x`);
}

/** The graph with those names. */
export function withTrtNames(graph: Graph): Graph {
  const names = trtNodeNames(graph);
  return {
    ...graph,
    nodes: graph.nodes.map((node, index) => ({ ...node, name: names[index] ?? node.name })),
  };
}

/**
 * TensorRT through trtexec. Engines are built once per network, with a cache of timings that all share; an engine stays
 * until its network's times are safe, that of the dense network for good.
 * @throws InputError `remote/old-trtexec`; UsageError `remote/precision`
 */
export async function trtexecRunner(
  board: Board,
  settings: RunSettings,
  program: { readonly path: string; readonly version: string | null },
): Promise<Runner> {
  const help = await helpOf(board, program.path, program.version);
  const flags = trtFlags(help, settings.precision, settings.repeats);
  const version = program.version ?? "unknown";
  const exec = async (
    nameOf: (hash: string) => string,
    args: readonly string[],
    limitSeconds: number,
  ): Promise<string> => {
    const name = nameOf(sha256(JSON.stringify([version, args])));
    const argv = [program.path, ...args.map((arg) => arg.replaceAll(JOB, name))];
    await board.exec({ name, argv, limitSeconds });
    return name;
  };
  const read = async (name: string): Promise<string> => {
    const bytes = await board.get(name);
    if (bytes === null) throw badAnswer(board.destination, `trtexec left no ${name}`);
    return bytes.toString("utf8");
  };
  const engineOf = async (network: BoardNetwork): Promise<string> => {
    const args = [`--onnx=${network.file}`, `--saveEngine=${JOB}.plan`, ...flags.build];
    const nameOf = (hash: string): string => `n${network.hash}.${hash.slice(0, 16)}`;
    return `${await exec(nameOf, args, BUILD_SECONDS)}.plan`;
  };
  const timeOf = async (
    owner: BoardNetwork,
    engine: string,
    role: "network" | "reference",
  ): Promise<number> => {
    const args = [`--loadEngine=${engine}`, ...flags.run, `--exportTimes=${JOB}.times`];
    const nameOf = (hash: string): string => measuringJob(owner, sha256(`${role} ${hash}`));
    const name = await exec(nameOf, args, RUN_SECONDS);
    return quantile(parseTrtTimes(await read(`${name}.times`), board.destination), 0.5);
  };
  const layersOf = async (network: BoardNetwork, engine: string): Promise<BoardRun["times"]> => {
    const args = [
      `--loadEngine=${engine}`,
      ...flags.run,
      `--exportProfile=${JOB}.layers`,
      ...(flags.layerInfo ? [`--exportLayerInfo=${JOB}.info`] : []),
    ];
    const name = await exec((hash) => measuringJob(network, hash), args, RUN_SECONDS);
    const times = parseTrtProfile(await read(`${name}.layers`), board.destination);
    const layers = flags.layerInfo
      ? parseTrtLayers(await read(`${name}.info`), board.destination)
      : [];
    return creditLayers(network.graph, trtNodeNames(network.graph), settings.ops, times, layers);
  };
  return {
    runtime: { name: "tensorrt", version, flags: [...flags.build, ...flags.run] },
    precisions: trtPrecisions(help),
    busy: async (network) => {
      const engine = await engineOf(network);
      const run = flags.run.filter((flag) => !flag.startsWith("--duration="));
      return [program.path, `--loadEngine=${engine}`, ...run, `--duration=${BUSY_MS / 1000}`];
    },
    run: async (network, reference, recorded) => {
      const [engine, dense] = [await engineOf(network), await engineOf(reference)];
      // One after the other, so that a drift of the board meets both alike.
      const totalMs = await timeOf(network, engine, "network");
      const referenceMs = await timeOf(network, dense, "reference");
      const times = recorded ? await layersOf(network, engine) : null;
      return { totalMs, referenceMs, times };
    },
  };
}

/** Stands in arguments for the job's own name. */
const JOB = "@job@";

async function helpOf(board: Board, path: string, version: string | null): Promise<string> {
  const name = `h${sha256(JSON.stringify([path, version])).slice(0, 16)}`;
  await board.exec({ name, argv: [path, "--help"], limitSeconds: 120 });
  const printed = await board.get(`${name}.out`);
  const said = await board.get(`${name}.err`);
  return `${printed?.toString("utf8") ?? ""}\n${said?.toString("utf8") ?? ""}`;
}
