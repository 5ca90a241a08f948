/**
 * Bundles the parts of the library for figures that are used into the built package; part of `npm run build`.
 *
 *   npx tsx scripts/build-figures.ts
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { packageRoot } from "../src/core/files.ts";
import { writeLicences } from "./licences.ts";

const root = packageRoot();
const folder = join(root, "dist/src/report/figures");
const { metafile } = await build({
  absWorkingDir: root,
  metafile: true,
  entryPoints: ["src/report/figures/charting.ts"],
  outdir: folder,
  bundle: true,
  minify: true,
  format: "esm",
  platform: "node",
  target: "node20",
  legalComments: "none",
  logLevel: "error",
});
writeLicences(root, Object.keys(metafile.inputs), join(folder, "LICENSES.txt"));
// The compiler's map is of the file that was there before.
rmSync(join(folder, "charting.js.map"), { force: true });
