import { readFileSync } from "node:fs";
import { join } from "node:path";

const texts = JSON.parse(
  readFileSync(join(import.meta.dirname, "pickles.json"), "utf8"),
) as Readonly<Record<string, readonly string[]>>;

/** Pickles that Python wrote, by what they hold; scripts/make-pickle-fixtures.py makes them. One per protocol. */
export function pickles(name: string): readonly Uint8Array[] {
  return (texts[name] ?? []).map((text) => Uint8Array.from(Buffer.from(text, "hex")));
}

/** All of them. */
export function allPickles(): readonly Uint8Array[] {
  return Object.keys(texts).flatMap(pickles);
}
