import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandsPage } from "../../scripts/write-commands.ts";
import { packageRoot } from "../../src/core/files.ts";

test("docs/commands.md is what the commands' help says (npx tsx scripts/write-commands.ts)", async () => {
  const page = readFileSync(join(packageRoot(), "docs/commands.md"), "utf8");
  const now = await commandsPage();
  expect(page).toBe(now);
  const commands = now.split(/^### /m).slice(1);
  expect(commands.length).toBeGreaterThan(30);
  expect(commands.filter((text) => !text.includes("Examples"))).toEqual([]);
});
