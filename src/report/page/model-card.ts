import type { SolveReport } from "../../documents/solve.ts";
import { count, figure, milliseconds, percent } from "../amounts.ts";
import { metricText } from "../metric-text.ts";
import { DECISIONS } from "./release-section.ts";
import { headlines } from "./stages-section.ts";
import type { Subject } from "./subject.ts";

/** A model card in Markdown, to put beside the ONNX file; null where nothing was chosen. */
export function modelCard(subject: Subject): string | null {
  const { solve, coefficients, config, proof } = subject;
  const head = solve === null ? searchedLines(subject) : solvedLines(solve);
  if (head === null) return null;
  const lines = [
    ...head,
    proof === null
      ? "- The cut network was not compared with the masked original."
      : `- The cut network equals the masked original ${proof.maxRelative === 0 ? "to the bit" : `within ${proof.maxRelative.toExponential(1)} (relative)`} on ${proof.runs} inputs.`,
    ...gateLines(subject),
    ...stageLines(subject),
    "",
    solve === null
      ? `Network before pruning, SHA-256: ${coefficients?.networkHash ?? "unknown"}.`
      : `Network before pruning, SHA-256: ${solve.network.hash}. Latency table: ${solve.table.hash}.`,
  ];
  if (config !== null) lines.push("", "```", config.command.replaceAll("`", "'"), "```");
  return `${lines.join("\n")}\n`;
}

function solvedLines(solve: SolveReport): readonly string[] {
  const { latencyMs, parameters, macs, answer } = solve;
  const origin =
    solve.table.origin === "predicted" ? "predicted, not measured" : "from a measured table";
  return [
    `# ${plain(solve.network.name)}, pruned`,
    "",
    `Pruned by mdp for ${plain(solve.device.title)}.`,
    "",
    "| | dense | pruned |",
    "| --- | --: | --: |",
    `| latency (${origin}) | ${milliseconds(latencyMs.dense)} | ${milliseconds(latencyMs.chosen)} |`,
    `| parameters | ${count(parameters.dense)} | ${count(parameters.chosen)} |`,
    `| MACs | ${count(macs.dense)} | ${count(macs.chosen)} |`,
    "",
    `- Batch ${solve.table.batch}, ${plain(solve.table.precision)}, ${plain(solve.table.runtime)}.`,
    `- Status: ${answer.status}${answer.gap === null ? "" : `, gap ${answer.gap}`}.`,
    `- Importance: ${plain(solve.importance.method)}; ${percent(solve.importanceKept.chosen / solve.importanceKept.dense)} kept.`,
    `- Dropped blocks: ${solve.droppedBlocks.map(plain).join(", ") || "none"}; dropped layers: ${solve.droppedLayers.map(plain).join(", ") || "none"}.`,
  ];
}

/** Of a run by the user's metrics. */
function searchedLines({ coefficients, table }: Subject): readonly string[] | null {
  if (coefficients === null) return null;
  const { size, network, limits } = coefficients;
  const origin =
    table?.device.kind === "measured" ? "from a measured table" : "predicted, not measured";
  return [
    `# ${plain(network)}, pruned`,
    "",
    `Pruned by mdp${table === null ? "" : ` for ${plain(table.device.model)}`}; limits: ${limits.map(plain).join(", ")}.`,
    "",
    "| | dense | pruned |",
    "| --- | --: | --: |",
    `| latency (${origin}) | ${milliseconds(size.latencyMs.dense)} | ${milliseconds(size.latencyMs.kept)} |`,
    `| parameters | ${count(size.parameters.dense)} | ${count(size.parameters.kept)} |`,
    "",
  ];
}

function gateLines({ gate }: Subject): readonly string[] {
  if (gate === null) return [];
  return [
    "",
    `${DECISIONS[gate.verdict]} Tested on ${gate.items.count} items that were not used to choose it.`,
    "",
    "| metric | required | measured | plausible | result |",
    "| --- | --- | --: | --: | --- |",
    ...gate.lines.map(
      (line) =>
        `| ${plain(line.name)} | ${plain(line.require)} | ${figure(line.value)} | ${figure(line.bound)} to ${figure(line.farBound)} | ${line.verdict} |`,
    ),
  ];
}

/** The headline metric with its interval, per stage. */
function stageLines(subject: Subject): readonly string[] {
  const all = headlines(subject);
  const [first] = all;
  if (first === undefined) return [];
  return [
    "",
    `| stage | ${plain(first.metric.name)}, 95 % interval | items |`,
    "| --- | --: | --: |",
    ...all.map(
      ({ stage, metric }) => `| ${plain(stage)} | ${metricText(metric)} | ${metric.items} |`,
    ),
  ];
}

/** Without what Markdown would read as markup. */
function plain(text: string): string {
  return text
    .slice(0, 300)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\\`*_[\]<>|#]/g, (sign) => `\\${sign}`);
}
