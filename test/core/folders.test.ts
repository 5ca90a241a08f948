import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UsageError } from "../../src/core/errors.ts";
import { writeFileAtomic } from "../../src/core/files.ts";
import { checkNewFolder, writeFolderAtomic } from "../../src/core/folders.ts";

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "mdp-folders-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const two = async (folder: string): Promise<number> => {
  writeFileAtomic(join(folder, "a.txt"), "a");
  writeFileAtomic(join(folder, "inner", "b.txt"), "b");
  return 2;
};

test("a folder is there with all its files, in new folders too, and nothing beside it", async () => {
  const path = join(base, "new", "folder");
  expect(await writeFolderAtomic(`${path}/`, two)).toBe(2);
  expect(readFileSync(join(path, "inner", "b.txt"), "utf8")).toBe("b");
  expect(readdirSync(join(base, "new"))).toEqual(["folder"]);
});

test("an empty folder is taken, one that holds something and a file are refused", async () => {
  const path = join(base, "folder");
  mkdirSync(path);
  await writeFolderAtomic(path, two);
  const refusal = { code: "core/folder-not-empty", exitCode: 3, where: path };
  await expect(writeFolderAtomic(path, two)).rejects.toMatchObject(refusal);
  expect(() => checkNewFolder(join(path, "a.txt"))).toThrow(
    expect.objectContaining({ code: "core/folder-not-empty" }),
  );
  expect(readdirSync(base)).toEqual(["folder"]);
});

test("what goes wrong halfway leaves no folder, and keeps its own code", async () => {
  const path = join(base, "folder");
  const wrong = new UsageError({ code: "test/wrong", message: "Wrong." });
  const fill = async (folder: string): Promise<void> => {
    await two(folder);
    throw wrong;
  };
  await expect(writeFolderAtomic(path, fill)).rejects.toBe(wrong);
  const full = writeFolderAtomic(path, async (folder) => {
    await two(folder);
    throw new Error("ENOSPC: no space left on device");
  });
  await expect(full).rejects.toMatchObject({ code: "core/write-failed", exitCode: 3 });
  expect(readdirSync(base)).toEqual([]);
});

test("a place that can't be written to is known before the work", () => {
  writeFileAtomic(join(base, "file"), "");
  const below = join(base, "file", "folder");
  expect(() => checkNewFolder(below)).toThrow(
    expect.objectContaining({ code: "core/write-failed" }),
  );
  checkNewFolder(join(base, "a", "b"));
  expect(existsSync(join(base, "a"))).toBe(false);
});
