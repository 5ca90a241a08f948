import type { Proof } from "../subnet/prove.ts";
import type { Rebased } from "../subnet/rebase/rebase.ts";

/** What a change of basis did, for people. */
export function rebaseText({
  out,
  images,
  pairs,
  refused,
  proof,
}: Pick<Rebased, "pairs" | "refused"> & {
  readonly out: string;
  readonly images: number;
  readonly proof: Proof;
}): string {
  const kinds = { scores: "queries and keys", values: "values and output" } as const;
  return [
    images === 0
      ? "Basis by the weights alone (name images with --data for a better one)"
      : `Basis by the weights and ${images} images`,
    "",
    ...pairs.map(
      ({ node, kind, groups, columns, halfShare }) =>
        `${node}: ${kinds[kind]}, ${groups} heads of ${columns} columns; the first half has ${(100 * halfShare).toFixed(1)} % of the squares`,
    ),
    ...refused.map(({ node, reason }) => `${node}: left as it is, as ${reason}`),
    "",
    `Proven: both networks give the same outputs, within ${proof.maxRelative.toExponential(1)} of the largest`,
    `Written to ${out}`,
  ].join("\n");
}
