import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { textHash } from "../../src/core/text-hash.ts";

test("the hash of a text is what Node's own SHA-256 makes of it, at every length around a block", () => {
  const expected = (text: string): string => createHash("sha256").update(text).digest("hex");
  for (let length = 0; length < 200; length += 1) {
    expect(textHash("é".repeat(length))).toBe(expected("é".repeat(length)));
  }
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 500 }), (text) => {
      expect(textHash(text)).toBe(expected(text));
    }),
    { seed: 20, numRuns: 200 },
  );
});
