import { describe, expect, test } from "vitest";
import { robustProbability } from "../../src/pipeline/solve/robust-probability.ts";
import { mdpSync } from "../helpers/cli.ts";

interface Solved {
  readonly latencyMs: { readonly budget: number; readonly chosen: number };
  readonly answer: { readonly status: string };
  readonly options: { readonly robust?: number };
  readonly robust?: { readonly quantileMs: number };
}

const ASKED = ["solve", "--device", "jetson", "--multiple-of", "32", "--json"] as const;
const solve = (...args: readonly string[]): Solved =>
  JSON.parse(mdpSync(...ASKED, ...args).stdout) as Solved;

test("a probability is a share or per cent, above one half", () => {
  expect(robustProbability("90%")).toBe(0.9);
  expect(robustProbability("0.95")).toBe(0.95);
  expect(robustProbability(undefined)).toBeUndefined();
  for (const text of ["40%", "50%", "100%", "90", "sure", "-0.9"]) {
    expect(() => robustProbability(text), text).toThrow(
      expect.objectContaining({ code: "cli/robust" }),
    );
  }
});

describe("mdp solve --robust", () => {
  test("keeps a budget by its quantile and not by its mean", () => {
    const robust = solve("--budget", "1.8ms", "--robust", "90%");
    expect(robust.answer.status).toBe("optimal");
    expect(robust.robust?.quantileMs).toBeLessThanOrEqual(1.8);
    expect(robust.robust?.quantileMs).toBeGreaterThan(robust.latencyMs.chosen);
    expect(robust.options.robust).toBe(0.9);
  });

  test("refuses what it can't keep, with what can be, and methods that know no errors", () => {
    const { status, stdout } = mdpSync(...ASKED, "--budget", "0.05ms", "--robust", "90%");
    expect(status).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "formulation/robust-infeasible" } });
    const other = mdpSync(...ASKED, "--robust", "90%", "--method", "uniform");
    expect(other.status).toBe(2);
    expect(JSON.parse(other.stdout)).toMatchObject({ error: { code: "cli/robust-method" } });
  });
});
