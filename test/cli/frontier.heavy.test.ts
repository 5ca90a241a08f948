import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { mdp } from "../helpers/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-frontier-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Two layers of four widths each, one in a block. */
const INSTANCE = "instance.json";
writeFileSync(
  join(folder, INSTANCE),
  JSON.stringify({
    name: "two layers",
    groups: [
      { id: "a", options: 4, importance: [0, 3, 5, 6], layers: ["a"] },
      { id: "b", options: 4, importance: [0, 2, 4, 5], layers: ["b"] },
    ],
    layers: [
      { name: "a", group: "a", inputGroup: null, block: null, latency: [0, 2, 4, 7] },
      { name: "b", group: "b", inputGroup: null, block: null, latency: [0, 1, 3, 6] },
    ],
    budget: 8,
  }),
);

describe("mdp sweep", () => {
  test("writes the frontier as a table, CSV, JSON and a figure, the same with one job and with two", async () => {
    const args = ["sweep", "--instance", INSTANCE, "--budgets", "100%,9,7,60%,40%,10%", "--out"];
    const one = await mdp([...args, "one"], folder);
    expect(one.stderr).toBe("");
    expect(one.code).toBe(0);
    expect(one.stdout).toMatch(/100% +13 +13 +100.0 % +proven/);
    expect(one.stdout).toMatch(/10% +1.300 +infeasible: needs 3/);
    const two = await mdp([...args, "two", "--jobs", "2"], folder);
    expect(two.code).toBe(0);
    expect(two.stdout.replaceAll("two:", "one:")).toBe(one.stdout);
    const files = readdirSync(join(folder, "one"));
    expect(files.sort()).toEqual(["sweep.csv", "sweep.json", "sweep.svg"]);
    for (const file of files) {
      expect(readFileSync(join(folder, "two", file), "utf8")).toBe(
        readFileSync(join(folder, "one", file), "utf8"),
      );
    }
  });

  test("writes a subnet file per point of a network, which mdp diff compares and mdp explain explains", async () => {
    const swept = await mdp(
      ["sweep", "--device", "jetson", "--budgets", "60%,30%", "--out", "net", "--json"],
      folder,
    );
    expect(swept.code).toBe(0);
    const { points, complete } = JSON.parse(swept.stdout);
    expect(complete).toBe(true);
    expect(points).toMatchObject([
      { budget: "60%", status: "optimal", subnet: "subnet-60pct.json" },
      { budget: "30%", status: "optimal", subnet: "subnet-30pct.json" },
    ]);
    const files = ["net/subnet-60pct.json", "net/subnet-30pct.json"] as const;
    const diff = await mdp(["diff", ...files, "--json"], folder);
    expect(diff.code).toBe(0);
    expect(JSON.parse(diff.stdout)).toMatchObject({
      same: false,
      amounts: [{ name: "latency (ms)" }, {}, {}, {}, {}, {}, {}],
      provenance: [{ name: "options.budget", values: ["60%", "30%"] }],
    });
    const explained = await mdp(["explain", "--subnet", files[1], "--quiet"], folder);
    expect(explained.code).toBe(0);
    expect(explained.stdout).toContain("This is the best subnet within the limits, proven.");
    expect(explained.stdout).toContain("The closest calls");
  });

  test("refuses --budget, and leaves nothing behind", async () => {
    const run = await mdp(["sweep", "--budget", "30%", "--out", "bad", "--json"], folder);
    expect(run.code).toBe(2);
    expect(JSON.parse(run.stdout).error.code).toBe("cli/one-budget");
    expect(existsSync(join(folder, "bad"))).toBe(false);
  });
});

describe("mdp explain", () => {
  test("a subnet file brings back every option that it was solved with, and the hashes of what went into it", async () => {
    const written = [
      ...["--budget", "70%", "--step", "4", "--component", "late=layer4.*"],
      ...["--limit", "latency('jetson-nano') <= 80%", "--limit", "importance('late') >= 50%"],
      ...["--soft", "params <= 60%", "--penalty", "1% per 10k"],
    ];
    const solved = await mdp(
      ["solve", "--device", "jetson", ...written, "--out", "soft.json", "--quiet"],
      folder,
    );
    expect(solved.stderr).toBe("");
    const { solve } = JSON.parse(readFileSync(join(folder, "soft.json"), "utf8"));
    for (const hash of [solve.table.hash, solve.importance.hash, solve.network.hash]) {
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(Object.keys(solve.otherTables)).toEqual(["jetson-nano"]);
    const run = await mdp(
      ["explain", "--subnet", "soft.json", "--time-limit", "20", "--json", "--quiet"],
      folder,
    );
    const { options, explanation, notes } = JSON.parse(run.stdout);
    expect(options).toMatchObject({ budget: "70%", step: 4, countFrom: "full" });
    expect(notes).toEqual([]);
    expect(explanation.objective).toBeCloseTo(solve.answer.objective, 6);
    expect(explanation.optimum.proven).toBe(true);
    const texts = explanation.limits.map(({ resource }: { readonly resource: string }) => resource);
    expect(texts).toContain("params <= 60%");
    expect(texts).toContain("latency('jetson-nano') <= 80%");
  });

  test("of an instance gives each dim's losses, as trying all by hand gives them", async () => {
    const run = await mdp(["explain", "--instance", INSTANCE, "--json"], folder);
    expect(run.code).toBe(0);
    const { explanation } = JSON.parse(run.stdout);
    // Best within 8: a at 5 for 4 and b at 4 for 3; a step less of either leaves no room for a step more of the other.
    expect(explanation).toMatchObject({
      objective: 9,
      optimum: { proven: true },
      limits: [{ resource: "latency", limit: 8, used: 7, worthAll: 2, step: 1 }],
      dims: [
        { name: "a", kept: 2, narrower: { loss: { kind: "exact", loss: 1 } } },
        { name: "b", kept: 2, narrower: { loss: { kind: "exact", loss: 1 } } },
      ],
    });
  });

  test("of limits that can't be met says what stands in the way, with exit code 4", async () => {
    const run = await mdp(["explain", "--device", "jetson", "--budget", "1%"], folder);
    expect(run.code).toBe(4);
    expect(run.stdout).toContain("No subnet meets the limits.");
    expect(run.stdout).toMatch(/latency needs at least 0\.\d+ ms/);
  });
});
