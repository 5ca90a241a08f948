import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { LISTED_COMMANDS } from "../../src/cli/command-list.ts";
import { helpText } from "../../src/cli/help.ts";
import { mdp } from "../helpers/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-manners-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a command tells a parser of itself. */
async function told(
  load: (typeof LISTED_COMMANDS)[number]["load"],
): Promise<readonly [string, string]> {
  const add = await load();
  let said: readonly [string, string] = ["", ""];
  const parser = {
    command: (
      first: string | { readonly command: string; readonly describe: string },
      second: string,
    ) => {
      said = typeof first === "string" ? [first, second] : [first.command, first.describe];
    },
  };
  add(parser as unknown as Parameters<typeof add>[0]);
  return said;
}

test.each(LISTED_COMMANDS)("the list says of $word what its module says", async (listed) => {
  expect(await told(listed.load)).toEqual([listed.usage, listed.summary]);
});

test("every file of commands/ is in the list", () => {
  const files = readdirSync(join(import.meta.dirname, "../../src/cli/commands"), {
    withFileTypes: true,
  });
  const words = files.filter((file) => file.isFile()).map(({ name }) => name.replace(".ts", ""));
  expect(words.sort()).toEqual(LISTED_COMMANDS.map(({ word }) => word).sort());
});

test("the help names every command once, in lines that fit", () => {
  const text = helpText(80);
  for (const { usage } of LISTED_COMMANDS) {
    expect(text.split("\n").filter((line) => line.startsWith(`  mdp ${usage} `))).toHaveLength(1);
  }
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(110);
});

describe("mdp", () => {
  test.each([[[]], [["-h"]], [["--help"]], [["help"]]])("%j prints the commands", async (args) => {
    const { code, stdout, stderr } = await mdp(args, folder);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("mdp solve [model]");
  });

  test.each(["-v", "--version"])("%s prints the version alone", async (arg) => {
    const { code, stdout } = await mdp([arg], folder);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  });

  test.each([
    [["slove"], "Did you mean mdp solve?"],
    [["solve", "--methd", "mdp"], "Did you mean --method? See mdp solve --help."],
    [["solve", "--device", "nano"], "Did you mean 'jetson-nano'?"],
    [["solve", "a.onnx", "b.onnx"], "See mdp solve --help."],
  ])("%j is refused with what was probably meant", async (args, hint) => {
    const { code, stderr } = await mdp(args, folder);
    expect(code).toBeGreaterThan(1);
    expect(stderr).toContain(hint);
  });

  test("an unknown option of a config file is refused with the file's name", async () => {
    writeFileSync(join(folder, "half.json"), '{"budgett":"50%"}');
    const { code, stderr } = await mdp(["solve", "--config", "half.json"], folder);
    expect(code).toBe(2);
    expect(stderr).toContain("config half.json");
    expect(stderr).toContain("Did you mean --budget?");
  });

  test("completion knows commands, and the options of the one that is called", async () => {
    const ask = (...words: string[]) => mdp(["--get-yargs-completions", "mdp", ...words], folder);
    expect((await ask("so")).stdout.split(/\s/)).toContain("solve");
    expect((await ask("solve", "--bud")).stdout).toContain("--budget");
  });
});

test("messages are in English in every locale", async () => {
  const before = process.env["LC_ALL"];
  process.env["LC_ALL"] = "de_DE.UTF-8";
  try {
    const help = await mdp(["diff", "--help"], folder);
    expect(help.stdout).toContain("Show version number");
    const { code, stderr } = await mdp(["devices", "--jsn"], folder);
    expect([code, stderr]).toEqual([2, expect.stringContaining("Did you mean --json?")]);
  } finally {
    if (before === undefined) delete process.env["LC_ALL"];
    else process.env["LC_ALL"] = before;
  }
});

test("a command is the same wherever its word stands, but options before it are no arguments of another", async () => {
  const [first, later, wrong] = await Promise.all([
    mdp(["inspect", "--help"], folder),
    mdp(["--quiet", "inspect", "--help"], folder),
    mdp(["--out", "devices", "inspect"], folder),
  ]);
  expect(later).toEqual(first);
  expect(wrong.code).toBe(2);
});
