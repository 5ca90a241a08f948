/**
 * Least squares with coefficients that are not negative: minimises sum_i (rows_i . x - targets_i)^2 subject to x >= 0,
 * by coordinate descent on the normal equations. Meant for a few dozen columns of similar size.
 *
 * @returns one coefficient per column
 */
export function nonnegativeLeastSquares(
  rows: readonly Float64Array[],
  targets: readonly number[],
): Float64Array {
  const size = rows[0]?.length ?? 0;
  const gram = new Float64Array(size * size);
  const right = new Float64Array(size);
  for (const [index, row] of rows.entries()) {
    const target = targets[index] ?? 0;
    for (let a = 0; a < size; a += 1) {
      const value = row[a] ?? 0;
      right[a] = (right[a] ?? 0) + value * target;
      for (let b = 0; b < size; b += 1) {
        gram[a * size + b] = (gram[a * size + b] ?? 0) + value * (row[b] ?? 0);
      }
    }
  }
  return descend(gram, right, size);
}

const SWEEPS = 4000;
const ENOUGH = 1e-12;

function descend(gram: Float64Array, right: Float64Array, size: number): Float64Array {
  const x = new Float64Array(size);
  for (let sweep = 0, moved = 1; sweep < SWEEPS && moved > ENOUGH; sweep += 1) {
    moved = 0;
    for (let a = 0; a < size; a += 1) {
      const diagonal = gram[a * size + a] ?? 0;
      // A column of zeros has nothing to say.
      if (diagonal <= 0) continue;
      const row = gram.subarray(a * size, (a + 1) * size);
      const gradient = row.reduce((rest, value, b) => rest - value * (x[b] ?? 0), right[a] ?? 0);
      const before = x[a] ?? 0;
      const after = Math.max(0, before + gradient / diagonal);
      x[a] = after;
      moved = Math.max(moved, Math.abs(after - before) * Math.sqrt(diagonal));
    }
  }
  return x;
}
