// Writes the JSON Schemas of all documents into schemas/, which the package contains.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../src/core/files.ts";
import { jsonSchemas } from "../src/documents/json-schema.ts";

const folder = join(import.meta.dirname, "../schemas");
rmSync(folder, { recursive: true, force: true });
for (const [file, schema] of jsonSchemas()) {
  writeFileAtomic(join(folder, file), `${JSON.stringify(schema, null, 1)}\n`);
}
