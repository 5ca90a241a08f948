/** Matrix products. */
import type { Emitter } from "../emitter.ts";
import {
  asMatrix,
  gemm as gemmNode,
  matMul as matMulNode,
  matrixTranspose,
  reshape,
  scale,
  sumTo,
} from "../ops.ts";
import type { Rule } from "../rule.ts";

// Y = alpha A' B' + beta C, where A' is A or its transpose.
export const gemm: Rule<"gemm"> = (op, site) => {
  const { emit: e, gradient } = site;
  const { alpha, transA, transB } = op;
  const [a, b] = [site.input(0), site.input(1)];
  return [
    () =>
      transA
        ? gemmNode(e, b, gradient, { transA: transB, transB: true, alpha })
        : gemmNode(e, gradient, b, { transB: !transB, alpha }),
    () =>
      transB
        ? gemmNode(e, gradient, a, { transA: true, transB: transA, alpha })
        : gemmNode(e, a, gradient, { transA: !transA, alpha }),
    () => scale(e, sumTo(e, gradient, e.shapeOf(site.input(2))), op.beta),
  ];
};

export const matMul: Rule<"matMul"> = (_op, site) => {
  const { emit: e } = site;
  const [a, b] = [site.input(0), site.input(1)];
  const [shapeA, shapeB] = [e.shapeOf(a), e.shapeOf(b)];
  // A vector on the left is a row, one on the right a column.
  const left = shapeA.length === 1 ? reshape(e, a, [1, ...shapeA]) : a;
  const right = shapeB.length === 1 ? reshape(e, b, [...shapeB, 1]) : b;
  const leading = e.shapeOf(site.gradient).slice(0, Math.max(shapeA.length, shapeB.length, 2) - 2);
  const gradient = reshape(e, site.gradient, [
    ...leading,
    e.shapeOf(left).at(-2) ?? 1,
    e.shapeOf(right).at(-1) ?? 1,
  ]);
  // A weight against a batch of matrices: one product of two large matrices, with nothing to sum over the batch.
  const flat = e.shapeOf(right).length === 2 && e.shapeOf(left).length >= 2;
  return [
    () =>
      flat
        ? reshape(e, gemmNode(e, asMatrix(e, gradient), right, { transB: true }), shapeA)
        : sumMatrices(
            e,
            matMulNode(e, gradient, matrixTranspose(e, right)),
            e.shapeOf(left),
            shapeA,
          ),
    () =>
      flat
        ? reshape(
            e,
            gemmNode(e, asMatrix(e, left), asMatrix(e, gradient), { transA: true }),
            shapeB,
          )
        : sumMatrices(
            e,
            matMulNode(e, matrixTranspose(e, left), gradient),
            e.shapeOf(right),
            shapeB,
          ),
  ];
};

function sumMatrices(
  e: Emitter,
  x: string,
  matrix: readonly number[],
  shape: readonly number[],
): string {
  return reshape(e, sumTo(e, x, matrix), shape);
}
