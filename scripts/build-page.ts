/**
 * Bundles the program and the script of the page of `mdp explore` into dist/page; part of `npm run build`.
 *
 *   npx tsx scripts/build-page.ts [folder]
 */
import { join } from "node:path";
import { build } from "esbuild";
import { packageRoot } from "../src/core/files.ts";
import { writeLicences } from "./licences.ts";

const root = packageRoot();

/** Writes worker.js and explorer.js into the folder. */
export async function buildPage(folder: string): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: root,
    metafile: true,
    entryPoints: { worker: "src/explorer/worker.ts", explorer: "src/explorer/page/explorer.ts" },
    outdir: folder,
    bundle: true,
    minify: true,
    format: "iife",
    platform: "browser",
    target: "es2023",
    // The compiled solver's loader knows Node too; that part never runs in a page.
    external: ["node:*"],
    mainFields: ["module", "main"],
    // The loader asks where its file lies before it takes the compiled code that it is given.
    define: { "import.meta.url": '"file:///highs.mjs"' },
    legalComments: "none",
    logLevel: "error",
  });
  writeLicences(root, Object.keys(metafile.inputs), join(folder, "LICENSES.txt"));
}

const [, script = "", folder = join(root, "dist/page")] = process.argv;
if (script.endsWith("build-page.ts")) await buildPage(folder);
