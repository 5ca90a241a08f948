/**
 * How the outputs of detectors become boxes in pixels of the network's input. One function per form of head; which one, the config of the head says, or the outputs'
 * shapes tell (`guess.ts`).
 */
import { InputError } from "../../core/errors.ts";
import { type Numbers, numbersOf, probabilitiesOf, sigmoids } from "../answers.ts";
import type { Answer } from "../metric.ts";
import type { Detection } from "./detection.ts";

export interface InputSize {
  readonly height: number;
  readonly width: number;
}

/** The form of a detector's outputs. Names of outputs may be left out where there is one candidate. */
export type HeadSpec =
  /** Boxes and scores that are decoded already. */
  | {
      readonly kind: "boxes";
      readonly boxes: string;
      /** [boxes, classes] or [classes, boxes] of probabilities, or one score per box beside `labels`. */
      readonly scores: string;
      readonly labels?: string | undefined;
      /** Corners, corners with y first, or middle and size. */
      readonly form?: "xyxy" | "yxyx" | "cxcywh" | undefined;
      /** Sides are shares of the picture, 0 to 1. */
      readonly shares?: boolean | undefined;
      /** Class 0 of the scores means nothing. */
      readonly background?: boolean | undefined;
    }
  /** YOLOX: per cell of grids, one grid behind the other, middle and size (size as a logarithm), objectness, classes after the sigmoid. */
  | {
      readonly kind: "yolox";
      readonly output?: string | undefined;
      readonly strides?: readonly number[] | undefined;
      /** The boxes are in pixels already. */
      readonly decoded?: boolean | undefined;
    }
  /** YOLOv5 to v7 as exported: [boxes, 5 + classes], middle and size in pixels, objectness, classes. */
  | { readonly kind: "yolov5"; readonly output?: string | undefined }
  /** YOLOv5's own maps, one per stride: [anchors, rows, columns, 5 + classes] (or channels first) before the sigmoid. */
  | {
      readonly kind: "yolov5-maps";
      readonly outputs?: readonly string[] | undefined;
      readonly strides?: readonly number[] | undefined;
      /** Per map the anchors' widths and heights in pixels. */
      readonly anchors: readonly (readonly (readonly [width: number, height: number])[])[];
    }
  /** YOLOv8 and later as exported: [4 + classes, boxes], middle and size in pixels. */
  | { readonly kind: "yolov8"; readonly output?: string | undefined }
  /** SSD: offsets from anchors and scores of classes whose first means nothing. */
  | {
      readonly kind: "ssd";
      readonly boxes: string;
      readonly scores: string;
      /** Middle and size of every anchor as shares of the picture. */
      readonly anchors: readonly (readonly [
        cx: number,
        cy: number,
        width: number,
        height: number,
      ])[];
      readonly variances?: readonly [number, number] | undefined;
    }
  /** FCOS and centre style: per map the scores of the classes [classes, rows, columns] and the distances to the sides [4, rows, columns]. */
  | {
      readonly kind: "centres";
      readonly levels: readonly {
        readonly scores: string;
        readonly sides: string;
        /** Multiplies the scores. */
        readonly centreness?: string | undefined;
        readonly stride: number;
      }[];
      /** Distances are in pixels, not in cells. */
      readonly pixels?: boolean | undefined;
      /** Only cells whose score is the largest of the 3 x 3 around them count (CenterNet, which needs no suppression). */
      readonly peaks?: boolean | undefined;
    };

/**
 * What a network found, before suppression.
 * @throws InputError `tasks/bad-head` where the outputs don't have the head's form
 */
export function decoded(head: HeadSpec, answer: Answer, size: InputSize): readonly Detection[] {
  switch (head.kind) {
    case "boxes":
      return readyBoxes(head, answer, size);
    case "yolox":
      return yolox(head, answer, size);
    case "yolov5":
      return rowsOf(numbersOf(answer, head.output), "yolov5").flatMap(bestClass);
    case "yolov5-maps":
      return anchorMaps(head, answer, size);
    case "yolov8":
      return yolov8(head, answer);
    case "ssd":
      return ssd(head, answer, size);
    case "centres":
      return centres(head, answer);
    default:
      return head satisfies never;
  }
}

/** Scores below it are not worth a box: every metric and threshold leaves them out. */
const LEAST = 1e-3;

function fromMiddle(
  cx: number,
  cy: number,
  width: number,
  height: number,
): Pick<Detection, "left" | "top" | "right" | "bottom"> {
  return {
    ...{ left: cx - width / 2, right: cx + width / 2 },
    ...{ top: cy - height / 2, bottom: cy + height / 2 },
  };
}

/** A row [cx, cy, w, h, objectness, classes...] as one detection per class that is worth it. */
function bestClass(row: ArrayLike<number>): readonly Detection[] {
  const [cx = 0, cy = 0, width = 0, height = 0, object = 0] = Array.from(row);
  const box = fromMiddle(cx, cy, width, height);
  return classesOf(row, 5, object).map(({ label, score }) => ({ ...box, label, score }));
}

function classesOf(
  row: ArrayLike<number>,
  from: number,
  object: number,
): readonly { readonly label: number; readonly score: number }[] {
  const found: { label: number; score: number }[] = [];
  if (object < LEAST) return found;
  for (let at = from; at < row.length; at += 1) {
    const score = (row[at] ?? 0) * object;
    if (score >= LEAST) found.push({ label: at - from, score });
  }
  return found;
}

function yolox(
  { output, strides = [8, 16, 32], decoded: ready = false }: Extract<HeadSpec, { kind: "yolox" }>,
  answer: Answer,
  { height, width }: InputSize,
): readonly Detection[] {
  const rows = rowsOf(numbersOf(answer, output), "yolox");
  const cells = strides.flatMap((stride) => {
    const [down, across] = [Math.floor(height / stride), Math.floor(width / stride)];
    return Array.from({ length: down * across }, (_, cell) => ({
      ...{ stride, x: cell % across, y: Math.floor(cell / across) },
    }));
  });
  if (cells.length !== rows.length) {
    throw badHead(
      `The output has ${rows.length} rows; strides ${strides.join(", ")} of a picture of ${height} x ${width} make ${cells.length}.`,
    );
  }
  return rows.flatMap((row, at) => {
    const [x = 0, y = 0, w = 0, h = 0, object = 0] = Array.from(row);
    const scores = classesOf(row, 5, object);
    if (scores.length === 0) return [];
    const { stride, x: column, y: line } = cells[at] ?? { stride: 1, x: 0, y: 0 };
    const box = ready
      ? fromMiddle(x, y, w, h)
      : fromMiddle(
          (x + column) * stride,
          (y + line) * stride,
          Math.exp(w) * stride,
          Math.exp(h) * stride,
        );
    return scores.map(({ label, score }) => ({ ...box, label, score }));
  });
}

function yolov8(
  { output }: Extract<HeadSpec, { kind: "yolov8" }>,
  answer: Answer,
): readonly Detection[] {
  const { shape, data } = numbersOf(answer, output);
  const [channels = 0, count = 0] = shape;
  if (shape.length !== 2 || channels < 5) throw wrongShape("yolov8", "[4 + classes, boxes]", shape);
  const at = (channel: number, box: number): number => data[channel * count + box] ?? 0;
  return Array.from({ length: count }, (_, box) => box).flatMap((box) => {
    const row = Array.from({ length: channels }, (_, channel) => at(channel, box));
    const [cx = 0, cy = 0, width = 0, height = 0] = row;
    return classesOf(row, 4, 1).map((found) => ({
      ...fromMiddle(cx, cy, width, height),
      ...found,
    }));
  });
}

function anchorMaps(
  head: Extract<HeadSpec, { kind: "yolov5-maps" }>,
  answer: Answer,
  { height, width }: InputSize,
): readonly Detection[] {
  const names = head.outputs ?? Object.keys(answer);
  const strides = head.strides ?? [8, 16, 32];
  return names.flatMap((name, level) => {
    const { shape, data } = numbersOf(answer, name);
    const stride = strides[level] ?? 1;
    const [down, across] = [Math.floor(height / stride), Math.floor(width / stride)];
    const anchors = head.anchors[level] ?? [];
    const values = data.length / (anchors.length * down * across);
    if (!Number.isInteger(values) || values < 6) {
      throw wrongShape(
        "yolov5-maps",
        `[${anchors.length}, ${down}, ${across}, 5 + classes]`,
        shape,
      );
    }
    const channelsFirst = shape.at(-1) === across && shape.at(-2) === down;
    const cells = down * across;
    return anchors.flatMap(([wide, high], anchor) =>
      Array.from({ length: cells }, (_, cell) => cell).flatMap((cell) => {
        const raw = Array.from({ length: values }, (_, value) => {
          const index = channelsFirst
            ? (anchor * values + value) * cells + cell
            : (anchor * cells + cell) * values + value;
          return data[index] ?? 0;
        });
        const row = raw.map((value) => 1 / (1 + Math.exp(-value)));
        const [x = 0, y = 0, w = 0, h = 0, object = 0] = row;
        const box = fromMiddle(
          (2 * x - 0.5 + (cell % across)) * stride,
          (2 * y - 0.5 + Math.floor(cell / across)) * stride,
          (2 * w) ** 2 * wide,
          (2 * h) ** 2 * high,
        );
        return classesOf(row, 5, object).map((found) => ({ ...box, ...found }));
      }),
    );
  });
}

function readyBoxes(
  head: Extract<HeadSpec, { kind: "boxes" }>,
  answer: Answer,
  { height, width }: InputSize,
): readonly Detection[] {
  const boxes = rowsOf(numbersOf(answer, head.boxes), "boxes");
  const scores = numbersOf(answer, head.scores);
  const labels = head.labels === undefined ? null : numbersOf(answer, head.labels).data;
  const [across, down] = head.shares === true ? [width, height] : [1, 1];
  return boxes.flatMap((row, at) => {
    const [a = 0, b = 0, c = 0, d = 0] = Array.from(row);
    const box = sidesOf(head.form ?? "xyxy", [a, b, c, d]);
    const placed = {
      ...{ left: box.left * across, right: box.right * across },
      ...{ top: box.top * down, bottom: box.bottom * down },
    };
    return scoresAt(scores, at, boxes.length, labels, head.background === true).map((found) => ({
      ...placed,
      ...found,
    }));
  });
}

function sidesOf(
  form: "xyxy" | "yxyx" | "cxcywh",
  [a, b, c, d]: readonly [number, number, number, number],
): Pick<Detection, "left" | "top" | "right" | "bottom"> {
  if (form === "cxcywh") return fromMiddle(a, b, c, d);
  return form === "xyxy"
    ? { left: a, top: b, right: c, bottom: d }
    : { left: b, top: a, right: d, bottom: c };
}

function scoresAt(
  { shape, data }: Numbers,
  box: number,
  boxes: number,
  labels: ArrayLike<number> | null,
  background: boolean,
): readonly { readonly label: number; readonly score: number }[] {
  if (labels !== null || shape.length === 1) {
    const score = data[box] ?? 0;
    return score >= LEAST ? [{ label: labels?.[box] ?? 0, score }] : [];
  }
  const classes = data.length / boxes;
  const rowsFirst = shape[0] === boxes;
  const row = Array.from({ length: classes }, (_, label) =>
    rowsFirst ? (data[box * classes + label] ?? 0) : (data[label * boxes + box] ?? 0),
  );
  return classesOf(row, background ? 1 : 0, 1);
}

function ssd(
  head: Extract<HeadSpec, { kind: "ssd" }>,
  answer: Answer,
  { height, width }: InputSize,
): readonly Detection[] {
  const { anchors, variances = [0.1, 0.2] } = head;
  const offsets = rowsOf(numbersOf(answer, head.boxes), "ssd");
  const scores = rowsOf(numbersOf(answer, head.scores), "ssd");
  if (offsets.length !== anchors.length || scores.length !== anchors.length) {
    throw badHead(
      `There are ${anchors.length} anchors, ${offsets.length} boxes and ${scores.length} scores.`,
    );
  }
  return anchors.flatMap(([cx, cy, w, h], at) => {
    const [x = 0, y = 0, dw = 0, dh = 0] = Array.from(offsets[at] ?? []);
    const found = classesOf(probabilitiesOf(scores[at] ?? []), 1, 1);
    if (found.length === 0) return [];
    const box = fromMiddle(
      (cx + x * variances[0] * w) * width,
      (cy + y * variances[0] * h) * height,
      w * Math.exp(dw * variances[1]) * width,
      h * Math.exp(dh * variances[1]) * height,
    );
    return found.map((each) => ({ ...box, ...each }));
  });
}

function centres(
  { levels, pixels = false, peaks = false }: Extract<HeadSpec, { kind: "centres" }>,
  answer: Answer,
): readonly Detection[] {
  return levels.flatMap((level) => {
    const scores = numbersOf(answer, level.scores);
    const sides = numbersOf(answer, level.sides).data;
    const [classes = 0, rows = 0, columns = 0] = scores.shape;
    const cells = rows * columns;
    if (scores.shape.length !== 3 || sides.length !== 4 * cells) {
      throw wrongShape("centres", "[classes, rows, columns] and [4, rows, columns]", scores.shape);
    }
    const sure = sigmoids(scores.data);
    const near =
      level.centreness === undefined ? null : sigmoids(numbersOf(answer, level.centreness).data);
    const unit = pixels ? 1 : level.stride;
    const found: Detection[] = [];
    for (let label = 0; label < classes; label += 1) {
      for (let cell = 0; cell < cells; cell += 1) {
        const own = sure[label * cells + cell] ?? 0;
        const score = near === null ? own : Math.sqrt(own * (near[cell] ?? 0));
        if (score < LEAST || (peaks && !isPeak(sure, label * cells, cell, rows, columns))) continue;
        const [x, y] = [(cell % columns) + 0.5, Math.floor(cell / columns) + 0.5];
        const side = (index: number): number => (sides[index * cells + cell] ?? 0) * unit;
        found.push({
          ...{ left: x * level.stride - side(0), top: y * level.stride - side(1) },
          ...{ right: x * level.stride + side(2), bottom: y * level.stride + side(3) },
          ...{ label, score },
        });
      }
    }
    return found;
  });
}

function isPeak(
  scores: Float64Array,
  from: number,
  cell: number,
  rows: number,
  columns: number,
): boolean {
  const own = scores[from + cell] ?? 0;
  const [row, column] = [Math.floor(cell / columns), cell % columns];
  for (let r = Math.max(0, row - 1); r <= Math.min(rows - 1, row + 1); r += 1) {
    for (let c = Math.max(0, column - 1); c <= Math.min(columns - 1, column + 1); c += 1) {
      if ((scores[from + r * columns + c] ?? 0) > own) return false;
    }
  }
  return true;
}

/** The rows of a matrix; leading axes of one are left out. */
function rowsOf({ shape, data }: Numbers, kind: string): readonly ArrayLike<number>[] {
  const [count = 0, length = 0] = shape.slice(-2);
  if (shape.length < 2 || count * length !== data.length) {
    throw wrongShape(kind, "[boxes, values]", shape);
  }
  const values = data instanceof Float32Array ? data : Float32Array.from(data);
  return Array.from({ length: count }, (_, row) =>
    values.subarray(row * length, (row + 1) * length),
  );
}

function wrongShape(kind: string, wanted: string, shape: readonly number[]): InputError {
  return badHead(`A head '${kind}' has ${wanted} per sample, the output is [${shape.join(", ")}].`);
}

function badHead(message: string): InputError {
  return new InputError({
    code: "tasks/bad-head",
    message,
    where: "--head",
    hint: "docs/tasks.md lists the forms of heads and what each needs.",
  });
}
