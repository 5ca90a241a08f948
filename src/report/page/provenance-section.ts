import { html, type Markup, name, table, words } from "./markup.ts";
import type { Subject } from "./subject.ts";

/** What the figures were made from: commands, hashes, stages, warnings. */
export function provenanceSection(subject: Subject): Markup {
  const { solve, run, config, warnings } = subject;
  const latencyTable = subject.table;
  const facts: (readonly [string, string])[] = [
    ...(config === null ? [] : ([["command", config.command]] as const)),
    ...(latencyTable === null ? [] : ([["table made by", latencyTable.command]] as const)),
    ...(solve === null
      ? []
      : ([
          ["network, SHA-256", solve.network.hash],
          ["latency table, SHA-256", solve.table.hash],
          ["importance, SHA-256", solve.importance.hash],
          [
            "importance",
            `${solve.importance.method}, normalisation ${solve.importance.normalisation}`,
          ],
          ["solver", solve.answer.solver],
        ] as const)),
  ];
  const stages = Object.entries(run?.stages ?? {});
  return html`<section class="provenance"><h2>Provenance</h2>
<dl class="facts">${facts.map(([what, text]) => html`<div><dt>${what}</dt><dd><code>${words(text)}</code></dd></div>`)}</dl>
${
  stages.length === 0
    ? null
    : table(
        "Stages of the run",
        [
          { title: "stage", isNumber: false },
          { title: "seconds", isNumber: true },
          { title: "date", isNumber: false },
          { title: "files", isNumber: false },
        ],
        stages.map(([stage, { seconds, date, outputs }]) => [
          { content: name(stage) },
          { content: seconds.toFixed(1), sort: seconds },
          { content: date.slice(0, 19).replace("T", " ") },
          { content: name(Object.keys(outputs).join(", ")) },
        ]),
      )
}
${warnings.length === 0 ? null : html`<h3>Warnings</h3><ul class="notes">${warnings.map((each) => html`<li>${words(each)}</li>`)}</ul>`}
</section>`;
}
