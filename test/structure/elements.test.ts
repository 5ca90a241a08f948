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

/** One thing that was said of elements: two are the same, or one stays where all parts do. */
type Said =
  | { readonly kind: "unite"; readonly left: number; readonly right: number }
  | { readonly kind: "product"; readonly result: number; readonly parts: readonly number[] };

/** Whether what stays fits everything that was said. */
function holds(said: readonly Said[], stays: readonly boolean[]): boolean {
  return said.every((fact) =>
    fact.kind === "unite"
      ? stays[fact.left] === stays[fact.right]
      : stays[fact.result] === fact.parts.every((part) => stays[part] === true),
  );
}

describe("products of atoms", () => {
  const ELEMENTS = 9;
  const step = fc.oneof(
    fc.record({ kind: fc.constant("unite" as const), left: fc.nat(30), right: fc.nat(30) }),
    fc.record({
      kind: fc.constant("product" as const),
      parts: fc.array(fc.nat(30), { minLength: 1, maxLength: 3 }),
    }),
  );
  let free = 0;

  test("allow only what every union and product allows, whatever atoms go (all choices, by brute force)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const elements = createElements();
        elements.fresh(ELEMENTS);
        const said: Said[] = [];
        for (const each of steps) {
          const at = (index: number): number => index % elements.size();
          if (each.kind === "unite") {
            const [left, right] = [at(each.left), at(each.right)];
            elements.unite(left, right);
            said.push({ kind: "unite", left, right });
          } else {
            const parts = each.parts.map(at);
            said.push({ kind: "product", result: elements.product(parts), parts });
          }
        }
        const all = Array.from({ length: elements.size() }, (_, element) => element);
        const atoms = [...new Set(all.flatMap((element) => elements.atoms(element)))];
        const units = atoms.filter((atom) => elements.pinned(atom) === null);
        free += units.length;
        for (let choice = 0; choice < 2 ** units.length; choice += 1) {
          const gone = new Set(units.filter((_, at) => ((choice >> at) & 1) === 1));
          const stays = all.map(
            (element) => !elements.atoms(element).some((atom) => gone.has(atom)),
          );
          expect(holds(said, stays)).toBe(true);
        }
      }),
      { seed: 13, numRuns: 400 },
    );
    // With everything pinned there would be nothing to find wrong.
    expect(free).toBeGreaterThan(1200);
  });

  test("that were split alike are united part by part, and split otherwise they are pinned", () => {
    const elements = createElements();
    const [a = 0, b = 0] = elements.fresh(2);
    const [h = 0, w = 0, g = 0, x = 0, y = 0, z = 0] = elements.fresh(6);
    elements.unite(a, elements.product([h, w]));
    elements.unite(b, elements.product([g, x]));
    elements.unite(a, b);
    expect([elements.find(h), elements.find(w)]).toEqual([elements.find(g), elements.find(x)]);
    expect(elements.pinned(elements.find(h))).toBeNull();
    elements.unite(a, elements.product([x, y, z]));
    expect(elements.pinned(elements.find(y))).toMatch(/don't fit together/);
  });

  test("that one op holds may go where another op makes units of them", () => {
    const elements = createElements();
    const axis = elements.fresh(2);
    elements.hold(axis, "held");
    expect(elements.pinned(0)).toBe("held");
    elements.release(axis.subarray(1));
    expect([elements.pinned(0), elements.pinned(1)]).toEqual(["held", null]);
    elements.pin(axis, "pinned");
    expect(elements.pinned(1)).toBe("held");
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
