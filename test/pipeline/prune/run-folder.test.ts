import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRunFolder } from "../../../src/pipeline/prune/run-folder.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-run-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function walk(dependsOn: unknown, content = "result"): Promise<boolean> {
  const run = openRunFolder(folder);
  try {
    const { ran } = await run.stage({
      name: "solve",
      dependsOn,
      outputs: ["out.txt"],
      run: async () => writeFileSync(run.path("out.txt"), content),
    });
    return ran;
  } finally {
    run.close();
  }
}

test("a stage that is done is not run again", async () => {
  expect(await walk({ budget: "50%" })).toBe(true);
  expect(await walk({ budget: "50%" })).toBe(false);
});

test("a stage runs again when what it depends on changes", async () => {
  await walk({ budget: "50%" });
  expect(await walk({ budget: "40%" })).toBe(true);
});

test("a stage runs again when its output was changed or removed", async () => {
  await walk({});
  writeFileSync(join(folder, "out.txt"), "something else");
  expect(await walk({})).toBe(true);
  rmSync(join(folder, "out.txt"));
  expect(await walk({})).toBe(true);
});

test("a stage that fails is not recorded as done", async () => {
  const run = openRunFolder(folder);
  const failing = run.stage({
    name: "solve",
    dependsOn: {},
    outputs: [],
    run: async () => {
      throw new Error("killed");
    },
  });
  await expect(failing).rejects.toThrow("killed");
  run.close();
  expect(await walk({})).toBe(true);
});
