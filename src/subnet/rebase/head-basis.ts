/**
 * The change of basis of one group of heads. Scores are q k^T = x A B^T y^T with A [E, W] and B [E', W] the weights of queries and
 * keys (a bias is one more row, of an input that is always 1): only the product A B^T matters, so that the columns of A and B are
 * defined up to an invertible matrix. With second moments S = E[x x^T] and T = E[y y^T] of what they read, S = R^T R, T = P^T P,
 *
 *     R A = Q1 X,  P B = Q2 Y,  X Y^T = U diag(s) V^T
 *     A' = R^-1 Q1 U diag(sqrt(s)),  B' = P^-1 Q2 V diag(sqrt(s))
 *
 * gives A' B'^T = A B^T exactly, and the best k columns are the first k: the truncated SVD of S^(1/2) A B^T T^(1/2). No factor of A or
 * B is inverted, so that heads of any rank are allowed; columns beyond the rank become zero.
 */
import {
  CholeskyDecomposition,
  Matrix,
  QrDecomposition,
  SingularValueDecomposition,
} from "ml-matrix";

export interface Basis {
  readonly left: Matrix;
  readonly right: Matrix;
  /** Not increasing. */
  readonly singularValues: readonly number[];
}

/** A root R of a second moment: S = R^T R, upper triangular. */
export interface MomentRoot {
  readonly times: (matrix: Matrix) => Matrix;
  readonly inverseTimes: (matrix: Matrix) => Matrix;
}

/** What is read is as likely in every direction. */
export const WHITE: MomentRoot = { times: (matrix) => matrix, inverseTimes: (matrix) => matrix };

/** Relative to the mean of the diagonal: what images don't show still has to be kept. */
const RIDGE = 1e-4;

/**
 * @param moment sum over samples of x x^T, row-major, size x size
 */
export function momentRoot(moment: Float64Array, size: number): MomentRoot {
  let trace = 0;
  for (let at = 0; at < size; at += 1) trace += moment[at * (size + 1)] ?? 0;
  if (!(trace > 0)) return WHITE;
  const scale = size / trace;
  const rows = Array.from({ length: size }, (_, row) =>
    Array.from(
      { length: size },
      (_, column) => scale * (moment[row * size + column] ?? 0) + (row === column ? RIDGE : 0),
    ),
  );
  const lower = new CholeskyDecomposition(new Matrix(rows)).lowerTriangularMatrix;
  const upper = lower.transpose();
  return {
    times: (matrix) => upper.mmul(matrix),
    inverseTimes: (matrix) => backSubstituted(upper, matrix),
  };
}

/** Requires as many columns in both. */
export function newBasis(
  left: Matrix,
  right: Matrix,
  leftRoot: MomentRoot,
  rightRoot: MomentRoot,
): Basis {
  const a = thinQr(leftRoot.times(left));
  const b = thinQr(rightRoot.times(right));
  const svd = new SingularValueDecomposition(a.r.mmul(b.r.transpose()), { autoTranspose: true });
  const order = svd.diagonal
    .map((value, index) => ({ value, index }))
    .sort((one, other) => other.value - one.value);
  const columns = left.columns;
  const picked = (vectors: Matrix): Matrix => {
    const result = Matrix.zeros(vectors.rows, columns);
    order.slice(0, columns).forEach(({ value, index }, column) => {
      const root = Math.sqrt(Math.max(0, value));
      for (let row = 0; row < vectors.rows; row += 1) {
        result.set(row, column, root * vectors.get(row, index));
      }
    });
    return result;
  };
  return {
    left: leftRoot.inverseTimes(a.q.mmul(picked(svd.leftSingularVectors))),
    right: rightRoot.inverseTimes(b.q.mmul(picked(svd.rightSingularVectors))),
    singularValues: order.slice(0, columns).map(({ value }) => value),
  };
}

/** A = Q R with orthonormal columns; of a matrix with more columns than rows Q is square. */
function thinQr(matrix: Matrix): { readonly q: Matrix; readonly r: Matrix } {
  if (matrix.columns > matrix.rows) return { q: Matrix.eye(matrix.rows), r: matrix.clone() };
  const qr = new QrDecomposition(matrix);
  return { q: qr.orthogonalMatrix, r: qr.upperTriangularMatrix };
}

function backSubstituted(upper: Matrix, matrix: Matrix): Matrix {
  const result = matrix.clone();
  for (let column = 0; column < result.columns; column += 1) {
    for (let row = upper.rows - 1; row >= 0; row -= 1) {
      let sum = result.get(row, column);
      for (let at = row + 1; at < upper.rows; at += 1) {
        sum -= upper.get(row, at) * result.get(at, column);
      }
      result.set(row, column, sum / upper.get(row, row));
    }
  }
  return result;
}
