import type { Split } from "../documents/pair.ts";
import type { JoinedPair } from "../graph/pair/joined.ts";

/** What was joined, and how its two embeddings are compared. */
export function joinText({ parts, similarities }: JoinedPair, out: string): string {
  const [left, right] = parts;
  const side = ({ name, inputs, embedding }: JoinedPair["parts"][number]): string =>
    `${name.padEnd(11)} reads ${inputs.map(({ joined }) => joined).join(", ")}; embedding '${embedding.own}'`;
  return [
    side(left),
    side(right),
    `Outputs     ${similarities} (${left.name} to ${right.name}), ${left.own}, ${right.own}: cosines of all samples of a batch`,
    `Written to  ${out}`,
  ].join("\n");
}

/** The two files. */
export function splitText(parts: readonly Split["parts"][number][]): string {
  return parts
    .map(
      ({ name, file, width }) =>
        `${name.padEnd(11)} ${file}${width === null ? "" : `, embedding of ${width}`}; same answers as the joined network`,
    )
    .join("\n");
}
