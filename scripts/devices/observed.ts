/** The published observations of Jetsons, with the kernels of their networks. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/core/files.ts";
import type { Observation } from "../../src/latency/predict/fit-device.ts";
import { readObservations, runObservation } from "../../src/latency/predict/observations.ts";
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
  const files = readdirSync(OBSERVATION_FOLDER)
    .filter((name) => name.endsWith(".json"))
    .sort();
  const structures = new Map<
    string,
    { readonly structure: Structure; readonly family: NetworkFamily }
  >();
  return files
    .map((file) => file.replace(/\.json$/, ""))
    .filter((set) => wanted.length === 0 || wanted.includes(set))
    .flatMap((set) =>
      readObservations(join(OBSERVATION_FOLDER, `${set}.json`)).map((run): Seen => {
        if (!("ms" in run) || run.board === undefined)
          throw new Error(`${set}: a run without a board`);
        const key = `${run.network}/${run.classes ?? ""}`;
        const known = structures.get(key) ?? opened(run.network, run.classes);
        structures.set(key, known);
        const [name = "", side = "0"] = run.network.replace("published:", "").split("@");
        const observation = runObservation(known.structure, run);
        return {
          ...observation,
          works: shared(observation.works),
          ...{ network: name, side: Number(side), family: known.family, board: run.board, set },
          ...{ powerMode: run.powerMode ?? null, batch: run.batch },
        };
      }),
    );
}

/** Equal kernels as one object, which is timed once. */
function shared(works: readonly Work[]): readonly Work[] {
  const known = new Map<string, Work>();
  return works.map((work) => {
    const key = JSON.stringify(work);
    const one = known.get(key) ?? work;
    known.set(key, one);
    return one;
  });
}

function opened(
  network: string,
  classes: number | undefined,
): { readonly structure: Structure; readonly family: NetworkFamily } {
  const { graph, family } = publishedNetwork(network, classes);
  return { structure: findStructure(graph), family };
}
