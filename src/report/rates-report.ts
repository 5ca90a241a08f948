import type { ComparedRates } from "../documents/compared-rates.ts";
import { count, percent } from "./amounts.ts";
import { plainTable } from "./format.ts";

/** Ways to share out zeros, as people read them. */
export function ratesText(report: ComparedRates): string {
  const { rows, weights, sparsity, damage, network } = report;
  const best = rows.find(({ rates }) => rates === "program")?.damage ?? null;
  const table = plainTable(
    ["rates", "damage", "against program", "weights kept", ""],
    ["left", "right", "right", "right", "left"],
  );
  for (const row of rows) {
    const ratio = best === null || row.damage === null || best === 0 ? null : row.damage / best;
    table.push([
      row.rates,
      row.damage === null ? "none" : row.damage.toPrecision(3),
      ratio === null ? "" : `x ${ratio.toFixed(2)}`,
      row.nonzeros === null ? "" : percent(row.nonzeros / weights),
      row.failed ??
        (row.broken.length > 0 ? `breaks ${row.broken.join(", ")}` : row.proven ? "proven" : ""),
    ]);
  }
  return [
    `Network     ${network}, ${count(weights)} weights of layers, ${percent(sparsity)} zeros asked for`,
    `Damage      summed over the layers as measured one at a time (${damage}); what a fitted network loses, mdp sparsify measures`,
    "",
    table.toString(),
  ].join("\n");
}
