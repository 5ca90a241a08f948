import { count, milliseconds, percent } from "../amounts.ts";
import type { Subject } from "./subject.ts";

/** A model card in Markdown, to put beside the ONNX file; null without an answer of `mdp solve`. */
export function modelCard(subject: Subject): string | null {
  const { solve, proof, evaluation, config } = subject;
  if (solve === null) return null;
  const { latencyMs, parameters, macs, answer } = solve;
  const origin =
    solve.table.origin === "predicted" ? "predicted, not measured" : "from a measured table";
  const lines = [
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
    proof === null
      ? "- The cut network was not compared with the masked original."
      : `- The cut network equals the masked original within ${proof.maxRelative.toExponential(1)} (relative) on ${proof.runs} random inputs.`,
    `- Dropped blocks: ${solve.droppedBlocks.map(plain).join(", ") || "none"}; dropped layers: ${solve.droppedLayers.map(plain).join(", ") || "none"}.`,
  ];
  if (evaluation !== null) {
    lines.push("", "| network | images | top-1 | median ms |", "| --- | --: | --: | --: |");
    for (const { model, accuracy, latency } of evaluation.results) {
      const top1 = accuracy === null ? "–" : percent(accuracy.top1);
      const median = latency === null ? "–" : latency.medianMs.toPrecision(4);
      lines.push(
        `| ${plain(model.split("/").at(-1) ?? model)} | ${accuracy?.count ?? "–"} | ${top1} | ${median} |`,
      );
    }
  }
  lines.push("", `Network SHA-256: ${solve.network.hash}. Latency table: ${solve.table.hash}.`);
  if (config !== null) lines.push("", "```", config.command.replaceAll("`", "'"), "```");
  return `${lines.join("\n")}\n`;
}

/** Without what Markdown would read as markup. */
function plain(text: string): string {
  return text
    .slice(0, 300)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\\`*_[\]<>|#]/g, (sign) => `\\${sign}`);
}
