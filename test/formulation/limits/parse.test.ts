import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../src/core/errors.ts";
import type { LinearForm, Relation } from "../../../src/formulation/limits/form.ts";
import { quantityText } from "../../../src/formulation/limits/form.ts";
import { parseLimit } from "../../../src/formulation/limits/parse.ts";
import { parsePenalty } from "../../../src/formulation/limits/penalty.ts";
import { NOTHING_ASKED, parseRequest } from "../../../src/formulation/limits/request.ts";

const read = async (text: string): Promise<Relation> => {
  const { relations } = await parseLimit({ option: "--limit", text });
  const [only] = relations;
  if (only === undefined || relations.length > 1)
    throw new RangeError(`${relations.length} relations`);
  return only;
};

/** Quantities with their factors, the constant and the share of a side. */
const sideOf = ({ parts, constant, share }: LinearForm): unknown[] => [
  Object.fromEntries(parts.map(({ ref, factor }) => [quantityText(ref), factor])),
  constant,
  share,
];

const refused = async (text: string, what = read): Promise<UsageError> => {
  try {
    await what(text);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new RangeError(`'${text}' was understood`);
};

/** The text under the caret. */
const pointed = ({ message }: UsageError): string => {
  const [line = "", caret = ""] = message.split("\n").slice(-2);
  return line.slice(caret.indexOf("^"));
};

describe("an amount", () => {
  test.each([
    ["params <= 2M", 2e6],
    ["params <= 2 k", 2000],
    ["params <= 1.5e6", 1.5e6],
    ["macs <= 3G", 3e9],
    ["latency <= 3 ms", 3],
    ["latency <= 0.3s", 300],
    ["latency <= 800 us", 0.8],
    ["memory <= 8 MiB", 8 * 2 ** 20],
    ["bytes <= 8 MB", 8e6],
    ["bytes <= 3 * 2 KiB + 1 B", 6145],
    ["bytes <= 0", 0],
    ["dropped_blocks <= (2 + 1)", 3],
  ])("of '%s' is %d", async (text, amount) => {
    expect((await read(text)).right.constant).toBe(amount);
  });

  test.each([["50%"], ["50 %"], ["0.5 * dense"], ["dense / 2"], ["50% * dense"], ["50% dense"]])(
    "'%s' is half of what the quantity is while nothing is pruned",
    async (text) => {
      expect(sideOf((await read(`params <= ${text}`)).right)).toEqual([{}, 0, 0.5]);
    },
  );
});

test("a strict comparison is read as one that allows equality, and a chain as two limits", async () => {
  expect((await read("params < 3")).comparison).toBe("<=");
  expect((await read("params > 3")).comparison).toBe(">=");
  const { relations } = await parseLimit({ option: "--limit", text: "16 <= count('a') < 48" });
  expect(relations.map(({ comparison }) => comparison)).toEqual(["<=", "<="]);
});

test("what is in quotes is taken as it stands: brackets, quotes of the other kind, backslashes", async () => {
  const { left } = await read(`count("layer1\\.(0|1)\\.conv'1'") >= 16`);
  expect(left.parts[0]?.ref.argument).toBe(`layer1\\.(0|1)\\.conv'1'`);
});

test("an expression says the same however it is written: brackets, order, blanks, signs", async () => {
  const quantities = ["params", "macs * 1", "importance('head')", "count('a')"];
  const term = fc.record({ factor: fc.integer({ min: 1, max: 99 }), isMinus: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...quantities),
      fc.array(term, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 1e6 }),
      fc.boolean(),
      async (quantity, terms, amount, isBracketed) => {
        const sum = terms
          .map(({ factor, isMinus }) => `${isMinus ? "- " : "+ "}${factor}*(${quantity})`)
          .join(" ");
        const text = isBracketed ? `((${sum})) <= (${amount})` : `${sum}<=${amount}`;
        const total = terms.reduce(
          (all, { factor, isMinus }) => all + (isMinus ? -factor : factor),
          0,
        );
        const { left, right } = await read(text);
        expect(left.parts.reduce((all, { factor }) => all + factor, 0)).toBe(total);
        expect(right.constant).toBe(amount);
      },
    ),
    { seed: 4, numRuns: 100 },
  );
});

test("no text makes anything but a limit or an error that shows a place in it", async () => {
  const words = fc.constantFrom(
    ...[
      "params",
      "latency('x')",
      "dense",
      "<=",
      ">=",
      "==",
      "+",
      "-",
      "*",
      "/",
      "(",
      ")",
      "3",
      "%",
    ],
    ...[
      "ms",
      "M",
      "count",
      "align(",
      "'a'",
      "^",
      ";",
      "=",
      "constructor",
      "__proto__",
      "f(x)=x",
      "[1]",
    ],
  );
  let understood = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(words, { minLength: 1, maxLength: 9 }), async (list) => {
      const start = list.length % 2 === 0 ? ["params", "<="] : [];
      const text = [...start, ...list].join(" ");
      try {
        await parseLimit({ option: "--limit", text });
        understood += 1;
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        expect(error.code).toMatch(/^formulation\/limit-/);
        expect(error.message).toContain(`\n    ${text}\n`);
        expect(error.message).toMatch(/\n {4} *\^$/);
      }
    }),
    { seed: 8, numRuns: 400 },
  );
  expect(understood).toBeGreaterThan(0);
});

describe("a mistake is shown at its place", () => {
  test.each([
    ["parms <= 2M", "name", "parms"],
    ["params <= 2 Mb", "name", "Mb"],
    ["params <= 3 ms", "unit", "<="],
    ["params + macs <= 2M", "unit", "+ macs"],
    ["latency <= 3", "unit", "3"],
    ["params * macs <= 2", "nonlinear", "* macs"],
    ["params / macs <= 2", "nonlinear", "/ macs"],
    ["latency / dense <= 0.5", "nonlinear", "/ dense"],
    ["params ^ 2 <= 9", "nonlinear", "^ 2"],
    ["params / 0 <= 9", "number", "/ 0"],
    ["params <= 1e999", "number", "1e999"],
    ["params <= (3", "syntax", ""],
    ["params = 3", "syntax", "= 3"],
    ["params", "syntax", "params"],
    ["", "syntax", ""],
    ["1 <= 2", "syntax", "<= 2"],
    ["params <= 10% + 5", "syntax", "% + 5"],
    ["params <= 3 # so", "syntax", "# so"],
    ["params - dense <= 0", "dense", "params"],
    ["count <= 3", "argument", "count"],
    ["count(3) <= 3", "argument", "3)"],
    ["latency('a', 'b') <= 3 ms", "argument", "latency"],
    ["memory('x') <= 3", "argument", "memory"],
    ["align()", "argument", "align"],
    ["align('a', 0)", "argument", "0)"],
    ["align(8) <= 3", "syntax", "align"],
    ["sqrt(params) <= 3", "name", "sqrt"],
  ])("'%s'", async (text, what, place) => {
    const error = await refused(text, async (given) => {
      await parseLimit({ option: "--limit", text: given });
      return read(given);
    });
    expect(error.code).toBe(`formulation/limit-${what}`);
    expect(pointed(error).startsWith(place)).toBe(true);
  });

  test("with the name that was probably meant", async () => {
    expect((await refused("parms <= 2M")).hint).toContain("'params'");
    expect((await refused("memory <= 8 Mib")).hint).toContain("'MiB'");
  });
});

test.each([
  ["3,000 terms", `${Array(3000).fill("params").join(" + ")} <= 2M`],
  ["500 brackets", `${"(".repeat(500)}params${")".repeat(500)} <= 2M`],
])("an expression of %s is refused as too long", async (_, text) => {
  const error = await refused(text);
  expect(error).toMatchObject({ code: "formulation/limit-too-long", exitCode: 2 });
  expect(error.message.length).toBeLessThan(200);
});

test("an expression of 300 terms and 40 brackets is read", async () => {
  const text = `${"(".repeat(40)}${Array(300).fill("params").join(" + ")}${")".repeat(40)} <= 2M`;
  expect(sideOf((await read(text)).left)[0]).toEqual({ params: 300 });
});

describe("a penalty", () => {
  test.each([
    ["2% per 0.1M", { price: 0.02, isShare: true }, 1e5],
    ["0.5 per ms", { price: 0.5, isShare: false }, 1],
    ["3 per 2 MiB", { price: 3, isShare: false }, 2 ** 21],
    ["1% per 5%", { price: 0.01, isShare: true }, 0.05],
  ])("'%s' is understood", async (text, price, amount) => {
    const penalty = await parsePenalty({ option: "--penalty", text });
    expect(penalty).toMatchObject(price);
    expect(penalty.per.constant).toBeCloseTo(amount, 12);
  });

  test.each([
    ["2%", "penalty", "2%"],
    ["0 per ms", "penalty", "0"],
    ["-1 per ms", "penalty", "-1"],
    ["1 per params", "penalty", "params"],
    ["1 per 0 ms", "penalty", "0"],
    ["1 per frob", "name", "frob"],
  ])("'%s' is refused at its place", async (text, what, place) => {
    const error = await refused(text, async (given) => {
      await parsePenalty({ option: "--penalty", text: given });
      return read("params <= 1");
    });
    expect(error.code).toBe(`formulation/limit-${what}`);
    expect(pointed(error).startsWith(place)).toBe(true);
  });
});

describe("a request", () => {
  const code = (what: string): unknown =>
    expect.objectContaining({ code: `formulation/limit-${what}` });

  test.each([
    ["a penalty too few", { soft: ["params <= 1", "macs <= 1"], penalty: [] }, "penalty"],
    ["a penalty without a limit", { penalty: ["1 per ms"] }, "penalty"],
    ["a penalty in another unit", { soft: ["params <= 1"], penalty: ["1 per ms"] }, "unit"],
    ["soft alignment", { soft: ["align(8)"], penalty: ["1 per M"] }, "penalty"],
    ["nothing that holds", { minimize: "latency", limit: ["params <= 1"] }, "objective"],
    [
      "importance as small as possible",
      { minimize: "importance", limit: ["importance >= 1"] },
      "objective",
    ],
    ["an amount to minimise", { minimize: "3 ms", limit: ["importance >= 1"] }, "objective"],
    ["a difference to minimise", { minimize: "macs - 1", limit: ["importance >= 1"] }, "objective"],
  ])("with %s is refused", async (_, asked, what) => {
    await expect(parseRequest({ ...NOTHING_ASKED, ...asked })).rejects.toEqual(code(what));
  });

  test("one penalty serves all soft limits whose unit it fits", async () => {
    const request = {
      ...NOTHING_ASKED,
      soft: ["params <= 1M", "params <= 2M"],
      penalty: ["1 per k"],
    };
    expect((await parseRequest(request)).soft).toHaveLength(2);
  });
});
