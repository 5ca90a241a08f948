import type { GateReport } from "../../documents/release.ts";
import { figure } from "../amounts.ts";
import { html, type Markup, name, table } from "./markup.ts";
import type { Subject } from "./subject.ts";

export const DECISIONS = {
  pass: "Every requirement is met. The network may be released.",
  missed: "A requirement is missed. The network must not be released.",
  undecided: "The test can't decide: more test items are needed before a release.",
} satisfies Record<GateReport["verdict"], string>;

const RESULTS = {
  pass: "met",
  missed: "missed",
  undecided: "not decided",
} satisfies Record<GateReport["verdict"], string>;

/** A verdict in words, with a mark that can be told without colour. */
export function verdictMark(verdict: GateReport["verdict"]): Markup {
  const sign = { pass: "✓", missed: "✗", undecided: "?" }[verdict];
  return html`<span class="verdict ${verdict}">${sign} ${RESULTS[verdict]}</span>`;
}

/** What the gate says of a release; null without a gate. */
export function releaseSection({ gate }: Subject): Markup | null {
  if (gate === null) return null;
  const { verdict, items, attempt, alpha, lines, released, network, dense } = gate;
  const open = lines.filter((line) => line.verdict === "undecided");
  return html`<section class="release"><h2>Release</h2>
<p class="decision ${verdict}">${DECISIONS[verdict]}</p>
<p>Tested on ${items.count} items that were not used to choose the network (try ${attempt} on them; the allowed rate of wrong approvals is ${(100 * alpha).toPrecision(3)} %). A requirement is met only where the worst plausible value is still good enough.${released === null ? "" : " It was released to:"} ${released === null ? null : name(released)}</p>
${table(
  "Requirements",
  [
    { title: "metric", isNumber: false },
    { title: "required", isNumber: false },
    { title: "result", isNumber: false },
    { title: "measured", isNumber: true },
    { title: "plausible from … to", isNumber: true },
    { title: "limit", isNumber: true },
    { title: "before pruning", isNumber: true },
    { title: "items", isNumber: true },
  ],
  lines.map((line) => [
    { content: name(line.name) },
    { content: name(line.require) },
    { content: verdictMark(line.verdict), sort: line.verdict },
    { content: figure(line.value), sort: line.value ?? "" },
    {
      content: `${figure(line.bound)} … ${figure(line.farBound)}`,
      sort: line.bound ?? "",
    },
    { content: figure(line.limit), sort: line.limit ?? "" },
    { content: figure(line.dense), sort: line.dense ?? "" },
    { content: String(line.items), sort: line.items },
  ]),
)}
${
  open.length === 0
    ? null
    : html`<ul>${open.map(({ name: metric, items: count, itemsNeeded }) => html`<li>${name(metric)}: ${count} items are too few${itemsNeeded === null ? "" : `; about ${itemsNeeded} are needed`}.</li>`)}</ul>`
}
<p class="notes">Network SHA-256 <code>${name(network.sha256)}</code>, ${(network.bytes / 1e6).toFixed(2)} MB; before pruning <code>${name(dense.sha256)}</code>.</p></section>`;
}
