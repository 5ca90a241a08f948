import { LOW_TO_HIGH } from "../figures/theme.ts";
import { type DimDetail, dimDetails } from "./dim-details.ts";
import {
  compareSection,
  type FrontierData,
  frontierData,
  frontierSection,
} from "./frontier-section.ts";
import { comparedMetricsSection, groupsSection } from "./groups-section.ts";
import { latencySection, measuredSection } from "./latency-section.ts";
import { html, type Markup, name, scriptJson } from "./markup.ts";
import { networkSection } from "./network-section.ts";
import { type OpDetail, opDetails, type TableCells, tableCells } from "./op-cells.ts";
import { type BlockDrawing, drawingsOf, type OpPlaces } from "./op-drawing.ts";
import { overviewSection } from "./overview-section.ts";
import { provenanceSection } from "./provenance-section.ts";
import { releaseSection } from "./release-section.ts";
import { knowledgeSection, sparsitySection } from "./sparsity-section.ts";
import { stagesSection } from "./stages-section.ts";
import type { Subject } from "./subject.ts";
import { summarySection } from "./summary-section.ts";

/** What the page's script reads. */
export interface PageData {
  readonly subjects: readonly {
    readonly dims: readonly DimDetail[];
    /** Null without a sweep. */
    readonly frontier: FrontierData | null;
    /** In the order of the latency section. */
    readonly ops: readonly OpDetail[];
    /** Drawn where a block is opened. */
    readonly drawings: Readonly<Record<string, BlockDrawing>>;
  }[];
}

export interface PageCells {
  /** Colours from the least to the largest value. */
  readonly ramp: readonly string[];
  /** Per subject; null where it has no table. */
  readonly tables: readonly (TableCells | null)[];
}

/** The program inside a page of `mdp explore`: gzip in base 64 each, and the script that uses them. */
export interface ExplorerParts {
  readonly data: string;
  readonly worker: string;
  readonly wasm: string;
  readonly script: string;
}

/** Figures of a subject, by the section that shows them; null or absent where there is nothing to draw. */
export type Figures = Readonly<
  Partial<
    Record<
      "stages" | "frontier" | "methods" | "validation" | "calibration" | "groups" | "knowledge",
      Markup | null
    >
  >
>;

/** Style, script and figures that a page is put together with. */
export interface PageParts {
  readonly css: string;
  readonly script: string;
  /** Of each subject. */
  readonly figures: readonly Figures[];
  /** Of all subjects together. */
  readonly overview?: Markup | null | undefined;
  /** Where the ops of each subject's network are drawn; null where it isn't known. */
  readonly places: readonly (OpPlaces | null)[];
  readonly explorer?: ExplorerParts | undefined;
}

/** What the script needs to know of the subjects. */
export function pageData(
  subjects: readonly Subject[],
  places: readonly (OpPlaces | null)[],
): PageData {
  return {
    subjects: subjects.map((subject, at) => ({
      dims: dimDetails(subject),
      frontier: frontierData(subject),
      ops: opDetails(subject),
      drawings: drawingsOf(subject, places[at] ?? null),
    })),
  };
}

/** What the script draws for a selected operation: apart from the rest, since it changes with the device alone. */
export function pageCells(subjects: readonly Subject[]): PageCells {
  return { ramp: LOW_TO_HIGH, tables: subjects.map(tableCells) };
}

/**
 * One self-contained HTML document: no request leaves it. Names from files are shown as text, whatever they hold.
 *
 * @param subjects shown below one another; a page with the program inside needs none
 */
export function reportPage(subjects: readonly Subject[], parts: PageParts): string {
  const { explorer } = parts;
  const title = subjects.map((subject) => subject.title).join(", ");
  const kind = explorer === undefined ? "report" : "explore";
  const program = explorer === undefined ? "" : " 'wasm-unsafe-eval' blob:; worker-src blob:";
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src 'unsafe-inline'${{ markup: program }}">
<link rel="icon" href="data:,">
<title>mdp ${kind}: ${title.slice(0, 200)}</title>
<style>${{ markup: parts.css }}</style>
</head>
<body>
<header><h1>${explorer === undefined ? "Pruning report" : "Pruning explorer"}</h1><button type="button" id="theme">Light or dark</button></header>
<main>
${explorer === undefined ? html`${overviewSection(subjects, parts.overview ?? null)}${subjects.map((subject, at) => articleMarkup(subject, at, parts))}` : explorerMarkup()}
</main>
<script type="application/json" id="data">${scriptJson(pageData(subjects, parts.places))}</script>
<script type="application/json" id="cells">${scriptJson(pageCells(subjects))}</script>
<script>${{ markup: parts.script }}</script>
${explorer === undefined ? null : programMarkup(explorer)}
</body>
</html>
`;
  return page.markup;
}

function explorerMarkup(): Markup {
  return html`<div id="explorer"><p role="status">Starting.</p></div><article data-subject="0" id="report"></article><script type="application/json" id="answer">null</script>`;
}

function programMarkup({ data, worker, wasm, script }: ExplorerParts): Markup {
  const packed = (id: string, text: string): Markup =>
    html`<script type="text/plain" id="explorer-${id}">${{ markup: text }}</script>
`;
  return html`${packed("data", data)}${packed("worker", worker)}${packed("wasm", wasm)}<script>${{ markup: script }}</script>`;
}

function articleMarkup(subject: Subject, at: number, { figures }: PageParts): Markup {
  const sections = sectionsOf(subject, figures[at] ?? {});
  const links =
    sections.length < 3
      ? null
      : html`<nav aria-label="Sections of ${subject.title.slice(0, 100)}">${sections.map(({ key, title }) => html`<a href="#s${at}-${key}">${title}</a> `)}</nav>`;
  return html`<article data-subject="${at}" id="s${at}"><h2 class="subject">${name(subject.title)}</h2>
${links}
${sections.map(({ key, markup }) => html`<div class="part" id="s${at}-${key}">${markup}</div>`)}</article>`;
}

/** The sections of a subject without the figures that are drawn where the page is made. */
export function sectionsMarkup(subject: Subject): Markup {
  return html`<h2 class="subject">${name(subject.title)}</h2>
${sectionsOf(subject, {}).map(({ markup }) => markup)}`;
}

interface Section {
  readonly key: string;
  /** In the list of sections. */
  readonly title: string;
  readonly markup: Markup;
}

/** In the order that a reader decides in: may it be released, what was gained and lost, why, what it rests on. */
function sectionsOf(subject: Subject, figures: Figures): readonly Section[] {
  const all: readonly (readonly [string, string, Markup | null])[] = [
    ["release", "Release", releaseSection(subject)],
    ["summary", "Summary", summarySection(subject)],
    ["stages", "Measured", stagesSection(subject, figures.stages ?? null)],
    ["network", "Network", networkSection(subject)],
    ["groups", "Groups", groupsSection(subject, figures.groups ?? null)],
    ["latency", "Latency", latencySection(subject)],
    [
      "measured",
      "Predicted against measured",
      measuredSection(subject, {
        validation: figures.validation ?? null,
        calibration: figures.calibration ?? null,
      }),
    ],
    ["frontier", "Frontier", frontierSection(subject, figures.frontier ?? null)],
    ["methods", "Methods", compareSection(subject, figures.methods ?? null)],
    ["by-metrics", "Methods by metrics", comparedMetricsSection(subject)],
    ["sparsity", "Single weights", sparsitySection(subject)],
    ["knowledge", "Kept knowledge", knowledgeSection(subject, figures.knowledge ?? null)],
    ["provenance", "Provenance", provenanceSection(subject)],
  ];
  return all.flatMap(([key, title, markup]) => (markup === null ? [] : [{ key, title, markup }]));
}
