import { inputAt, type Rule } from "./rule.ts";

/** The shape stays; the type is that of the zero point, or what the node asks for. */
export const quantize: Rule<"quantize"> = (op, site) => [
  { type: op.to ?? inputAt(site, 2).type ?? "uint8", shape: inputAt(site, 0).shape },
];

/** The shape stays; the type is that of the scale. */
export const dequantize: Rule<"dequantize"> = (op, site) => [
  { type: op.to ?? inputAt(site, 1).type, shape: inputAt(site, 0).shape },
];
