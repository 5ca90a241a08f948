import { expect, test } from "vitest";
import { painter } from "../../src/report/painter.ts";

test("a pipe, whose isTTY is undefined, gets no colours, whatever the environment says", () => {
  expect(painter(undefined).good("text")).toBe("text");
  expect(painter(false).warn("text")).toBe("text");
});
