import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { InputError, UsageError } from "../../core/errors.ts";
import { packageRoot, writeFileAtomic } from "../../core/files.ts";
import { figuresOf, overviewFigure } from "../../report/page/figures.ts";
import { modelCard } from "../../report/page/model-card.ts";
import { reportPage } from "../../report/page/page.ts";
import { placeOps } from "../../report/page/place-ops.ts";
import type { Subject } from "../../report/page/subject.ts";
import { readSubjects } from "./read-subjects.ts";

export interface ReportRequest {
  /** Run folders, folders of sweeps or comparisons, single documents; at least one. */
  readonly paths: readonly string[];
  /** The HTML file. */
  readonly out: string;
  /** A model card in Markdown; none without. */
  readonly card?: string | undefined;
}

export interface WrittenReport {
  readonly subjects: readonly Subject[];
  readonly bytes: number;
}

/**
 * One HTML page about all subjects, and a model card of the first that has an answer.
 * @throws InputError as `readSubjects`, `pipeline/no-card`, `core/write-failed`; UsageError `pipeline/one-file`. Nothing is written then.
 */
export async function writeReport({ paths, out, card }: ReportRequest): Promise<WrittenReport> {
  if (card !== undefined && resolve(card) === resolve(out)) throw oneFile(out);
  const subjects = readSubjects(paths);
  const text = subjects.map(modelCard).find((each) => each !== null) ?? null;
  if (card !== undefined && text === null) throw noCard();
  const figures = await Promise.all(subjects.map(figuresOf));
  const page = reportPage(subjects, {
    ...pageAssets(),
    figures,
    overview: await overviewFigure(subjects),
    places: await Promise.all(subjects.map(placeOps)),
  });
  writeFileAtomic(out, page);
  if (card !== undefined && text !== null) writeFileAtomic(card, text);
  return { subjects, bytes: Buffer.byteLength(page) };
}

function noCard(): InputError {
  return new InputError({
    code: "pipeline/no-card",
    message:
      "A model card needs the answer of mdp solve or mdp prune (solve.json or coefficients.json), and no path holds one.",
    where: "--card",
    hint: "Name the folder of a run of mdp prune, or leave --card out. Nothing was written.",
  });
}

function oneFile(out: string): UsageError {
  return new UsageError({
    code: "pipeline/one-file",
    message: "The page and the model card can't be one file.",
    where: out,
    hint: "Give --out and --card names of their own.",
  });
}

/** The page's script, in the order that its parts need each other in. */
const SCRIPTS = [
  "base",
  "tables",
  "save",
  "charts",
  "details",
  "ops",
  "frontier",
  "events",
] as const;

/** Style and script of every page. */
export function pageAssets(): { readonly css: string; readonly script: string } {
  const assets = join(packageRoot(), "src/report/page/assets");
  const parts = SCRIPTS.map((part) => readFileSync(join(assets, `${part}.js`), "utf8"));
  return {
    css: readFileSync(join(assets, "page.css"), "utf8"),
    script: `(() => {\n"use strict";\n${parts.join("\n")}})();\n`,
  };
}
