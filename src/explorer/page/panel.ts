import type { ExplorerData } from "../../pipeline/explore/explorer-data.ts";
import { html, type Markup, name } from "../../report/page/markup.ts";

/** The controls above the report. */
export function panelMarkup({ devices, settings, network }: ExplorerData): Markup {
  return html`<section class="explorer" aria-labelledby="explorer-title">
<h2 id="explorer-title">Explore ${name(network.name)}</h2>
<form class="controls">
<div class="field"><label for="device">Device</label>
<select id="device">${devices.map(
    ({ head }, at) =>
      html`<option value="${at}">${head.device.title}${head.table.origin === "predicted" ? " (predicted)" : ""}</option>`,
  )}</select></div>
<div class="field wide"><label for="budget-range">Budget, % of the dense latency</label>
<span class="both"><input id="budget-range" type="range" min="5" max="100" step="1" value="${percentOf(settings.budget)}">
<input id="budget" type="text" size="12" value="${settings.budget ?? "50%"}" aria-label="Budget as text: 50%, 12ms or none" spellcheck="false" autocomplete="off"></span></div>
<div class="field wide"><label for="limit">Add a limit</label>
<span class="both"><input id="limit" type="text" placeholder="params <= 50%" spellcheck="false" autocomplete="off" aria-describedby="limit-error"><button type="submit">Add</button></span></div>
</form>
<ul class="chips" id="chips" aria-label="Limits, protected dims and dropped blocks"></ul>
<pre class="error" id="limit-error" role="alert" hidden></pre>
<p class="status" id="status" role="status">Starting: the program is loaded and the network's structure found.</p>
<p class="actions"><button type="button" id="copy">Copy as command</button>
<button type="button" id="download" disabled>Download subnet.json</button>
<button type="button" id="stop" disabled>Stop</button>
<span id="copied" role="status"></span></p>
<pre class="command" id="command" tabindex="0" aria-label="The command that gives this answer"></pre>
</section>`;
}

function percentOf(budget: string | undefined): number {
  const share = /^\s*([\d.]+)\s*%\s*$/.exec(budget ?? "50%")?.[1];
  return share === undefined ? 50 : Math.min(100, Math.max(5, Math.round(Number(share))));
}

/** Something that was asked for, with a button that takes it back. */
export interface Chip {
  readonly kind: "limit" | "protected" | "dropped";
  readonly text: string;
}

const CHIP_TITLES = { limit: "limit", protected: "whole", dropped: "dropped" } as const;

export function chipsMarkup(chips: readonly Chip[]): Markup {
  return html`${chips.map(
    ({ kind, text }, at) =>
      html`<li class="chip"><span class="tag">${CHIP_TITLES[kind]}</span> ${name(text)} <button type="button" data-chip="${at}" aria-label="Take back: ${text.slice(0, 80)}">×</button></li>`,
  )}`;
}
