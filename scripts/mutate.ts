/**
 * Changes the sources in small ways and looks whether a test notices:
 *
 *   npm run mutate -- --folder src/mip [--folder FOLDER or FILE ...] [--count 40] [--seed 1] [--minutes 20] [--log mutants.jsonl] [--coverage mutants.coverage.json] [--most 120]
 *   [--survivors]
 *
 * Mutants (scripts/mutate/mutants.ts) are drawn by the seed from all of the folders and tried in a copy of the tree. First, each test file of the
 * rooms around a folder runs once with coverage (kept in the file of `--coverage`; delete it where tests changed). A mutant is tried with the files
 * that run its statement, the nearest by name first and no more than take `--most` seconds as they are, until one test fails. Each verdict is a line of the log at once; a run that was stopped
 * goes on behind it. A mutant that takes three times as long as its tests take counts as noticed. `--survivors` tries again those of
 * the log that survived.
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
import { type Covered, coverageOf, testsAt } from "./mutate/covering.ts";
import { type Mutant, mutantsOf, mutated } from "./mutate/mutants.ts";
import { runTests, type Verdict } from "./mutate/run-tests.ts";

const { values: options } = parseArgs({
  options: {
    folder: { type: "string", multiple: true },
    count: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
    minutes: { type: "string", default: "20" },
    log: { type: "string", default: "mutants.jsonl" },
    coverage: { type: "string", default: "mutants.coverage.json" },
    most: { type: "string", default: "120" },
    survivors: { type: "boolean", default: false },
  },
});

/** Where the tests of a folder are: names that a test file's path begins with; heavy ones where they are named. */
const AROUND: Readonly<Record<string, readonly string[]>> = {
  "src/structure": [
    ...["test/structure", "test/float64", "test/graph/fold", "test/latency/predicted-networks"],
    "test/pipeline/opened-batch",
    ...["subnet", "small-networks", "patterns", "opsets", "low-precision"].map(
      (name) => `test/subnet/${name}.test.ts`,
    ),
    ...["cli/inspect-export", "float64/random-networks", "subnet/dead-channels"].map(heavy),
  ],
  "src/subnet": [
    ...["test/subnet", "test/float64", "test/pipeline/sparsify", "test/report/diff-report"],
    ...["sabotage", "correct/correct", "dead-channels", "sparse/sparsify", "sparse/fit"].map(
      (name) => heavy(`subnet/${name}`),
    ),
    ...["float64/random-networks", "pipeline/sparsify/zeros", "pipeline/sparsify/joint"].map(heavy),
  ],
  "src/formulation/presolve": [
    ...["test/formulation", "test/float64"],
    ...["presolve", "presolve-effort", "presolve-instances", "presolve-several", "trust"].map(
      (name) => heavy(`formulation/${name}`),
    ),
    ...["joint", "explain/forced", "limits/damage", "limits/limits-property"].map((name) =>
      heavy(`formulation/${name}`),
    ),
    heavy("float64/random-networks"),
  ],
  "src/mip": ["test/mip", "test/solvers", "test/formulation/encode", "test/formulation/start"],
};

function heavy(name: string): string {
  return `test/${name}.heavy.test.ts`;
}

interface Line extends Mutant {
  readonly file: string;
  readonly line: number;
  readonly verdict: Verdict | "uncovered";
}

const folders = options.folder ?? Object.keys(AROUND);
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
  const tests = filesIn("test", ".test.ts").filter((test) =>
    folders
      .flatMap((folder) => around(folder))
      .some((name) => test === name || (test.startsWith(name) && !test.includes(".heavy."))),
  );
  const covered = await coverageOf(
    tree,
    tests,
    [...new Set([...Object.keys(AROUND), ...folders])],
    options.coverage,
    until,
  );
  for (const mutant of drawn) {
    const key = `${mutant.file} ${mutant.start} ${mutant.replacement}`;
    const before = done.get(key);
    if (before !== undefined && !(options.survivors && hasSurvived(before))) continue;
    if (performance.now() > until) break;
    const text = readFileSync(mutant.file, "utf8");
    const above = text.slice(0, mutant.start).split("\n");
    const line = above.length;
    const column = above.at(-1)?.length ?? 0;
    const near = testsAt(covered, mutant.file, line, column, Number(options.most));
    const verdict = await verdictOn(mutant.file, mutated(text, mutant), text, near, covered);
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
const noticed = verdicts.filter((line) => !hasSurvived(line)).length;
const timeouts = verdicts.filter(({ verdict }) => verdict === "timeout").length;
console.log(
  `${all.length} mutants in ${folders.join(", ")}; ${verdicts.length} of ${drawn.length} drawn (seed ${options.seed}) tried: ${noticed} noticed (${timeouts} by the time limit), ${verdicts.length - noticed} survived`,
);

function around(folder: string): readonly string[] {
  const room = Object.keys(AROUND).find((name) => folder.startsWith(name));
  return room === undefined ? ["test"] : (AROUND[room] ?? []);
}

function hasSurvived({ verdict }: Line): boolean {
  return verdict === "survived" || verdict === "uncovered";
}

function filesIn(folder: string, ending = ".ts"): readonly string[] {
  if (folder.endsWith(ending)) return [folder];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));
}

async function verdictOn(
  file: string,
  changed: string,
  original: string,
  tests: readonly string[],
  covered: ReadonlyMap<string, Covered>,
): Promise<Line["verdict"]> {
  if (tests.length === 0) return "uncovered";
  const seconds = tests.reduce((sum, test) => sum + (covered.get(test)?.seconds ?? 0), 0);
  const path = join(tree, file);
  writeFileSync(path, changed);
  try {
    return await runTests(tree, tests, 60 + 3 * seconds);
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
