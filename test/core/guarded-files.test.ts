import {
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXIT } from "../../src/core/errors.ts";
import { checkWritable, writeFileAtomic } from "../../src/core/files.ts";
import { guardInputs, unguardInputs } from "../../src/core/guarded-files.ts";

let folder = "";
let input = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-guard-"));
  input = join(folder, "model.onnx");
  writeFileSync(input, "input");
  guardInputs([input, join(folder, "absent"), folder, "50%"]);
});
afterEach(() => {
  unguardInputs();
  rmSync(folder, { recursive: true, force: true });
});

const refused = expect.objectContaining({
  code: "core/overwrites-input",
  exitCode: EXIT.usage,
  hint: expect.stringContaining("--force"),
});

test("an input is not written over by its own name, another way to it, or a link", () => {
  const [hard, soft] = [join(folder, "hard"), join(folder, "soft")];
  linkSync(input, hard);
  symlinkSync(input, soft);
  for (const path of [
    input,
    relative(process.cwd(), input),
    `${folder}/./model.onnx`,
    hard,
    soft,
  ]) {
    expect(() => writeFileAtomic(path, "output")).toThrowError(refused);
    expect(() => checkWritable(path)).toThrowError(refused);
  }
  expect(readFileSync(input, "utf8")).toBe("input");
});

test("other files and new ones are written", () => {
  const other = join(folder, "other");
  writeFileSync(other, "old");
  writeFileAtomic(other, "new");
  writeFileAtomic(join(folder, "absent"), "made");
  expect(readFileSync(other, "utf8")).toBe("new");
  expect(existsSync(join(folder, "absent"))).toBe(true);
});

test("what is forgotten may be replaced", () => {
  unguardInputs();
  writeFileAtomic(input, "output");
  expect(readFileSync(input, "utf8")).toBe("output");
});
