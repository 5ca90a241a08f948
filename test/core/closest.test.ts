import { expect, test } from "vitest";
import { closest } from "../../src/core/closest.ts";

test("the nearest word is meant, and none where all are far", () => {
  expect(closest("parms", ["params", "macs", "memory"])).toBe("params");
  expect(closest("xyz", ["params", "macs"])).toBeNull();
});

test("names of 10,000 letters are not compared letter by letter", () => {
  const long = "x".repeat(10_000);
  const begun = performance.now();
  expect(closest(`${long}y`, [long, `${long}z`])).toBeNull();
  expect(closest("x", [long])).toBeNull();
  // A hundred million steps would take seconds on any machine.
  expect(performance.now() - begun).toBeLessThan(500);
});
