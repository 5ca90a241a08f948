import type { Random } from "../../src/core/random.ts";

type Schema = Readonly<Record<string, unknown>>;

/** A document by chance that a JSON Schema allows; of recursive parts a few levels. */
export function exampleOf(schema: Schema, random: Random, root = schema, depth = 0): unknown {
  const inner = (other: unknown): unknown => exampleOf(asSchema(other), random, root, depth + 1);
  const any = [schema["anyOf"], schema["oneOf"]].find(Array.isArray) as unknown[] | undefined;
  if (any !== undefined) return inner(any[random.integer(any.length)]);
  if (Array.isArray(schema["allOf"])) return Object.assign({}, ...schema["allOf"].map(inner));
  if (typeof schema["$ref"] === "string") return inner(referred(root, schema["$ref"]));
  if ("const" in schema) return schema["const"];
  if (Array.isArray(schema["enum"])) return schema["enum"][random.integer(schema["enum"].length)];
  switch (schema["type"]) {
    case "object": {
      const named = Object.entries(asSchema(schema["properties"] ?? {}));
      const required = new Set(schema["required"] as string[] | undefined);
      const kept = named.filter(([key]) => required.has(key) || random.integer(2) === 0);
      const more = "additionalProperties" in schema && named.length === 0 && depth < 12;
      const extra = more ? [["name", schema["additionalProperties"]] as const] : [];
      return Object.fromEntries([...kept, ...extra].map(([key, value]) => [key, inner(value)]));
    }
    case "array": {
      if (Array.isArray(schema["prefixItems"])) return schema["prefixItems"].map(inner);
      const least = Number(schema["minItems"] ?? 0);
      const length = depth > 12 ? least : Math.max(least, random.integer(3));
      return Array.from({ length }, () => inner(schema["items"]));
    }
    case "integer":
      return Math.max(Number(schema["minimum"] ?? 1), random.integer(100));
    case "number":
      return Math.max(Number(schema["minimum"] ?? 0), 100 * random.next());
    case "boolean":
      return random.integer(2) === 0;
    case "null":
      return null;
    default:
      return "text";
  }
}

function asSchema(value: unknown): Schema {
  return typeof value === "object" && value !== null ? (value as Schema) : {};
}

function referred(root: Schema, reference: string): unknown {
  const path = reference.split("/").slice(1);
  return path.reduce<unknown>((at, key) => asSchema(at)[key], root);
}
