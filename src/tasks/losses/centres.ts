/** The loss of a detector that marks the centres of objects (CenterNet: Zhou et al., 1904.07850). */
import { appended, type Lossy, staticOf, withInput } from "../../gradients/losses.ts";
import {
  add,
  cast,
  compare,
  divide,
  multiply,
  power,
  scalar,
  scale,
  subtract,
  unary,
} from "../../gradients/ops.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Box } from "../../runtime/batches.ts";
import { sumOfAll } from "./classes.ts";

export interface CentreLossOptions {
  /** Values before the sigmoid, samples x classes x rows x columns. */
  readonly heatmap: string;
  /** samples x 4 x rows x columns: the distances from the cell's centre to the box's left, top, right and bottom side, in cells. */
  readonly sides: string;
  /** Name of a new input like the heatmap: 1 at centres, a bell around them. */
  readonly centres: string;
  /** Name of a new input like the sides: what they should be at the centres' cells, and -1 elsewhere. */
  readonly distances: string;
  /** Weight of the sides' distance; 1 unless given. */
  readonly sideWeight?: number;
}

/**
 * Focal loss of the heatmap, with p its sigmoid and y the bells: -(1 - p)^2 log p where y is 1, else -(1 - y)^4 p^2 log(1 - p), plus the weighted |sides - distances| at
 * the centres; both summed and divided by the number of centres (at least 1).
 */
export function centreLoss(graph: Graph, options: CentreLossOptions): Lossy {
  const { heatmap, sides, centres, distances, sideWeight = 1 } = options;
  const fed = [
    [centres, heatmap],
    [distances, sides],
  ].reduce(
    (open, [name = "", like = ""]) => withInput(open, { name, ...staticOf(open, like) }),
    graph,
  );
  return appended(fed, "loss/centres", (e) => {
    const type = e.typeOf(heatmap);
    const one = scalar(e, 1, heatmap);
    const isCentre = cast(e, compare(e, "GreaterOrEqual", centres, one), type);
    const p = unary(e, "Sigmoid", heatmap);
    const square = (x: string): string => multiply(e, x, x);
    // log p = -softplus(-z) and log(1 - p) = -softplus(z), which stay finite where p is 0 or 1.
    const missed = multiply(
      e,
      square(subtract(e, one, p)),
      unary(e, "Softplus", unary(e, "Neg", heatmap)),
    );
    const far = power(e, subtract(e, one, centres), scalar(e, 4, heatmap));
    const wrong = multiply(e, multiply(e, far, square(p)), unary(e, "Softplus", heatmap));
    const focal = add(
      e,
      sumOfAll(e, multiply(e, isCentre, missed)),
      sumOfAll(e, multiply(e, subtract(e, one, isCentre), wrong)),
    );
    const atCentres = cast(e, compare(e, "GreaterOrEqual", distances, scalar(e, 0, sides)), type);
    const apart = unary(e, "Abs", subtract(e, sides, distances));
    const distance = sumOfAll(e, multiply(e, atCentres, apart));
    const total = add(e, focal, scale(e, distance, sideWeight));
    const count = e.node("Max", [sumOfAll(e, isCentre), one], []);
    return divide(e, total, count);
  });
}

/** Where the targets of a centre loss are drawn. */
export interface CentreGrid {
  readonly classes: number;
  readonly rows: number;
  readonly columns: number;
  /** Pixels of the input per cell. */
  readonly stride: number;
}

/**
 * The two targets of one image. The bell's deviation is a sixth of the smaller side (at least a third of a cell), so that it covers the object; cells of two
 * objects keep the higher value, and the distances of the smaller object.
 * @param boxes in pixels of the network's input
 * @returns classes x rows x columns, and 4 x rows x columns
 */
export function centreTargets(
  boxes: readonly Box[],
  { classes, rows, columns, stride }: CentreGrid,
): { readonly centres: Float32Array; readonly distances: Float32Array } {
  const plane = rows * columns;
  const centres = new Float32Array(classes * plane);
  const distances = new Float32Array(4 * plane).fill(-1);
  const area = (box: Box): number => (box.right - box.left) * (box.bottom - box.top);
  const largestFirst = boxes
    .filter(({ ignored }) => ignored === undefined)
    .sort((a, b) => area(b) - area(a));
  for (const { left, top, right, bottom, label } of largestFirst) {
    const [x, y] = [(left + right) / 2 / stride, (top + bottom) / 2 / stride];
    const column = Math.min(columns - 1, Math.max(0, Math.floor(x)));
    const row = Math.min(rows - 1, Math.max(0, Math.floor(y)));
    const deviation = Math.max(1 / 3, Math.min(right - left, bottom - top) / stride / 6);
    for (let r = 0; r < rows; r += 1) {
      for (let c = 0; c < columns; c += 1) {
        const distance2 = (r - row) ** 2 + (c - column) ** 2;
        const height = Math.exp(-distance2 / (2 * deviation ** 2));
        const at = label * plane + r * columns + c;
        centres[at] = Math.max(centres[at] ?? 0, height);
      }
    }
    const cell = row * columns + column;
    const [cx, cy] = [column + 0.5, row + 0.5];
    const sides = [
      cx - left / stride,
      cy - top / stride,
      right / stride - cx,
      bottom / stride - cy,
    ];
    for (const [side, distance] of sides.entries()) {
      distances[side * plane + cell] = Math.max(0, distance);
    }
  }
  return { centres, distances };
}
