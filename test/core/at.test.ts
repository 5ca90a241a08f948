import { expect, test } from "vitest";
import { at, get } from "../../src/core/at.ts";

test("an element that is there is returned, zeros included", () => {
  expect(at([7, 0], 1)).toBe(0);
  expect(at(Float64Array.of(1.5), 0)).toBe(1.5);
  expect(get(new Map([["a", 0]]), "a")).toBe(0);
});

test("a wrong index is an error, never a default", () => {
  expect(() => at([1, 2], 2)).toThrow(/no index 2 among 2 elements/);
  expect(() => at([1, 2], -1)).toThrow(expect.objectContaining({ code: "core/no-element" }));
  expect(() => at([1, 2], Number.NaN)).toThrow(/no index NaN/);
  expect(() => get(new Map([["a", 1]]), "b")).toThrow(/no key 'b' among 1 entries/);
});
