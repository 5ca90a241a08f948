import { expect, test } from "vitest";
import {
  METHOD_NAMES,
  methodText,
  parseMethod,
} from "../../../src/formulation/baselines/method.ts";

test("every method is read by its name and written the same", () => {
  for (const name of METHOD_NAMES) {
    expect(parseMethod(name)).toEqual({ name, steps: 1 });
    expect(methodText(parseMethod(name))).toBe(name);
  }
  expect(parseMethod("linear-latency:30")).toEqual({ name: "linear-latency", steps: 30 });
  expect(methodText({ name: "linear-latency", steps: 30 })).toBe("linear-latency:30");
});

test.each(["", "halp", "uniform:3", "linear-latency:0", "linear-latency:x", "linear-latency:101"])(
  "'%s' is refused as a method",
  (text) => {
    expect(() => parseMethod(text)).toThrow(
      expect.objectContaining({ code: "formulation/method", exitCode: 2 }),
    );
  },
);
