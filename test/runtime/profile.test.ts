import { describe, expect, test } from "vitest";
import { parseProfile } from "../../src/runtime/profile.ts";

const node = (name: string, op: string, dur: number): object => ({
  cat: "Node",
  name: `${name}_kernel_time`,
  dur,
  ts: 0,
  args: { op_name: op, node_index: "1", output_type_shape: [{ float: [1, 16, 8, 8] }] },
});
const run = (dur: number): object[] => [
  { cat: "Session", name: "SequentialExecutor::Execute", dur: dur - 1, args: {} },
  { cat: "Session", name: "model_run", dur, args: {} },
];

describe("parseProfile", () => {
  test("groups operations by run, in order, and leaves session events out", () => {
    const events = [
      { cat: "Session", name: "model_loading_array", dur: 900, args: {} },
      { cat: "Session", name: "session_initialization", dur: 800, args: {} },
      node("/conv1/Conv", "Conv", 40),
      node("ReorderOutput_token_3", "ReorderOutput", 5),
      ...run(60),
      node("/conv1/Conv", "Conv", 42),
      node("ReorderOutput_token_3", "ReorderOutput", 6),
      ...run(63),
    ];
    const runs = parseProfile(JSON.stringify(events), "test");
    expect(runs).toEqual([
      {
        totalMs: 0.06,
        events: [
          { name: "/conv1/Conv", opType: "Conv", durationUs: 40 },
          { name: "ReorderOutput_token_3", opType: "ReorderOutput", durationUs: 5 },
        ],
      },
      {
        totalMs: 0.063,
        events: [
          { name: "/conv1/Conv", opType: "Conv", durationUs: 42 },
          { name: "ReorderOutput_token_3", opType: "ReorderOutput", durationUs: 6 },
        ],
      },
    ]);
  });

  test("refuses what is no recording, with a code of its own", () => {
    for (const text of ["", "{", "{}", '[{"name":1}]']) {
      expect(() => parseProfile(text, "test")).toThrowError(
        expect.objectContaining({ code: "runtime/bad-profile" }),
      );
    }
  });
});
