import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bindings } from "../../src/cli/options/bindings.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { mdp } from "../helpers/cli.ts";
import { networkBuilder } from "../helpers/networks.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-bind-"));
  const b = networkBuilder(41);
  const x = b.input("x", ["batch", 3, "H", "W"]);
  const image = b.relu(b.conv("a", x, { from: 3, to: 16, bn: false }));
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [image])]);
  b.output(b.gemm("fc", pooled, 16, 3));
  writeModel(modelOf(b.graph()), join(folder, "open.onnx"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: readonly string[]) => mdp(args, folder);
const BIND = ["--bind", "H=12", "--bind", "W=10"];
const SOLVE = ["--device", "jetson", "--budget", "none", "--limit", "params <= 60%"];

test("a network of open sizes goes from score to export; the subnet file remembers the lengths", async () => {
  expect(
    (await run("score", "open.onnx", "--method", "magnitude-l2", "--out", "i.json", ...BIND)).code,
  ).toBe(0);
  const solved = await run(
    "solve",
    "open.onnx",
    "--importance",
    "i.json",
    ...SOLVE,
    "--out",
    "s.json",
    ...BIND,
  );
  expect(solved.code, solved.stderr).toBe(0);
  expect(JSON.parse(readFileSync(join(folder, "s.json"), "utf8"))).toMatchObject({
    bind: { H: 12, W: 10 },
  });
  const exported = await run("export", "open.onnx", "--subnet", "s.json", "--out", "small.onnx");
  expect(exported.code, exported.stderr).toBe(0);
  expect(exported.stdout).toMatch(/equal the masked original/);
});

test("a config file binds too, as an object or as a list", async () => {
  for (const bind of [{ H: 12, W: 10 }, ["H=12", "W=10"]]) {
    writeFileSync(join(folder, "c.json"), JSON.stringify({ bind }));
    const shown = await run("inspect", "open.onnx", "--config", "c.json", "--json");
    expect(shown.code, shown.stderr).toBe(0);
    expect(JSON.parse(shown.stdout)).toMatchObject({ bind: { H: 12, W: 10 } });
  }
});

test("without lengths the error names the axes and the option; a name that is none is refused", async () => {
  const open = await run("score", "open.onnx", "--out", "j.json");
  expect(open.code).toBe(3);
  expect(open.stderr).toMatch(/\[1, 3, H, W\].*--bind/s);
  const wrong = await run("inspect", "open.onnx", ...BIND, "--bind", "depth=3");
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/No input has an axis named 'depth'; the network names batch, H, W/);
});

test("what binds nothing is refused with an example", () => {
  expect(bindings(["a=3", { b: 4 }])).toEqual({ a: 3, b: 4 });
  for (const wrong of ["H", "H=", "H=0", "H=-1", "H=1.5"])
    expect(() => bindings([wrong])).toThrow(/binds nothing/);
});
