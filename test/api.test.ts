import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { declarationsIn, exportsOf, groupFiles } from "../scripts/api/declarations.ts";
import { apiReference } from "../scripts/api/reference.ts";
import * as library from "../src/index.ts";

const root = join(import.meta.dirname, "..");
const door = declarationsIn("src/pipeline/library.ts").filter(({ kind }) => kind === "function");

test("the API reference is that of the sources (npm run api)", () => {
  expect(readFileSync(join(root, "docs/reference/api.md"), "utf8")).toBe(apiReference());
});

test("every function of the front door has an example that calls it", () => {
  expect(door).toHaveLength(10);
  for (const { name, doc } of door) {
    const example = doc.slice(doc.indexOf("@example") + 1).join("\n");
    expect(doc, name).toContain("@example");
    expect(example, name).toContain(`await ${name}(`);
  }
});

test.each(groupFiles())("the package exports %s", (file) => {
  const group = file.replace("src/api/", "").replace(".ts", "");
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(exports[`./${group}`]).toEqual({
    types: `./dist/src/api/${group}.d.ts`,
    default: `./dist/src/api/${group}.js`,
  });
});

test("values of all groups but the documents are in the main entry point too", () => {
  const names = groupFiles()
    .filter((file) => !file.endsWith("documents.ts"))
    .flatMap((file) => [...exportsOf(file)])
    .filter(([name, from]) =>
      declarationsIn(from).some(
        (declared) => declared.name === name && /function|const|class/.test(declared.kind),
      ),
    );
  expect(names.length).toBeGreaterThan(60);
  expect(names.map(([name]) => name).filter((name) => !(name in library))).toEqual([]);
});

test("a setting that is undefined has its default, as one that is left out", async () => {
  const given = { device: "jetson", multipleOf: 32, maxPrune: undefined, gap: undefined };
  const { report } = await library.solve(given as unknown as Parameters<typeof library.solve>[0]);
  expect(report.options.maxPrune).toBe(0.95);
  expect(report.answer.status).toBe("optimal");
});

test("what the command line refuses is refused with the same code", async () => {
  await expect(library.solve({ device: "jetson", budget: "120%" })).rejects.toMatchObject({
    code: "formulation/budget",
  });
  await expect(library.score({ method: "sensitivity" })).rejects.toMatchObject({
    code: "cli/no-data",
  });
  await expect(
    library.exportSubnet({ subnet: "none.json", out: "never.onnx" }),
  ).rejects.toMatchObject({ code: "core/read-failed" });
});
