import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandsPage } from "../../scripts/write-commands.ts";
import { packageRoot } from "../../src/core/files.ts";

test("docs/commands.md is what the commands' help says (npx tsx scripts/write-commands.ts)", async () => {
  const page = readFileSync(join(packageRoot(), "docs/commands.md"), "utf8");
  expect(page).toBe(await commandsPage());
});
