import type { DamagesReport } from "../../documents/damages.ts";
import { scoreOf } from "../../importance/sparse/scores.ts";
import { openProducts } from "../../subnet/correct/products.ts";
import { patternText } from "../../subnet/sparse/pattern.ts";
import { weightCount, weightLabel } from "../../subnet/sparse/weights.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { damagesOf, gradientScores, weightOptions } from "./measure.ts";
import { checkScoring, type SparsifyRequest } from "./request.ts";
import { sparseSubject } from "./subject.ts";

/**
 * What the network loses where one weight alone becomes sparse and is fitted, at several densities: what `mdp solve`, `sweep`,
 * `explain`, `compare` and `sparsify` choose by. The network is taken as it is.
 * @throws UsageError as `checkScoring`; InputError as `sparseSubject` and reading images
 */
export async function measureDamages(
  open: OpenNetwork,
  wanted: SparsifyRequest,
  context: RunContext,
): Promise<DamagesReport> {
  const request = checkScoring(wanted);
  const { model, structure } = open;
  const subject = await sparseSubject(open, { model, structure }, request, context);
  const products = await openProducts(request.threads);
  try {
    const score = scoreOf(request.score, products, await gradientScores(subject, request, context));
    const options = weightOptions(subject, request);
    const found = await damagesOf(subject, options, score, products, request, context);
    const { dataset } = subject;
    const images = dataset === null ? 0 : Math.min(request.images, dataset.count);
    return {
      schema: "mdp-damages/1",
      ...{ network: open.name, networkHash: open.hash, data: request.data ?? null },
      ...{ images, measured: Math.min(request.measured, images) },
      damage: dataset === null ? "knowledge" : request.damage,
      ...{ score: request.score, pattern: patternText(request.pattern), repair: request.repair },
      weights: found.map(({ weight, options: own, damages }) => ({
        ...{ name: weight.name, label: weightLabel(weight), count: weightCount(weight) },
        options: own.map(({ kept }, index) => ({ kept, damage: damages[index] ?? 0 })),
      })),
      left: subject.left.map(({ label, count, reason }) => ({ label, count, reason })),
    };
  } finally {
    await products.close();
  }
}
