import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../core/errors.ts";
import { readFileBytes, sha256, writeFileAtomic } from "../core/files.ts";
import {
  appendLedger,
  archiveOf,
  type LedgerEntry,
  lastPlacement,
  ledgerPath,
  type NewEntry,
  readLedger,
} from "./ledger.ts";
import { whileLocked } from "./lock.ts";

/** Where a network of a SHA-256 is kept. */
export function keptPath(live: string, hash: string): string {
  return join(archiveOf(live), `${hash}.onnx`);
}

/**
 * Puts a network in place. What is there now and what comes are kept under their hashes first; then the ledger says what is to be
 * done; then the file is replaced by a rename, so that whoever opens it finds the old network or the new one, whole; then the
 * ledger says that it was done. What a crash interrupts behind the ledger's first line, the next command completes.
 *
 * @param gate the SHA-256 of the gate's answer that allowed it
 * @throws InputError `release/damaged-ledger`, `core/locked`
 */
export function release(
  source: string,
  live: string,
  about: { readonly gate: string | null; readonly note: string; readonly now: Date },
): Promise<LedgerEntry> {
  return whileLocked(live, () => {
    const from = settle(live, about.now);
    const bytes = readFileBytes(source);
    const hash = sha256(bytes);
    keep(live, bytes, hash);
    const { gate, note } = about;
    const entry = { kind: "release", sha256: hash, from, gate, note } as const;
    return put(live, bytes, entry, about.now);
  });
}

/**
 * Puts an earlier network back: the one before the present one, or that of an entry of the history.
 * @param to number of the entry in the history, from 1
 * @throws InputError `release/nothing-to-undo`, `release/no-such-entry`, `release/missing-archive`, and as `release`
 */
export function undo(live: string, to: number | null, now: Date): Promise<LedgerEntry> {
  return whileLocked(live, () => {
    const from = settle(live, now);
    const entries = readLedger(live);
    const wanted = to === null ? before(live, entries) : numbered(live, entries, to);
    const bytes = keptBytes(live, wanted.hash);
    const entry = { kind: "undo", sha256: wanted.hash, from, to: wanted.number } as const;
    return put(live, bytes, entry, now);
  });
}

/**
 * The history of a file, after completing what a crash interrupted.
 * @throws as `undo`
 */
export function settledHistory(live: string, now: Date): Promise<readonly LedgerEntry[]> {
  if (readLedger(live).length === 0) return Promise.resolve([]);
  return whileLocked(live, () => {
    settle(live, now);
    return readLedger(live);
  });
}

function put(live: string, bytes: Uint8Array, entry: NewEntry, now: Date): LedgerEntry {
  const made = appendLedger(live, entry, now);
  writeFileAtomic(live, bytes);
  appendLedger(live, { kind: "placed", sha256: sha256(bytes) }, now);
  return made;
}

/**
 * Makes ledger and file agree before something changes: completes what a crash interrupted, and keeps and enters a file that
 * somebody else put there.
 * @returns the hash of what is in place; null where there is nothing
 */
function settle(live: string, now: Date): string | null {
  const last = lastPlacement(readLedger(live));
  if (last !== null && !last.isPlaced) {
    const { sha256: hash } = last.entry;
    const isThere = existsSync(live) && sha256(readFileBytes(live)) === hash;
    if (!isThere) writeFileAtomic(live, keptBytes(live, hash));
    appendLedger(live, { kind: "placed", sha256: hash }, now);
    return hash;
  }
  const known = last?.entry.sha256 ?? null;
  if (!existsSync(live)) return known;
  const bytes = readFileBytes(live);
  const hash = sha256(bytes);
  keep(live, bytes, hash);
  if (hash === known) return hash;
  const note =
    known === null ? "in place before the first release" : "found in place, put there by hand";
  appendLedger(live, { kind: "release", sha256: hash, from: known, gate: null, note }, now);
  appendLedger(live, { kind: "placed", sha256: hash }, now);
  return hash;
}

function keep(live: string, bytes: Uint8Array, hash: string): void {
  const path = keptPath(live, hash);
  if (existsSync(path) && sha256(readFileBytes(path)) === hash) return;
  writeFileAtomic(path, bytes);
}

function keptBytes(live: string, hash: string): Uint8Array {
  const path = keptPath(live, hash);
  if (existsSync(path)) {
    const bytes = readFileBytes(path);
    if (sha256(bytes) === hash) return bytes;
  }
  throw new InputError({
    code: "release/missing-archive",
    message: existsSync(path)
      ? "The file that was kept is not what it was: its SHA-256 is another."
      : "The file that was kept is gone.",
    where: path,
    hint: "Nothing was changed. Restore it from a backup, or undo to another entry (mdp history lists them).",
  });
}

interface Wanted {
  readonly hash: string;
  /** Of the entry, from 1. */
  readonly number: number;
}

/** What was in place before the present network was first put there; undoing twice goes back two steps. */
function before(live: string, entries: readonly LedgerEntry[]): Wanted {
  const stack: Wanted[] = [];
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === "release") stack.push({ hash: entry.sha256, number: index + 1 });
    if (entry.kind === "undo") {
      while (stack.length > 0 && stack.at(-1)?.number !== entry.to) stack.pop();
    }
  }
  const wanted = stack.at(-2);
  if (wanted !== undefined) return wanted;
  throw new InputError({
    code: "release/nothing-to-undo",
    message: "There is nothing before the network that is in place.",
    where: existsSync(ledgerPath(live)) ? ledgerPath(live) : live,
    hint: "mdp history lists what was released to this file.",
  });
}

function numbered(live: string, entries: readonly LedgerEntry[], to: number): Wanted {
  const entry = entries[to - 1];
  if (entry?.kind === "release") return { hash: entry.sha256, number: to };
  if (entry?.kind === "undo") return { hash: entry.sha256, number: entry.to };
  throw new InputError({
    code: "release/no-such-entry",
    message:
      entry === undefined
        ? `There is no entry ${to}; the history has ${entries.length}.`
        : `Entry ${to} is of kind '${entry.kind}', which put no network in place.`,
    where: ledgerPath(live),
    hint: "mdp history lists the entries with their numbers.",
  });
}
