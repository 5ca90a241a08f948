import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Board, openBoard } from "../../../src/latency/remote/board.ts";
import { probeBoard } from "../../../src/latency/remote/probe/facts.ts";
import { type Connection, openConnection } from "../../../src/latency/remote/ssh/connection.ts";
import { type Caller, retryingCaller } from "../../../src/latency/remote/ssh/retry.ts";
import { NO_SSH_SERVER, type SshServer, startSshServer } from "./ssh-server.ts";

const [MOUNT, UMOUNT] = ["mount", "umount"];
const NOT_HERE = NO_SSH_SERVER !== null;
const NAMED = NOT_HERE ? `a board over ssh (${NO_SSH_SERVER})` : "a board over ssh";

describe.skipIf(NOT_HERE)(NAMED, () => {
  let server: SshServer;
  const open: Connection[] = [];
  const notes: string[] = [];

  /** Tries again at once, so that tests don't wait. */
  const callerFor = (options: { tries?: number; ssh?: SshServer["ssh"] } = {}): Caller => {
    const connection = openConnection(server.host, { ...server.ssh, ...options.ssh });
    open.push(connection);
    return retryingCaller(connection, {
      waitSeconds: Array.from({ length: options.tries ?? 5 }, () => 0.3),
      sleep: (seconds) => wait(1000 * seconds),
      note: (line) => notes.push(line),
    });
  };
  const boardFor = async (campaign: string): Promise<Board> =>
    openBoard(callerFor(), "board", campaign);

  beforeAll(async () => {
    server = await startSshServer({}, "echo Welcome to the board; echo noise >&2");
  });
  afterAll(async () => {
    for (const connection of open) await connection.close();
    await server.close();
  });

  test("says what is there, whatever a login prints before", async () => {
    const paths = { node: process.execPath, modules: process.cwd() };
    const facts = await probeBoard(callerFor(), "board", paths);
    expect(facts).toMatchObject({ isJetson: false, trtexec: null, perfTest: null });
    expect(facts.node).toMatchObject({ version: process.version, problem: null });
    expect(facts.ortNode).toMatchObject({ problem: null });
    expect(facts.cores).toBeGreaterThan(0);
    expect(facts.diskMiB?.free).toBeGreaterThan(0);
    expect(readdirSync(server.home)).toEqual([]);
  });

  test("keeps bytes as they are, and says what it doesn't have", async () => {
    const board = await boardFor("bytes");
    const bytes = Buffer.from([0, 10, 13, 255, 0, 27, 1]);
    await board.put("file.bin", bytes);
    expect(await board.get("file.bin")).toEqual(bytes);
    expect(await board.get("nothing")).toBeNull();
    await board.drop("file");
    expect(await board.has("file.bin")).toBe(false);
    expect(board.folder).toMatch(/^\.cache\/mdp\/[0-9a-f]{16}$/);
  });

  test("gives a program its arguments as they are: no shell reads them", async () => {
    const board = await boardFor("arguments");
    const hostile = [
      "$(touch owned)",
      "`touch owned`",
      "a;touch owned",
      "'\"",
      "-n",
      " * ",
      "\\n",
      "é",
    ];
    const argv = [
      process.execPath,
      "-e",
      "console.log(JSON.stringify(process.argv.slice(1)))",
      "--",
    ];
    await board.exec({ name: "hostile", argv: [...argv, ...hostile], limitSeconds: 60 });
    const printed = (await board.get("hostile.out"))?.toString() ?? "";
    expect(JSON.parse(printed)).toEqual(hostile);
    expect(existsSync(join(server.home, board.folder, "owned"))).toBe(false);
    await expect(
      board.exec({ name: "lines", argv: ["echo", "a\nb"], limitSeconds: 60 }),
    ).rejects.toMatchObject({ code: "remote/bad-argument" });
  });

  test("refuses names that lead out of its folder, and words that a shell would read", async () => {
    const board = await boardFor("names");
    for (const name of ["../up", "-rf", ".hidden"]) {
      await expect(board.has(name)).rejects.toMatchObject({ code: "remote/bad-answer" });
    }
    await expect(board.has("a;b")).rejects.toThrow("must not reach a shell");
  });

  test("says what a program that failed said", async () => {
    const board = await boardFor("failing");
    const argv = ["sh", "-c", "echo '[E] no such kernel'; exit 3"];
    await expect(board.exec({ name: "bad", argv, limitSeconds: 60 })).rejects.toMatchObject({
      code: "remote/job-failed",
      message: expect.stringContaining("no such kernel"),
    });
    await expect(
      board.exec({ name: "none", argv: ["/not/there"], limitSeconds: 60 }),
    ).rejects.toMatchObject({ message: expect.stringContaining("code 127") });
  });

  test("goes on when the connection is cut in the middle, and runs nothing twice", async () => {
    const board = await boardFor("cut");
    notes.length = 0;
    const argv = ["sh", "-c", "echo ran >> runs; sleep 2; echo done"];
    const job = board.exec({ name: "long", argv, limitSeconds: 60 });
    const runs = join(server.home, board.folder, "runs");
    while (!existsSync(runs)) await wait(20);
    server.cut();
    await job;
    expect(notes.join()).toContain("the connection was lost");
    expect((await board.get("long.out"))?.toString()).toBe("done\n");
    expect(readFileSync(runs, "utf8")).toBe("ran\n");
  });

  test("runs one measurement at a time, whoever asks", async () => {
    const [one, other] = [await boardFor("one"), await boardFor("other")];
    const log = join(server.home, "log");
    const argv = (name: string): string[] => [
      ...["sh", "-c", `echo start-${name} >> "$1"; sleep 1; echo end-${name} >> "$1"`, "sh", log],
    ];
    const first = one.exec({ name: "a", argv: argv("a"), limitSeconds: 60 });
    while (!existsSync(log)) await wait(20);
    await Promise.all([first, other.exec({ name: "b", argv: argv("b"), limitSeconds: 60 })]);
    const lines = readFileSync(log, "utf8").trim().split("\n");
    expect(lines).toEqual(["start-a", "end-a", "start-b", "end-b"]);
  });

  test("measures again after it was restarted, whatever the lock says", async () => {
    const board = await boardFor("restarted");
    writeFileSync(join(server.home, ".cache/mdp/lock"), "another-start 1 job\n");
    await board.exec({ name: "job", argv: ["true"], limitSeconds: 5 });
    expect(await board.has("job.rc")).toBe(true);
  });

  test("is given up after the tries, and the work goes on once it is back", async () => {
    const board = await openBoard(callerFor({ tries: 1 }), "board", "away");
    await board.put("kept", Buffer.from("1"));
    await server.stop();
    await expect(board.put("more", Buffer.from("2"))).rejects.toMatchObject({
      code: "remote/unreachable",
    });
    await server.start();
    expect(await board.has("kept")).toBe(true);
  });

  test("with a full disk loses nothing that was there", async () => {
    const cache = join(server.home, ".cache");
    const board = await boardFor("full");
    await board.put("before", Buffer.from("kept"));
    const room = limitRoom(join(cache, "mdp"), board.folder.split("/").at(-1) ?? "");
    if (room === null) return;
    try {
      await expect(board.put("large", Buffer.alloc(2 ** 20))).rejects.toMatchObject({
        code: "remote/disk-full",
      });
      expect((await board.get("before"))?.toString()).toBe("kept");
      expect(await board.has("large")).toBe(false);
      const argv = ["sh", "-c", "head -c 1000000 /dev/zero"];
      await expect(board.exec({ name: "fill", argv, limitSeconds: 60 })).rejects.toMatchObject({
        code: expect.stringMatching(/disk-full|job-failed/),
      });
    } finally {
      room();
    }
    await board.put("large", Buffer.alloc(2 ** 20));
    expect(await board.has("large")).toBe(true);
  });

  test("that another key opens is refused at once", async () => {
    const wrong = { options: [`IdentityFile=${join(server.folder, "stranger")}`] };
    const config = join(server.folder, "wrong_config");
    const text = readFileSync(join(server.folder, "ssh_config"), "utf8");
    writeFileSync(
      config,
      text.replace(join(server.folder, "user"), join(server.folder, "stranger")),
    );
    const call = callerFor({ ssh: { configFile: config, ...wrong } });
    notes.length = 0;
    await expect(probeBoard(call, "board", {})).rejects.toMatchObject({ code: "remote/denied" });
    expect(notes).toEqual([]);
  });

  test("whose key isn't known, or has changed, is refused at once", async () => {
    const unknown = { options: ["UserKnownHostsFile=/dev/null"] };
    const stranger = callerFor({ ssh: { ...server.ssh, ...unknown } });
    await expect(probeBoard(stranger, "board", {})).rejects.toMatchObject({
      code: "remote/unknown-host-key",
    });
    await server.stop();
    server.changeHostKey();
    await server.start();
    notes.length = 0;
    await expect(probeBoard(callerFor(), "board", {})).rejects.toMatchObject({
      code: "remote/changed-host-key",
    });
    expect(notes).toEqual([]);
  });
});

describe.skipIf(NOT_HERE)("a host that isn't one of ours", () => {
  test.each([
    ["garbage", "head -c 3000 /dev/urandom; exit 0"],
    ["nothing", "exit 0"],
    ["no end", "yes; exit 0"],
    [
      "another's answer",
      "printf '\\nmdp-0000000000000000 probe\\nend\\t0000000000000000\\n'; exit 0",
    ],
  ])("that answers %s is an error", async (_what, before) => {
    const server = await startSshServer({}, before);
    const connection = openConnection(server.host, server.ssh);
    try {
      const call = retryingCaller(connection, {
        waitSeconds: [],
        sleep: async () => {},
        note: () => {},
      });
      await expect(probeBoard(call, "board", {})).rejects.toMatchObject({
        code: "remote/bad-answer",
      });
    } finally {
      await connection.close();
      await server.close();
    }
  });
});

/** Puts the folder on a small disk that is nearly full; null where nobody may. The result takes it away again. */
function limitRoom(folder: string, campaign: string): (() => void) | null {
  const saved = `${folder}.saved`;
  try {
    execFileSync("cp", ["-a", folder, saved]);
    execFileSync(MOUNT, ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], { stdio: "ignore" });
  } catch {
    rmSync(saved, { recursive: true, force: true });
    return null;
  }
  mkdirSync(join(folder, campaign));
  execFileSync("cp", ["-a", `${join(saved, campaign)}/.`, join(folder, campaign)]);
  return () => {
    execFileSync(UMOUNT, [folder]);
    rmSync(saved, { recursive: true });
  };
}
