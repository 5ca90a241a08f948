import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import * as library from "../src/index.ts";
import {
  findStructure,
  macCount,
  predictTable,
  readModel,
  resolveDevice,
  writeTable,
} from "../src/index.ts";
import { modelOf } from "../src/onnx/model.ts";
import { writeModel } from "../src/onnx/write.ts";
import { bottleneckResnet } from "./helpers/networks.ts";

const root = join(fileURLToPath(import.meta.url), "../..");
const folder = mkdtempSync(join(tmpdir(), "mdp-library-"));
afterAll(() => rmSync(folder, { recursive: true }));
const run = promisify(execFile);

/** The example on top of src/index.ts, as a program of its own. */
function exampleProgram(): string {
  const [, example = ""] = /@example\n([\s\S]*?)\n \*\n/.exec(
    readFileSync(join(root, "src/index.ts"), "utf8"),
  ) ?? [""];
  const code = example.replaceAll(/^ \* ?/gm, "");
  const words = new Set(code.match(/\w+/g));
  const names = Object.keys(library).filter((name) => words.has(name));
  const index = JSON.stringify(join(root, "src/index.ts"));
  return `import { ${names.join(", ")} } from ${index};\n${code}\n`;
}

test("the library's example type checks and writes a smaller network", async () => {
  writeModel(modelOf(bottleneckResnet(1)), join(folder, "net.onnx"));
  const structure = findStructure(readModel(join(folder, "net.onnx")).graph);
  const { description } = resolveDevice("jetson", [join(root, "latency-tables")]);
  if (description === null) throw new Error("the alias has no description");
  const table = predictTable(structure, description, {
    batch: 64,
    precision: "float16",
    step: 4,
    command: "a test",
  });
  writeTable(join(folder, "table.json"), table);
  const program = join(folder, "example.mts");
  writeFileSync(program, exampleProgram());

  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const flags = ["--ignoreConfig", "--noEmit", "--strict", "--target", "es2023"];
  const modules = ["--module", "nodenext", "--allowImportingTsExtensions", "--skipLibCheck"];
  const types = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
  await run(process.execPath, [compiler, ...flags, ...modules, ...types, program], { cwd: folder });

  await run(process.execPath, ["--import", import.meta.resolve("tsx"), program], { cwd: folder });
  const smaller = findStructure(readModel(join(folder, "smaller.onnx")).graph);
  expect(macCount(smaller)).toBeLessThan(macCount(structure));
  expect(statSync(join(folder, "smaller.onnx")).size).toBeGreaterThan(0);
});
