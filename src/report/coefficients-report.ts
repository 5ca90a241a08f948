import type { CoefficientsReport, GroupsReport, ReasonsReport } from "../documents/coefficients.ts";
import type { GateReport } from "../documents/release.ts";
import { figure } from "./amounts.ts";
import { count, percent, plainTable } from "./solve-report.ts";

const STOPPED: Readonly<Record<string, string>> = {
  evaluations: "at the number of evaluations that were allowed (--evaluations)",
  time: "at the time that was allowed (--max-minutes)",
  interrupted: "by hand; the same command resumes where it stopped",
  settled:
    "since no coefficients led to a subnet that was not measured yet; smaller steps (--step) or a larger budget allow more",
};

/** What a search found, as people read it. */
export function coefficientsText(report: CoefficientsReport): string {
  const { search, size, found } = report;
  const table = plainTable(
    ["group", "component", "coefficient", "units", "kept", "removed"],
    ["left", "left", "right", "right", "right", "right"],
  );
  for (const group of report.groups) {
    table.push([
      group.name,
      group.component ?? "",
      figure(group.coefficient),
      group.units,
      group.kept,
      percent(group.removed),
    ]);
  }
  return [
    `Search      ${count(search.evaluations)} subnets measured, ${count(search.unitRuns)} runs to rank units, by ${search.method} in ${figure(search.seconds)} s`,
    `Stopped     ${STOPPED[search.stopped] ?? search.stopped}`,
    `Limits      ${report.limits.join(", ")}`,
    `Size        ${count(size.parameters.kept)} of ${count(size.parameters.dense)} parameters, ${figure(size.latencyMs.kept)} of ${figure(size.latencyMs.dense)} ms`,
    "",
    table.toString(),
    "",
    standsTable(report, found),
    ...repairLines(report),
    ...conflictLines(report),
  ].join("\n");
}

function conflictLines({ conflicts = [] }: CoefficientsReport): readonly string[] {
  if (conflicts.length === 0) return [];
  return [
    "",
    ...conflicts.map(
      ([one, other]) =>
        `'${one}' and '${other}' stand against each other: subnets met either, none met both. Relax one of them, or allow a larger budget.`,
    ),
  ];
}

/** The best few, with and without repair, on the items that decided among them. */
function repairLines({ repair }: CoefficientsReport): readonly string[] {
  if (repair === undefined) return [];
  const { candidates, chosen, isRepaired, items, samples } = repair;
  const names = candidates[0]?.before.stands.map(({ name }) => name) ?? [];
  const table = plainTable(
    ["", "found by", ...names.flatMap((name) => [name, "repaired"]), "safe score", "repaired"],
    [
      "right",
      "left",
      ...names.flatMap((): ["right", "right"] => ["right", "right"]),
      "right",
      "right",
    ],
  );
  for (const [index, { from, before, after }] of candidates.entries()) {
    const isChosen = index + 1 === chosen;
    table.push([
      `${isChosen ? "*" : ""}${index + 1}`,
      from,
      ...names.flatMap((_, at) => [
        figure(before.stands[at]?.value ?? null),
        figure(after?.stands[at]?.value ?? null),
      ]),
      figure(before.lower),
      figure(after?.lower ?? null),
    ]);
  }
  return [
    "",
    `Repair      the best of the search and the plain subnets that it is compared with, ${candidates.length} in all, with and without repair on ${count(samples)} samples; measured on ${count(items)} items that the gate does not use`,
    `Chosen      ${chosen}, ${isRepaired ? "repaired" : "without repair"}: the best score with every metric at the worse end of its interval`,
    "",
    table.toString(),
  ];
}

/** Every metric, of the subnet found and of those it is compared with. */
function standsTable({ starts }: CoefficientsReport, found: CoefficientsReport["found"]): string {
  const names = starts.map(({ name }) => name);
  const table = plainTable(
    ["on the search items", "dense", "limit", "found", "margin", ...names],
    ["left", "right", "right", "right", "right", ...names.map((): "right" => "right")],
  );
  for (const [index, stand] of found.stands.entries()) {
    table.push([
      stand.name,
      figure(stand.dense),
      figure(stand.limit),
      figure(stand.value),
      figure(stand.margin),
      ...starts.map((start) => figure(start.stands[index]?.value ?? null)),
    ]);
  }
  return table.toString();
}

/** Why each group is as wide as it is. */
export function reasonsText(report: ReasonsReport): string {
  const metrics = report.now.stands.map(({ name }) => name);
  const table = plainTable(
    [
      "group",
      "removed",
      "held by",
      ...metrics.flatMap((name) => [`${name} narrower`, `${name} wider`]),
    ],
    ["left", "right", "left", ...metrics.flatMap((): ["right", "right"] => ["right", "right"])],
  );
  for (const group of report.groups) {
    table.push([
      group.name,
      percent(group.removed),
      group.heldBy ?? "",
      ...metrics.flatMap((_, index) => [
        figure(group.narrower?.stands[index]?.value ?? null),
        figure(group.wider?.stands[index]?.value ?? null),
      ]),
    ]);
  }
  const now = report.now.stands.map(
    ({ name, value, limit }) =>
      `${name} ${figure(value)}${limit === null ? "" : ` (limit ${figure(limit)})`}`,
  );
  return [
    `Now         ${now.join(", ")}`,
    "",
    table.toString(),
    ...(report.protected.length === 0
      ? []
      : ["", ...report.protected.map(({ dim, by }) => `${dim}: ${by}`)]),
  ].join("\n");
}

/** Every group at several widths. */
export function groupsText(report: GroupsReport): string {
  const metrics = report.dense.map(({ name }) => name);
  const table = plainTable(
    ["group", "keeps", "parameters saved", "ms saved", ...metrics],
    ["left", "right", "right", "right", ...metrics.map((): "right" => "right")],
  );
  for (const group of report.groups) {
    for (const width of group.widths) {
      table.push([
        group.name,
        percent(width.share),
        width.parametersSaved,
        figure(width.latencySavedMs),
        ...width.metrics.map(
          ({ value, low, high }) => `${figure(value)} (${figure(low)} to ${figure(high)})`,
        ),
      ]);
    }
  }
  const dense = report.dense.map(({ name, value }) => `${name} ${figure(value)}`).join(", ");
  return [`Dense       ${dense}, on ${report.items} items`, "", table.toString()].join("\n");
}

/** The same as CSV: a line per group, width and metric. */
export function groupsCsv(report: GroupsReport): string {
  const cell = (value: string | number | null): string =>
    typeof value === "string" ? `"${value.replaceAll('"', '""')}"` : String(value ?? "");
  const lines = report.groups.flatMap((group) =>
    group.widths.flatMap((width) =>
      width.metrics.map(({ name, value, low, high, margin }) =>
        [
          ...[group.name, group.component, width.share, width.kept],
          ...[width.parametersSaved, width.latencySavedMs, name, value, low, high, margin],
        ]
          .map(cell)
          .join(","),
      ),
    ),
  );
  const head =
    "group,component,share,kept,parametersSaved,latencySavedMs,metric,value,low,high,margin";
  return `${[head, ...lines].join("\n")}\n`;
}

function whyKept(group: ReasonsReport["groups"][number]): string {
  const { narrower, heldBy, removed } = group;
  if (removed >= 1) return "it was removed as a whole";
  const stand = narrower?.stands.find(({ name }) => name === heldBy);
  if (stand === undefined || heldBy === null) return "it is as small as it may be";
  const against =
    stand.margin === null
      ? ""
      : stand.margin < 0
        ? `, which misses the limit of ${figure(stand.limit)}`
        : `, which still meets the limit of ${figure(stand.limit)}`;
  return `${heldBy} would be ${figure(stand.value)}${against}`;
}

/** How the network was chosen among the best of the search; nothing where they were not repaired. */
function repairSentence({ repair }: CoefficientsReport): readonly string[] {
  if (repair === undefined) return [];
  const { candidates, chosen, isRepaired, items } = repair;
  return [
    `${candidates.length} networks, the best of the search and plain ones, were compared with and without a repair of their weights, on ${items} items that the test below does not use. Number ${chosen} was chosen${isRepaired ? ", repaired" : ", without repair"}.`,
    "",
  ];
}

/** A page for people who decide and don't program: what was asked, what was tested, what stayed and why. */
export function approvalPage(
  coefficients: CoefficientsReport,
  gate: GateReport,
  reasons: ReasonsReport | null,
): string {
  const { size } = coefficients;
  const saved = 1 - size.parameters.kept / size.parameters.dense;
  const faster = 1 - size.latencyMs.kept / size.latencyMs.dense;
  const decision =
    gate.lines.length === 0
      ? "**Nothing is required, so nothing was tested.** Somebody has to decide by other means."
      : {
          pass: "**Every requirement is met.** The network may be released.",
          missed: "**A requirement is missed.** The network must not be released.",
          undecided: "**The test can't decide.** More test items are needed before a release.",
        }[gate.verdict];
  const lines = gate.lines.map(
    (line) =>
      `| ${line.name} | ${line.require} | ${figure(line.value)} | ${figure(line.dense)} | ${figure(line.bound)} | ${figure(line.limit)} | ${{ pass: "met", missed: "missed", undecided: "not decided" }[line.verdict]} |`,
  );
  const open = gate.lines.filter(({ verdict }) => verdict === "undecided");
  const held = reasons?.groups.map(
    (group) =>
      `| ${group.name} | ${group.component ?? ""} | ${percent(1 - group.removed)} | ${whyKept(group)} |`,
  );
  return [
    `# Approval of a pruned network: ${coefficients.network}`,
    "",
    decision,
    "",
    `The network has ${percent(saved)} fewer parameters than before and is predicted to run ${percent(faster)} faster.`,
    "",
    ...repairSentence(coefficients),
    ...conflictLines(coefficients).slice(1),
    ...((coefficients.conflicts ?? []).length === 0 ? [] : [""]),
    "## What was tested",
    "",
    `${gate.items.count} items were tested that were not used to choose the network. This is test number ${gate.attempt} on these items; the allowed rate of wrong approvals for it is ${percent(gate.alpha)}.`,
    "A requirement is met only where its worst plausible value is still good enough.",
    "",
    "| metric | required | measured | before pruning | worst plausible | limit | result |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...lines,
    "",
    "## What could not be decided",
    "",
    ...(open.length === 0
      ? ["Nothing."]
      : open.map(
          ({ name, itemsNeeded, items }) =>
            `- ${name}: ${items} items are too few${itemsNeeded === null ? "" : `; about ${itemsNeeded} are needed`}.`,
        )),
    "",
    "## What stayed, and why",
    "",
    ...(held === undefined
      ? ["`mdp explain --metrics` gives the reasons."]
      : [
          "The network consists of groups of units. The search removed from each group what the requirements above need least. The last column says what would happen if",
          "one more step was removed, measured on the items of the search, before any repair.",
          "",
          "| group | part of the network | stays | if it was made one step smaller |",
          "| --- | --- | --- | --- |",
          ...held,
        ]),
    ...(reasons !== null && reasons.protected.length > 0
      ? ["", ...reasons.protected.map(({ dim, by }) => `- ${dim}: ${by}`)]
      : []),
    "",
    "## Identity",
    "",
    `- network: SHA-256 \`${gate.network.sha256}\`, ${gate.network.bytes} bytes`,
    `- before pruning: SHA-256 \`${gate.dense.sha256}\``,
    `- requirements: SHA-256 \`${gate.metricsHash}\``,
    "",
  ].join("\n");
}
