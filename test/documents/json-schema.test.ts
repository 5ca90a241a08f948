import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseDocument } from "../../src/documents/document.ts";
import { jsonSchemas } from "../../src/documents/json-schema.ts";
import { PROOF } from "../../src/documents/proof.ts";
import { expectDocument } from "../helpers/documents.ts";

const folder = join(import.meta.dirname, "../../schemas");

test("the published JSON Schemas are those of the documents (npx tsx scripts/write-schemas.ts)", () => {
  const schemas = jsonSchemas();
  expect(readdirSync(folder).sort()).toEqual([...schemas.keys()].sort());
  for (const [file, schema] of schemas) {
    expect(JSON.parse(readFileSync(join(folder, file), "utf8")), file).toEqual(
      JSON.parse(JSON.stringify(schema)),
    );
  }
});

const PROVEN = {
  schema: "mdp-proof/1",
  ...{ runs: 2, seed: 1, limit: 1e-5, values: 3, maxRelative: 0, layersRelative: 0 },
  ...{ worstLayer: null, maxAbsolute: 0, identical: true, rounding: null, asWritten: null },
  inputs: "standard normal numbers",
};

test("a document with a field of another type is refused, and the field is named", () => {
  expect(parseDocument(PROOF, PROVEN, "proof.json")).toEqual(PROVEN);
  expect(() => parseDocument(PROOF, { ...PROVEN, runs: "2" }, "proof.json")).toThrow(
    expect.objectContaining({
      code: "documents/malformed",
      where: "proof.json",
      message: expect.stringContaining("'runs'"),
    }),
  );
});

test("the tests' check of documents sees fields that no schema has, and schemas that nobody knows", () => {
  expectDocument(PROVEN);
  expect(() => expectDocument({ ...PROVEN, other: 1 })).toThrow("a field that its schema lacks");
  expect(() => expectDocument({ schema: "mdp-other/1" })).toThrow("no schema is known");
});
