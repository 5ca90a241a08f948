import { quantile } from "../../runtime/timing.ts";

/** A measured network: its cells summed, and what it took. */
export interface SummedNetwork {
  readonly summedMs: number;
  readonly totalMs: number;
}

/** totalMs = factor * summedMs + offsetMs */
export interface Totals {
  readonly factor: number;
  readonly offsetMs: number;
}

/** An offset must take this share of the mean error away. */
const WORTH = 0.05;
/** An offset beyond this share of the middle network's time is no correction any more. */
const LARGEST_OFFSET = 0.1;
const ENOUGH_NETWORKS = 30;
const PASSES = 3;

/**
 * Fits how summed cells make up networks. A factor very near 1 brings the sums into the middle. Where networks as a whole
 * grow faster than their sums (large ones fit the caches less), a small negative offset says so linearly, which is what
 * an additive program can hold; it is used where it clearly helps.
 */
export function fitTotals(networks: readonly SummedNetwork[]): Totals {
  const plain = {
    factor: quantile(
      networks.map(({ summedMs, totalMs }) => totalMs / summedMs),
      0.5,
    ),
    offsetMs: 0,
  };
  if (networks.length < ENOUGH_NETWORKS) return plain;
  let used = networks;
  let fitted = plain;
  for (let pass = 0; pass < PASSES; pass += 1) {
    fitted = fitLine(used);
    const usual = quantile(
      networks.map((network) => errorOf(fitted, network)),
      0.5,
    );
    used = networks.filter((network) => errorOf(fitted, network) <= 4 * usual + 1e-9);
  }
  const middle = quantile(
    networks.map(({ totalMs }) => totalMs),
    0.5,
  );
  const helps = meanError(fitted, networks) < (1 - WORTH) * meanError(plain, networks) - 1e-6;
  return helps && Math.abs(fitted.offsetMs) <= LARGEST_OFFSET * middle ? fitted : plain;
}

function errorOf({ factor, offsetMs }: Totals, { summedMs, totalMs }: SummedNetwork): number {
  return Math.abs((factor * summedMs + offsetMs) / totalMs - 1);
}

function meanError(totals: Totals, networks: readonly SummedNetwork[]): number {
  return networks.reduce((sum, network) => sum + errorOf(totals, network), 0) / networks.length;
}

/** Least squares of the relative errors. */
function fitLine(networks: readonly SummedNetwork[]): Totals {
  let [xx, xy, yy, x, y] = [0, 0, 0, 0, 0];
  for (const { summedMs, totalMs } of networks) {
    const [a, b] = [summedMs / totalMs, 1 / totalMs];
    xx += a * a;
    xy += a * b;
    yy += b * b;
    x += a;
    y += b;
  }
  const determinant = xx * yy - xy * xy;
  if (determinant <= 1e-9 * xx * yy) return { factor: x / xx, offsetMs: 0 };
  return { factor: (x * yy - y * xy) / determinant, offsetMs: (y * xx - x * xy) / determinant };
}
