import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SILENT } from "../../../src/core/progress.ts";
import { profiledOps } from "../../../src/latency/ops.ts";
import {
  type BoardProfile,
  type BoardResult,
  profileBoard,
} from "../../../src/latency/remote/profile-board.ts";
import { parseHost } from "../../../src/latency/remote/ssh/host.ts";
import { readTable } from "../../../src/latency/table.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { slicePadResnet } from "../../helpers/networks.ts";
import { NO_SSH_SERVER, type SshServer, startSshServer } from "./ssh-server.ts";

const NOT_HERE = NO_SSH_SERVER !== null;
const NAMED = NOT_HERE ? `mdp profile over ssh (${NO_SSH_SERVER})` : "mdp profile over ssh";
const NUMPY = spawnSync("/usr/bin/python3", ["-c", "import numpy"]).status === 0;

const model = modelOf(slicePadResnet());
const structure = findStructure(model.graph);
const ops = profiledOps(structure);

const out = mkdtempSync(join(tmpdir(), "mdp-remote-test-"));
const programs = join(out, "programs with spaces");
beforeAll(() => {
  cpSync(import.meta.dirname, programs, { recursive: true });
});
afterAll(() => {
  rmSync(out, { recursive: true });
});

type Server = Pick<SshServer, "host" | "ssh">;

const profile = (
  server: Server,
  name: string,
  runner: BoardProfile["runner"],
  changes: Partial<BoardProfile> = {},
): Promise<BoardResult> =>
  profileBoard(
    model,
    structure,
    {
      host: server.host,
      ssh: server.ssh,
      paths: {
        node: process.execPath,
        modules: process.cwd(),
        python: "/usr/bin/python3",
        trtexec: join(programs, "trtexec"),
        perfTest: join(programs, "perf_test"),
        tegrastats: join(programs, "tegrastats"),
      },
      retry: { waitSeconds: [0.2, 0.2, 0.2, 0.2] },
    },
    {
      networkName: "net",
      deviceName: "board",
      batch: 1,
      threads: 1,
      precision: "float32",
      optimisation: "all",
      step: 4,
      runs: 3,
      repeats: 5,
      maxMinutes: 10,
      seed: 4,
      validate: 0,
      command: "mdp profile",
      progress: SILENT,
      runner,
      stem: (runtime) => join(out, `${name}-${runtime}`),
      ...changes,
    },
  );

/** A program in Node, started by its shebang. */
const standIn = (name: string, script: string, environment = ""): void => {
  const path = join(programs, name);
  writeFileSync(
    path,
    `#!/bin/sh\n${environment} exec '${process.execPath}' '${join(programs, script)}' "$@"\n`,
  );
  chmodSync(path, 0o755);
};

describe.skipIf(NOT_HERE)(NAMED, () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await startSshServer();
  });
  afterAll(async () => {
    await server.close();
  });

  test("with onnxruntime there: a table as on this machine, through a connection that is cut", async () => {
    let runs = 0;
    const progress = {
      ...SILENT,
      step: (): void => {
        runs += 1;
        if (runs === 2) server.cut();
      },
    };
    const { table, tablePath, runner } = await profile(server, "node", "onnxruntime-node", {
      progress,
    });
    expect(runner).toBe("onnxruntime-node");
    expect(readTable(tablePath)).toMatchObject({
      runtime: { name: "onnxruntime", flags: ["runner=onnxruntime-node"] },
      runs: 3,
    });
    expect(table.ops.filter((op) => op.kind.startsWith("Conv"))).toHaveLength(
      structure.layers.filter((layer) => layer.opType === "Conv").length,
    );
    expect(table.denseMs).toBeGreaterThan(0);
    const [campaign = ""] = readdirSync(join(server.home, ".cache/mdp"));
    const left = readdirSync(join(server.home, ".cache/mdp", campaign));
    // The dense network stays as the reference, of the others nothing.
    expect(left.filter((name) => /^[nm]/.test(name))).toEqual([
      expect.stringMatching(/^n[0-9a-f]{16}\.onnx$/),
    ]);
  });

  test("stops with the reason when a board goes away, keeps what was measured, and goes on from it", async () => {
    const progress = {
      ...SILENT,
      step: (_label: string, done: number): void => {
        if (done === 2) void server.stop();
      },
    };
    await expect(profile(server, "away", "onnxruntime-node", { progress })).rejects.toMatchObject({
      code: expect.stringMatching(/^remote\/(lost|unreachable)$/),
    });
    await server.start();
    const { resumed, table } = await profile(server, "away", "onnxruntime-node");
    expect(resumed).toBe(2);
    expect(table.runs).toBe(3);
  });
});

describe("runners on a board", () => {
  const home = join(out, "home");
  const program = join(out, "ssh");
  const server: Server = { host: parseHost("board"), ssh: { program } };
  beforeAll(() => {
    mkdirSync(home);
    // A stand-in for ssh: runs the command here, in a home folder of its own.
    const environment = `HOME='${home}' PYTHONPATH='${join(programs, "stand-in-python")}'`;
    const script = `for word do :; done\ncd '${home}' && ${environment} exec sh -c "$word"\n`;
    writeFileSync(program, `#!/bin/sh\n${script}`, { mode: 0o755 });
  });

  test("names what is missing and how to get it", async () => {
    await expect(profile(server, "none", "onnxruntime_perf_test")).rejects.toMatchObject({
      code: "remote/no-runtime",
      hint: expect.stringContaining("onnxruntime_perf_test"),
    });
    await expect(
      profile(server, "half", "onnxruntime-node", { precision: "float16" }),
    ).rejects.toMatchObject({ code: "latency/precision" });
    expect(existsSync(join(out, "half-onnxruntime.samples.jsonl"))).toBe(false);
  });

  test.each([
    ["8201", "8.2.1", "--nvtxMode=verbose", "--buildOnly"],
    ["8601", "8.6.1", "--profilingVerbosity=detailed", "--skipInference"],
    ["101303", "10.13.3", "--profilingVerbosity=detailed", "--skipInference"],
    ["110400", "11.4.0", "--profilingVerbosity=detailed", "--skipInference"],
  ])("with a stand-in for trtexec v%s", async (code, version, verbosity, skip) => {
    const log = join(out, `log-${code}`);
    standIn("trtexec", "trtexec-stand-in.mjs", `STAND_IN_LOG='${log}' STAND_IN_VERSION=${code}`);
    const { table } = await profile(server, `trt-${code}`, "auto", { runs: 2 });
    expect(table.runtime).toMatchObject({ name: "tensorrt", version });
    expect(table.runtime.flags).toEqual(expect.arrayContaining([verbosity, skip]));
    const lines = readFileSync(log, "utf8").trim().split("\n");
    expect(lines.filter((line) => line.includes("--onnx="))).toHaveLength(2);
    // Two networks: each timed with the dense one after it, and recorded.
    expect(lines.filter((line) => line.includes("--exportTimes="))).toHaveLength(4);
    expect(lines.filter((line) => line.includes("--exportProfile="))).toHaveLength(2);
    const [dense] = readFileSync(join(out, `trt-${code}-tensorrt.samples.jsonl`), "utf8")
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => JSON.parse(line));
    // The stand-in's layers take 0.01 ms per node and 0.001 ms for the copy at the start.
    const nodes = structure.graph.nodes.length;
    expect(dense.totalMs).toBeCloseTo(0.01 * nodes + 0.001, 3);
    const credited = dense.opMs.reduce((sum: number, ms: number) => sum + ms, 0);
    expect(credited).toBeCloseTo(dense.totalMs, 3);
    expect(dense.opMs).toHaveLength(ops.length);
  });

  test("asks trtexec for float16 where it can be asked, and refuses where it can't", async () => {
    standIn("trtexec", "trtexec-stand-in.mjs", "STAND_IN_VERSION=8601");
    const half = { precision: "float16", runs: 1 };
    const { table } = await profile(server, "trt-half", "trtexec", half);
    expect(table.runtime.flags?.[0]).toBe("--fp16");
    standIn("trtexec", "trtexec-stand-in.mjs", "STAND_IN_VERSION=110400");
    await expect(profile(server, "trt-none", "trtexec", half)).rejects.toMatchObject({
      code: "remote/precision",
    });
  });

  test("with a stand-in for tegrastats: energy and memory of every network", async () => {
    standIn("tegrastats", "tegrastats-stand-in.mjs");
    try {
      await profile(server, "power", "onnxruntime-node", { runs: 2 });
      const lines = readFileSync(join(out, "power-onnxruntime.samples.jsonl"), "utf8").trim();
      const [header, ...samples] = lines.split("\n").map((line) => JSON.parse(line));
      expect(header.config).toMatchObject({ energy: "tegrastats" });
      for (const { energyMj, memoryBytes, totalMs } of samples) {
        // The stand-in tells 8 W and 100 MiB above rest while a network runs.
        expect(energyMj / totalMs).toBeCloseTo(8, 1);
        expect(memoryBytes).toBe(100 * 2 ** 20);
      }
      expect(samples).toHaveLength(2);
    } finally {
      rmSync(join(programs, "tegrastats"));
    }
  });

  test("with a stand-in for onnxruntime_perf_test", async () => {
    standIn("perf_test", "perf-test-stand-in.mjs");
    const { table } = await profile(server, "perf", "onnxruntime_perf_test", { runs: 2 });
    expect(table.denseMs).toBeCloseTo(2, 6);
    expect(table.runtime.flags).toContain("runner=perf_test");
  });

  test.skipIf(!NUMPY)("with Python and a stand-in for its onnxruntime", async () => {
    const { table } = await profile(server, "python", "onnxruntime-python", { runs: 2 });
    expect(table.runtime).toMatchObject({ name: "onnxruntime", version: "1.11.0-stand-in" });
    expect(table.denseMs).toBeGreaterThan(0);
  });
});
