import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTests } from "./run-tests.ts";

interface Place {
  readonly line: number;
  readonly column: number | null;
}

/** What coverage-final.json says of a file: ranges of statements, and how often each ran. */
interface Ran {
  readonly statementMap: Readonly<Record<string, { readonly start: Place; readonly end: Place }>>;
  readonly s: Readonly<Record<string, number>>;
}

/** One test file: how long it takes, and the ranges of lines and columns that it runs, by source file; null where it fails as it is. */
export interface Covered {
  readonly seconds: number;
  readonly isPassing: boolean;
  readonly files: Readonly<Record<string, readonly Range[]>>;
}

/** First line and column, last line and column, whether it ran. */
type Range = readonly [number, number, number, number, boolean];

/**
 * Which statements of the folders each test file runs, by v8's coverage of a run of its own. What is in the file `cache` already is not
 * measured again.
 */
export async function coverageOf(
  tree: string,
  tests: readonly string[],
  folders: readonly string[],
  cache: string,
  until: number,
): Promise<ReadonlyMap<string, Covered>> {
  const known = new Map<string, Covered>(
    existsSync(cache) ? Object.entries(JSON.parse(readFileSync(cache, "utf8"))) : [],
  );
  const report = mkdtempSync(join(tmpdir(), "mutants-coverage-"));
  try {
    for (const test of tests) {
      if (known.get(test)?.isPassing || performance.now() > until) continue;
      const begun = performance.now();
      const verdict = await runTests(tree, [test], 600, ["--coverage"], {
        MUTANT_FOLDERS: folders.join(","),
        MUTANT_COVERAGE: report,
      });
      const seconds = (performance.now() - begun) / 1000;
      const path = join(report, "coverage-final.json");
      const files = verdict === "survived" && existsSync(path) ? rangesOf(tree, path) : {};
      known.set(test, { seconds, isPassing: verdict === "survived", files });
      writeFileSync(cache, JSON.stringify(Object.fromEntries(known)));
      console.error(
        `${test}: ${seconds.toFixed(1)} s, ${verdict === "survived" ? `${Object.keys(files).length} files` : "fails as it is"}`,
      );
    }
  } finally {
    rmSync(report, { recursive: true, force: true });
  }
  return known;
}

function rangesOf(tree: string, path: string): Record<string, readonly Range[]> {
  const read: Record<string, Ran> = JSON.parse(readFileSync(path, "utf8"));
  return Object.fromEntries(
    Object.entries(read).flatMap(([file, { statementMap, s }]) => {
      const ranges = Object.entries(statementMap).map(
        ([id, { start, end }]): Range => [
          start.line,
          start.column ?? 0,
          end.line,
          end.column ?? Number.MAX_SAFE_INTEGER,
          (s[id] ?? 0) > 0,
        ],
      );
      if (!ranges.some(([, , , , ran]) => ran)) return [];
      return [[file.slice(tree.length + 1), ranges]];
    }),
  );
}

/**
 * The test files that run the statement at this place: those whose path shares most words with the file's first, then the quickest, as many
 * as take no more than these seconds.
 */
export function testsAt(
  covered: ReadonlyMap<string, Covered>,
  file: string,
  line: number,
  column: number,
  most: number,
): readonly string[] {
  let total = 0;
  const passing = [...covered].filter(([, { isPassing }]) => isPassing);
  const running = passing.filter(([, { files }]) => runsAt(files[file] ?? [], line, column));
  // Coverage doesn't see what runs in a thread of its own: then all that load the file.
  const loading = passing.filter(([, { files }]) => files[file] !== undefined);
  return (running.length > 0 ? running : loading)
    .sort(
      ([one, a], [other, b]) =>
        sharedWords(file, other) - sharedWords(file, one) || a.seconds - b.seconds,
    )
    .filter(([, { seconds }], at) => {
      total += seconds;
      return at === 0 || total <= most;
    })
    .map(([test]) => test);
}

/** `src/subnet/proof/compare.ts` and `test/subnet/proof.test.ts` share two. */
function sharedWords(file: string, test: string): number {
  const words = new Set(test.split(/[^a-z]+/));
  return new Set(file.split(/[^a-z]+/).filter((word) => word !== "ts" && words.has(word))).size;
}

/** Whether the innermost statement around this place ran; what lies in no statement runs where anything of the file does. */
function runsAt(ranges: readonly Range[], line: number, column: number): boolean {
  const around = ranges.filter(
    ([fromLine, from, toLine, to]) =>
      (fromLine < line || (fromLine === line && from <= column)) &&
      (line < toLine || (line === toLine && column <= to)),
  );
  if (around.length === 0) return ranges.some(([, , , , ran]) => ran);
  const [inner] = around.sort((a, b) => b[0] - a[0] || b[1] - a[1]);
  return inner?.[4] ?? false;
}
