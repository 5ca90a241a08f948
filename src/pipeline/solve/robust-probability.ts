import { UsageError } from "../../core/errors.ts";

const PROBABILITY = /^([0-9]*\.?[0-9]+)\s*(%?)$/;

/**
 * A probability as people write it: `90%` or `0.9`.
 * @throws UsageError `cli/robust`
 */
export function robustProbability(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const written = PROBABILITY.exec(text.trim());
  const probability = Number(written?.[1]) / (written?.[2] === "%" ? 100 : 1);
  if (probability > 0.5 && probability <= 0.9999) return probability;
  throw new UsageError({
    code: "cli/robust",
    message: `--robust is '${text}'; it must be a probability above 50 % and up to 99.99 %.`,
    where: "--robust",
    hint: "Write --robust 90% for a subnet that keeps its budget with that probability.",
  });
}
