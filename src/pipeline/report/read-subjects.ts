import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { z } from "zod";
import { InputError, MdpError } from "../../core/errors.ts";
import { readJson } from "../../core/files.ts";
import { CALIBRATE } from "../../documents/calibrate.ts";
import { COEFFICIENTS, GROUPS, REASONS } from "../../documents/coefficients.ts";
import { COMPARE } from "../../documents/compare.ts";
import { type Document, parseDocument } from "../../documents/document.ts";
import { EVALUATION } from "../../documents/evaluation.ts";
import { EXPLAIN } from "../../documents/explain.ts";
import { KNOWLEDGE } from "../../documents/knowledge.ts";
import { COMPARED_METRICS } from "../../documents/metrics.ts";
import { PROFILE } from "../../documents/profile.ts";
import { PROOF } from "../../documents/proof.ts";
import { GATE } from "../../documents/release.ts";
import { CONFIG, RUN } from "../../documents/run.ts";
import { SOLVE } from "../../documents/solve.ts";
import { SPARSIFY } from "../../documents/sparsify.ts";
import { STRUCTURE } from "../../documents/structure.ts";
import { SWEEP } from "../../documents/sweep.ts";
import { IMPORTANCE } from "../../importance/importance.ts";
import { TABLE } from "../../latency/table-schema.ts";
import { EMPTY_SUBJECT, type Subject } from "../../report/page/subject.ts";
import { SUBNET_FILE, type SubnetFile } from "../../subnet/subnet-file.ts";

/** What a report is made of, by the schema in the file. Kinds that a report doesn't show are passed over. */
type Parts = { -readonly [Key in keyof Subject]: Subject[Key] };

/**
 * Reads run folders, folders of sweeps and comparisons, and single documents, each as a subject of a report.
 *
 * @throws InputError `pipeline/nothing-to-report` where a path holds no document that a report shows
 */
export function readSubjects(paths: readonly string[]): Subject[] {
  return paths.map(readSubject);
}

function readSubject(path: string): Subject {
  if (!existsSync(path)) throw nothing(path, "The path doesn't exist.");
  const isFolder = statSync(path).isDirectory();
  const files = isFolder
    ? readdirSync(path)
        .filter((file) => file.endsWith(".json"))
        .sort()
        .map((file) => join(path, file))
    : [path];
  const subnets = new Map<string, SubnetFile>();
  const warnings: string[] = [];
  const parts: Parts = {
    ...EMPTY_SUBJECT,
    title: basename(resolve(path)),
    subnets,
    warnings,
  };
  let found = 0;
  for (const file of files) {
    try {
      if (take(parts, subnets, file)) found += 1;
    } catch (error) {
      if (!(error instanceof MdpError) || !isFolder) throw error;
      warnings.push(`${basename(file)} was left out: ${error.message}`);
    }
  }
  if (found === 0) {
    throw nothing(path, `It holds no document that a report shows. ${warnings.join(" ")}`.trim());
  }
  return parts;
}

/** Whether the file is a document that a report shows. */
function take(parts: Parts, subnets: Map<string, SubnetFile>, file: string): boolean {
  const content = readJson(file);
  const read = <Schema extends z.ZodType>(schema: Schema): Document<Schema> =>
    parseDocument(schema, content, file);
  switch (schemaOf(content)) {
    case "mdp-solve/1":
      parts.solve = read(SOLVE);
      return true;
    case "mdp-proof/1":
      parts.proof = read(PROOF);
      return true;
    case "mdp-eval/1":
      parts.evaluation = read(EVALUATION);
      return true;
    case "mdp-structure/1":
      parts.structure = read(STRUCTURE);
      return true;
    case "mdp-importance/1":
      parts.importance = read(IMPORTANCE);
      return true;
    case "mdp-latency-table/1":
    case "mdp-latency-table/2":
      // A calibrated table stands beside the one that it was made from; the answer names its table by its hash.
      if (parts.table === null || basename(file) === "table.json") parts.table = read(TABLE);
      return true;
    case "mdp-explain/1":
      parts.explain = read(EXPLAIN);
      return true;
    case "mdp-sweep/1":
      parts.sweep = read(SWEEP);
      return true;
    case "mdp-compare/1":
      parts.compare = read(COMPARE);
      return true;
    case "mdp-gate/1":
      parts.gate = read(GATE);
      return true;
    case "mdp-coefficients/1":
      parts.coefficients = read(COEFFICIENTS);
      return true;
    case "mdp-reasons/1":
      parts.reasons = read(REASONS);
      return true;
    case "mdp-groups/1":
      parts.groups = read(GROUPS);
      return true;
    case "mdp-compared-metrics/1":
      parts.comparedMetrics = read(COMPARED_METRICS);
      return true;
    case "mdp-sparsify/1":
      parts.sparsify = read(SPARSIFY);
      return true;
    case "mdp-knowledge/1":
      parts.knowledge = read(KNOWLEDGE);
      return true;
    case "mdp-profile/1":
      parts.profile = read(PROFILE);
      return true;
    case "mdp-calibrate/1":
      parts.calibrate = read(CALIBRATE);
      return true;
    case "mdp-run/1":
      parts.run = read(RUN);
      return true;
    case "mdp-config/1":
      parts.config = read(CONFIG);
      return true;
    case "mdp-subnet/1": {
      const subnet = read(SUBNET_FILE) as SubnetFile;
      subnets.set(basename(file), subnet);
      if (basename(file) === "subnet.json") parts.subnet = subnet;
      return true;
    }
    default:
      return false;
  }
}

function schemaOf(content: unknown): string | null {
  const isObject = typeof content === "object" && content !== null && "schema" in content;
  return isObject && typeof content.schema === "string" ? content.schema : null;
}

function nothing(path: string, message: string): InputError {
  return new InputError({
    code: "pipeline/nothing-to-report",
    message,
    where: path,
    hint: "Name the folder of mdp prune, mdp sweep or mdp compare, or a JSON document that one of mdp's commands wrote.",
  });
}
