import { describe, expect, test } from "vitest";
import { SILENT } from "../../../src/core/progress.ts";
import {
  type Calibrated,
  calibrateTable,
  type Solution,
} from "../../../src/latency/calibrate/calibrate.ts";
import type { EndToEnd } from "../../../src/latency/measure/measurer.ts";
import { profiledOps } from "../../../src/latency/ops.ts";
import { openNetwork } from "../../../src/pipeline/open/network.ts";
import { tableFor } from "../../../src/pipeline/tables/table-source.ts";
import { keepAll, type Subnet } from "../../../src/subnet/subnet.ts";

const open = await openNetwork(undefined);
const { table } = tableFor(open, { device: "cpu-amd-epyc", commandLine: "" });
const { structure } = open;
const ops = profiledOps(structure);
const DENSE_MS = table.denseMs;
const WIDEST = structure.dims.reduce((a, b) => (a.size >= b.size ? a : b)).index;

interface Script {
  /** Shares of the budget that the networks take at first, in the order they are asked for; the last for all others. */
  readonly first: readonly number[];
  /** And when they are timed again. */
  readonly again: readonly number[];
}

/** A calibration to half of the dense time whose measurements are given. */
async function scripted({ first, again }: Script): Promise<Calibrated<Solution>> {
  const [firsts, agains] = [[...first], [...again]];
  const next = (shares: number[]): EndToEnd => {
    const share = (shares.length > 1 ? shares.shift() : shares[0]) ?? Number.NaN;
    return { totalMs: (share * DENSE_MS) / 2, referenceMs: DENSE_MS };
  };
  let asked = 0;
  const answer = (): Subnet => {
    asked += 1;
    const whole = keepAll(structure);
    return {
      ...whole,
      kept: whole.kept.map((units, at) => (at === WIDEST ? units.slice(asked) : units)),
    };
  };
  const isDense = (subnet: Subnet): boolean =>
    subnet.kept[WIDEST]?.length === structure.dims[WIDEST]?.size;
  return await calibrateTable(table, {
    ...{ structure, ops, tolerance: 0.02, rounds: 1, progress: SILENT },
    budgetMs: (denseMs) => denseMs / 2,
    date: () => "2026-01-01T00:00:00.000Z",
    measurer: {
      measure: async (subnet) => ({
        ...(isDense(subnet) ? { totalMs: DENSE_MS, referenceMs: DENSE_MS } : next(firsts)),
        opMs: ops.map(() => null),
        opEvents: ops.map(() => 0),
      }),
      time: async () => next(agains),
    },
    solve: async (_, askedMs) => ({ subnet: answer(), predictedMs: askedMs, value: askedMs }),
  });
}

describe("calibration against scripted measurements", () => {
  test("asks for less after a network that is only just within the budget, not for more", async () => {
    const { tries } = await scripted({ first: [1.03, 0.9985], again: [0.9985] });
    const [above, just, after] = tries.map(({ askedMs }) => askedMs);
    expect(just).toBeLessThan(above ?? 0);
    expect(after).toBeLessThan(just ?? 0);
  });

  test("does not take one low time for a network within the budget, however near to it", async () => {
    const { status, tries } = await scripted({ first: [1.03, 0.9985, 1.03], again: [1.02] });
    expect(tries[1]?.used).toBeCloseTo((0.9985 + 1.02) / 2, 9);
    expect(status).toBe("above");
  });

  test("says that the error of the table is of before, once", async () => {
    const { table: corrected } = await scripted({ first: [0.9, 0.99], again: [0.99] });
    expect(table.expectedError?.how).not.toMatch(/calibrated/);
    expect(corrected.expectedError?.how.match(/before the table was calibrated/g)).toHaveLength(1);
  });

  test("ends at once where the second time agrees", async () => {
    const { status, tries, best } = await scripted({ first: [1.03, 0.99], again: [0.991] });
    expect({ status, best, tries: tries.length }).toEqual({ status: "met", best: 1, tries: 2 });
  });
});
