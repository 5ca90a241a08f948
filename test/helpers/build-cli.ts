import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildCode } from "../../scripts/build-code.ts";

const root = join(fileURLToPath(import.meta.url), "../../..");
const built = join(root, ".built");
const stamp = join(built, "made");

function newestSource(): number {
  const files = ["src", "solvers"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) =>
      join(root, folder, file),
    ),
  );
  const builder = join(root, "scripts/build-code.ts");
  return Math.max(...[builder, ...files].map((file) => statSync(file).mtimeMs));
}

/** Builds the code as `npm run build` does, for the tests that start the command line; nothing where it is up to date. */
export async function setup(): Promise<void> {
  const begun = Date.now();
  if (existsSync(stamp) && statSync(stamp).mtimeMs > newestSource()) return;
  rmSync(built, { recursive: true, force: true });
  await buildCode(built);
  writeFileSync(stamp, "");
  utimesSync(stamp, begun / 1000, begun / 1000);
}
