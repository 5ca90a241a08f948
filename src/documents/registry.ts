/** Every document by the name that stands in its field `schema`, those of other rooms included. */
import { z } from "zod";
import { DATASET_CONFIG } from "../data/config.ts";
import { SAMPLES_CONFIG } from "../data/samples-config.ts";
import { SETS_CONFIG } from "../data/sets.ts";
import { JOINED } from "../graph/pair/joined.ts";
import { IMPORTANCE } from "../importance/importance.ts";
import { DEVICE } from "../latency/predict/device.ts";
import { OBSERVATIONS } from "../latency/predict/observations.ts";
import { TABLE } from "../latency/table-schema.ts";
import { PROJECT } from "../pytorch/project/project-file.ts";
import { SUBNET_FILE } from "../subnet/subnet-file.ts";
import { CALIBRATE } from "./calibrate.ts";
import { COEFFICIENTS, GROUPS, REASONS } from "./coefficients.ts";
import { COMPARE, COMPARES } from "./compare.ts";
import { COMPARED_RATES } from "./compared-rates.ts";
import { CORRECT, CORRECTION } from "./correct.ts";
import { DAMAGES } from "./damages.ts";
import { DEVICES, DOCTOR, DOCTOR_BOARDS } from "./environment.ts";
import { EVALUATION, PREPROCESSING_OF_RUN } from "./evaluation.ts";
import { CONFLICT, EXPLAIN } from "./explain.ts";
import { EXPLORE } from "./explore.ts";
import { IMPORT, IMPORT_WEIGHTS } from "./imports.ts";
import { KNOWLEDGE } from "./knowledge.ts";
import { COMPARED_METRICS, METRICS, SUGGESTED } from "./metrics.ts";
import { JOIN, SPLIT } from "./pair.ts";
import { PREDICT } from "./predict.ts";
import { PROFILE, PROFILES } from "./profile.ts";
import { PROOF } from "./proof.ts";
import { REBASE } from "./rebase.ts";
import { GATE, HISTORY, MONITOR } from "./release.ts";
import { REPORT } from "./report.ts";
import { CONFIG, RUN, SUMMARY } from "./run.ts";
import { SOLVE } from "./solve.ts";
import { SPARSIFY } from "./sparsify.ts";
import { DIFF, STRUCTURE } from "./structure.ts";
import { SWEEP } from "./sweep.ts";
import {
  TABLE_CELLS,
  TABLE_DIFF,
  TABLE_EXPORT,
  TABLE_IMPORT,
  TABLE_MERGE,
  TABLE_PLOT,
  TABLE_SUMMARY,
} from "./tables.ts";
import { TRAINING } from "./training.ts";

export const DOCUMENTS = {
  "mdp-calibrate/1": CALIBRATE,
  "mdp-coefficients/1": COEFFICIENTS,
  "mdp-compare/1": COMPARE,
  "mdp-compared-metrics/1": COMPARED_METRICS,
  "mdp-compared-rates/1": COMPARED_RATES,
  "mdp-compares/1": COMPARES,
  "mdp-config/1": CONFIG,
  "mdp-conflict/1": CONFLICT,
  "mdp-correct/1": CORRECT,
  "mdp-correction/1": CORRECTION,
  "mdp-damages/1": DAMAGES,
  "mdp-dataset/1": DATASET_CONFIG,
  "mdp-dataset/2": z.union([SAMPLES_CONFIG, SETS_CONFIG]),
  "mdp-device/1": DEVICE,
  "mdp-devices/1": DEVICES,
  "mdp-diff/1": DIFF,
  "mdp-doctor/1": DOCTOR,
  "mdp-doctor-boards/1": DOCTOR_BOARDS,
  "mdp-eval/1": EVALUATION,
  "mdp-explain/1": EXPLAIN,
  "mdp-explore/1": EXPLORE,
  "mdp-gate/1": GATE,
  "mdp-groups/1": GROUPS,
  "mdp-history/1": HISTORY,
  "mdp-import/1": IMPORT,
  "mdp-import-weights/1": IMPORT_WEIGHTS,
  "mdp-importance/1": IMPORTANCE,
  "mdp-join/1": JOIN,
  "mdp-joined/1": JOINED,
  "mdp-knowledge/1": KNOWLEDGE,
  "mdp-latency-table/1": TABLE,
  "mdp-latency-table/2": TABLE,
  "mdp-metrics/1": METRICS,
  "mdp-monitor/1": MONITOR,
  "mdp-observations/1": OBSERVATIONS,
  "mdp-predict/1": PREDICT,
  "mdp-preprocessing/1": PREPROCESSING_OF_RUN,
  "mdp-profile/1": PROFILE,
  "mdp-profiles/1": PROFILES,
  "mdp-proof/1": PROOF,
  "mdp-pytorch/1": PROJECT,
  "mdp-reasons/1": REASONS,
  "mdp-rebase/1": REBASE,
  "mdp-report/1": REPORT,
  "mdp-run/1": RUN,
  "mdp-solve/1": SOLVE,
  "mdp-sparsify/1": SPARSIFY,
  "mdp-split/1": SPLIT,
  "mdp-structure/1": STRUCTURE,
  "mdp-subnet/1": SUBNET_FILE,
  "mdp-suggested/1": SUGGESTED,
  "mdp-summary/1": SUMMARY,
  "mdp-sweep/1": SWEEP,
  "mdp-table-cells/1": TABLE_CELLS,
  "mdp-table-diff/1": TABLE_DIFF,
  "mdp-table-export/1": TABLE_EXPORT,
  "mdp-table-import/1": TABLE_IMPORT,
  "mdp-table-merge/1": TABLE_MERGE,
  "mdp-table-plot/1": TABLE_PLOT,
  "mdp-table-summary/1": TABLE_SUMMARY,
  "mdp-training/1": TRAINING,
} as const satisfies Readonly<Record<string, z.ZodType>>;
