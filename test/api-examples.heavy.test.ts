import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { mdp } from "./helpers/cli.ts";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "mdp-examples-"));
afterAll(() => rmSync(folder, { recursive: true }));
const run = promisify(execFile);

/** Every example of the API reference in a block of its own, as one program; profiling is made short. */
function program(): string {
  const reference = readFileSync(join(root, "docs/reference/api.md"), "utf8");
  const examples = [...reference.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) =>
    code.replace(/^import .*\n/m, "").replace("maxMinutes: 2", "maxMinutes: 0.05, runs: 4"),
  );
  const names = new Set(examples.join("\n").match(/(?<=await )\w+(?=\()/g));
  const index = JSON.stringify(join(root, "src/index.ts"));
  const blocks = examples.map((code, at) => `{\n${code}\nconsole.log("example ${at}");\n}`);
  return `import { ${[...names].join(", ")} } from ${index};\n${blocks.join("\n")}\n`;
}

test("the examples of the API reference compile and run, one after the other", async () => {
  for (const command of [
    ["data", "shapes", "--out", "photos", "--train", "160", "--test", "32"],
    ["export", "--data-config", "photos/dataset.json", "--out", "net.onnx"],
    ["solve", "net.onnx", "--device", "jetson", "--budget", "60%", "--out", "subnet.json"],
    ["export", "net.onnx", "--subnet", "subnet.json", "--out", "pruned.onnx"],
  ]) {
    expect(await mdp(command, folder)).toMatchObject({ code: 0 });
  }
  const path = join(folder, "examples.mts");
  writeFileSync(path, program());
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const flags = ["--ignoreConfig", "--noEmit", "--strict", "--target", "es2023"];
  const modules = ["--module", "nodenext", "--allowImportingTsExtensions", "--skipLibCheck"];
  const types = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
  await run(process.execPath, [compiler, ...flags, ...modules, ...types, path], { cwd: folder });

  const { stdout } = await run(process.execPath, ["--import", import.meta.resolve("tsx"), path], {
    cwd: folder,
  });
  expect(
    stdout
      .trim()
      .split("\n")
      .filter((line) => line.startsWith("example")),
  ).toHaveLength(11);
  for (const made of ["smaller.onnx", "repaired.onnx", "runs/tuned", "runs/half/pruned.onnx"]) {
    expect(existsSync(join(folder, made)), made).toBe(true);
  }
});
