import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { InputError } from "../../core/errors.ts";
import { packageRoot } from "../../core/files.ts";
import { reportPage } from "../../report/page/page.ts";
import { EMPTY_SUBJECT } from "../../report/page/subject.ts";
import { pageAssets } from "../report/write-report.ts";
import type { ExplorerData } from "./explorer-data.ts";

/**
 * The page with the program inside, as one HTML document.
 * @param bundle folder of the built page; that of the package by default
 * @throws InputError `pipeline/page-not-built` in sources that were never built
 */
export function explorerPage(
  data: ExplorerData,
  bundle: string = join(packageRoot(), "dist/page"),
): string {
  const wasm = createRequire(import.meta.url).resolve("highs/runtime");
  return reportPage([{ ...EMPTY_SUBJECT, title: data.network.name }], {
    ...pageAssets(),
    figures: [],
    places: [null],
    explorer: {
      data: packed(JSON.stringify(data)),
      worker: packed(builtFile(bundle, "worker.js")),
      wasm: packed(readFileSync(wasm)),
      script: scriptText(builtFile(bundle, "explorer.js")),
    },
  });
}

function packed(content: string | Uint8Array): string {
  return gzipSync(content, { level: 9 }).toString("base64");
}

/** A script that stands inside a page must not seem to end there. */
function scriptText(code: string): string {
  return code.replaceAll(/<\/(script)/gi, "<\\/$1").replaceAll("<!--", "<\\!--");
}

function builtFile(folder: string, name: string): string {
  const path = join(folder, name);
  if (existsSync(path)) return readFileSync(path, "utf8");
  throw new InputError({
    code: "pipeline/page-not-built",
    message: "The page's program was not built.",
    where: path,
    hint: "In the sources, run npm run build first. The installed package has it.",
  });
}
