import {
  compareSection,
  type FrontierPoint,
  frontierPoints,
  frontierSection,
} from "./frontier-section.ts";
import { latencySection } from "./latency-section.ts";
import { html, type Markup, name, scriptJson } from "./markup.ts";
import { type DimDetail, dimDetails, networkSection } from "./network-section.ts";
import { type BlockDrawing, drawingsOf, type OpPlaces } from "./op-drawing.ts";
import { provenanceSection } from "./provenance-section.ts";
import type { Subject } from "./subject.ts";
import { summarySection } from "./summary-section.ts";

/** What the page's script reads. */
export interface PageData {
  readonly subjects: readonly {
    readonly dims: readonly DimDetail[];
    readonly points: readonly FrontierPoint[];
    /** Drawn where a block is opened. */
    readonly drawings: Readonly<Record<string, BlockDrawing>>;
  }[];
}

/** The program inside a page of `mdp explore`: gzip in base 64 each, and the script that uses them. */
export interface ExplorerParts {
  readonly data: string;
  readonly worker: string;
  readonly wasm: string;
  readonly script: string;
}

/** Style, script and figures that a page is put together with. */
export interface PageParts {
  readonly css: string;
  readonly script: string;
  /** SVG of each subject's sweep; null where there is none. */
  readonly figures: readonly (string | null)[];
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
      points: frontierPoints(subject),
      drawings: drawingsOf(subject, places[at] ?? null),
    })),
  };
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
${explorer === undefined ? null : html`<div id="explorer"><p role="status">Starting.</p></div><article data-subject="0" id="report"></article><script type="application/json" id="answer">null</script>`}
${
  explorer === undefined
    ? subjects.map(
        (subject, at) =>
          html`<article data-subject="${at}">${sectionsMarkup(subject, parts.figures[at] ?? null)}</article>`,
      )
    : null
}
</main>
<script type="application/json" id="data">${scriptJson(pageData(subjects, parts.places))}</script>
<script>${{ markup: parts.script }}</script>
${explorer === undefined ? null : programMarkup(explorer)}
</body>
</html>
`;
  return page.markup;
}

function programMarkup({ data, worker, wasm, script }: ExplorerParts): Markup {
  const packed = (id: string, text: string): Markup =>
    html`<script type="text/plain" id="explorer-${id}">${{ markup: text }}</script>
`;
  return html`${packed("data", data)}${packed("worker", worker)}${packed("wasm", wasm)}<script>${{ markup: script }}</script>`;
}

/** The sections of a subject. */
export function sectionsMarkup(subject: Subject, figure: string | null): Markup {
  return html`<h2 class="subject">${name(subject.title)}</h2>
${[
  summarySection(subject),
  networkSection(subject),
  latencySection(subject),
  frontierSection(subject, figure === null ? null : { markup: figure }),
  compareSection(subject),
  provenanceSection(subject),
]}`;
}
