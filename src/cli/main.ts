#!/usr/bin/env node
import { readFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";

// Node 22 and later keep compiled code between runs.
const { enableCompileCache } = nodeModule as { readonly enableCompileCache?: () => unknown };
enableCompileCache?.();

/**
 * Bytes of WebAssembly that a function runs through before V8 optimises it: most functions of a solver never get there in a short
 * solve, and optimising them took longer than the solve (docs/decisions/0172-webassembly-that-stays-plain.md).
 */
const TIERING_BUDGET = 72_000_000;
/** V8 says so on standard error where it does not know a flag. */
const LAST_NODE_WITH_FLAG = 24;

const [word, ...others] = process.argv.slice(2);

if (others.length === 0 && (word === "--version" || word === "-v")) {
  // Nothing else is loaded for it. The file lies in src/cli, or in dist/src/cli once built.
  const here = dirname(fileURLToPath(import.meta.url));
  const root = import.meta.url.endsWith(".ts") ? "../.." : "../../..";
  const text = readFileSync(join(here, root, "package.json"), "utf8");
  process.stdout.write(`${(JSON.parse(text) as { readonly version: string }).version}\n`);
} else {
  if (Number.parseInt(process.versions.node, 10) <= LAST_NODE_WITH_FLAG) {
    setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET}`);
  }
  const { main } = await import("./parse.ts");
  await main(process.argv.slice(2));
}
