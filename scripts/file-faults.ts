/**
 * Lets every write of every command that writes fail in turn, once and for good, and looks at what is left:
 *
 *   npm run file-faults -- [--command NAME] [--every 1]
 *
 * Exit code 1 where a file is neither the old nor the new one, something temporary stays behind the next run, or the exit code is none
 * of the documented ones.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { faultsOf, prepareInputs, WRITING } from "../test/helpers/faulty-commands.ts";

const { values: options } = parseArgs({
  options: { command: { type: "string", multiple: true }, every: { type: "string", default: "1" } },
});
const folder = mkdtempSync(join(tmpdir(), "faults-"));
let [faults, wrong] = [0, 0];
try {
  await prepareInputs(folder);
  for (const name of options.command ?? Object.keys(WRITING)) {
    for (const kind of ["once", "from"] as const) {
      const report = await faultsOf(name, folder, kind, Number(options.every));
      faults += report.faults;
      wrong += report.wrong.length;
      console.log(
        `${name}, ${kind}: ${report.writes} writes, ${report.faults} faults, ${report.wrong.length} wrong`,
      );
      for (const line of report.wrong.slice(0, 5)) console.log(`  ${line}`);
    }
  }
  console.log(`${faults} faults, ${wrong} wrong`);
  process.exitCode = wrong > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
