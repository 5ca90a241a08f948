import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { packageRoot } from "../../../src/core/files.ts";

const run = promisify(execFile);
const home = mkdtempSync(join(tmpdir(), "mdp-lock-"));
const folder = join(home, "campaign");
afterAll(() => {
  rmSync(home, { recursive: true });
});

test("of measurements that come at the same moment, and after a dead one, each has the board to itself", async () => {
  mkdirSync(folder);
  const script = join(folder, "board.sh");
  copyFileSync(join(packageRoot(), "src/latency/remote/board/board.sh"), script);
  const log = join(home, "log");
  // A process that is not there any more.
  writeFileSync(join(home, "lock"), "unknown 999999 gone\n");
  const names = Array.from({ length: 8 }, (_, job) => `m${job}`);
  for (const name of names) {
    const work = `echo begin >>'${log}'; sleep 0.05; echo end >>'${log}'`;
    writeFileSync(join(folder, `${name}.args`), `sh\n-c\n${work}\n`);
  }
  const answers = await Promise.all(
    names.map((name) => run("sh", [script, "exec", "nonce", name, "60"])),
  );
  for (const { stdout } of answers) expect(stdout).toContain("mdp-nonce ok 0");
  const lines = readFileSync(log, "utf8").trim().split("\n");
  expect(lines).toEqual(names.flatMap(() => ["begin", "end"]));
});
