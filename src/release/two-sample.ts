/**
 * Two-sample tests, also against a reference that stays the same.
 *
 * A two-sample test is right on average over references. One reference that is compared with again and again brings its own sampling
 * error into every comparison, so that its false alarms can be several times as many. With a `doubt`, the distance that the reference
 * may have from the truth is taken off first:
 *
 *     d(reference, now) <= d(reference, truth) + d(truth, now)
 *     p = P(d(truth, now) > d(reference, now) - a),   P(d(reference, truth) > a) = doubt
 *
 * Then p is valid for every reference but a share `doubt` of all. d is the largest distance of the distribution functions for numbers, and
 * the chi-squared distance of the shares for classes; both obey the triangle inequality.
 */
import { logGamma } from "../tasks/statistics/distributions.ts";

/** How unlikely a difference is where both samples come from one distribution. */
export interface TwoSampleTest {
  readonly statistic: number;
  readonly p: number;
}

/**
 * Kolmogorov and Smirnov's test of two samples: the largest distance of their distribution functions, with the asymptotic p-value at
 * Stephens's effective size (Numerical Recipes, 14.3.3).
 * @param doubt share of references that p need not be valid for; without it both samples are new each time
 */
export function kolmogorovSmirnov(
  first: readonly number[],
  second: readonly number[],
  doubt?: number,
): TwoSampleTest {
  const [a, b] = [[...first].sort((x, y) => x - y), [...second].sort((x, y) => x - y)];
  let [i, j, statistic] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const at = Math.min(a[i] ?? 0, b[j] ?? 0);
    while (i < a.length && (a[i] ?? 0) <= at) i += 1;
    while (j < b.length && (b[j] ?? 0) <= at) j += 1;
    statistic = Math.max(statistic, Math.abs(i / a.length - j / b.length));
  }
  const scaled = (size: number): number => size + 0.12 + 0.11 / size;
  if (doubt === undefined) {
    const size = Math.sqrt((a.length * b.length) / (a.length + b.length));
    return { statistic, p: kolmogorovTail(scaled(size) * statistic) };
  }
  const allowed = pointOf(kolmogorovTail, doubt) / scaled(Math.sqrt(a.length));
  const rest = Math.max(0, statistic - allowed);
  return { statistic, p: kolmogorovTail(scaled(Math.sqrt(b.length)) * rest) };
}

/** Where a falling tail probability has a value. */
function pointOf(tail: (x: number) => number, value: number): number {
  let [low, high] = [0, 1];
  while (tail(high) > value) high *= 2;
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (tail(middle) > value) low = middle;
    else high = middle;
  }
  return high;
}

/** P(K > x) of the Kolmogorov distribution: 2 sum over k >= 1 of (-1)^(k-1) exp(-2 k^2 x^2). */
export function kolmogorovTail(x: number): number {
  if (x < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k += 1) {
    const term = Math.exp(-2 * k * k * x * x);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-16) break;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}

/**
 * Pearson's chi-squared test that two lists of counts have one distribution. Classes that neither has are left out; rare ones (expected
 * below 5 in a sample) are put together.
 * @param doubt as of `kolmogorovSmirnov`
 */
export function chiSquared(
  first: readonly number[],
  second: readonly number[],
  doubt?: number,
): TwoSampleTest {
  const classes = Array.from({ length: Math.max(first.length, second.length) }, (_, index) => ({
    a: first[index] ?? 0,
    b: second[index] ?? 0,
  })).filter(({ a, b }) => a + b > 0);
  const totals = classes.reduce((sum, { a, b }) => ({ a: sum.a + a, b: sum.b + b }), {
    a: 0,
    b: 0,
  });
  const all = totals.a + totals.b;
  const isRare = ({ a, b }: { a: number; b: number }): boolean =>
    ((a + b) * Math.min(totals.a, totals.b)) / all < RARE;
  const rare = classes.filter(isRare).reduce((sum, { a, b }) => ({ a: sum.a + a, b: sum.b + b }), {
    a: 0,
    b: 0,
  });
  const cells = [
    ...classes.filter((each) => !isRare(each)),
    ...(rare.a + rare.b > 0 ? [rare] : []),
  ];
  if (cells.length < 2) return { statistic: 0, p: 1 };
  const statistic = cells.reduce((sum, { a, b }) => {
    const [expectedA, expectedB] = [((a + b) * totals.a) / all, ((a + b) * totals.b) / all];
    return sum + (a - expectedA) ** 2 / expectedA + (b - expectedB) ** 2 / expectedB;
  }, 0);
  const degrees = cells.length - 1;
  if (doubt === undefined) return { statistic, p: chiSquaredTail(statistic, degrees) };
  // sum over classes of (share now - share of the reference)^2 / share of both together
  const distance = Math.sqrt((statistic * all) / (totals.a * totals.b));
  const point = pointOf((x) => chiSquaredTail(x, degrees), doubt);
  const rest = Math.max(0, distance - Math.sqrt(point / totals.a));
  return { statistic, p: chiSquaredTail(totals.b * rest ** 2, degrees) };
}

const RARE = 5;

/** P(X > x) of the chi-squared distribution. */
export function chiSquaredTail(x: number, degrees: number): number {
  return x <= 0 ? 1 : 1 - gammaShare(degrees / 2, x / 2);
}

/** The regularised lower incomplete gamma function: its series, or its continued fraction beyond a + 1 (Abramowitz and Stegun 6.5.29, 6.5.31). */
function gammaShare(a: number, x: number): number {
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let k = 1; k < 1000 && term > 1e-16 * sum; k += 1) {
      term *= x / (a + k);
      sum += term;
    }
    return front * sum;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let k = 1; k < 1000; k += 1) {
    const factor = -k * (k - a);
    b += 2;
    d = 1 / (factor * d + b);
    c = b + factor / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return 1 - front * fraction;
}

/**
 * Which of several tests say that something changed, with the chance of any false one at most `rate` (Holm 1979).
 * @returns the adjusted p-value of each test, in their order; one below `rate` counts
 */
export function holm(ps: readonly number[]): readonly number[] {
  const order = ps.map((_, index) => index).sort((a, b) => (ps[a] ?? 1) - (ps[b] ?? 1));
  const adjusted = new Array<number>(ps.length).fill(1);
  let most = 0;
  for (const [rank, index] of order.entries()) {
    most = Math.max(most, Math.min(1, (ps.length - rank) * (ps[index] ?? 1)));
    adjusted[index] = most;
  }
  return adjusted;
}
