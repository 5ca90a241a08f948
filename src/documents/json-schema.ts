import { z } from "zod";
import { DOCUMENTS } from "./registry.ts";

/** That a whole number is one that a double holds exactly needs no saying. */
function override({ jsonSchema }: { readonly jsonSchema: Record<string, unknown> }): void {
  if (jsonSchema["minimum"] === Number.MIN_SAFE_INTEGER) delete jsonSchema["minimum"];
  if (jsonSchema["maximum"] === Number.MAX_SAFE_INTEGER) delete jsonSchema["maximum"];
}

/**
 * The JSON Schema (draft 2020-12) of every document, by file name: `mdp-solve-1.schema.json`. Other fields may be added
 * to a document within a major version, so that none are forbidden.
 */
export function jsonSchemas(): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  return new Map(
    Object.entries(DOCUMENTS).map(([name, schema]) => {
      const { $schema, ...body } = z.toJSONSchema(schema, { io: "input", override });
      return [`${name.replace("/", "-")}.schema.json`, { $schema, title: name, ...body }];
    }),
  );
}
