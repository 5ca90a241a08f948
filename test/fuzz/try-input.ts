import { createHash } from "node:crypto";
import { EXIT, MdpError } from "../../src/core/errors.ts";
import { randomFrom } from "../../src/core/random.ts";
import type { FuzzInput, FuzzReader } from "./target.ts";

/** What went wrong with one input. */
export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly index: number;
  readonly kind: "error" | "crash" | "hang" | "memory";
  /** The error and where it was thrown: the same for inputs that hit the same fault. */
  readonly what: string;
}

/** Every input depends on the run's seed, its target and its number alone. */
export function inputAt(
  reader: FuzzReader,
  target: string,
  seed: number,
  index: number,
): FuzzInput {
  const hash = createHash("sha256").update(`${target} ${seed} ${index}`).digest();
  return reader.input(randomFrom(hash.readUInt32LE(0)));
}

/** null where the reader took the input or refused it as it should; else the error and the place that threw it. */
export async function faultOf(reader: FuzzReader, input: FuzzInput): Promise<string | null> {
  try {
    await reader.read(input);
    return null;
  } catch (error) {
    return isRefusal(error) ? null : textOfFault(error);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof MdpError && error.exitCode !== EXIT.internal;
}

function textOfFault(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  const places = (error.stack ?? "")
    .split("\n")
    .filter((line) => /\/(src|solvers)\//.test(line))
    .slice(0, 2)
    .map((line) => /((?:src|solvers)\/[^:)]*:\d+)/.exec(line)?.[1] ?? "");
  return `${error.name}: ${error.message.slice(0, 160)} @ ${places.join(" < ")}`;
}

/** The same fault with fewer bytes: chunks are left out while it stays, for a second at most. */
export async function smallest(
  reader: FuzzReader,
  input: FuzzInput,
  what: string,
): Promise<FuzzInput> {
  const until = performance.now() + 1000;
  const place = placeOf(what);
  let best = input;
  for (let size = Math.ceil(best.bytes.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let at = 0; at < best.bytes.length && performance.now() < until; ) {
      const bytes = Buffer.concat([best.bytes.subarray(0, at), best.bytes.subarray(at + size)]);
      const shorter = { ...best, bytes: Uint8Array.from(bytes) };
      const fault = await faultOf(reader, shorter);
      if (fault !== null && placeOf(fault) === place) best = shorter;
      else at += size;
    }
  }
  return best;
}

/** What tells faults apart: the place that throws, as messages hold numbers of the input; the whole text where there is none. */
export function placeOf(what: string): string {
  const place = what.slice(what.lastIndexOf(" @ ") + 3).trim();
  return what.includes(" @ ") && place !== "" ? place : what.replaceAll(/\d+/g, "0");
}
