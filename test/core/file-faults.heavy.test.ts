import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LISTED_COMMANDS } from "../../src/cli/command-list.ts";
import { writeFileAtomic } from "../../src/core/files.ts";
import { forgetTidied, removeLeftovers, temporaryIn } from "../../src/core/temporary.ts";
import { faultsOf, prepareInputs, READING, UNTRIED, WRITING } from "../helpers/faulty-commands.ts";
import { withFault } from "../helpers/file-faults.ts";
import type { RunHere } from "../helpers/run-here.ts";

const folder = mkdtempSync(join(tmpdir(), "faults-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => prepareInputs(join(folder, "work")), 120_000);

// All commands and all writes: npm run file-faults.
test.each([
  ["inspect", "once"],
  ["score", "from"],
  ["export", "once"],
] as const)(
  "whichever write of mdp %s fails (%s), the old file or the new one is there, whole",
  async (name, kind) => {
    const { faults, wrong } = await faultsOf(name, join(folder, "work"), kind);
    expect(wrong).toEqual([]);
    expect(faults).toBeGreaterThan(2);
  },
  120_000,
);

test("every command of the command line is run with faults, writes nothing, or has a reason", () => {
  const tried = new Set(Object.values(WRITING).map((line) => line.split(" ")[0]));
  const known = [...tried, ...READING, ...Object.keys(UNTRIED)];
  expect([...new Set(known)].sort()).toEqual(LISTED_COMMANDS.map(({ word }) => word).sort());
  expect(known).toHaveLength(new Set(known).size);
});

test("a command that writes over its file piece by piece is found, and one that leaves something temporary", async () => {
  const work = join(folder, "work");
  const inPieces = (name: string) => (): Promise<RunHere> => {
    try {
      mkdirSync(join(work, "out"), { recursive: true });
      writeFileSync(join(work, "out", name), '{"a":');
      appendFileSync(join(work, "out", name), " 1}\n");
      return Promise.resolve({ code: 0, text: "" });
    } catch (error) {
      return Promise.resolve({ code: 3, text: String(error) });
    }
  };
  const report = await faultsOf("inspect", work, "once", 1, inPieces("result.json"));
  expect(report.writes).toBeGreaterThan(2);
  expect(report.wrong.join()).toContain("'result.json' is neither the old nor the new one");
  const left = await faultsOf("inspect", work, "once", 1, inPieces("result.tmp"));
  expect(left.wrong.join()).toContain("'result.tmp' was left");
});

test("a write that is not whole is found: the file is cut off where the second chunk fails", async () => {
  const path = join(folder, "broken.txt");
  writeFileSync(path, "old\n");
  await withFault(folder, 2, "once", () => {
    writeFileSync(path, "ne");
    return Promise.resolve().then(() => writeFileSync(path, "new\n"));
  }).catch(() => null);
  expect(readFileSync(path, "utf8")).toBe("ne");
});

test("what a killed run left is removed by the next write; what a running process writes stays", () => {
  const place = mkdtempSync(join(folder, "left-"));
  const own = temporaryIn(place);
  const dead = own.replace(`-${process.pid}-`, "-999999999-");
  const running = own.replace(`-${process.pid}-`, `-${process.ppid}-`);
  const earlier = temporaryIn(place);
  for (const path of [own, dead, running, earlier]) writeFileSync(path, "part");
  // Of a run before this one that had the same number.
  utimesSync(earlier, 0, Date.now() / 1000 - 100_000);
  forgetTidied();
  writeFileAtomic(join(place, "file.txt"), "whole");
  expect([own, dead, running, earlier].map((path) => existsSync(path))).toEqual([
    true,
    false,
    true,
    false,
  ]);
  removeLeftovers(join(place, "not-there"));
});
