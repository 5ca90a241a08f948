/** What tells the networks of two rows of a bench apart. */
interface Measured {
  readonly stage: string;
  readonly test?: unknown;
  readonly unseen?: unknown;
  readonly knowledgeOfWeights?: number;
  readonly knowledgeOfOutputs?: number;
}

/** One row per network: without a fit, methods that differ in the repair alone make the same one. */
export function distinct<Row extends Measured>(rows: readonly Row[]): readonly Row[] {
  const keyOf = ({ stage, test, unseen, knowledgeOfWeights, knowledgeOfOutputs }: Row): string =>
    JSON.stringify([stage, test, unseen, knowledgeOfWeights, knowledgeOfOutputs]);
  return [...new Map(rows.map((row) => [keyOf(row), row])).values()];
}
