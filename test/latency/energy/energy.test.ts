import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openRapl } from "../../../src/latency/energy/rapl.ts";
import { parseTegrastats, readingOf } from "../../../src/latency/energy/tegrastats.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-rapl-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Written after the documented forms of each release, not recorded on a board.
const NANO =
  "RAM 1903/3964MB (lfb 2x1MB) SWAP 0/1982MB (cached 0MB) IRAM 0/252kB(lfb 252kB) CPU [2%@102,0%@102,off,off] EMC_FREQ 0% GR3D_FREQ 0% PLL@25C CPU@27.5C PMIC@100C GPU@26C AO@34C thermal@26.75C POM_5V_IN 2165/2100 POM_5V_GPU 120/118 POM_5V_CPU 321/300";
const XAVIER =
  "RAM 2448/31920MB (lfb 5948x4MB) SWAP 0/15960MB (cached 0MB) CPU [0%@1190,0%@1190] EMC_FREQ 0%@2133 GR3D_FREQ 0%@318 APE 150 MTS fg 0% bg 0% AO@36C GPU@36C GPU 777/700 CPU 311/311 SOC 1244/1244 CV 0/0 VDDRQ 155/155 SYS5V 1408/1408";
const ORIN_NX =
  "01-10-2023 12:00:00 RAM 2448/15523MB (lfb 10x4MB) SWAP 0/7761MB (cached 0MB) CPU [0%@729,0%@729] EMC_FREQ 0%@2133 GR3D_FREQ 0%@[0] VIC_FREQ 729 APE 174 CPU@47C SOC2@45.2C VDD_IN 4970mW/4900mW VDD_CPU_GPU_CV 656mW/650mW VDD_SOC 1471mW/1471mW";
const AGX_ORIN =
  "RAM 4722/62841MB (lfb 4x4MB) SWAP 0/31420MB (cached 0MB) CPU [1%@729,0%@729] GR3D_FREQ 0%@[0,0] cpu@48.5C tboard@37C VDD_GPU_SOC 4000mW/4000mW VDD_CPU_CV 800mW/800mW VIN_SYS_5V0 3229mW/3229mW NC 0mW/0mW VDDQ_VDD2_1V8AO 604mW/604mW NC 0mW/0mW";

describe("parseTegrastats", () => {
  test.each([
    ["JetPack 4 on a Nano", NANO, 1903, 2165, ["POM_5V_IN"]],
    ["JetPack 4 on a Xavier", XAVIER, 2448, 3895, ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"]],
    ["JetPack 5 on an Orin NX", ORIN_NX, 2448, 4970, ["VDD_IN"]],
    [
      "JetPack 6 on an AGX Orin",
      AGX_ORIN,
      4722,
      8029,
      ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"],
    ],
  ])("reads %s", (_, line, megabytes, milliwatts, rails) => {
    const state = parseTegrastats(line);
    expect(state?.memoryBytes).toBe(megabytes * 2 ** 20);
    expect(state?.powerMw).toBe(milliwatts);
    expect(state?.powerRails).toEqual(rails);
  });

  test("takes memory where there are no rails, and no other line at all", () => {
    expect(parseTegrastats("RAM 1/2MB (lfb 2x1MB) CPU [1%@2]")).toMatchObject({ powerMw: null });
    expect(parseTegrastats("tegrastats: not found")).toBeNull();
    expect(parseTegrastats("")).toBeNull();
  });

  test("gives millijoules per run and bytes above the idle state", () => {
    const reading = readingOf([NANO], [NANO.replace("RAM 1903", "RAM 2003"), "noise"], 8);
    expect(reading).toEqual({ energyMj: 2165 * 0.008, memoryBytes: 100 * 2 ** 20, lines: 1 });
    expect(readingOf([], [], 8)).toEqual({ energyMj: null, memoryBytes: null, lines: 0 });
  });
});

describe("openRapl", () => {
  const write = (name: string, uj: number): void => {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, "energy_uj"), `${uj}\n`);
    writeFileSync(join(folder, name, "max_energy_range_uj"), "1000000\n");
  };

  test("adds up packages but not what is inside of them, and sees counters wrap around", () => {
    for (const name of ["intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"]) write(name, 900_000);
    const meter = openRapl(folder);
    write("intel-rapl:0", 950_000);
    write("intel-rapl:0:0", 999_000);
    write("intel-rapl:1", 100_000);
    expect(meter?.elapsedMj()).toBe(50 + 200);
    expect(meter?.elapsedMj()).toBe(0);
  });

  test("is null where there are no counters", () => {
    expect(openRapl(join(folder, "nothing"))).toBeNull();
  });
});
