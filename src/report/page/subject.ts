import type { CalibrateReport } from "../../documents/calibrate.ts";
import type {
  CoefficientsReport,
  GroupsReport,
  ReasonsReport,
} from "../../documents/coefficients.ts";
import type { CompareReport } from "../../documents/compare.ts";
import type { Document } from "../../documents/document.ts";
import type { EvalReport } from "../../documents/evaluation.ts";
import type { ExplainReport } from "../../documents/explain.ts";
import type { KnowledgeReport } from "../../documents/knowledge.ts";
import type { ComparedMetrics } from "../../documents/metrics.ts";
import type { PROFILE } from "../../documents/profile.ts";
import type { PROOF } from "../../documents/proof.ts";
import type { GateReport } from "../../documents/release.ts";
import type { CONFIG, RunRecord } from "../../documents/run.ts";
import type { SolveReport } from "../../documents/solve.ts";
import type { SparsifyReport } from "../../documents/sparsify.ts";
import type { STRUCTURE } from "../../documents/structure.ts";
import type { SweepReport } from "../../documents/sweep.ts";
import type { IMPORTANCE } from "../../importance/importance.ts";
import type { TABLE } from "../../latency/table-schema.ts";
import type { SubnetFile } from "../../subnet/subnet-file.ts";

/**
 * What a report shows: the documents of one run, sweep, comparison or table. Each is null where it isn't there; a section
 * whose documents are missing is left out.
 */
export interface Subject {
  /** Of the folder or file. */
  readonly title: string;
  readonly solve: SolveReport | null;
  readonly proof: Document<typeof PROOF> | null;
  readonly evaluation: EvalReport | null;
  readonly structure: Document<typeof STRUCTURE> | null;
  readonly subnet: SubnetFile | null;
  readonly importance: Document<typeof IMPORTANCE> | null;
  readonly table: Document<typeof TABLE> | null;
  readonly explain: ExplainReport | null;
  readonly sweep: SweepReport | null;
  /** Subnets of the points of a sweep, by the name of their file. */
  readonly subnets: ReadonlyMap<string, SubnetFile>;
  readonly compare: CompareReport | null;
  /** The last word on a release, where there are requirements. */
  readonly gate: GateReport | null;
  readonly coefficients: CoefficientsReport | null;
  readonly reasons: ReasonsReport | null;
  readonly groups: GroupsReport | null;
  /** Ways to choose a subnet by the user's metrics. */
  readonly comparedMetrics: ComparedMetrics | null;
  readonly sparsify: SparsifyReport | null;
  readonly knowledge: KnowledgeReport | null;
  readonly profile: Document<typeof PROFILE> | null;
  readonly calibrate: CalibrateReport | null;
  readonly run: RunRecord | null;
  readonly config: Document<typeof CONFIG> | null;
  /** Files that could not be read, and why. */
  readonly warnings: readonly string[];
}

/** Nothing is there. */
export const EMPTY_SUBJECT: Subject = {
  title: "",
  solve: null,
  proof: null,
  evaluation: null,
  structure: null,
  subnet: null,
  importance: null,
  table: null,
  explain: null,
  sweep: null,
  subnets: new Map(),
  compare: null,
  gate: null,
  coefficients: null,
  reasons: null,
  groups: null,
  comparedMetrics: null,
  sparsify: null,
  knowledge: null,
  profile: null,
  calibrate: null,
  run: null,
  config: null,
  warnings: [],
};
