import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { z } from "zod";
import { InputError } from "../../core/errors.ts";
import { parseJson, readFileBytes } from "../../core/files.ts";
import { CALIBRATE } from "../../documents/calibrate.ts";
import { COEFFICIENTS, GROUPS, REASONS } from "../../documents/coefficients.ts";
import { COMPARE } from "../../documents/compare.ts";
import { parseDocument } from "../../documents/document.ts";
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
import { IMPORTANCE, parseImportance } from "../../importance/importance.ts";
import { TABLE } from "../../latency/table-schema.ts";
import { EMPTY_SUBJECT, type Subject } from "../../report/page/subject.ts";
import { SUBNET_FILE, type SubnetFile } from "../../subnet/subnet-file.ts";
import { titlesOf } from "./titles.ts";

/** What a report is made of, by the schema in the file. Kinds that a report doesn't show are passed over. */
const KINDS: ReadonlyMap<string, readonly [part: keyof Subject, schema: z.ZodType]> = new Map([
  ["mdp-solve/1", ["solve", SOLVE]],
  ["mdp-proof/1", ["proof", PROOF]],
  ["mdp-eval/1", ["evaluation", EVALUATION]],
  ["mdp-structure/1", ["structure", STRUCTURE]],
  ["mdp-importance/1", ["importance", IMPORTANCE]],
  ["mdp-latency-table/1", ["table", TABLE]],
  ["mdp-latency-table/2", ["table", TABLE]],
  ["mdp-explain/1", ["explain", EXPLAIN]],
  ["mdp-sweep/1", ["sweep", SWEEP]],
  ["mdp-compare/1", ["compare", COMPARE]],
  ["mdp-gate/1", ["gate", GATE]],
  ["mdp-coefficients/1", ["coefficients", COEFFICIENTS]],
  ["mdp-reasons/1", ["reasons", REASONS]],
  ["mdp-groups/1", ["groups", GROUPS]],
  ["mdp-compared-metrics/1", ["comparedMetrics", COMPARED_METRICS]],
  ["mdp-sparsify/1", ["sparsify", SPARSIFY]],
  ["mdp-knowledge/1", ["knowledge", KNOWLEDGE]],
  ["mdp-profile/1", ["profile", PROFILE]],
  ["mdp-calibrate/1", ["calibrate", CALIBRATE]],
  ["mdp-run/1", ["run", RUN]],
  ["mdp-config/1", ["config", CONFIG]],
  ["mdp-subnet/1", ["subnet", SUBNET_FILE]],
]);

/**
 * Reads run folders, folders of sweeps and comparisons, and single documents, each as a subject of a report. What is named twice is
 * read once.
 *
 * @throws InputError `pipeline/nothing-to-report` where a path holds no document that a report shows; `core/not-json` and
 * `documents/malformed` for a document of mdp that is broken, with its file
 */
export function readSubjects(paths: readonly string[]): Subject[] {
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) throw nothing(missing, "The path doesn't exist.");
  const places = new Map(paths.map((path) => [realpathSync(path), path]));
  const titles = titlesOf([...places.keys()]);
  return [...places.values()].map((path, at) => readSubject(path, titles[at] ?? path));
}

/** The files that a report of these paths reads. */
export function reportInputs(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!existsSync(path)) return [];
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path)
      .filter((file) => file.endsWith(".json"))
      .sort()
      .map((file) => join(path, file));
  });
}

/** A document with the kind of part that it is. */
interface Found {
  readonly file: string;
  readonly part: keyof Subject;
  readonly content: unknown;
}

function readSubject(path: string, title: string): Subject {
  const isFolder = statSync(path).isDirectory();
  const warnings: string[] = [];
  const found: Found[] = [];
  for (const file of reportInputs([path])) {
    const text = new TextDecoder().decode(readFileBytes(file));
    if (isFolder && isForeign(text)) {
      warnings.push(`${basename(file)} was left out: it is not JSON.`);
      continue;
    }
    const document = documentIn(text, file);
    if (document !== null) found.push(document);
  }
  if (found.length === 0) {
    throw nothing(path, `It holds no document that a report shows. ${warnings.join(" ")}`.trim());
  }
  const isSubnet = ({ part }: Found): boolean => part === "subnet";
  const subnets = new Map(
    found.filter(isSubnet).map(({ file, content }) => [basename(file), content as SubnetFile]),
  );
  const parts = new Map<keyof Subject, unknown>();
  for (const part of new Set(found.map((each) => each.part))) {
    const all = found.filter((each) => each.part === part);
    const own = all.find(({ file }) => basename(file) === nameOf(part));
    // Subnets of other names are the points of a frontier.
    const one = own ?? (part === "subnet" && isFolder ? undefined : all[0]);
    if (one === undefined) continue;
    parts.set(part, one.content);
    if (part === "subnet" || part === "table") continue;
    for (const { file } of all.filter((each) => each !== one)) {
      const kept = `${basename(one.file)} is a document of the same kind`;
      warnings.push(`${basename(file)} was left out: ${kept}.`);
    }
  }
  // Every content was read by the schema of its part.
  return {
    ...EMPTY_SUBJECT,
    ...(Object.fromEntries(parts) as Partial<Subject>),
    ...{ title, subnets, warnings },
  };
}

/**
 * The name that commands give a document where others of its kind may lie beside it: a calibrated table stands beside the one that it
 * was made from.
 */
function nameOf(part: keyof Subject): string {
  return part === "evaluation" ? "eval.json" : `${part}.json`;
}

/** Whether something is not JSON that no command of mdp wrote: what they write begins with its schema. */
function isForeign(text: string): boolean {
  if (/"schema"\s*:\s*"mdp-/.test(text.slice(0, 1000))) return false;
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}

/** The document in a file; null where a report doesn't show it. */
function documentIn(text: string, file: string): Found | null {
  const content = parseJson(text, file);
  const [part, schema] = KINDS.get(schemaOf(content) ?? "") ?? [];
  if (part === undefined || schema === undefined) return null;
  const document = parseDocument(schema, content, file);
  // Numbers of units and scores have to agree as well.
  return { file, part, content: part === "importance" ? parseImportance(content, file) : document };
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
