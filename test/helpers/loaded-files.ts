import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { program } from "./cli.ts";

const HOOKS = `
import { appendFileSync } from "node:fs";
export async function load(url, context, next) {
  if (url.startsWith("file:")) appendFileSync(process.env.MDP_TEST_LOADED, url + "\\n");
  return next(url, context);
}`;

/** Paths of the files that the main thread of a command loads as modules, in a process of its own. */
export async function loadedFiles(...args: readonly string[]): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "mdp-loaded-"));
  try {
    const [list, hooks, preload] = ["list", "hooks.mjs", "preload.mjs"].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    writeFileSync(hooks, HOOKS);
    const register = `import { register } from "node:module";\nregister(${JSON.stringify(pathToFileURL(hooks).href)});\n`;
    writeFileSync(preload, register);
    const env = { ...process.env, MDP_TEST_LOADED: list };
    await promisify(execFile)(
      process.execPath,
      ["--import", pathToFileURL(preload).href, program, ...args],
      { env },
    );
    const urls = readFileSync(list, "utf8").trim().split("\n");
    return [...new Set(urls)]
      .filter((url) => !url.endsWith("/preload.mjs"))
      .map((url) => fileURLToPath(url));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
