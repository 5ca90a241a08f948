import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openNetwork } from "../../src/pipeline/open/network.ts";
import { importTable } from "../../src/pipeline/tables/import-table.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-separator-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  [";", "semicolons"],
  ["\t", "tabs"],
])(
  "a table whose columns are separated by %j is refused, with what separates them",
  async (separator, name) => {
    const file = join(folder, "table.csv");
    const rows = [
      ["op", "label", "kind", "channels_1", "channels_2", "ms", "low_ms", "high_ms", "origin"],
      ["conv1", "Conv_1", "Conv", "8", "", "0,5", "0,4", "0,6", "m"],
    ];
    writeFileSync(file, rows.map((row) => row.join(separator)).join("\r\n"));
    const open = await openNetwork(undefined);
    const options = { deviceName: "board", command: "mdp table import", date: "2026-01-01" };
    expect(() => importTable(open, file, options)).toThrowError(
      expect.objectContaining({
        code: "cli/import-separator",
        exitCode: 3,
        message: expect.stringContaining(name),
      }),
    );
  },
);
