import { rmSync } from "node:fs";
import { readFileBytes, readJson, sha256, writeJson } from "../../core/files.ts";
import { isSameFile } from "../../core/guarded-files.ts";
import { readDatasetConfig } from "../../data/config.ts";
import { type Importance, needsData } from "../../importance/importance.ts";
import { hasTraining } from "../open/images.ts";
import { joinedPair } from "../pair/joined-model.ts";
import { chooseScoring, scoreWithRetreat } from "../score/choose-scoring.ts";
import { SCORE_DEFAULTS, type ScoreRequest, scoreOpened } from "../score/score-network.ts";
import { trainingData } from "./prune-images.ts";
import { type PruneJob, staged } from "./prune-stages.ts";

/** Scores the units as `--method` says, unless the scores are given. */
export async function scoreStage(job: PruneJob): Promise<void> {
  const { open, run, options, context } = job;
  const { importance, seed, dataConfig } = options;
  const needsImages = options.method === "auto" || needsData(options.method);
  const data = importance === undefined && needsImages ? await trainingData(job) : undefined;
  const isJoined = joinedPair(open.model, open.path) !== null;
  const chosen =
    options.method === "auto" ? chooseScoring(open.structure, imagesOf(job, data), isJoined) : null;
  const method = options.method === "auto" ? (chosen?.method ?? "magnitude-l2") : options.method;
  const labels = chosen?.labels ?? SCORE_DEFAULTS.labels;
  const onImages = importance === undefined && needsData(method);
  // Two networks that were joined say themselves what is compared; their embeddings are outputs no more.
  const pairs = isJoined ? undefined : namesIn(options.pairs);
  const dependsOn = [
    ...[open.hash, method, seed, labels],
    ...(pairs === undefined ? [] : [pairs]),
    ...(options.repaired === true ? ["repaired"] : []),
    importance === undefined ? null : sha256(readFileBytes(importance)),
    ...(onImages ? [data, dataConfig && sha256(readFileBytes(dataConfig)), SCORE_DEFAULTS] : []),
  ];
  await staged(job, "score", dependsOn, ["importance.json"], async () => {
    if (importance !== undefined) {
      // A run may be given its own scores again.
      const own = run.path("importance.json");
      if (!isSameFile(importance, own)) writeJson(own, readJson(importance));
      return;
    }
    if (chosen !== null) {
      context.progress.note(`Units are scored by ${method}: ${chosen.reason} (--method).`);
    }
    const partial = run.path("importance.json.partial.json");
    // The run's threads are those that latencies are measured with.
    const request = {
      ...options,
      ...SCORE_DEFAULTS,
      threads: undefined,
      method,
      labels,
      data,
      pairs,
    };
    const score = (changes: Partial<ScoreRequest>): Promise<Importance> =>
      scoreOpened(open, { ...request, ...changes }, context, partial);
    const scored =
      chosen === null ? await score({}) : await scoreWithRetreat(score, labels, context.progress);
    writeJson(run.path("importance.json"), scored);
    rmSync(partial, { force: true });
  });
}

function namesIn(text: string | undefined): readonly string[] | undefined {
  return text?.split(",").map((name) => name.trim());
}

/** Whether there are images that the result is not judged by. */
function imagesOf({ options }: PruneJob, data: string | undefined): "none" | "own" | "judged" {
  if (data === undefined) return "none";
  const { train, data: judgedBy, dataConfig } = options;
  if (train !== undefined || judgedBy === undefined) return "own";
  return hasTraining(judgedBy, dataConfig === undefined ? {} : readDatasetConfig(dataConfig))
    ? "own"
    : "judged";
}
