import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import {
  checkWritable,
  readJson,
  writeChunksAtomic,
  writeFileAtomic,
} from "../../src/core/files.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-files-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test("a file is written whole, into folders that don't exist yet", () => {
  const path = join(folder, "a", "b.txt");
  writeFileAtomic(path, "text");
  expect(readFileSync(path, "utf8")).toBe("text");
  expect(readdirSync(join(folder, "a"))).toEqual(["b.txt"]);
});

test("a write that fails in the middle keeps the old file and leaves nothing else", () => {
  const path = join(folder, "b.txt");
  writeFileSync(path, "old");
  const chunks = (function* (): Generator<Uint8Array> {
    yield new TextEncoder().encode("half");
    throw new Error("the disk is full");
  })();
  expect(() => writeChunksAtomic(path, chunks)).toThrow(InputError);
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(folder)).toEqual(["b.txt"]);
});

test("a file that is not JSON is named in the error", () => {
  const path = join(folder, "c.json");
  writeFileSync(path, "{");
  expect(() => readJson(path)).toThrow(
    expect.objectContaining({ code: "core/not-json", where: path, exitCode: 3 }),
  );
});

test.each([
  ["below a file", "b.txt/c.txt"],
  ["that is a folder", "d"],
])("a path %s can't be written, which is known before the work", (_, name) => {
  writeFileSync(join(folder, "b.txt"), "a file");
  mkdirSync(join(folder, "d"));
  const path = join(folder, name);
  const failed = expect.objectContaining({ code: "core/write-failed", where: path, exitCode: 3 });
  expect(() => checkWritable(path)).toThrow(failed);
  expect(() => writeFileAtomic(path, "text")).toThrow(failed);
  expect(readdirSync(folder).sort()).toEqual(["b.txt", "d"]);
});

test("a path in folders that don't exist yet can be written, and asking writes nothing", () => {
  checkWritable(join(folder, "new", "newer", "file.txt"));
  expect(readdirSync(folder)).toEqual([]);
});
