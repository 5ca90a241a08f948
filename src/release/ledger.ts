import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../core/errors.ts";
import { makeFolder, sha256, whileWriting } from "../core/files.ts";

const COMMON = {
  /** SHA-256 of the line before, with its line break left out; 64 zeros for the first. */
  previous: z.string().length(64),
  at: z.string(),
};

const ENTRY = z.discriminatedUnion("kind", [
  /** A network was put in place. `from`: the one that was there before, null where there was none. */
  z.object({
    ...COMMON,
    kind: z.literal("release"),
    sha256: z.string(),
    from: z.string().nullable(),
    gate: z.string().nullable(),
    note: z.string(),
  }),
  /** An earlier network was put back. */
  z.object({
    ...COMMON,
    kind: z.literal("undo"),
    sha256: z.string(),
    from: z.string().nullable(),
    to: z.number(),
  }),
  /** The network of the entry before it is in place: without this line, a crash came in between. */
  z.object({ ...COMMON, kind: z.literal("placed"), sha256: z.string() }),
  /** Some network was tried on some items against some requirements. */
  z.object({
    ...COMMON,
    kind: z.literal("try"),
    sha256: z.string(),
    items: z.string(),
    verdict: z.enum(["pass", "missed", "undecided"]),
  }),
]);

/** A line of a ledger. */
export type LedgerEntry = z.infer<typeof ENTRY>;

/** An entry before it is chained: with neither the hash before it nor the time. */
export type NewEntry = LedgerEntry extends infer One
  ? One extends LedgerEntry
    ? Omit<One, "previous" | "at">
    : never
  : never;

/** Folder beside a released file that holds what was there before, and the ledger. */
export function archiveOf(live: string): string {
  return `${live}.mdp`;
}

export function ledgerPath(live: string): string {
  return join(archiveOf(live), "ledger.jsonl");
}

const START = "0".repeat(64);

/**
 * The entries of a ledger, oldest first; none where there is no ledger. Every line names the hash of the one before it: a line that
 * was changed, removed or added by hand breaks the chain. A last line without its line break was cut off by a crash before it
 * counted, and is left out.
 * @throws InputError `release/damaged-ledger`
 */
export function readLedger(live: string): readonly LedgerEntry[] {
  const path = ledgerPath(live);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  let previous = START;
  return lines.map((line, index) => {
    const entry = ENTRY.safeParse(jsonOf(line));
    if (!entry.success) throw damaged(path, index + 1, "it is no entry");
    if (entry.data.previous !== previous) {
      throw damaged(path, index + 1, "it does not follow from the line before it");
    }
    previous = sha256(line);
    return entry.data;
  });
}

/**
 * Adds an entry behind the others, on the disk before it returns.
 * @throws InputError `release/damaged-ledger`, `core/write-failed`
 */
export function appendLedger(live: string, entry: NewEntry, now: Date): LedgerEntry {
  const path = ledgerPath(live);
  makeFolder(archiveOf(live));
  // Nothing is added to a ledger that can't be trusted.
  readLedger(live);
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const last = whole.split("\n").at(-2);
  const chained = ENTRY.parse({
    ...entry,
    previous: last === undefined ? START : sha256(last),
    at: now.toISOString(),
  });
  whileWriting(path, () => addLine(path, Buffer.byteLength(whole), JSON.stringify(chained)));
  return chained;
}

/** @param end bytes of the lines that count; what a crash left of another one makes room for the whole one */
function addLine(path: string, end: number, line: string): void {
  const file = openSync(path, existsSync(path) ? "r+" : "w");
  try {
    ftruncateSync(file, end);
    const bytes = Buffer.from(`${line}\n`);
    for (let done = 0; done < bytes.byteLength; ) {
      done += writeSync(file, bytes, done, bytes.byteLength - done, end + done);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A release or an undo. */
export type Placement = Extract<LedgerEntry, { readonly kind: "release" | "undo" }>;

/** The last network that was to be put in place, and whether it was. */
export function lastPlacement(
  entries: readonly LedgerEntry[],
): { readonly entry: Placement; readonly isPlaced: boolean } | null {
  const at = entries.findLastIndex(({ kind }) => kind === "release" || kind === "undo");
  const entry = entries[at];
  if (entry?.kind !== "release" && entry?.kind !== "undo") return null;
  return { entry, isPlaced: entries.slice(at + 1).some(({ kind }) => kind === "placed") };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return null;
  }
}

function damaged(path: string, line: number, why: string): InputError {
  return new InputError({
    code: "release/damaged-ledger",
    message: `Line ${line} of the ledger can't be trusted: ${why}.`,
    where: path,
    hint: "Nothing was changed. Restore the ledger from a backup, or move the folder away to begin a new one: the files in it keep the names of their SHA-256.",
  });
}
