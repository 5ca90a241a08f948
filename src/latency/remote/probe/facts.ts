import { newNonce } from "../answer.ts";
import { boardFile } from "../assets.ts";
import { badAnswer } from "../ssh/failure.ts";
import { printable } from "../ssh/host.ts";
import type { Caller } from "../ssh/retry.ts";

/** Where programs lie on the board, where the usual places won't do. */
export interface BoardPaths {
  readonly node?: string | undefined;
  /** A folder from which Node finds onnxruntime-node. */
  readonly modules?: string | undefined;
  readonly python?: string | undefined;
  readonly trtexec?: string | undefined;
  readonly perfTest?: string | undefined;
  readonly tegrastats?: string | undefined;
}

/** A program of the board and what it says of itself. */
export interface FoundProgram {
  readonly path: string;
  /** As it says it; null where it doesn't say or doesn't work. */
  readonly version: string | null;
  /** Why it can't be used; null where it can. */
  readonly problem: string | null;
}

/** What is on a board. Everything is as the board says it, without control characters; null where it didn't say. */
export interface BoardFacts {
  readonly system: string;
  readonly hostName: string;
  readonly release: string | null;
  /** Board or processor, as it calls itself. */
  readonly model: string;
  readonly isJetson: boolean;
  readonly cores: number | null;
  readonly memoryMiB: { readonly total: number; readonly free: number } | null;
  readonly diskMiB: { readonly total: number; readonly free: number } | null;
  /** What earlier campaigns left in ~/.cache/mdp. */
  readonly cacheMiB: number | null;
  readonly load: number | null;
  readonly governor: string | null;
  readonly clockMHz: { readonly now: number; readonly most: number } | null;
  readonly celsius: number | null;
  /** `nvpmodel -q`: the name of the power mode. */
  readonly powerMode: string | null;
  /** Whether `jetson_clocks` holds the clocks; null where it can't be seen. */
  readonly clocksHeld: boolean | null;
  readonly node: FoundProgram | null;
  readonly ortNode: FoundProgram | null;
  readonly python: FoundProgram | null;
  readonly ortPython: FoundProgram | null;
  readonly trtexec: FoundProgram | null;
  readonly perfTest: FoundProgram | null;
  /** Tells power and memory on Jetsons. */
  readonly tegrastats: FoundProgram | null;
}

/**
 * Asks the board what is there; changes nothing on it.
 * @throws InputError `remote/bad-answer`, and as the caller
 */
export async function probeBoard(
  call: Caller,
  destination: string,
  paths: BoardPaths,
): Promise<BoardFacts> {
  const nonce = newNonce();
  const { node, modules, python, trtexec, perfTest, tegrastats } = paths;
  const given = [node, modules, python, trtexec, perfTest, tegrastats];
  const answer = await call(["sh", "-s", nonce, ...given.map(octal)], {
    input: boardFile("probe.sh"),
    timeoutSeconds: 180,
    largestBytes: 2 ** 20,
  });
  return readFacts(answer.stdout.toString("utf8"), nonce, destination);
}

/** Three octal digits per byte, which no shell can take for anything else; "-" for nothing. */
function octal(path: string | undefined): string {
  if (path === undefined) return "-";
  return [...Buffer.from(path)].map((byte) => byte.toString(8).padStart(3, "0")).join("");
}

/**
 * Reads what probe.sh printed.
 * @throws InputError `remote/bad-answer`
 */
export function readFacts(text: string, nonce: string, destination: string): BoardFacts {
  const start = text.indexOf(`\nmdp-${nonce} probe\n`);
  const lines = start < 0 ? [] : text.slice(start).split("\n");
  const values = new Map<string, string>();
  for (const line of lines) {
    const tab = line.indexOf("\t");
    const value = printable(line.slice(tab + 1), 1000);
    if (tab > 0 && value !== "") values.set(line.slice(0, tab), value);
  }
  if (values.get("end") !== nonce) {
    const said = printable(text);
    throw badAnswer(destination, said === "" ? "it is empty" : `it begins with '${said}'`);
  }
  return factsOf(values);
}

function factsOf(values: ReadonlyMap<string, string>): BoardFacts {
  const text = (key: string): string | null => values.get(key) ?? null;
  const number = (key: string): number | null => numbers(text(key))[0] ?? null;
  const [clockNow, clockMost] = numbers(text("clock"));
  const [memoryTotal, memoryFree] = numbers(text("memory"));
  const [diskTotal, diskFree] = numbers(text("disk"));
  const [cacheKib, milliCelsius] = [number("cache"), number("temperature")];
  return {
    system: text("system") ?? "unknown system",
    hostName: text("host") ?? "unknown",
    release: text("release"),
    model: text("board") ?? text("processor") ?? "unknown board",
    isJetson: values.has("tegra") || values.has("nvpmodel"),
    cores: number("cores"),
    memoryMiB: pairMiB(memoryTotal, memoryFree),
    diskMiB: pairMiB(diskTotal, diskFree),
    cacheMiB: cacheKib === null ? null : Math.round(cacheKib / 1024),
    load: number("load"),
    governor: text("governor")?.replaceAll(";", ", ") ?? null,
    clockMHz:
      clockNow === undefined || clockMost === undefined
        ? null
        : { now: Math.round(clockNow / 1000), most: Math.round(clockMost / 1000) },
    celsius: milliCelsius === null ? null : Math.round(milliCelsius / 1000),
    powerMode: powerMode(text("nvpmodel")),
    clocksHeld: clocksHeld(text("clocks")),
    node: program(text("node"), text("node-version")),
    ortNode: runtimeOf(text("ort-node"), text("node")),
    python: program(text("python"), null),
    ortPython: runtimeOf(text("ort-python"), text("python")),
    trtexec: program(text("trtexec"), tensorrtVersion(text("trtexec-banner") ?? "")),
    perfTest: program(text("perf-test"), null),
    tegrastats: program(text("tegrastats"), null),
  };
}

function numbers(text: string | null): number[] {
  return (text ?? "").split(" ").filter(Boolean).map(Number).filter(Number.isFinite);
}

function pairMiB(total: number | undefined, free: number | undefined): BoardFacts["diskMiB"] {
  if (total === undefined || free === undefined) return null;
  return { total: Math.round(total / 1024), free: Math.round(free / 1024) };
}

function program(path: string | null, version: string | null): FoundProgram | null {
  return path === null ? null : { path, version, problem: null };
}

/** "ok 1.20.1 ..." or what went wrong. */
function runtimeOf(said: string | null, path: string | null): FoundProgram | null {
  const [word, version = null] = (said ?? "").split(" ");
  if (path === null) return null;
  if (word === "ok") return { path, version, problem: null };
  if (said === null || word === "missing") return null;
  return { path, version: null, problem: said.replace(/^bad /, "") };
}

/** `nvpmodel -q` says "NV Power Mode: MAXN", then the mode's number; older ones warn about the fan first. */
function powerMode(said: string | null): string | null {
  const match = /NV Power Mode\s*:\s*([^;]+)(?:;\s*(\d+))?/.exec(said ?? "");
  if (match === null) return null;
  const [, name = "", number] = match;
  return number === undefined ? name.trim() : `${name.trim()} (mode ${number})`;
}

/** `jetson_clocks --show` prints "GPU MinFreq=... MaxFreq=... CurrentFreq=..."; held clocks can't go below the highest. */
function clocksHeld(said: string | null): boolean | null {
  const match = /GPU MinFreq=(\d+) MaxFreq=(\d+)/.exec(said ?? "");
  return match === null ? null : match[1] === match[2];
}

/**
 * The version in trtexec's first line: "[TensorRT v8201]" and "[TensorRT v100900]" are 8.2.1 and 10.9.0.
 * From 10 on two digits each for the minor version and the patch; before, the major version, then one for the minor and two for the patch.
 */
export function tensorrtVersion(banner: string): string | null {
  const match = /TensorRT v(\d[\d.]*)\]/.exec(banner);
  const said = match?.[1];
  if (said === undefined || said.includes(".")) return said ?? null;
  const code = Number(said);
  if (code < 1000) return null;
  const parts =
    code < 10_000
      ? [Math.floor(code / 1000), Math.floor(code / 100) % 10, code % 100]
      : [Math.floor(code / 10_000), Math.floor(code / 100) % 100, code % 100];
  return parts.join(".");
}
