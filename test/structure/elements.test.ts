import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createElements } from "../../src/structure/elements.ts";
import { alignedGroups } from "../../src/structure/rules/reshape.ts";

describe("elements", () => {
  test("go together exactly where a chain of unions joins them", () => {
    const pairs = fc.array(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 30 });
    fc.assert(
      fc.property(pairs, (unions) => {
        const elements = createElements();
        elements.fresh(20);
        let groups = Array.from({ length: 20 }, (_, element) => [element]);
        for (const [left, right] of unions) {
          elements.unite(left, right);
          const joined = groups.filter((group) => group.includes(left) || group.includes(right));
          groups = [...groups.filter((group) => !joined.includes(group)), joined.flat()];
        }
        for (const group of groups) {
          expect(new Set(group.map((element) => elements.find(element)))).toEqual(
            new Set([Math.min(...group)]),
          );
        }
      }),
      { seed: 12, numRuns: 200 },
    );
  });

  test("keep the first reason for a pin, and pass it and the mark on when they are united", () => {
    const elements = createElements();
    const axis = elements.fresh(3);
    elements.markProduced(axis.subarray(0, 1));
    elements.pin(axis.subarray(2), "the first reason");
    elements.pin(axis.subarray(2), "another");
    elements.unite(0, 2);
    expect(elements.pinned(elements.find(2))).toBe("the first reason");
    expect(elements.produced(elements.find(2))).toBe(true);
    expect(elements.pinned(elements.find(1))).toBeNull();
  });

  test("there may be more of than the first allocation holds", () => {
    const elements = createElements();
    const axis = elements.fresh(100_000);
    elements.unite(5, 99_999);
    expect(elements.find(axis[99_999] ?? 0)).toBe(5);
  });
});

describe("axes of a Reshape match up in groups", () => {
  test.each([
    [
      "a flatten",
      [1, 8, 4, 4],
      [1, 128],
      [
        [[0], [0]],
        [[1, 2, 3], [1]],
      ],
    ],
    [
      "a split",
      [1, 12, 5],
      [1, 3, 4, 5],
      [
        [[0], [0]],
        [[1], [1, 2]],
        [[2], [3]],
      ],
    ],
    [
      "a squeeze",
      [1, 8, 1, 1],
      [1, 8],
      [
        [[0], [0]],
        [[1], [1]],
        [[2, 3], []],
      ],
    ],
    [
      "a leading axis more",
      [8, 4],
      [1, 8, 4],
      [
        [[0], [0, 1]],
        [[1], [2]],
      ],
    ],
    [
      "no common boundary",
      [4, 6],
      [6, 4],
      [
        [
          [0, 1],
          [0, 1],
        ],
      ],
    ],
  ])("for %s", (_name, from, to, groups) => {
    expect(alignedGroups(from, to).map((group) => [group.from, group.to])).toEqual(groups);
  });
});
