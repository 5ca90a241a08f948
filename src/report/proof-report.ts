import type { Proof } from "../subnet/prove.ts";

/** What a proof compared, on what, and how far apart it was. */
export function proofText(proof: Proof): string {
  const { values, runs, inputs, maxRelative, layersRelative, rounding } = proof;
  const [outputs, layers] = [maxRelative, layersRelative].map((value) => value.toExponential(1));
  const moved =
    rounding === null
      ? ""
      : `; rounding alone moves the original's outputs by ${rounding.toExponential(1)}`;
  return `${values} values on ${runs} inputs (${inputs}) equal the masked original: outputs within ${outputs}, layers within ${layers} (relative)${moved}`;
}
