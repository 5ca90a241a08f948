import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { exportsOf, groupFiles } from "../scripts/api/declarations.ts";
import { program } from "./helpers/cli.ts";
import { loadedFiles } from "./helpers/loaded-files.ts";

// What scripts/build-code.ts makes: `npm run build` puts it into dist, the tests into .built.
const root = join(import.meta.dirname, "..");
const built = join(program, "../../..");
const sources = ["src", "solvers"].flatMap((room) =>
  readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(root, room, name)),
);
/** Above the code of each module stands where it is from. */
const FROM_PACKAGE = /^\s*\/\/ \S*node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\//gm;
const packagesIn = (file: string): readonly string[] =>
  [...readFileSync(file, "utf8").matchAll(FROM_PACKAGE)].map(([, name = ""]) => name);
const holds = (files: readonly string[], name: string): readonly string[] =>
  files.filter((file) => packagesIn(file).includes(name));

test("a solve loads few files, none of another package, and no library that it has no use for", async () => {
  const files = await loadedFiles("solve", "--device", "jetson", "--quiet");
  expect(files.length).toBeGreaterThan(10);
  expect(files.length).toBeLessThan(110);
  expect(files.filter((file) => !file.startsWith(built))).toEqual([]);
  for (const name of ["mathjs", "echarts", "tar-stream", "csv-parse", "ml-matrix"]) {
    expect(holds(files, name), name).toEqual([]);
  }
  expect(holds(files, "zod").length, "what is bundled is named in the file").toBeGreaterThan(0);
});

test("a budget in milliseconds loads the reader of units as few files more", async () => {
  const files = await loadedFiles("solve", "--device", "jetson", "--budget", "1s", "--quiet");
  expect(holds(files, "mathjs").length).toBeGreaterThan(0);
  expect(files.length).toBeLessThan(115);
});

test("a short solve optimises few functions of its solver, but those that run long", () => {
  const args = [
    "--trace-wasm-compilation-times",
    program,
    "solve",
    "--device",
    "jetson",
    "--quiet",
  ];
  const said = execFileSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  const optimised = said.match(/using TurboFan/g) ?? [];
  // With V8's own budget 244 of the 1161 functions that run.
  expect(optimised.length).toBeGreaterThan(0);
  expect(optimised.length).toBeLessThan(100);
});

test("the version is printed without loading anything else", async () => {
  expect(await loadedFiles("--version")).toEqual([program]);
});

test("entry points export what their sources do, and share their classes", () => {
  const groups = groupFiles().map((file) => file.replace(/\.ts$/, ".js"));
  const urls = ["src/index.js", ...groups].map((file) => pathToFileURL(join(built, file)).href);
  const script = `
    const [main, ...groups] = await Promise.all(${JSON.stringify(urls)}.map((url) => import(url)));
    const others = groups.flatMap((group) => Object.keys(group).filter((name) => /^[A-Z]/.test(name) && name in main && main[name] !== group[name]));
    console.log(JSON.stringify({ names: groups.map((group) => Object.keys(group)), main: Object.keys(main), others }));`;
  const args = ["--input-type=module", "-e", script];
  const found = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
  expect(found.others).toEqual([]);
  expect(found.main).toContain("MdpError");
  groupFiles().forEach((file, index) => {
    const names: readonly string[] = found.names[index];
    expect(names.length, file).toBeGreaterThan(0);
    expect([...exportsOf(file).keys()]).toEqual(expect.arrayContaining([...names]));
  });
});

test("every module that runs in a thread or process of its own is built under its own name", () => {
  const calls = sources.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/(?<!function )startModule\w+\(\s*([^\s,)]+)/g)].map(
      ([, argument = ""]) => argument,
    ),
  );
  expect(calls.length).toBeGreaterThan(2);
  for (const argument of calls) {
    expect(argument, "the path is written out in the call").toMatch(/^"src\/[^"]+\.ts"$/);
    const module: string = JSON.parse(argument);
    expect(existsSync(join(root, module)), module).toBe(true);
    expect(existsSync(join(built, module.replace(/\.ts$/, ".js"))), module).toBe(true);
  }
});

test("the licence of every bundled package is there, and GPL code is not bundled", () => {
  const files = readdirSync(built, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".js"))
    .map((name) => join(built, name));
  const bundled = files.flatMap(packagesIn);
  const licences = readFileSync(join(built, "LICENSES.txt"), "utf8");
  expect(bundled.length).toBeGreaterThan(10);
  for (const name of new Set(bundled)) {
    expect(licences).toMatch(new RegExp(`^${name} \\d`, "m"));
  }
  for (const name of ["glpk.js", "highs", "sharp", "onnxruntime-node"]) {
    expect(bundled).not.toContain(name);
  }
  expect(licences).not.toMatch(/^\S+ \d\S* \([^)]*GPL/m);
});

test("code that looks for a file which no folder above it holds says that the package is incomplete", async () => {
  const { folderAbove } = await import("../src/core/files.ts");
  expect(folderAbove("package.json")).toBe(root);
  expect(() => folderAbove("no/such/file")).toThrow(
    expect.objectContaining({ code: "core/package-incomplete" }),
  );
});
