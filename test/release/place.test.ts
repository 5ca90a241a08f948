import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/core/files.ts";
import { randomFrom } from "../../src/core/random.ts";
import { ledgerPath, readLedger } from "../../src/release/ledger.ts";
import { whileLocked } from "../../src/release/lock.ts";
import { keptPath, release, settledHistory, undo } from "../../src/release/place.ts";

const now = new Date("2026-01-02T03:04:05Z");
const about = { gate: null, note: "test", now };

function place(): { folder: string; live: string; network: (text: string) => string } {
  const folder = mkdtempSync(join(tmpdir(), "mdp-release-"));
  const network = (text: string): string => {
    const path = join(folder, `${text}.onnx`);
    writeFileSync(path, text.repeat(20000));
    return path;
  };
  return { folder, live: join(folder, "live.onnx"), network };
}

const hashOf = (path: string): string => sha256(readFileSync(path));
const code = (what: string): unknown => expect.objectContaining({ code: `release/${what}` });

describe("a released file", () => {
  test("is taken back byte by byte, as often as there is something before it", async () => {
    const { live, network } = place();
    const [a, b, c] = ["a", "b", "c"].map(network) as [string, string, string];
    for (const each of [a, b, c]) await release(each, live, about);
    expect(hashOf(live)).toBe(hashOf(c));
    await undo(live, null, now);
    expect(hashOf(live)).toBe(hashOf(b));
    await undo(live, null, now);
    expect(hashOf(live)).toBe(hashOf(a));
    await expect(undo(live, null, now)).rejects.toEqual(code("nothing-to-undo"));
    expect(hashOf(live)).toBe(hashOf(a));
  });

  test("goes back to any entry, and to what was there before the first release", async () => {
    const { live, network } = place();
    writeFileSync(live, "by hand");
    const before = hashOf(live);
    await release(network("a"), live, about);
    await release(network("b"), live, about);
    const entries = readLedger(live);
    const first = entries.findIndex((entry) => entry.kind === "release") + 1;
    await undo(live, first, now);
    expect(hashOf(live)).toBe(before);
    await expect(undo(live, 99, now)).rejects.toEqual(code("no-such-entry"));
    await expect(undo(live, 2, now)).rejects.toEqual(code("no-such-entry"));
  });

  test("that somebody replaced by hand is kept and entered before anything else", async () => {
    const { live, network } = place();
    await release(network("a"), live, about);
    writeFileSync(live, "copied here");
    const copied = hashOf(live);
    await release(network("b"), live, about);
    expect(existsSync(keptPath(live, copied))).toBe(true);
    await undo(live, null, now);
    expect(hashOf(live)).toBe(copied);
  });

  test("is not touched where the kept file is damaged or gone", async () => {
    const { live, network } = place();
    const [a, b] = [network("a"), network("b")];
    await release(a, live, about);
    await release(b, live, about);
    writeFileSync(keptPath(live, hashOf(a)), "rotten");
    await expect(undo(live, null, now)).rejects.toEqual(code("missing-archive"));
    rmSync(keptPath(live, hashOf(a)));
    await expect(undo(live, null, now)).rejects.toEqual(code("missing-archive"));
    expect(hashOf(live)).toBe(hashOf(b));
  });
});

describe("a ledger that can't be trusted is refused and nothing is changed", () => {
  const sabotages: readonly [string, (text: string) => string][] = [
    ["a changed line", (text) => text.replace('"note":"test"', '"note":"tost"')],
    ["a removed line", (text) => text.split("\n").slice(1).join("\n")],
    ["exchanged lines", (text) => [...text.trim().split("\n")].reverse().concat("").join("\n")],
    ["an added line", (text) => `${text}{"kind":"placed"}\n`],
  ];
  test.each(sabotages)("%s", async (_, sabotage) => {
    const { live, network } = place();
    await release(network("a"), live, about);
    await release(network("b"), live, about);
    const before = hashOf(live);
    const path = ledgerPath(live);
    writeFileSync(path, sabotage(readFileSync(path, "utf8")));
    await expect(undo(live, null, now)).rejects.toEqual(code("damaged-ledger"));
    await expect(release(network("c"), live, about)).rejects.toEqual(code("damaged-ledger"));
    expect(hashOf(live)).toBe(before);
  });

  test("but a line that a crash cut off makes room for the next one", async () => {
    const { live, network } = place();
    await release(network("a"), live, about);
    appendFileSync(ledgerPath(live), '{"kind":"rel');
    await release(network("b"), live, about);
    expect(readLedger(live).filter(({ kind }) => kind === "release")).toHaveLength(2);
  });
});

test("two releases at once: one waits for nobody, the other is told", async () => {
  const { live, network } = place();
  await release(network("a"), live, about);
  await whileLocked(live, async () => {
    await expect(release(network("b"), live, about)).rejects.toMatchObject({
      code: "core/locked",
    });
  });
  await release(network("b"), live, about);
  // The lock of a process that is gone is taken over.
  writeFileSync(join(`${live}.mdp`, "lock"), "999999");
  await undo(live, null, now);
  expect(hashOf(live)).toBe(sha256("a".repeat(20000)));
});

// Figure A10: the file is always one of the two networks, whole, and undo leads back to the first.
test("a process that is killed at any moment leaves a file that undo takes back", async () => {
  const random = randomFrom(10);
  const rounds = process.env["MDP_KILLS"] === undefined ? 4 : Number(process.env["MDP_KILLS"]);
  for (let round = 0; round < rounds; round += 1) {
    const { live, network } = place();
    const [a, b] = [network("a"), network("b")];
    await release(a, live, about);
    const act = round % 2 === 0 ? "release" : "undo";
    if (act === "undo") await release(b, live, about);
    await killedWhile(act, live, b, 20 * random.next());
    const found = hashOf(live);
    expect([hashOf(a), hashOf(b)]).toContain(found);
    const entries = await settledHistory(live, now);
    const settled = hashOf(live);
    const last = entries.findLast((entry) => entry.kind === "release" || entry.kind === "undo");
    expect(last?.sha256).toBe(settled);
    if (settled === hashOf(b)) await undo(live, null, now);
    expect(hashOf(live)).toBe(hashOf(a));
  }
});

/** Starts a process that releases or undoes over and over, and kills it some milliseconds after it began. */
async function killedWhile(
  act: string,
  live: string,
  network: string,
  wait: number,
): Promise<void> {
  const code = `
    const { release, undo } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/release/place.ts"))});
    process.stdout.write("ready");
    const about = { gate: null, note: "killed", now: new Date() };
    if (${JSON.stringify(act)} === "release") await release(${JSON.stringify(network)}, ${JSON.stringify(live)}, about);
    else await undo(${JSON.stringify(live)}, null, new Date());
  `;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  await new Promise<void>((resolve) => {
    child.stdout.once("data", () => resolve());
    child.on("close", () => resolve());
  });
  await new Promise((resolve) => setTimeout(resolve, wait));
  child.kill("SIGKILL");
  await ended;
}
