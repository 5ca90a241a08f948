import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InternalError } from "../../../src/core/errors.ts";
import type { Random } from "../../../src/core/random.ts";
import { writeReport } from "../../../src/pipeline/report/write-report.ts";
import {
  writeOtherFolder,
  writeRunFolder,
  writeSweepFolder,
} from "../../helpers/report-folders.ts";
import { mutatedBytes } from "../mutate/bytes.ts";
import { mutatedJson } from "../mutate/json.ts";
import { bytesOf, type FuzzTarget, mutations, textOf } from "../target.ts";

/** Names that no page may take for anything but text. */
const NAMES = [
  ..."</script><script>alert(1)</script>|<!--<script>|\u2028\u2029|\u202egnp.|\ud800|__proto__|constructor".split(
    "|",
  ),
  "x".repeat(10_000),
  "",
];

/** A folder of which one document was changed, as `mdp report` reads it: it is refused or left out, or the page says no nonsense. */
export const report: FuzzTarget = {
  name: "report",
  open: async (folder) => {
    const place = join(folder, "run");
    const model = join(folder, "net.onnx");
    writeOtherFolder(place);
    await writeRunFolder(place, model);
    await writeSweepFolder(join(folder, "frontier"), model);
    const frontier = readFileSync(join(folder, "frontier", "sweep.json"), "utf8");
    writeFileSync(join(place, "sweep.json"), frontier);
    const files = readdirSync(place).filter((file) => file.endsWith(".json"));
    const rights = files.map((file) => readFileSync(join(place, file), "utf8"));
    const out = join(folder, "report.html");
    return {
      input: mutations(
        rights,
        ...Array.from({ length: 4 }, () => mutatedJson),
        ...Array.from({ length: 3 }, () => renamed),
        (text, random) => mutatedBytes(bytesOf(text), random),
      ),
      read: async ({ bytes, seed }) => {
        const file = join(place, files[seed] ?? "");
        writeFileSync(file, bytes);
        try {
          await writeReport({ paths: [place], out, card: join(folder, "card.md") });
          // A name may well be NaN.
          if (!textOf({ bytes, seed }).includes('"NaN"')) refuseNonsense(readFileSync(out, "utf8"));
        } finally {
          writeFileSync(file, rights[seed] ?? "");
        }
      },
    };
  },
};

/** One text of the document is another name, wherever it stands. */
function renamed(text: string, random: Random): string {
  const words = [...new Set(text.match(/"(?:[^"\\]|\\.)*"/g) ?? [])];
  const word = words[random.integer(words.length)] ?? '""';
  return text.replaceAll(word, JSON.stringify(NAMES[random.integer(NAMES.length)]));
}

/** The page's own three scripts, data that can be read, and no text that a program makes of values that are missing. */
function refuseNonsense(page: string): void {
  const scripts = page.match(/<script/g)?.length;
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1];
  JSON.parse(data ?? "");
  const shown = page
    .replaceAll(/<(script|style)[^>]*>.*?<\/\1>/gs, "")
    .replaceAll(/<[^>]*>/g, " ")
    // How a document that was left out is described.
    .replaceAll(/received (undefined|NaN|Infinity)/g, "");
  const nonsense =
    /.{0,60}\b(?:NaN|undefined|Infinity)\b.{0,40}|.{0,60}\[object.{0,40}|.{0,60}\[native.{0,40}/.exec(
      shown,
    )?.[0];
  if (scripts === 3 && nonsense === undefined && !/<img/i.test(page)) return;
  throw new InternalError({
    code: "fuzz/nonsense",
    message: nonsense ?? `${scripts} scripts`,
  });
}
