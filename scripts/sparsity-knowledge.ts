/**
 * Does kept knowledge follow accuracy? Spearman's rank correlation over the rows of a bench.
 *
 *   npx tsx scripts/sparsity-knowledge.ts FOLDER/rows.jsonl [...]
 *
 * Over all rows, and among those of one stage: networks with zeros alone, and fitted ones. The accuracy is that on the unseen
 * training images where there are some, as these are more. Masks that are the same as another one's count once. In brackets: nine in ten of 2,000
 * bootstrap samples.
 */
import { readFileSync } from "node:fs";
import { spearman } from "../src/tasks/statistics/correlation.ts";
import { bootstrapInterval } from "./sparsity/bootstrap-interval.ts";
import { distinct } from "./sparsity/distinct.ts";

interface Row {
  readonly key: string;
  readonly stage: string;
  readonly test: { readonly accuracy: number };
  readonly unseen: { readonly accuracy: number } | null;
  readonly knowledgeOfWeights: number;
  readonly knowledgeOfOutputs: number;
}

const all = process.argv
  .slice(2)
  .flatMap((path) => readFileSync(path, "utf8").trim().split("\n"))
  .map((line) => JSON.parse(line) as Row)
  .filter(({ test, knowledgeOfOutputs }) => test !== undefined && knowledgeOfOutputs !== undefined);

const rows = distinct(all);

const stages = [...new Set(rows.map(({ stage }) => stage))];
for (const [name, chosen] of [
  ["all", rows] as const,
  ...stages.map((stage) => [stage, rows.filter((row) => row.stage === stage)] as const),
]) {
  const accuracy = chosen.map(({ test, unseen }) => unseen?.accuracy ?? test.accuracy);
  const outputs = chosen.map(({ knowledgeOfOutputs }) => knowledgeOfOutputs);
  const weights = chosen.map(({ knowledgeOfWeights }) => knowledgeOfWeights);
  const found = (knowledge: readonly number[]): string => {
    const [low, high] = bootstrapInterval(knowledge, accuracy);
    return `${spearman(knowledge, accuracy).toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  };
  console.log(
    `${name}: ${chosen.length} masks; outputs ${found(outputs)}, weights ${found(weights)}`,
  );
}
