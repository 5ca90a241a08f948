import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeShapeSet } from "../../data/shape-files.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { RunFolder } from "./run-folder.ts";

/** Images drawn for the embedded network where no data is named: to learn from, and to judge with. */
const DRAWN = { size: 64, train: 6000, test: 2000, seed: 1, format: "records" } as const;

/** Images to learn from: named ones, those that are evaluated on, or drawn ones for the embedded network. */
export async function trainingData({
  open,
  run,
  options,
  context,
}: {
  readonly open: Pick<OpenNetwork, "embedded">;
  readonly run: RunFolder;
  readonly options: { readonly train?: string | undefined; readonly data?: string | undefined };
  readonly context: RunContext;
}): Promise<string | undefined> {
  const named = options.train ?? options.data;
  return named === undefined && open.embedded ? drawnData(run, context) : named;
}

/** The drawn images in the run's folder, drawn unless they are there. */
export async function drawnData(run: RunFolder, context: RunContext): Promise<string> {
  const folder = run.path("shapes");
  if (!existsSync(join(folder, "dataset.json")))
    await writeShapeSet(folder, DRAWN, context.progress);
  return resolve(folder);
}
