import { join } from "node:path";
import { takeLock } from "../core/lock.ts";
import { archiveOf } from "./ledger.ts";

/**
 * Does something while nobody else releases to the same file. A lock whose process is gone is taken over.
 * @throws InputError `core/locked`, `core/write-failed`
 */
export async function whileLocked<Result>(
  live: string,
  act: () => Promise<Result> | Result,
): Promise<Result> {
  const release = takeLock(join(archiveOf(live), "lock"), "releasing to this file");
  try {
    return await act();
  } finally {
    release();
  }
}
