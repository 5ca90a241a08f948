/** The published observations of Jetsons, with the kernels of their networks. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot, writeJson } from "../../src/core/files.ts";
import type { Observation } from "../../src/latency/predict/fit-device.ts";
import {
  type ObservedRun,
  readObservations,
  runObservation,
} from "../../src/latency/predict/observations.ts";
import type { Work } from "../../src/latency/predict/roofline.ts";
import { type NetworkFamily, publishedNetwork } from "../../src/networks/published/published.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import type { Structure } from "../../src/structure/structure.ts";

/** A published run with its kernels and where it was seen. */
export interface Seen extends Observation {
  /** The network without its picture's size, which is what is left out together. */
  readonly network: string;
  readonly side: number;
  readonly family: NetworkFamily;
  readonly board: string;
  readonly powerMode: string | null;
  readonly batch: number;
  /** The file of observations that it is from. */
  readonly set: string;
}

export const OBSERVATION_FOLDER = join(packageRoot(), "scripts", "devices", "observations");

/** All sets by their file's name, or those that are named. */
export function seenRuns(wanted: readonly string[] = []): Seen[] {
  const sets = readdirSync(OBSERVATION_FOLDER)
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.replace(/\.json$/, ""))
    .sort();
  const runs = sets.flatMap((set) =>
    readObservations(join(OBSERVATION_FOLDER, `${set}.json`)).map((run) => ({ set, run })),
  );
  const kernels = allKernels(runs.map(({ run }) => run));
  return runs
    .filter(({ set }) => wanted.length === 0 || wanted.includes(set))
    .map(({ set, run }): Seen => {
      if (!("ms" in run) || run.board === undefined)
        throw new Error(`${set}: a run without a board`);
      const [network = "", side = "0"] = run.network.replace("published:", "").split("@");
      const { works, family } = kernels(run);
      return {
        ...{ name: run.network, works, precision: run.precision, ms: run.ms, isCall: true },
        ...{ network, side: Number(side), family, board: run.board, set },
        ...{ powerMode: run.powerMode ?? null, batch: run.batch },
      };
    });
}

interface Kernels {
  readonly family: NetworkFamily;
  readonly works: readonly Work[];
}

/** Equal kernels are one object each, by their place in `works`. */
interface Kept {
  readonly works: readonly Work[];
  readonly runs: Readonly<
    Record<string, { readonly family: NetworkFamily; readonly at: readonly number[] }>
  >;
}

/**
 * The kernels of all runs. Finding them takes a minute, so that they are kept in the folder for temporary files until a source file
 * changes.
 */
function allKernels(runs: readonly ObservedRun[]): (run: ObservedRun) => Kernels {
  const file = join(tmpdir(), `mdp-kernels-${sourcesHash()}.json`);
  if (!existsSync(file)) writeJson(file, findKernels(runs));
  const kept = JSON.parse(readFileSync(file, "utf8")) as Kept;
  return (run) => {
    const found = kept.runs[keyOf(run)];
    if (found === undefined) throw new Error(`no kernels of ${run.network}`);
    return { family: found.family, works: found.at.flatMap((at) => kept.works[at] ?? []) };
  };
}

function keyOf(run: ObservedRun): string {
  if (!("ms" in run)) throw new Error(`${run.network}: a table in place of a time`);
  const { network, classes = "", batch, precision, includes = [] } = run;
  return [network, classes, batch, precision, ...includes].join("/");
}

function findKernels(runs: readonly ObservedRun[]): Kept {
  const structures = new Map<string, ReturnType<typeof opened>>();
  const works: Work[] = [];
  const places = new Map<string, number>();
  const found: Record<string, { readonly family: NetworkFamily; readonly at: readonly number[] }> =
    {};
  for (const run of runs) {
    if (!("ms" in run) || found[keyOf(run)] !== undefined) continue;
    const key = `${run.network}/${run.classes ?? ""}`;
    const known = structures.get(key) ?? opened(run.network, run.classes);
    structures.set(key, known);
    const at = runObservation(known.structure, run).works.map((work) => {
      const text = JSON.stringify(work);
      const place = places.get(text) ?? works.push(work) - 1;
      places.set(text, place);
      return place;
    });
    found[keyOf(run)] = { family: known.family, at };
  }
  return { works, runs: found };
}

/** Of what kernels may depend on: all of the source, and the runs. */
function sourcesHash(): string {
  const hash = createHash("sha256");
  for (const folder of [join(packageRoot(), "src"), OBSERVATION_FOLDER]) {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
      if (/\.(ts|json)$/.test(name)) hash.update(name).update(readFileSync(join(folder, name)));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

function opened(
  network: string,
  classes: number | undefined,
): { readonly structure: Structure; readonly family: NetworkFamily } {
  const { graph, family } = publishedNetwork(network, classes);
  return { structure: findStructure(graph), family };
}
