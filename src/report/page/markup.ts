/** Text that is HTML already. Everything else is escaped where it is put into `html`. */
export interface Markup {
  readonly markup: string;
}

type Content = Markup | string | number | null | readonly (Markup | string | number | null)[];

/**
 * HTML with the values put in: strings and numbers are escaped, `null` is nothing, lists follow one another. Values may stand in text
 * and in quoted attributes.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const parts = strings.map((text, at) => text + (at < values.length ? textOf(values[at]) : ""));
  return { markup: parts.join("") };
}

function textOf(value: Content | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  if (isList(value)) return value.map(textOf).join("");
  return value.markup;
}

function isList(value: Content): value is readonly (Markup | string | number | null)[] {
  return Array.isArray(value);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A sentence or command from a file, whole where it is not absurdly long. */
export function words(text: string): Markup {
  return html`<bdi class="name">${text.length > 5000 ? `${text.slice(0, 4997)}...` : text}</bdi>`;
}

/** A figure that this package drew, whose text is escaped by what draws it. */
export function svgMarkup(svg: string): Markup {
  return { markup: svg };
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => ESCAPES[sign] ?? "");
}

/** A name from a file: kept apart from the text around it, whichever way it is written, and broken where it is long. */
export function name(text: string): Markup {
  if (text.length <= 200) return html`<bdi class="name">${text}</bdi>`;
  return html`<bdi class="name" title="${text.slice(0, 2000)}">${text.slice(0, 197)}...</bdi>`;
}

/** A bar of this width, of which a share is filled; both from 0 to 1. */
export function bar(width: number, filled: number): Markup {
  const share = (value: number): string => String(Number((100 * value).toFixed(1)));
  return html`<i class="bar" style="width:${share(width)}%;--k:${share(Math.min(1, filled))}%"></i>`;
}

/** A short table inside something that was opened: without buttons, so that hundreds of them stay small. */
export function plainTable(columns: readonly Column[], rows: readonly (readonly Cell[])[]): Markup {
  const cell = (tag: string, content: Cell["content"], at: number): Markup =>
    html`<${{ markup: tag }}${columns[at]?.isNumber ? NUMBER : null}>${content}</${{ markup: tag }}>`;
  return html`<div class="scroll"><table><tr>${columns.map(({ title }, at) => cell("th", title, at))}</tr>${rows.map(
    (row) => html`<tr>${row.map(({ content }, at) => cell("td", content, at))}</tr>`,
  )}</table></div>`;
}

/** A value with its interval below it. */
export function withInterval(value: string, low: string, high: string): Markup {
  return html`${value} <span class="interval">${low} to ${high}</span>`;
}

/** A value as JSON that can stand inside a script element. */
export function scriptJson(value: unknown): Markup {
  const text = JSON.stringify(value)
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
  return { markup: text };
}

/** A figure of the theme, with buttons that save it; nothing without one. */
export function figureMarkup(figure: Markup | null): Markup | null {
  if (figure === null) return null;
  return html`<figure class="chart"><div class="scroll" tabindex="0" role="group" aria-label="Figure">${figure}</div><figcaption>${SAVE}</figcaption></figure>`;
}

/** Buttons for the script, which saves the figure beside them. */
const SAVE: Markup = html`<button type="button" data-save="svg">Save as SVG</button> <button type="button" data-save="png">Save as PNG</button>`;

const NUMBER: Markup = { markup: ' class="number"' };

/** A table with headings; numbers stand to the right. Cells sort by `sort` where it is given, else by their text. */
export interface Cell {
  readonly content: Markup | string;
  readonly sort?: number | string | undefined;
}

export interface Column {
  readonly title: string;
  readonly isNumber: boolean;
}

export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
): Markup {
  return html`<div class="box"><button type="button" class="copy" data-copy="table">Copy</button><div class="scroll" tabindex="0" role="group" aria-label="${caption.slice(0, 200)}"><table class="sortable"><caption>${caption}</caption>
<thead><tr>${columns.map(({ title, isNumber }) =>
    title === ""
      ? html`<td></td>`
      : html`<th scope="col"${isNumber ? NUMBER : null}><button type="button">${title}</button></th>`,
  )}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr>${row.map(
        ({ content, sort }, at) =>
          html`<td${columns[at]?.isNumber ? NUMBER : null}${sort === undefined || sort === "" ? null : html` data-sort="${sort}"`}>${content}</td>`,
      )}</tr>`,
  )}</tbody></table></div></div>`;
}
