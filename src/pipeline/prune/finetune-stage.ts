import { join } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { readFileBytes, sha256, writeFileAtomic } from "../../core/files.ts";
import { readDatasetConfig } from "../../data/config.ts";
import { modelHash, readModel } from "../../onnx/read.ts";
import { RUN_FILES } from "../../training/train.ts";
import { hasTraining } from "../open/images.ts";
import { joinedPair } from "../pair/joined-model.ts";
import { runTraining } from "../train/run-training.ts";
import { PLAIN_FINETUNE } from "../train/training-defaults.ts";
import { trainingData } from "./prune-images.ts";
import { type PruneJob, type PruneOptions, staged } from "./prune-stages.ts";

/** Folder of the training inside the run. */
const FOLDER = "finetune";
/** Few images are had for this stage: smaller batches take more steps with them. */
const BATCH = "64";
/** Pairs teach without labels, and texts speak of left and right. */
const PAIRS = { loss: "cross-modal", optimizer: "adamw", flip: "none", crop: 0 } as const;
const RESULT = "finetuned.onnx";

/**
 * Refuses to train on the images that are evaluated on.
 * @throws UsageError `cli/no-training-data`
 */
export async function checkFinetune(options: PruneOptions, embedded: boolean): Promise<void> {
  const { finetune, train, data, dataConfig } = options;
  if (finetune !== true || train !== undefined || (data === undefined && embedded)) return;
  if (data !== undefined) {
    const given = dataConfig === undefined ? {} : readDatasetConfig(dataConfig);
    if (hasTraining(data, given)) return;
  }
  throw new UsageError({
    code: "cli/no-training-data",
    message: "Fine-tuning needs samples that the result is not judged by, and none are named.",
    where: "--data",
    hint: "Name training samples with --data and others with --test-data, or give --data a config with the splits 'train' and 'test' (docs/datasets.md).",
  });
}

/**
 * Trains the network that the stages before have made, with the original one as its teacher; null where nobody asked.
 * @param from the network's file in the run's folder.
 * @returns the trained network's file there.
 */
export async function finetuneStage(job: PruneJob, from: string): Promise<string | null> {
  const { open, original, run, options, context } = job;
  if (options.finetune !== true) return null;
  const data = await trainingData(job);
  const { dataConfig, seed, epochs, lr } = options;
  const keepZeros = options.sparsity !== undefined || options.damages !== undefined;
  const start = run.path(from);
  const dependsOn = [
    ...[open.hash, sha256(readFileBytes(start)), data, seed, epochs, lr],
    ...(keepZeros ? ["keep zeros"] : []),
    dataConfig === undefined ? null : sha256(readFileBytes(dataConfig)),
  ];
  await staged(job, FOLDER, dependsOn, [RESULT], async () => {
    const network = { name: from, path: start, hash: await modelHash(start), embedded: false };
    // What was begun with other options or for another network is not gone on with.
    const out = run.path(join(FOLDER, sha256(JSON.stringify(dependsOn)).slice(0, 8)));
    await runTraining(
      "finetune",
      { ...network, model: readModel(start) },
      // The images that the run is judged by must not choose anything: they are left out until the end.
      {
        ...{ ...PLAIN_FINETUNE, data, dataConfig, seed, epochs, lr, out },
        ...{ teacher: original, validate: false, batch: BATCH, fits: true },
        ...(keepZeros ? { keepZeros } : {}),
        ...(joinedPair(open.model, open.path) === null ? {} : PAIRS),
      },
      context,
    );
    writeFileAtomic(run.path(RESULT), readFileBytes(join(out, RUN_FILES.last)));
  });
  return RESULT;
}
