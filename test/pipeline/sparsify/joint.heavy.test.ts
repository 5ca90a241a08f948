import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readJson, writeJson } from "../../../src/core/files.ts";
import { randomFrom } from "../../../src/core/random.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { floatsOf } from "../../../src/graph/tensor.ts";
import { scoreNetwork } from "../../../src/importance/score.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { writeModel } from "../../../src/onnx/write.ts";
import { runContext } from "../../../src/pipeline/run-context.ts";
import { solveModel } from "../../../src/pipeline/solve/solve-model.ts";
import { SOLVE_DEFAULTS } from "../../../src/pipeline/solve/solve-settings.ts";
import { sparsifyOpened } from "../../../src/pipeline/sparsify/sparsify-network.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { cutGraph } from "../../../src/subnet/cut.ts";
import { sparseWeights, weightCount } from "../../../src/subnet/sparse/weights.ts";
import { keepAll, type Subnet } from "../../../src/subnet/subnet.ts";
import { parseSubnet } from "../../../src/subnet/subnet-file.ts";
import { networkBuilder } from "../../helpers/networks.ts";
import { silentRun } from "../../helpers/run-context.ts";
import { sparseRequest } from "./request.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-joint-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const path = (name: string): string => join(folder, name);

const b = networkBuilder(5);
const first = b.relu(b.conv("first", b.input("x", [1, 3, 8, 8]), { from: 3, to: 8, bn: false }));
const second = b.relu(b.conv("second", first, { from: 8, to: 8, bn: false }));
b.output(b.conv("head", second, { from: 8, to: 3, bn: false }));
const graph = b.graph();
const structure = findStructure(graph);
const { weights } = sparseWeights(structure);

/** Densities that damages are measured at; there is nothing between them and the whole but what the program interpolates. */
const SHARES = [0.2, 0.5] as const;

function damagesFile(seed: number, size: number): unknown {
  const random = randomFrom(seed);
  return {
    ...{ schema: "mdp-damages/1", network: "net", networkHash: null, data: null, images: 8 },
    ...{ measured: 8, damage: "squares", score: "magnitude", pattern: "none", repair: "none" },
    weights: weights.map((weight) => {
      const count = weightCount(weight);
      const damages = [1 + random.next(), 0.3 * random.next()];
      const options = SHARES.map((share, index) => ({
        kept: Math.ceil(share * count),
        damage: size * (damages[index] ?? 0),
      }));
      return { name: weight.name, label: weight.name, count, options };
    }),
    left: [],
  };
}

/** A few units of each dim are worth much, the others little. */
function importanceFile(seed: number): unknown {
  const random = randomFrom(100 + seed);
  const scored = scoreNetwork(structure, { method: "magnitude-l2", networkHash: null });
  return {
    ...{ ...scored, method: "sensitivity" },
    dims: scored.dims.map((dim) => ({
      ...dim,
      layers: dim.layers.map((layer) => ({
        ...layer,
        scores: [...layer.scores].map(() => 0.001 + random.next() ** 6),
      })),
    })),
  };
}

interface Scored {
  readonly dims: readonly {
    readonly dim: string;
    readonly layers: readonly { readonly scores: readonly number[] }[];
  }[];
}

/** Bytes of a cut network whose weights have these densities, by its tensors alone: 4 per nonzero and a bit per element. */
function bytesAt(cut: Graph, densities: ReadonlyMap<string, number>): number {
  let bytes = 0;
  for (const [name, tensor] of cut.initializers) {
    const density = densities.get(name) ?? 1;
    const elements = tensor.shape.reduce((product, extent) => product * extent, 1);
    bytes += density < 1 ? elements * (4 * density + 1 / 8) : tensor.byteLength;
  }
  return bytes;
}

/** The best of all widths and of the densities that the program may choose, by loops that know no program. */
function bestByLoops(
  scored: Scored,
  levels: ReadonlyMap<string, readonly (readonly [number, number])[]>,
  most: number,
): number {
  const ranked = structure.dims.map((dim) => {
    const own = scored.dims.find((each) => each.dim === dim.name)?.layers ?? [];
    const totals = Array.from({ length: dim.size }, (_, unit) =>
      own.reduce((sum, { scores }) => sum + (scores[unit] ?? 0), 0),
    );
    const order = [...totals.keys()].sort((a, c) => (totals[c] ?? 0) - (totals[a] ?? 0));
    return { dim, totals, order };
  });
  const free = ranked.filter(({ dim }) => dim.pinned === null);
  let best = Number.NEGATIVE_INFINITY;
  const walkWidths = (index: number, subnet: Subnet, worth: number): void => {
    const own = free[index];
    if (own === undefined) {
      walkDensities([...levels], new Map(), worth, cutGraph(structure, subnet));
      return;
    }
    for (const width of [2, 4, 6, 8]) {
      const kept = own.order.slice(0, width).sort((a, c) => a - c);
      const gain = kept.reduce((sum, unit) => sum + (own.totals[unit] ?? 0), 0);
      const all = subnet.kept.map((units, dim) => (dim === own.dim.index ? kept : units));
      walkWidths(index + 1, { ...subnet, kept: all }, worth + gain);
    }
  };
  const walkDensities = (
    [next, ...rest]: readonly (readonly [string, readonly (readonly [number, number])[]])[],
    densities: ReadonlyMap<string, number>,
    worth: number,
    cut: Graph,
  ): void => {
    if (next === undefined) {
      if (worth > best && bytesAt(cut, densities) <= most) best = worth;
      return;
    }
    for (const [density, damage] of next[1])
      walkDensities(rest, new Map(densities).set(next[0], density), worth - damage, cut);
  };
  const pinned = ranked.filter(({ dim }) => dim.pinned !== null);
  const worth = pinned.flatMap(({ totals }) => totals).reduce((sum, value) => sum + value, 0);
  walkWidths(0, keepAll(structure), worth);
  return best;
}

const dense = [...graph.initializers.values()].reduce((sum, each) => sum + each.byteLength, 0);

beforeAll(() => writeModel(modelOf(graph), path("net.onnx")));

const settings = (limit: readonly string[]) => ({
  ...{ ...SOLVE_DEFAULTS, model: path("net.onnx"), device: "jetson", budget: "none", step: 2 },
  ...{ method: "mdp", limit, blocks: false, layers: false, out: path("subnet.json") },
  ...{ importance: path("importance.json"), damages: path("damages.json") },
});

describe.each([1, 2, 3])("channels and zeros in one program, random case %i", (seed) => {
  test("is the best of all widths and densities within a byte budget, mixes both, and the written network keeps it", async () => {
    const importance = importanceFile(seed);
    writeJson(path("importance.json"), importance);
    writeJson(path("damages.json"), damagesFile(seed, 0.5));
    const { open, solved } = await solveModel(settings(["bytes <= 30%"]), runContext());
    const levels = new Map(
      (solved.network.sparsity?.dims ?? []).map(({ weight, levels: own }) => {
        const pairs = own.map(
          ({ kept, damage }) => [kept / weightCount(weight), damage] as [number, number],
        );
        return [weight.name, pairs] as const;
      }),
    );
    const best = bestByLoops(importance as Scored, levels, 0.3 * dense + 1e-6);
    expect(solved.answer).toMatchObject({ status: "optimal", gap: 0 });
    expect(solved.answer.objective).toBeCloseTo(best, 6);
    // Both ways are used, so that neither alone would have found it.
    const densities = [...(solved.densities?.values() ?? [])];
    expect(densities.some((density) => density < 1)).toBe(true);
    expect(
      solved.subnet.kept.some((kept, dim) => kept.length < (structure.dims[dim]?.size ?? 0)),
    ).toBe(true);

    const { subnet, notes } = parseSubnet(readJson(path("subnet.json")), structure, "subnet.json");
    const shares = new Map(Object.entries(notes.densities ?? {}));
    const asked = sparseRequest({});
    const made = await sparsifyOpened(open, asked, silentRun, { subnet, densities: shares });
    expect(made.report.surgery?.maxRelative).toBeLessThanOrEqual(1e-5);
    let bytes = 0;
    for (const [name, tensor] of made.model.graph.initializers) {
      const values = floatsOf(tensor);
      const nonzeros = values.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
      bytes += made.masks.has(name) ? 4 * nonzeros + values.length / 8 : tensor.byteLength;
    }
    expect(bytes).toBeLessThanOrEqual(0.3 * dense + 1e-6);
  });
});

test("scores and damages in other units are refused, and so is another network's file", async () => {
  const scores = importanceFile(1) as object;
  const damages = damagesFile(1, 1) as { readonly weights: readonly object[] };
  const attempt = async (importance: object, own: object): Promise<unknown> => {
    writeJson(path("importance.json"), importance);
    writeJson(path("damages.json"), own);
    return solveModel(settings(["bytes <= 30%"]), runContext()).catch((error: unknown) => error);
  };
  expect(await attempt({ ...scores, method: "magnitude-l2" }, damages)).toMatchObject({
    code: "sparsify/importance-unit",
    exitCode: 2,
  });
  expect(await attempt(scores, { ...damages, damage: "divergence" })).toMatchObject({
    code: "sparsify/damage-unit",
    exitCode: 2,
  });
  const other = damages.weights.map((weight) => ({ ...weight, count: 7 }));
  expect(await attempt(scores, { ...damages, weights: other })).toMatchObject({
    code: "sparsify/other-network",
    exitCode: 3,
  });
});
