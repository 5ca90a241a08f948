import {
  compareSection,
  type FrontierPoint,
  frontierPoints,
  frontierSection,
} from "./frontier-section.ts";
import { latencySection } from "./latency-section.ts";
import { html, type Markup, name, scriptJson } from "./markup.ts";
import { type DimDetail, dimDetails, networkSection } from "./network-section.ts";
import { provenanceSection } from "./provenance-section.ts";
import type { Subject } from "./subject.ts";
import { summarySection } from "./summary-section.ts";

/** What the page's script reads. */
export interface PageData {
  readonly subjects: readonly {
    readonly dims: readonly DimDetail[];
    readonly points: readonly FrontierPoint[];
  }[];
}

/** Style, script and figures that a page is put together with. */
export interface PageParts {
  readonly css: string;
  readonly script: string;
  /** SVG of each subject's sweep; null where there is none. */
  readonly figures: readonly (string | null)[];
}

/**
 * One self-contained HTML document: no request leaves it. Names from files are shown as text, whatever they hold.
 *
 * @param subjects at least one, shown below one another
 */
export function reportPage(subjects: readonly Subject[], parts: PageParts): string {
  const title = subjects.map((subject) => subject.title).join(", ");
  const data: PageData = {
    subjects: subjects.map((subject) => ({
      dims: dimDetails(subject),
      points: frontierPoints(subject),
    })),
  };
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:">
<title>mdp report: ${title.slice(0, 200)}</title>
<style>${{ markup: parts.css }}</style>
</head>
<body>
<header><h1>Pruning report</h1><button type="button" id="theme">Light or dark</button></header>
<main>
${subjects.map((subject, at) => subjectMarkup(subject, at, parts.figures[at] ?? null))}
</main>
<script type="application/json" id="data">${scriptJson(data)}</script>
<script>${{ markup: parts.script }}</script>
</body>
</html>
`;
  return page.markup;
}

function subjectMarkup(subject: Subject, at: number, figure: string | null): Markup {
  return html`<article data-subject="${at}">
<h2 class="subject">${name(subject.title)}</h2>
${[
  summarySection(subject),
  networkSection(subject),
  latencySection(subject),
  frontierSection(subject, figure === null ? null : { markup: figure }),
  compareSection(subject),
  provenanceSection(subject),
]}
</article>`;
}
