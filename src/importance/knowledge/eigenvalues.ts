/**
 * Eigenvalues of a symmetric matrix without its eigenvectors, an order of magnitude faster than with them: a tridiagonal form by
 * reflections, then QL steps with implicit shifts (Golub and Van Loan, Matrix Computations, 4th edition, 8.3.1 and 8.3.3).
 *
 *   H = I - beta v v'      p = beta A v      w = p - (beta / 2) (p'v) v      A := A - v w' - w v'
 */

/**
 * @param matrix size x size; only its lower triangle is read
 * @returns falling
 */
export function symmetricEigenvalues(matrix: ArrayLike<number>, size: number): Float64Array {
  const { diagonal, below } = tridiagonal(Float64Array.from(matrix), size);
  diagonalise(diagonal, below, size);
  return diagonal.sort().reverse();
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** below[i] lies between rows i and i + 1; the last is 0. */
  readonly below: Float64Array;
}

/** @param a is overwritten */
function tridiagonal(a: Float64Array, size: number): Tridiagonal {
  const diagonal = new Float64Array(size);
  const below = new Float64Array(size);
  const v = new Float64Array(size);
  const w = new Float64Array(size);
  for (let column = 0; column < size; column += 1) {
    diagonal[column] = a[column * size + column] ?? 0;
    const first = column + 1;
    if (first >= size) break;
    const beta = reflector(a, size, column, v, below);
    if (beta === 0) continue;
    symmetricProduct(a, size, first, v, w);
    let along = 0;
    for (let row = first; row < size; row += 1) {
      w[row] = beta * (w[row] as number);
      along += (w[row] as number) * (v[row] as number);
    }
    const half = (beta / 2) * along;
    for (let row = first; row < size; row += 1)
      w[row] = (w[row] as number) - half * (v[row] as number);
    for (let row = first; row < size; row += 1) {
      const [left, right] = [v[row] as number, w[row] as number];
      for (let at = row * size + first, to = first; to <= row; at += 1, to += 1)
        a[at] = (a[at] as number) - left * (w[to] as number) - right * (v[to] as number);
    }
  }
  return { diagonal, below };
}

/** The reflection that leaves one element below the diagonal of a column: its vector in `v`, that element in `below`. */
function reflector(
  a: Float64Array,
  size: number,
  column: number,
  v: Float64Array,
  below: Float64Array,
): number {
  const first = column + 1;
  const head = a[first * size + column] ?? 0;
  let largest = 0;
  for (let row = first + 1; row < size; row += 1)
    largest = Math.max(largest, Math.abs(a[row * size + column] ?? 0));
  below[column] = head;
  if (largest === 0) return 0;
  // Scaled, so that no square overflows or vanishes.
  const scale = Math.max(largest, Math.abs(head));
  let squares = 0;
  for (let row = first; row < size; row += 1) {
    const value = (a[row * size + column] ?? 0) / scale;
    v[row] = value;
    squares += value * value;
  }
  const norm = Math.sqrt(squares);
  const start = v[first] ?? 0;
  const end = start > 0 ? -norm : norm;
  v[first] = start - end;
  below[column] = end * scale;
  return 1 / (squares - start * end);
}

/** w = A v, rows and columns from `first` on, by the lower triangle. */
function symmetricProduct(
  a: Float64Array,
  size: number,
  first: number,
  v: Float64Array,
  w: Float64Array,
): void {
  w.fill(0, first);
  for (let row = first; row < size; row += 1) {
    const factor = v[row] as number;
    let sum = 0;
    let at = row * size + first;
    for (let to = first; to < row; to += 1, at += 1) {
      const value = a[at] as number;
      sum += value * (v[to] as number);
      w[to] = (w[to] as number) + value * factor;
    }
    w[row] = (w[row] as number) + sum + (a[at] as number) * factor;
  }
}

/** Rounds per eigenvalue; two or three are usual. */
const MOST_ROUNDS = 60;

/** Eigenvalues of a tridiagonal matrix in place of its diagonal. */
function diagonalise(diagonal: Float64Array, below: Float64Array, size: number): void {
  for (let first = 0; first < size; first += 1) {
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const last = blockEnd(diagonal, below, first, size);
      if (last === first) break;
      sweep(diagonal, below, first, last);
    }
  }
}

/** Where the matrix falls apart next: the first place from `first` on whose element below the diagonal is rounding. */
function blockEnd(
  diagonal: Float64Array,
  below: Float64Array,
  first: number,
  size: number,
): number {
  let at = first;
  for (; at < size - 1; at += 1) {
    const around = Math.abs(diagonal[at] ?? 0) + Math.abs(diagonal[at + 1] ?? 0);
    if (Math.abs(below[at] ?? 0) <= Number.EPSILON * around) break;
  }
  return at;
}

/** One QL step from `last` up to `first`, shifted by the eigenvalue of the first two rows that is nearer to the first. */
function sweep(diagonal: Float64Array, below: Float64Array, first: number, last: number): void {
  const get = (list: Float64Array, at: number): number => list[at] as number;
  const ratio = (get(diagonal, first + 1) - get(diagonal, first)) / (2 * get(below, first));
  const root = Math.hypot(ratio, 1);
  const toFirst = get(below, first) / (ratio + (ratio >= 0 ? root : -root));
  let bulge = get(diagonal, last) - get(diagonal, first) + toFirst;
  let [sine, cosine, moved] = [1, 1, 0];
  for (let at = last - 1; at >= first; at -= 1) {
    const [f, b] = [sine * get(below, at), cosine * get(below, at)];
    const length = Math.hypot(f, bulge);
    below[at + 1] = length;
    if (length === 0) {
      // The matrix falls apart here.
      diagonal[at + 1] = get(diagonal, at + 1) - moved;
      below[last] = 0;
      return;
    }
    [sine, cosine] = [f / length, bulge / length];
    const lower = get(diagonal, at + 1) - moved;
    const turned = (get(diagonal, at) - lower) * sine + 2 * cosine * b;
    moved = sine * turned;
    diagonal[at + 1] = lower + moved;
    bulge = cosine * turned - b;
  }
  diagonal[first] = get(diagonal, first) - moved;
  below[first] = bulge;
  below[last] = 0;
}
