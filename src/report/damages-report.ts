import type { DamagesReport } from "../documents/damages.ts";
import { count, percent } from "./amounts.ts";
import { plainTable, shortened } from "./format.ts";

const SHOWN = [0.05, 0.1, 0.2, 0.5] as const;

/** A row per weight: the damage at the measured densities nearest to a few. */
export function damagesText(report: DamagesReport): string {
  const { weights, left, images, measured, damage } = report;
  const table = plainTable(
    ["layer", "weights", ...SHOWN.map((density) => `at ${percent(density)}`)],
    ["left", "right", ...SHOWN.map(() => "right" as const)],
  );
  for (const { label, count: elements, options } of weights) {
    const nearest = SHOWN.map((density) => {
      const distance = (kept: number): number => Math.abs(Math.log(kept / elements / density));
      const [best] = [...options].sort((a, b) => distance(a.kept) - distance(b.kept));
      return best === undefined || distance(best.kept) > Math.log(1.6)
        ? "-"
        : best.damage.toPrecision(2);
    });
    table.push([shortened(label), count(elements), ...nearest]);
  }
  const how =
    damage === "knowledge"
      ? "1 - K_w of the layer's weight, without images"
      : `${damage === "squares" ? "squared difference of the answers over their variance" : "divergence of the class probabilities, in nats"}; fitted on ${images} images, measured on ${measured}`;
  return [
    table.toString(),
    "",
    `Damage      of one layer alone, at the measured density nearest to each: ${how}`,
    ...left.slice(0, 4).map(({ label, reason }) => `Dense       ${shortened(label)}: ${reason}`),
    ...(left.length > 4 ? [`            ${left.length - 4} more (--json lists them)`] : []),
  ].join("\n");
}
