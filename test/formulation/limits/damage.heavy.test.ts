import { afterAll, expect, test } from "vitest";
import { createHighs } from "../../../solvers/highs.ts";
import { measuredSubnet } from "../../../src/formulation/limits/measure.ts";
import { settleLimits } from "../../../src/formulation/limits/settled.ts";
import { selectedSubnet } from "../../../src/formulation/network/selected-subnet.ts";
import { solveProblem } from "../../../src/formulation/solve/solve-problem.ts";
import {
  type Importance,
  type PartImportance,
  unitOrder,
} from "../../../src/importance/importance.ts";
import { scoreNetwork } from "../../../src/importance/score.ts";
import { isBlockGone, type Subnet } from "../../../src/subnet/subnet.ts";
import { enumerateProblem } from "../../helpers/enumerate-problem.ts";
import { type LimitableNetwork, limitable, limited } from "../../helpers/limited-network.ts";
import { networkBuilder } from "../../helpers/networks.ts";

const highs = createHighs();
afterAll(() => highs.close());

/** Two heads behind a block that may go; the damages of either are random, and differ. */
function network(method = "sensitivity"): LimitableNetwork {
  const b = networkBuilder(3);
  const start = b.relu(b.conv("stem", b.input("images", [1, 3, 8, 8]), { from: 3, to: 8 }));
  const first = b.relu(b.conv("one.conv1", start, { from: 8, to: 8 }));
  const end = b.relu(b.add("one", b.conv("one.conv2", first, { from: 8, to: 8 }), start));
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [end])]);
  for (const head of ["left", "right"]) {
    const hidden = b.relu(b.gemm(`${head}.1`, pooled, 8, 12));
    b.output(b.gemm(`${head}.2`, hidden, 12, 3), [1, 3]);
  }
  const made = limitable(b.graph(), 4, 1);
  const part = (name: string, seed: number): PartImportance => {
    const { dims } = scoreNetwork(made.structure, { method: "random", seed, networkHash: "none" });
    const scaled = dims.map((dim) => ({
      ...dim,
      layers: dim.layers.map((layer) => ({
        ...layer,
        scores: layer.scores.map((score) => score / 20),
      })),
    }));
    return { name, dims: scaled };
  };
  const parts = [part("left", 8), part("right", 9)];
  const importance: Importance = { ...made.importance, method, parts };
  return { ...made, importance };
}

/** Scores of all that is gone, added up one by one; units that a dim keeps are those of the whole's order. */
function lost({ structure, importance }: LimitableNetwork, name: string, subnet: Subnet): number {
  const part = importance.parts?.find((each) => each.name === name);
  const blockOf = new Map(
    structure.layers.map((layer) => [layer.name, layer.blocks.at(-1) ?? null]),
  );
  let sum = 0;
  for (const dim of part?.dims ?? []) {
    const index = structure.dims.findIndex((each) => each.name === dim.dim);
    const kept = new Set(subnet.kept[index]);
    for (const { layer, scores } of dim.layers) {
      const gone = isBlockGone(structure, subnet, blockOf.get(layer) ?? null);
      for (const [unit, score] of scores.entries()) sum += gone || !kept.has(unit) ? score : 0;
    }
  }
  return sum;
}

const FEW = "params <= 25%";

test.each([[["left"]], [["left", "right"]]])(
  "limits on the damage of %s are kept, and cost no more than they must",
  async (names) => {
    const own = network();
    const solved = async (from: LimitableNetwork, limit: readonly string[]) => {
      const made = await limited(from, { limit: [...limit, FEW] }, { step: 2 });
      const answer = await solveProblem(made.network.problem, [highs], {});
      return { made, answer, subnet: selectedSubnet(made.network, answer.selection) };
    };
    const free = await solved(own, []);
    // The least that 'left' can lose, and what 'right' loses then.
    const [left] = own.importance.parts ?? [];
    const orders = new Map(own.importance.dims.map((dim) => [dim.dim, unitOrder(dim)]));
    const dims = (left?.dims ?? []).map((dim) => ({ ...dim, order: orders.get(dim.dim) }));
    const gentle = await solved({ ...own, importance: { ...own.importance, dims } }, []);
    const least = lost(own, "left", gentle.subnet);
    expect(least).toBeLessThan(lost(own, "left", free.subnet));
    const most = new Map(
      names.map((name) => {
        const between = (least + lost(own, "left", free.subnet)) / 2;
        return [name, name === "left" ? between : lost(own, name, gentle.subnet)] as const;
      }),
    );
    const limits = [...most].map(([name, share]) => `damage('${name}') <= ${share + 1e-9}`);
    const { made, answer, subnet } = await solved(own, limits);
    const best = enumerateProblem(made.network.problem);
    expect(answer.objective).toBeCloseTo(best?.objective ?? Number.NaN, 8);
    expect(answer.objective).toBeLessThan(free.answer.objective ?? 0);
    for (const [name, share] of most) {
      expect(lost(made, name, subnet)).toBeLessThanOrEqual(share + 1e-8);
    }
    const measured = measuredSubnet(made.structure, subnet);
    const settled = settleLimits(made.network, made, made.widths, measured, answer);
    for (const { text, used } of settled) {
      const name = /'(.*)'/.exec(text)?.[1];
      if (name !== undefined) expect(used).toBeCloseTo(lost(made, name, subnet), 9);
    }
  },
);

test("an answer that was not measured, a share of dense damage, and scores of weights are refused where they stand", async () => {
  const refusal = async (text: string, method?: string): Promise<string> =>
    limited(network(method), { limit: [text] }).then(
      () => "accepted",
      (error: Error & { code: string; where: string }) =>
        `${error.code} ${error.where}\n${error.message}`,
    );
  const unknown = await refusal("damage('lefd') <= 5%");
  expect(unknown).toContain("formulation/limit-name");
  expect(unknown).toContain("^");
  expect(await refusal("damage('left') <= 0.5 * dense")).toContain("formulation/limit-dense");
  expect(await refusal("damage('left') <= 5%", "magnitude-l2")).toContain("measures no damage");
  expect(await refusal("damage(left) <= 5%")).toContain("formulation/limit-argument");
  expect(await refusal("damage('left') + macs <= 5%")).toContain("formulation/limit-unit");
});
