import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { readJson, writeChunksAtomic, writeFileAtomic } from "../../src/core/files.ts";

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
