import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/core/files.ts";
import { listDevices, resolveDevice, tableFolders, tablesFor } from "../../src/latency/devices.ts";
import { type LatencyTable, writeTable } from "../../src/latency/table.ts";

const own = join(packageRoot(), "latency-tables");
let here = "";

function tableOf(structureHash: string, denseMs: number): LatencyTable {
  return {
    schema: "mdp-latency-table/1",
    device: { name: "bench", kind: "measured", model: "a bench", cores: 2, power: null },
    runtime: { name: "onnxruntime", version: "1" },
    precision: "float32",
    batch: 1,
    threads: 1,
    optimisation: "all",
    date: "2026-01-01",
    command: "",
    repeats: 1,
    runs: 1,
    step: 8,
    spread: 0,
    network: { name: "n", structureHash, inputShape: [1, 3, 8, 8] },
    denseMs,
    scale: 1,
    fixedMs: denseMs,
    expectedError: null,
    notes: [],
    ops: [],
  };
}

beforeAll(() => {
  here = mkdtempSync(join(tmpdir(), "mdp-devices-"));
  mkdirSync(join(here, "latency-tables", "damaged"), { recursive: true });
  writeFileSync(join(here, "latency-tables", "damaged", "device.json"), "{}");
});
afterAll(() => rmSync(here, { recursive: true, force: true }));

describe("devices", () => {
  test("of the package are the four Jetsons at least, each with a description", () => {
    const devices = listDevices([own]);
    for (const name of ["jetson-nano", "jetson-xavier", "jetson-orin-nano", "jetson-agx-orin"]) {
      expect(devices.find((device) => device.name === name)?.description?.name).toBe(name);
    }
  });

  test("asked for as 'jetson' come back as the one with the smallest error, with the reason", () => {
    const device = resolveDevice("jetson", [own]);
    const errors = listDevices([own])
      .filter(({ name }) => name.startsWith("jetson-"))
      .map(({ description }) => description?.expectedError.mean ?? 1);
    expect(errors.length).toBeGreaterThanOrEqual(8);
    expect(device.description?.expectedError.mean).toBe(Math.min(...errors));
    expect(device.alias?.name).toBe("jetson");
    expect(device.alias?.reason).toContain("smallest error");
  });

  test("are named by board behind the family, in a power mode where one is asked for", () => {
    const device = resolveDevice("jetson:orin-nano", [own], "maxn-super");
    expect(device.name).toBe("jetson-orin-nano");
    expect(device.description?.hardware.clockMhz).toBe(1020);
    expect(() => resolveDevice("jetson:orin", [own])).toThrow(
      expect.objectContaining({ code: "latency/unknown-device" }),
    );
  });

  test("asked for by their own name have no alias", () => {
    expect(resolveDevice("jetson-nano", [own]).alias).toBeNull();
  });

  test("that don't exist are an error that names all and the closest", () => {
    expect(() => resolveDevice("jetson-xaver", [own])).toThrow(
      expect.objectContaining({
        code: "latency/unknown-device",
        message: expect.stringContaining("jetson-agx-orin"),
        hint: expect.stringContaining("'jetson-xavier'"),
      }),
    );
    expect(() => resolveDevice("toaster9000", [])).toThrow(
      expect.objectContaining({ code: "latency/unknown-device" }),
    );
  });

  test("with a damaged description are an error", () => {
    expect(() => listDevices([join(here, "latency-tables")])).toThrow(
      expect.objectContaining({ code: "latency/bad-device" }),
    );
  });

  test("are looked for in the current directory first, then in the package", () => {
    expect(tableFolders(here)).toEqual([join(here, "latency-tables"), own]);
    expect(tableFolders(packageRoot())).toEqual([own]);
  });

  test("have their measured tables found by the network's structure, the user's own first", () => {
    const first = join(here, "first");
    const second = join(here, "second");
    writeTable(join(first, "bench", "net.json"), tableOf("aaa", 1));
    writeTable(join(second, "bench", "net.json"), tableOf("aaa", 2));
    writeTable(join(second, "bench", "other.json"), tableOf("bbb", 3));
    const device = resolveDevice("bench", [first, second]);
    expect(device.description).toBeNull();
    expect(tablesFor(device, "aaa").map(({ table }) => table.denseMs)).toEqual([1, 2]);
    expect(tablesFor(device, "ccc")).toEqual([]);
  });
});
