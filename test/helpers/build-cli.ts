import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(fileURLToPath(import.meta.url), "../../..");
const built = join(root, ".built");
const stamp = join(built, "made");

function newestSource(): number {
  const files = ["src", "solvers"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) =>
      join(root, folder, file),
    ),
  );
  return Math.max(...files.map((file) => statSync(file).mtimeMs));
}

/** Compiles the command line for the tests that start it, without checking types; nothing where it is up to date. */
export function setup(): void {
  const begun = Date.now();
  if (existsSync(stamp) && statSync(stamp).mtimeMs > newestSource()) return;
  rmSync(built, { recursive: true, force: true });
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const options = ["--outDir", built, "--noCheck", "--declaration", "false"];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [compiler, "-p", join(root, "tsconfig.build.json"), ...options],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`the command line does not compile:\n${stdout}${stderr}`);
  writeFileSync(stamp, "");
  utimesSync(stamp, begun / 1000, begun / 1000);
}
