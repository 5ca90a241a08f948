import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takeLock } from "../../src/core/lock.ts";
import { openRunFolder } from "../../src/pipeline/prune/run-folder.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-lock-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A process that is gone. */
const GONE = 2 ** 22 + 1;

test("a second user of a run folder is refused with the first one's process, machine and age", () => {
  const first = openRunFolder(folder);
  expect(() => openRunFolder(folder)).toThrow(
    expect.objectContaining({
      code: "core/locked",
      exitCode: 3,
      message: expect.stringMatching(
        new RegExp(`\\(${process.pid} on ${hostname()}\\) is using this run folder, since \\d+ s`),
      ),
    }),
  );
  first.close();
  openRunFolder(folder).close();
  expect(existsSync(join(folder, ".lock"))).toBe(false);
});

test("a lock of a process that is gone is taken over, one of another machine is not", () => {
  const path = join(folder, "lock");
  writeFileSync(path, JSON.stringify({ pid: GONE, host: hostname() }));
  takeLock(path, "at work")();
  writeFileSync(path, JSON.stringify({ pid: GONE, host: `not-${hostname()}` }));
  expect(() => takeLock(path, "at work")).toThrow(/not-/);
  // Nobody knows who was about to write this one, a moment ago.
  writeFileSync(path, "");
  expect(() => takeLock(path, "at work")).toThrow(/Another process is at work/);
});
