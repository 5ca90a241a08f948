import { openDataset } from "../../data/dataset.ts";
import { writeDocument } from "../../documents/document.ts";
import { PREPROCESSING_OF_RUN } from "../../documents/evaluation.ts";
import { openModel } from "../../runtime/open-model.ts";
import { preprocessed } from "../evaluate/fitting-preprocessing.ts";
import { preparationOf } from "../open/images.ts";
import { openPrepared } from "../open/preparation.ts";
import type { PruneJob } from "./prune-stages.ts";

/**
 * Says how the run's images are prepared before anything is made of them, and keeps it in the folder; tries the usual choices
 * where it is a default.
 */
export async function preprocessingStage({ open, run, options, context }: PruneJob): Promise<void> {
  const { train, dataConfig } = options;
  const data = options.data ?? train;
  if (data === undefined) return;
  const resolved = preparationOf(open, { data, dataConfig });
  const dataset = await openPrepared(data, resolved, { unlabelled: true }, context);
  // A network runs only where choices are tried.
  const session = await openModel(open.model, { threads: options.threads });
  try {
    const found = await preprocessed(
      { dataset, resolved },
      { name: open.name, session },
      (choice) =>
        openDataset(data, { config: { ...resolved.config, ...choice }, unlabelled: true }),
      context,
    );
    if (found === null) return;
    const fits = found.tried?.fits ?? null;
    if (fits !== null) {
      context.progress.note(
        `WARNING: pictures are prepared as '${found.text}' by default, and '${fits}' fits better. Stop, and give --data-config (docs/datasets.md).`,
      );
    }
    writeDocument(PREPROCESSING_OF_RUN, run.path("preprocessing.json"), {
      schema: "mdp-preprocessing/1",
      ...found,
    });
  } finally {
    await session.close();
  }
}
