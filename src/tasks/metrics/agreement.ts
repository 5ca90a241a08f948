/** How near a network's answers are to those of the one that it was cut from: needs no labels, and means the same for every task. */
import { bestOf, numbersOf, probabilitiesOf, targetAs } from "../answers.ts";
import { type Metric, meanMetric } from "../metric.ts";

/** Cosine of all numbers of an output to the original's, averaged over the samples. The target is the original's answer. */
export function cosineToOriginal(output: string): Metric<number> {
  return meanMetric(
    { name: `cosine of ${output}`, better: "higher", unit: "number", pooling: "mean" },
    (answer, target) => {
      const [a, b] = both(answer, target, output);
      let [ab, aa, bb] = [0, 0, 0];
      for (let at = 0; at < a.length; at += 1) {
        const [x, y] = [a[at] ?? 0, b[at] ?? 0];
        ab += x * y;
        aa += x * x;
        bb += y * y;
      }
      if (aa === 0 && bb === 0) return 1;
      return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
    },
  );
}

/** KL divergence from the original's probabilities of the classes, in nats, averaged over the samples. */
export function divergenceFromOriginal(output: string): Metric<number> {
  return meanMetric(
    { name: `KL of ${output}`, better: "lower", unit: "number", pooling: "mean" },
    (answer, target) => {
      const [q, p] = both(answer, target, output).map(probabilitiesOf) as [
        Float64Array,
        Float64Array,
      ];
      let sum = 0;
      for (const [at, wanted] of p.entries()) {
        if (wanted > 0) sum += wanted * Math.log(wanted / Math.max(q[at] ?? 0, 1e-300));
      }
      return Math.max(0, sum);
    },
  );
}

/** The share of the samples that are given the same class as by the original. */
export function sameAnswer(output: string): Metric<number> {
  return meanMetric(
    { name: `same answer in ${output}`, better: "higher", unit: "share", pooling: "rate" },
    (answer, target) => {
      const [a, b] = both(answer, target, output);
      return bestOf(a) === bestOf(b) ? 1 : 0;
    },
  );
}

function both(
  answer: Parameters<Metric["perItem"]>[0],
  target: Parameters<Metric["perItem"]>[1],
  output: string,
): readonly [ArrayLike<number>, ArrayLike<number>] {
  const original = targetAs(target, "values").values;
  return [numbersOf(answer, output).data, numbersOf(original, output).data];
}
