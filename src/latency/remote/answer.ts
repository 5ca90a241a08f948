import { randomBytes } from "node:crypto";
import type { Answer } from "./ssh/connection.ts";
import { badAnswer } from "./ssh/failure.ts";
import { printable } from "./ssh/host.ts";

/** What a board's script says: one line of status and words, and bytes behind it. */
export interface Framed {
  readonly status: string;
  readonly words: readonly string[];
  readonly rest: Buffer;
}

/** Marks the answer to one call. */
export function newNonce(): string {
  return randomBytes(8).toString("hex");
}

/**
 * Finds the answer in what came over the wire: a login may print other lines before it.
 * @throws InputError `remote/bad-answer`
 */
export function readFramed(answer: Answer, nonce: string, destination: string): Framed {
  const { stdout, stderr } = answer;
  const mark = `\nmdp-${nonce} `;
  const start = stdout.indexOf(mark);
  const end = start < 0 ? -1 : stdout.indexOf("\n", start + mark.length);
  if (end < 0) {
    // What went wrong with a shell or a script is on standard error, behind what the login says there.
    const said = printable(stdout.subarray(0, 400).toString("latin1"));
    const problem = printable(stderr.trim().split("\n").at(-1) ?? "");
    const text = said === "" ? "it is empty" : `it begins with '${said}'`;
    throw badAnswer(destination, problem === "" ? text : `${text}, with '${problem}'`);
  }
  const line = stdout.subarray(start + mark.length, end).toString("utf8");
  const [status = "", ...words] = line.split(" ");
  return { status, words, rest: stdout.subarray(end + 1) };
}
