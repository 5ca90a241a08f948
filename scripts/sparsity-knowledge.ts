/**
 * Does kept knowledge follow accuracy? Spearman's rank correlation over the rows of a bench.
 *
 *   npx tsx scripts/sparsity-knowledge.ts FOLDER/rows.jsonl [...]
 *
 * Over all rows, and among those of one stage: networks with zeros alone, and fitted ones. The accuracy is that on the unseen
 * training images where there are some, as these are more.
 */
import { readFileSync } from "node:fs";

interface Row {
  readonly key: string;
  readonly stage: string;
  readonly test: { readonly accuracy: number };
  readonly unseen: { readonly accuracy: number } | null;
  readonly knowledgeOfWeights: number;
  readonly knowledgeOfOutputs: number;
}

/** Places in increasing order; equal values share the mean of theirs. */
function ranksOf(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

function spearman(left: readonly number[], right: readonly number[]): number {
  const [a, b] = [ranksOf(left), ranksOf(right)];
  const mean = (a.length + 1) / 2;
  const sum = (of: (index: number) => number): number =>
    a.reduce((total, _, index) => total + of(index), 0);
  const product = sum((index) => ((a[index] ?? 0) - mean) * ((b[index] ?? 0) - mean));
  const size = (list: readonly number[]): number =>
    Math.sqrt(list.reduce((total, rank) => total + (rank - mean) ** 2, 0));
  return product / (size(a) * size(b));
}

const rows = process.argv
  .slice(2)
  .flatMap((path) => readFileSync(path, "utf8").trim().split("\n"))
  .map((line) => JSON.parse(line) as Row)
  .filter(({ test }) => test !== undefined);

const stages = [...new Set(rows.map(({ stage }) => stage))];
for (const [name, chosen] of [
  ["all", rows] as const,
  ...stages.map((stage) => [stage, rows.filter((row) => row.stage === stage)] as const),
]) {
  const accuracy = chosen.map(({ test, unseen }) => unseen?.accuracy ?? test.accuracy);
  const outputs = chosen.map(({ knowledgeOfOutputs }) => knowledgeOfOutputs);
  const weights = chosen.map(({ knowledgeOfWeights }) => knowledgeOfWeights);
  console.log(
    `${name}: ${chosen.length} masks; outputs ${spearman(outputs, accuracy).toFixed(2)}, weights ${spearman(weights, accuracy).toFixed(2)}`,
  );
}
