/** The table of all that was judged, and what the fused cosine tells of it. */
import { pearson } from "../../src/tasks/statistics/correlation.ts";
import type { Judged } from "./pairs.ts";

export interface Judgement extends Judged {
  readonly key: string;
  readonly seed: string;
  /** `50`: half of the MACs; `t50`: half of the measured latency. */
  readonly share: string;
  readonly stage: string;
}

export const STAGES = ["cut", "repaired", "repaired, 120 steps"] as const;

export const recall = ({ imageToText, textToImage }: Judged): number =>
  (imageToText + textToImage) / 2;

const percent = (value: number): string => (100 * value).toFixed(1);
const line = (...cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** The worst of every figure. */
function worstOf(all: readonly Judged[]): Judged {
  const least = (of: (one: Judged) => number): number => Math.min(...all.map(of));
  return {
    imageToText: least((one) => one.imageToText),
    textToImage: least((one) => one.textToImage),
    answers: least((one) => one.answers),
    fused: least((one) => one.fused),
  };
}

/** Rows in the order of shares and names; of several seeds the worst of every figure. */
export function tableOf(
  dense: Judged,
  all: readonly Judgement[],
  names: readonly (readonly [key: string, name: string])[],
): readonly string[] {
  const figures = (one: Judged): readonly string[] => [
    ...[one.imageToText, one.textToImage, one.answers].map(percent),
    one.fused.toFixed(3),
    `${percent(recall(one) / recall(dense))} / ${percent(one.answers / dense.answers)}`,
  ];
  const shares = [...new Set(all.map(({ share }) => share))].sort(
    (a, b) => Number(a.startsWith("t")) - Number(b.startsWith("t")) || b.localeCompare(a),
  );
  const rows = shares.flatMap((share) =>
    names.flatMap(([key, name]) =>
      STAGES.flatMap((stage) => {
        const seeds = all.filter(
          (one) => one.key === key && one.share === share && one.stage === stage,
        );
        const worst = worstOf(seeds);
        const limit = share.startsWith("t") ? `${share.slice(1)} % of the time` : `${share} %`;
        return seeds.length === 0
          ? []
          : [line(name, limit, stage, `${seeds.length}`, ...figures(worst))];
      }),
    ),
  );
  const head = ["method", "MACs at most", "stage", "seeds", "image to text", "text to image"];
  const rest = ["answers", "fused cosine", "R@1 / answers, % of dense"];
  return [
    line(...head, ...rest),
    line(...new Array<string>(9).fill("---")),
    line("dense", "100 %", "", "", ...figures(dense)),
    ...rows,
  ];
}

/** Correlation of the fused cosine with retrieval and with answers, over all networks and over those of one stage. */
export function correlationsOf(all: readonly Judgement[]): readonly string[] {
  const of = (rows: readonly Judgement[], what: string): string => {
    const fused = rows.map((one) => one.fused);
    const both = [rows.map(recall), rows.map(({ answers }) => answers)].map((values) =>
      pearson(fused, values).toFixed(2),
    );
    return line(what, `${rows.length}`, ...both);
  };
  return [
    line("correlation of the fused cosine over", "networks", "with mean R@1", "with answers"),
    line("---", "---", "---", "---"),
    of(all, "all"),
    ...STAGES.map((stage) =>
      of(
        all.filter((one) => one.stage === stage),
        stage,
      ),
    ),
  ];
}
