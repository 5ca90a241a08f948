/** Numbers of the kinds of attribute (AttributeProto.AttributeType). */
export const ATTRIBUTE_CODE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
} as const;

/** Operator sets of the standard domain that are understood. */
export const OPSETS = { first: 7, last: 25 } as const;

/** IR versions: 3 is that of opsets 7 and 8; those after 10 add fields that are kept as they are. */
export const IR_VERSIONS = { first: 3, last: 13 } as const;

/** The IR version that was current with each opset from 7 on. */
export function irVersionOf(opset: number): number {
  const byOpset = [3, 3, 4, 5, 6, 7, 7, 7, 8, 8, 8, 8, 9, 9, 10, 10, 11, 12, 13];
  return byOpset[opset - OPSETS.first] ?? IR_VERSIONS.last;
}
