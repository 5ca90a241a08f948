import { afterAll, describe, expect, test } from "vitest";
import { createGlpk, hasGlpk } from "../../../solvers/glpk.ts";
import { createHighs } from "../../../solvers/highs.ts";
import { measuredSubnet } from "../../../src/formulation/limits/measure.ts";
import type { LimitRequest } from "../../../src/formulation/limits/request.ts";
import { type SettledLimit, settleLimits } from "../../../src/formulation/limits/settled.ts";
import { selectedSubnet } from "../../../src/formulation/network/selected-subnet.ts";
import { type Answer, InfeasibleLimitsError } from "../../../src/formulation/solve/answer.ts";
import { solveProblem } from "../../../src/formulation/solve/solve-problem.ts";
import { startingSelection } from "../../../src/formulation/solve/start.ts";
import type { Solver } from "../../../src/mip/solver.ts";
import type { Subnet } from "../../../src/subnet/subnet.ts";
import { enumerateProblem } from "../../helpers/enumerate-problem.ts";
import {
  type LimitableNetwork,
  type LimitedNetwork,
  limitable,
  limited,
} from "../../helpers/limited-network.ts";
import { NETWORKS, networkBuilder } from "../../helpers/networks.ts";

const highs = createHighs();
const glpk = createGlpk();
afterAll(() => Promise.all([highs.close(), glpk.close()]));
const code = (what: string): unknown => expect.objectContaining({ code: `formulation/${what}` });

/** Two residual blocks with a droppable layer in one of them: few enough choices to try all. */
function small(): LimitableNetwork {
  const b = networkBuilder(3);
  const start = b.relu(b.conv("stem", b.input("images", [1, 3, 8, 8]), { from: 3, to: 8 }));
  const block = (name: string, input: string, to: number): string => {
    const first = b.relu(b.conv(`${name}.conv1`, input, { from: 8, to }));
    return b.relu(b.add(name, b.conv(`${name}.conv2`, first, { from: to, to: 8 }), input));
  };
  const end = block("two", block("one", start, 8), 12);
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [end])]);
  b.output(b.gemm("fc", pooled, 8, 4), [1, 4]);
  return limitable(b.graph(), 4, 1);
}
const network = small();

interface Solved {
  readonly made: LimitedNetwork;
  readonly answer: Answer;
  readonly subnet: Subnet;
  readonly limits: readonly SettledLimit[];
}

async function solved(
  asked: Partial<LimitRequest>,
  options: Parameters<typeof limited>[2] = {},
  solver: Solver = highs,
): Promise<Solved> {
  const made = await limited(network, asked, options);
  const { problem } = made.network;
  const answer = await solveProblem(problem, [solver], { start: startingSelection });
  const subnet = selectedSubnet(made.network, answer.selection);
  const measured = measuredSubnet(made.structure, subnet);
  const limits = settleLimits(made.network, made, made.widths, measured, answer);
  return { made, answer, subnet, limits };
}

const REQUESTS: readonly (readonly [string, Partial<LimitRequest>])[] = [
  ["parameters and another device", { limit: ["params <= 60%", "latency('jetson-nano') <= 70%"] }],
  ["memory", { limit: ["memory <= 60%"] }],
  ["memory and weights together", { limit: ["memory + bytes <= 50%"] }],
  ["a block dropped by its name", { limit: ["dropped_blocks('one') >= 1"] }],
  ["another block dropped by a pattern", { limit: ["dropped_blocks('^tw') == 1"] }],
  ["no dropped block, few MACs", { limit: ["dropped_blocks == 0", "macs <= 50%"] }],
  ["one dropped layer", { limit: ["dropped_layers >= 1", "bytes <= 70%"] }],
  ["importance of a part from below", { limit: ["importance('one') >= 90%", "params <= 40%"] }],
  ["a dim's floor", { limit: ["count('one.conv1') >= 8", "params <= 40%"] }],
  ["equal dims", { limit: ["count('one.conv1') == count('two.conv1')", "macs <= 60%"] }],
  ["two widths in a sum", { limit: ["count('one.conv1') + count('two.conv1') <= 12"] }],
  ["a range", { limit: ["30% <= params <= 50%"] }],
  ["a soft limit", { soft: ["params <= 30%"], penalty: ["1% per 2%"] }],
  ["soft memory", { soft: ["memory <= 40%"], penalty: ["3% per 5%"] }],
  [
    "a soft floor",
    { soft: ["importance('two') >= 95%"], penalty: ["2 per 1"], limit: ["macs <= 40%"] },
  ],
  ["least latency", { minimize: "latency", limit: ["importance >= 70%"] }],
  ["fewest parameters", { minimize: "params", limit: ["importance >= 80%"] }],
  ["least memory", { minimize: "memory", limit: ["importance >= 75%"] }],
  [
    "a sum of two",
    { minimize: "latency + 0.5 * latency('jetson-nano')", limit: ["importance >= 60%"] },
  ],
];

describe("the best subnet under", () => {
  test.each(REQUESTS)(
    "%s is the one that trying all finds, and keeps what is asked",
    async (_, asked) => {
      const components = new Map([
        ["one", /^one/],
        ["two", /^two/],
      ]);
      const { made, answer, limits } = await solved(asked, { components });
      const best = enumerateProblem(made.network.problem);
      expect(answer).toMatchObject({ status: "optimal", gap: 0 });
      expect(answer.objective).toBeCloseTo(best?.objective ?? Number.NaN, 8);
      expect(limits.length).toBeGreaterThan(0);
      if (hasGlpk()) {
        const other = await solved(asked, { components }, glpk);
        expect(other.answer.objective).toBeCloseTo(answer.objective, 8);
      }
      for (const { penalty, slack } of limits) {
        if (penalty === null && slack !== null) expect(slack).toBeGreaterThan(-1e-6);
      }
    },
  );
});

test("a protected component keeps its units and its block where the program would drop it", async () => {
  const asked = { limit: ["dropped_blocks >= 1", "importance('two') >= 95%"] };
  const blockOne = (made: LimitedNetwork): number | undefined =>
    made.structure.blocks.find(({ name }) => name === "one")?.index;
  const free = await solved(asked);
  expect(free.subnet.droppedBlocks).toEqual([blockOne(free.made)]);
  const protect = { text: "@one", pattern: null, components: ["one"] };
  const { subnet, made, answer } = await solved({ limit: ["dropped_blocks >= 1"] }, { protect });
  expect(answer.objective).toBeCloseTo(
    enumerateProblem(made.network.problem)?.objective ?? Number.NaN,
    8,
  );
  expect(subnet.droppedBlocks).not.toContain(blockOne(made));
  const dim = made.structure.dims.find(({ name }) => name === "one.conv1");
  expect(subnet.kept[dim?.index ?? -1]).toHaveLength(8);
  expect(made.network.choices[dim?.index ?? -1]?.whole).toBe("protected by you: @one");
});

test("dims that are asked to be equal keep the same number of channels", async () => {
  const { subnet, made } = await solved({
    limit: ["count('one.conv1') == count('two.conv1')", "macs <= 70%"],
  });
  const [one, two] = ["one.conv1", "two.conv1"].map((name) => {
    const dim = made.structure.dims.find((each) => each.name === name);
    return subnet.kept[dim?.index ?? -1]?.length;
  });
  if (one !== 0 && two !== 0) expect(one).toBe(two);
});

test("aligned widths are multiples, or whole", async () => {
  const { subnet, made } = await solved({ limit: ["align(8)", "macs <= 70%"] });
  for (const dim of made.structure.dims.filter(({ pinned }) => pinned === null)) {
    const kept = subnet.kept[dim.index]?.length ?? 0;
    expect(kept === dim.size || kept % 8 === 0).toBe(true);
  }
});

test("a floor on one side of a droppable layer doesn't keep the layer from being dropped", async () => {
  const free = await solved({ limit: ["dropped_layers >= 1"] });
  const dropped = [...free.answer.selection.droppedLayers][0] ?? -1;
  const tie = free.made.network.problem.layers[dropped]?.tie ?? null;
  if (tie === null) throw new RangeError("no tie was dropped");
  const name = free.made.network.problem.dims[tie.tied]?.name;
  const asked = { limit: ["dropped_layers >= 1", `count('${name}') >= 8`] };
  const { made, answer } = await solved(asked);
  expect(answer.selection.droppedLayers.size).toBeGreaterThan(0);
  expect(made.network.problem.resources.map((resource) => resource.name)).toContain(
    "forbidden choices",
  );
  expect(answer.objective).toBeCloseTo(
    enumerateProblem(made.network.problem)?.objective ?? Number.NaN,
    8,
  );
});

test("a limit binds where a step that earns more would break it, and not where there is room", async () => {
  const { limits } = await solved({ limit: ["params <= 60%", "macs <= 100%", "memory <= 100%"] });
  expect(limits.map(({ binds }) => binds)).toEqual([true, false, false]);
});

test("limits that no subnet meets are answered with the nearest ones, as they were written", async () => {
  const made = await limited(network, { limit: ["params <= 5%", "importance >= 90%"] });
  const error = await solveProblem(made.network.problem, [highs]).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof InfeasibleLimitsError)) throw new RangeError("it was solved");
  expect(error.message).toMatch(/'params <= 5%' needs at least \d+/);
  expect(error.message).toMatch(/'importance >= 90%' reaches at most \d+/);
});

test("the nearest limits can be met", async () => {
  const made = await limited(network, { limit: ["memory <= 30%", "importance >= 90%"] });
  const error = await solveProblem(made.network.problem, [highs]).catch(
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof InfeasibleLimitsError)) throw new RangeError("it was solved");
  const memory = error.nearest.find(({ reading }) => reading?.text.startsWith("memory"));
  const { answer } = await solved({ limit: [`memory <= ${memory?.least} B`, "importance >= 90%"] });
  expect(answer.status).toBe("optimal");
});

describe("what doesn't fit the network is refused at its place", () => {
  test.each([
    ["importance('nose') >= 1", "limit-name"],
    ["count('nose') >= 1", "limit-name"],
    ["count('fc') >= 8", "limit-name"],
    ["count('(') >= 2", "limit-name"],
    ["count('conv') + params * 0 + count('stem') <= 9", "limit-unit"],
    ["count('conv') + count('stem') <= 9", "limit-argument"],
    ["count('conv') == count('stem')", "limit-equal"],
    ["memory >= 1 MiB", "limit-memory"],
    ["memory == 1 MiB", "limit-memory"],
    ["1 MiB - memory <= 0 B", "limit-memory"],
    ["params <= params", "limit-syntax"],
    ["latency('jetson-nose') <= 1 ms", "limit-name"],
  ])("%s", async (text, what) => {
    await expect(limited(network, { limit: [text] })).rejects.toEqual(code(what));
  });

  test("a floor that no width meets", async () => {
    await expect(limited(network, { limit: ["count('one.conv1') >= 100"] })).rejects.toEqual(
      code("no-width"),
    );
  });
});

test("shuffled channels, concatenations and groups keep to limits too", async () => {
  for (const make of [NETWORKS.channelShuffle, NETWORKS.denseConcat, NETWORKS.groupedResidual]) {
    const from = limitable(make(), 4, 1);
    const asked = {
      limit: ["params <= 60%", "memory <= 2 * dense", "latency('jetson-nano') <= 110%"],
    };
    const made = await limited(from, asked);
    const answer = await solveProblem(made.network.problem, [highs]);
    const subnet = measuredSubnet(made.structure, selectedSubnet(made.network, answer.selection));
    const limits = settleLimits(made.network, made, made.widths, subnet, answer);
    expect(limits).toHaveLength(3);
  }
});
