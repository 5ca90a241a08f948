#!/usr/bin/env node
import { readFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// Node 22 and later keep compiled code between runs.
const { enableCompileCache } = nodeModule as { readonly enableCompileCache?: () => unknown };
enableCompileCache?.();

const [word, ...others] = process.argv.slice(2);

if (others.length === 0 && (word === "--version" || word === "-v")) {
  // Nothing else is loaded for it. The file lies in src/cli, or in dist/src/cli once built.
  const here = dirname(fileURLToPath(import.meta.url));
  const root = import.meta.url.endsWith(".ts") ? "../.." : "../../..";
  const text = readFileSync(join(here, root, "package.json"), "utf8");
  process.stdout.write(`${(JSON.parse(text) as { readonly version: string }).version}\n`);
} else {
  const { main } = await import("./parse.ts");
  await main(process.argv.slice(2));
}
