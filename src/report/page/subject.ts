import type { CompareReport } from "../../documents/compare.ts";
import type { Document } from "../../documents/document.ts";
import type { EvalReport } from "../../documents/evaluation.ts";
import type { ExplainReport } from "../../documents/explain.ts";
import type { PROOF } from "../../documents/proof.ts";
import type { CONFIG, RunRecord } from "../../documents/run.ts";
import type { SolveReport } from "../../documents/solve.ts";
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
  run: null,
  config: null,
  warnings: [],
};
