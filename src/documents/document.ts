/**
 * A document is JSON that a command prints or a run folder holds. Its zod schema is the one place that says what is in it:
 * the type, the reader and the published JSON Schema are made from it. Numbers that JSON has no word for (an infinite
 * bound or gap) are null in every document.
 */
import type { z } from "zod";
import { InputError } from "../core/errors.ts";
import { readJson, writeJson } from "../core/files.ts";
import { firstIssues } from "../core/schema.ts";

/** The type of a schema's documents, read-only all the way down. */
export type Document<Schema extends z.ZodType> = Deep<z.output<Schema>>;

type Deep<T> = unknown extends T
  ? T
  : T extends readonly [unknown, ...unknown[]]
    ? { readonly [Key in keyof T]: Deep<T[Key]> }
    : T extends readonly (infer Item)[]
      ? readonly Deep<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: Deep<T[Key]> }
        : T;

/**
 * Checks that a value is a document of this schema. Fields that the schema doesn't know are left out of the result.
 * @param where the file that the value was read from
 * @throws InputError `documents/malformed`
 */
export function parseDocument<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
): Document<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data as Document<Schema>;
  throw new InputError({
    code: "documents/malformed",
    message: `The document is not as expected: ${firstIssues(parsed.error)}`,
    where,
    hint: "Write it again with the command that made it; a version of mdp that differs in its major number writes others.",
  });
}

/**
 * Reads a document of this schema.
 * @throws InputError `core/read-failed`, `core/not-json`, `documents/malformed`
 */
export function readDocument<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
): Document<Schema> {
  return parseDocument(schema, readJson(path), path);
}

/** Writes a document whole or not at all. Keys keep the order they were built in. */
export function writeDocument<Schema extends z.ZodType>(
  _schema: Schema,
  path: string,
  document: Document<Schema>,
): void {
  writeJson(path, document);
}
