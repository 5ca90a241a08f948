import type { LatencyTable } from "../../../src/latency/table.ts";

/** Two operations: one of two widths, one that no width shapes. */
export const smallTable: LatencyTable = {
  schema: "mdp-latency-table/1",
  device: { name: "bench", kind: "measured", model: "a bench", cores: 2, power: null },
  runtime: { name: "onnxruntime", version: "1.30.0" },
  precision: "float32",
  batch: 1,
  threads: 1,
  optimisation: "all",
  date: "2026-01-01T00:00:00.000Z",
  command: "mdp profile net.onnx",
  repeats: 20,
  runs: 10,
  step: 8,
  spread: 0.01,
  network: { name: "net", structureHash: "abc", inputShape: [1, 3, 8, 8] },
  denseMs: 5,
  scale: 1,
  fixedMs: 0.5,
  expectedError: null,
  notes: [],
  ops: [
    {
      id: "a_out",
      label: "a",
      kind: "Conv",
      axes: [
        { fixed: 0, parts: [{ dim: 0, perUnit: 1 }] },
        { fixed: 0, parts: [{ dim: 1, perUnit: 1 }] },
      ],
      counts: [
        [8, 16],
        [8, 16],
      ],
      ms: [1, 2, 3, 4],
      origin: "mmim",
    },
    { id: "b_out", label: "b", kind: "Add", axes: [], counts: [], ms: [0.5], origin: "m" },
  ],
};
