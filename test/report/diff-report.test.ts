import { describe, expect, test } from "vitest";
import { diffText } from "../../src/report/diff-report.ts";
import { painter } from "../../src/report/painter.ts";
import { compareSubnets } from "../../src/subnet/compare-subnets.ts";
import { parseSubnetFile, type SubnetFile } from "../../src/subnet/subnet-file.ts";

const FILES = ["a.json", "b.json"] as const;

function subnet(change: Partial<SubnetFile> = {}): SubnetFile {
  return parseSubnetFile(
    {
      schema: "mdp-subnet/1",
      network: "torch_jit",
      networkHash: "aa",
      structureHash: "s",
      dims: [
        { dim: "stem", units: 8, kept: 4, indices: "0-3" },
        { dim: "inner", units: 4, kept: 2, indices: "1,3" },
        { dim: "head", units: 10, kept: 10, indices: "0-9" },
      ],
      droppedBlocks: ["block 1"],
      droppedLayers: [],
      solve: {
        network: { name: "tiny" },
        table: { date: "2026-01-02" },
        importance: { method: "magnitude-l2" },
        options: { budget: "50%", protect: null },
        latencyMs: { dense: 4, budget: 2, chosen: 1.75 },
        importanceKept: { chosen: 10 },
        answer: { status: "optimal", gap: 0 },
      },
      ...change,
    },
    "a.json",
  );
}

describe("two subnets of one network", () => {
  test("that are the same have no difference", () => {
    const difference = compareSubnets(subnet(), subnet(), FILES);
    expect(difference).toMatchObject({
      same: true,
      network: "tiny",
      dims: [],
      provenance: [],
      blocks: { onlyFirst: [], onlySecond: [], both: ["block 1"] },
    });
    expect(diffText(difference, FILES, painter(false))).toContain("The two subnets are the same");
  });

  test("differ in counts, in units at one count, in dropped parts, and in what they were made from", () => {
    const other = subnet({
      dims: [
        { dim: "stem", units: 8, kept: 6, indices: "0-5" },
        { dim: "inner", units: 4, kept: 2, indices: "0,3" },
        { dim: "head", units: 10, kept: 10, indices: "0-9" },
      ],
      droppedBlocks: [],
      droppedLayers: ["conv 2"],
      solve: {
        network: { name: "tiny" },
        table: { date: "2026-01-03" },
        importance: { method: "taylor" },
        options: { budget: "60%", protect: "head" },
        latencyMs: { dense: 4, budget: 2.4, chosen: 2.25 },
        importanceKept: { chosen: 12 },
        answer: { status: "optimal", gap: 0 },
      },
    });
    const difference = compareSubnets(subnet(), other, FILES);
    expect(difference).toMatchObject({
      same: false,
      dims: [
        { dim: "stem", kept: [4, 6], onlyFirst: "", onlySecond: "4-5" },
        { dim: "inner", kept: [2, 2], onlyFirst: "1", onlySecond: "0" },
      ],
      blocks: { onlyFirst: ["block 1"], onlySecond: [] },
      layers: { onlyFirst: [], onlySecond: ["conv 2"] },
      provenance: [
        { name: "table.date", values: ["2026-01-02", "2026-01-03"] },
        { name: "importance.method", values: ["magnitude-l2", "taylor"] },
        { name: "options.budget", values: ["50%", "60%"] },
        { name: "options.protect", values: [null, "head"] },
      ],
    });
    expect(difference.amounts[0]).toEqual({ name: "latency (ms)", values: [1.75, 2.25] });
    const text = diffText(difference, FILES, painter(false));
    expect(text).toMatch(/latency \(ms\) +1.75 +2.25 +\+0.5 \(\+28.6 %\)/);
    expect(text).toContain("A alone: 1; B alone: 0");
    expect(text).toContain("The importances are not comparable");
    expect(text).toContain("The latencies are not comparable");
  });

  test("without notes differ in their units alone", () => {
    const { solve: _, ...bare } = subnet();
    expect(compareSubnets(bare, bare, FILES)).toMatchObject({ same: true, amounts: [] });
  });
});

test("subnets of different networks are refused", () => {
  expect(() => compareSubnets(subnet(), subnet({ structureHash: "t" }), FILES)).toThrow(
    expect.objectContaining({ code: "subnet/different-networks", exitCode: 3 }),
  );
});
