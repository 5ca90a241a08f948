import { InputError } from "../../core/errors.ts";
import { sha256 } from "../../core/files.ts";
import { type Framed, newNonce, readFramed } from "./answer.ts";
import { boardFile } from "./assets.ts";
import type { CallOptions } from "./ssh/connection.ts";
import { badAnswer } from "./ssh/failure.ts";
import { printable } from "./ssh/host.ts";
import type { Caller } from "./ssh/retry.ts";

/** A program run on the board. Its output lies there in `<name>.out` and `<name>.err`. */
export interface Job {
  /** Made of hashes: the same job has the same name, and is not run again where its result is there. */
  readonly name: string;
  /** The program and its arguments; no shell reads them. */
  readonly argv: readonly string[];
  /** How long it may take. */
  readonly limitSeconds: number;
}

/** A working folder on a board. Names are of lower-case letters, digits and dots, made of hashes. Every call may be repeated. */
export interface Board {
  readonly destination: string;
  /** The folder, from the home folder on. */
  readonly folder: string;
  /** @throws InputError `remote/disk-full`, `remote/put-failed` */
  readonly put: (name: string, bytes: Uint8Array) => Promise<void>;
  /** null where there is no such file. */
  readonly get: (name: string) => Promise<Buffer | null>;
  readonly has: (name: string) => Promise<boolean>;
  /** Gives the file that begins with the name and a low line the name itself. */
  readonly take: (name: string) => Promise<void>;
  /** Removes the file and all whose names begin with its and a dot. */
  readonly drop: (name: string) => Promise<void>;
  /**
   * Runs a job to its end; what it was given is removed when it fails.
   * @throws InputError `remote/busy`, `remote/disk-full`, `remote/job-failed`
   */
  readonly exec: (job: Job) => Promise<void>;
}

const QUICK_SECONDS = 60;
/** A slow network still moves so many bytes in a second. */
const SLOWEST_BYTES = 100_000;
const LONGEST_ERROR = 600;
const HERE = "MDP_END_OF_FILE";

/**
 * Makes the working folder on the board.
 * @param folder hexadecimal: what tells one campaign from another
 * @throws InputError `remote/disk-full`, `remote/bad-answer`, and as the caller
 */
export async function openBoard(
  call: Caller,
  destination: string,
  campaign: string,
): Promise<Board> {
  const folder = `.cache/mdp/${sha256(campaign).slice(0, 16)}`;
  const nonce = newNonce();
  const answer = await call(["sh", "-s", folder, nonce], {
    input: bootScript(),
    timeoutSeconds: QUICK_SECONDS,
  });
  const { status, words } = readFramed(answer, nonce, destination);
  if (status !== "ok") throw putFailed(destination, [words[0] ?? "", "0", answer.stderr]);
  return boardOf(call, destination, folder);
}

/** Writes board.sh. The folder and the nonce are its arguments; it contains nothing from outside. */
function bootScript(): string {
  return [
    "umask 077; cd || exit 3",
    'mkdir -p -- "$1"',
    `cat >"$1/board.sh.part" <<'${HERE}'`,
    boardFile("board.sh").trimEnd(),
    HERE,
    'if [ "$?" = 0 ] && mv -f -- "$1/board.sh.part" "$1/board.sh"; then',
    "  printf '\\nmdp-%s ok\\n' \"$2\"",
    "else",
    "  free=$(df -Pk . 2>/dev/null | awk 'NR == 2 { print $4 }')",
    '  printf \'\\nmdp-%s failed %s\\n\' "$2" "$free"',
    "fi",
    "",
  ].join("\n");
}

function boardOf(call: Caller, destination: string, folder: string): Board {
  const ask = async (
    words: readonly string[],
    options: Partial<CallOptions> = {},
  ): Promise<Framed> => {
    const [action = "", ...rest] = words;
    const nonce = newNonce();
    const answer = await call(["sh", `${folder}/board.sh`, action, nonce, ...rest], {
      timeoutSeconds: QUICK_SECONDS,
      ...options,
    });
    return readFramed(answer, nonce, destination);
  };
  const expect = ({ status }: Framed, ...allowed: readonly string[]): void => {
    if (!allowed.includes(status)) {
      throw badAnswer(
        destination,
        `'${printable(status, 40)}' where ${allowed.join(" or ")} was due`,
      );
    }
  };
  const put: Board["put"] = async (name, bytes) => {
    const timeoutSeconds = QUICK_SECONDS + bytes.byteLength / SLOWEST_BYTES;
    const size = String(bytes.byteLength);
    const framed = await ask(["put", name, size], { input: bytes, timeoutSeconds });
    expect(framed, "ok", "failed");
    if (framed.status === "failed") throw putFailed(destination, framed.words, bytes.byteLength);
  };
  const get: Board["get"] = async (name) => {
    const framed = await ask(["get", name], { timeoutSeconds: 10 * QUICK_SECONDS });
    expect(framed, "data", "missing");
    if (framed.status === "missing") return null;
    if (framed.rest.byteLength !== Number(framed.words[0])) {
      throw badAnswer(
        destination,
        `${framed.rest.byteLength} of ${printable(framed.words[0] ?? "?", 20)} bytes came`,
      );
    }
    return framed.rest;
  };
  const has: Board["has"] = async (name) => {
    const framed = await ask(["has", name]);
    expect(framed, "ok", "missing");
    return framed.status === "ok";
  };
  const drop: Board["drop"] = async (name) => {
    expect(await ask(["drop", name]), "ok");
  };
  const take: Board["take"] = async (name) => {
    expect(await ask(["take", name]), "ok");
  };
  const exec: Board["exec"] = async ({ name, argv, limitSeconds }) => {
    await put(`${name}.args`, argumentLines(argv));
    const framed = await ask(["exec", name, String(Math.ceil(limitSeconds))], {
      timeoutSeconds: 2 * limitSeconds + QUICK_SECONDS,
    });
    expect(framed, "ok", "busy", "failed");
    if (framed.status === "busy") throw busy(destination, limitSeconds);
    if (framed.status === "failed") throw putFailed(destination, framed.words);
    const code = Number(framed.words[0]);
    if (code === 0) return;
    const said = [await get(`${name}.out`), await get(`${name}.err`)];
    await drop(name);
    throw jobFailed(destination, argv[0] ?? "", code, said);
  };
  return { destination, folder, put, get, has, take, drop, exec };
}

/** One argument per line, as the board's script reads them. */
function argumentLines(argv: readonly string[]): Buffer {
  const broken = argv.find((word) => /[\n\r\0]/.test(word) || word === "");
  if (broken !== undefined) {
    throw new InputError({
      code: "remote/bad-argument",
      message: `'${printable(broken)}' can't be an argument on the board: it is empty or has line ends in it.`,
      hint: "Check the paths that were given for the board's programs.",
    });
  }
  return Buffer.from(argv.map((word) => `${word}\n`).join(""));
}

/** So little is left only where something stopped for want of it. */
const LEAST_FREE = 64 * 1024;
const FULL = /No space left|quota exceeded|File too large|File size limit/i;

function putFailed(destination: string, words: readonly string[], needed = 0): InputError {
  const [freeKib = "", , ...said] = words;
  const problem = printable(said.join(" "));
  const free = Number.parseInt(freeKib, 10);
  const isFull =
    FULL.test(problem) || (Number.isFinite(free) && free * 1024 <= needed + LEAST_FREE);
  const room = Number.isFinite(free) ? ` (${(free / 1024).toFixed(0)} MiB are free)` : "";
  return isFull
    ? new InputError({
        code: "remote/disk-full",
        message: `The board's disk is full${room}${problem === "" ? "" : `: ${problem}`}.`,
        where: destination,
        hint: "Make room there (old campaigns lie in ~/.cache/mdp and can be removed), then give the same command again: it resumes where it stopped.",
      })
    : new InputError({
        code: "remote/put-failed",
        message: `A file can't be written on the board${room}: ${problem === "" ? "no reason given" : problem}.`,
        where: destination,
        hint: "Check that ~/.cache can be written to there and that the disk is sound.",
      });
}

function busy(destination: string, seconds: number): InputError {
  return new InputError({
    code: "remote/busy",
    message: `Another measurement ran on the board for all of ${seconds.toFixed(0)} s.`,
    where: destination,
    hint: "Two measurements at once would disturb each other: let the other one end. After a crash, remove ~/.cache/mdp/lock there.",
  });
}

/** @param printed standard output and error */
function jobFailed(
  destination: string,
  program: string,
  code: number,
  printed: readonly (Buffer | null)[],
): InputError {
  const lines = printed
    .flatMap((bytes) => bytes?.toString("utf8").split("\n") ?? [])
    .filter((line) => line.trim() !== "");
  const telling = lines.filter((line) =>
    /error|\[E\]|not found|no such|failed|unknown|killed|exception|cannot/i.test(line),
  );
  const said = printable(
    (telling.length > 0 ? telling : lines).slice(-4).join(" | "),
    LONGEST_ERROR,
  );
  return new InputError({
    code: FULL.test(said) ? "remote/disk-full" : "remote/job-failed",
    message: `'${printable(program)}' ended with code ${code} on the board: ${said === "" ? "it said nothing" : said}.`,
    where: destination,
    hint:
      code === 137
        ? "It was killed, most likely for want of memory: close other programs there, add swap, or measure a smaller batch."
        : "Its words above say why. `mdp doctor --host` shows which runtimes work there.",
  });
}
