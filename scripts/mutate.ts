/**
 * Changes the sources in small ways and looks whether a test notices:
 *
 *   npm run mutate -- --folder src/mip [--folder ...] [--count 40] [--seed 1] [--minutes 20] [--log mutants.jsonl]
 *
 * Mutants (scripts/mutate/mutants.ts) are drawn by the seed from all of the folders and tried in a copy of the tree with the tests of the same room,
 * the quickest first; of other folders, with all tests that import the file. Each verdict is a line of the log at once; a run that was stopped goes
 * on behind it. A mutant that takes longer than the time limit counts as noticed.
 */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { randomFrom, shuffled } from "../src/core/random.ts";
import { type Mutant, mutantsOf, mutated } from "./mutate/mutants.ts";
import { runTests, type Verdict } from "./mutate/run-tests.ts";

const { values: options } = parseArgs({
  options: {
    folder: { type: "string", multiple: true },
    count: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
    minutes: { type: "string", default: "20" },
    log: { type: "string", default: "mutants.jsonl" },
  },
});

/** Quick tests that are likely to notice, by the folder that is changed; run first, in this order. */
const FIRST: Readonly<Record<string, readonly string[]>> = {
  "src/structure": ["test/structure", "test/float64"],
  "src/subnet": ["test/subnet/cut", "test/float64", "test/subnet"],
  "src/formulation/presolve": ["test/formulation/trust.test.ts", "test/formulation/presolve"],
  "src/mip": ["test/mip", "test/solvers"],
};
const LIMIT_SECONDS = 240;

interface Line extends Mutant {
  readonly file: string;
  readonly line: number;
  readonly verdict: Verdict;
}

const folders = options.folder ?? Object.keys(FIRST);
const all = folders.flatMap((folder) =>
  filesIn(folder).flatMap((file) =>
    mutantsOf(file, readFileSync(file, "utf8")).map((mutant) => ({ ...mutant, file })),
  ),
);
const drawn = shuffled(all, randomFrom(Number(options.seed))).slice(0, Number(options.count));
const done = new Map(
  readLog().map((line) => [`${line.file} ${line.start} ${line.replacement}`, line]),
);
const until = performance.now() + 60_000 * Number(options.minutes);
const tree = copyOfTree();
try {
  for (const mutant of drawn) {
    const key = `${mutant.file} ${mutant.start} ${mutant.replacement}`;
    if (done.has(key)) continue;
    if (performance.now() > until) break;
    const text = readFileSync(mutant.file, "utf8");
    const verdict = await verdictOn(mutant.file, mutated(text, mutant), text);
    const line = text.slice(0, mutant.start).split("\n").length;
    const entry: Line = { ...mutant, line, verdict };
    done.set(key, entry);
    appendFileSync(options.log, `${JSON.stringify(entry)}\n`);
    console.log(`${verdict}: ${mutant.file}:${line}: ${mutant.what}`);
  }
} finally {
  rmSync(tree, { recursive: true, force: true });
}
const verdicts = drawn.flatMap(
  ({ file, start, replacement }) => done.get(`${file} ${start} ${replacement}`) ?? [],
);
const noticed = verdicts.filter(({ verdict }) => verdict !== "survived").length;
const timeouts = verdicts.filter(({ verdict }) => verdict === "timeout").length;
console.log(
  `${all.length} mutants in ${folders.join(", ")}; ${verdicts.length} of ${drawn.length} drawn (seed ${options.seed}) tried: ${noticed} noticed (${timeouts} by the time limit), ${verdicts.length - noticed} survived`,
);

function filesIn(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => join(folder, name));
}

/** Until some test fails. */
async function verdictOn(file: string, changed: string, original: string): Promise<Verdict> {
  const path = join(tree, file);
  writeFileSync(path, changed);
  try {
    const folder = Object.keys(FIRST).find((name) => file.startsWith(`${name}/`));
    for (const tests of folder === undefined ? [] : (FIRST[folder] ?? [])) {
      const verdict = await runTests(tree, ["run", tests], LIMIT_SECONDS);
      if (verdict !== "survived") return verdict;
    }
    return folder === undefined
      ? await runTests(tree, ["related", file], LIMIT_SECONDS)
      : "survived";
  } finally {
    writeFileSync(path, original);
  }
}

function readLog(): readonly Line[] {
  if (!existsSync(options.log)) return [];
  const lines = readFileSync(options.log, "utf8").split("\n");
  return lines.flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Line]));
}

/** What git knows of, as it is in the working tree. */
function copyOfTree(): string {
  const folder = mkdtempSync(join(tmpdir(), "mutants-"));
  const files = execFileSync("git", ["ls-files", "-z"], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  }).split("\0");
  const list = files.filter((name) => name !== "" && existsSync(name)).join("\n");
  const archive = execFileSync("tar", ["-c", "-T", "-"], { input: list, maxBuffer: 2 ** 30 });
  execFileSync("tar", ["-x", "-C", folder], { input: archive });
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  return folder;
}
