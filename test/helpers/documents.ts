import { expect } from "vitest";
import type { z } from "zod";
import { DOCUMENTS } from "../../src/documents/registry.ts";

/** Fails unless the value is a document of a known schema and has no field that its schema doesn't know. */
export function expectDocument(value: unknown): void {
  const name = (value as { readonly schema?: unknown }).schema;
  const schema = (DOCUMENTS as Readonly<Record<string, z.ZodType>>)[String(name)];
  expect(schema, `no schema is known for ${String(name)}`).toBeDefined();
  const parsed = schema?.safeParse(value);
  expect(parsed?.error?.issues ?? [], String(name)).toEqual([]);
  expect(lost(value, parsed?.data), `${String(name)} has a field that its schema lacks`).toEqual(
    [],
  );
}

/** Paths of what a document has and its parsed form lacks. */
function lost(value: unknown, parsed: unknown, path = ""): readonly string[] {
  if (typeof value !== "object" || value === null) return Object.is(value, parsed) ? [] : [path];
  if (typeof parsed !== "object" || parsed === null) return [path];
  const known = parsed as Readonly<Record<string, unknown>>;
  return Object.entries(value).flatMap(([key, part]) => lost(part, known[key], `${path}.${key}`));
}

/** Checks what a command printed, where it is a document with a schema. */
export function checkDocument(stdout: string): void {
  if (!stdout.startsWith("{")) return;
  let value: unknown;
  try {
    value = JSON.parse(stdout);
  } catch {
    return;
  }
  if (typeof value === "object" && value !== null && "schema" in value) expectDocument(value);
}
