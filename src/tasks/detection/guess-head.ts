import { InputError } from "../../core/errors.ts";
import type { HeadSpec, InputSize } from "./heads.ts";

/** An output by its shape without the batch axis; null where it isn't known. */
export interface OutputShape {
  readonly name: string;
  readonly shape: readonly (number | null)[];
}

const STRIDES = [8, 16, 32];

/**
 * The head that a detector's outputs look like, and why.
 * @throws InputError `tasks/unknown-head`
 */
export function guessHead(
  outputs: readonly OutputShape[],
  size: InputSize,
): { readonly head: HeadSpec; readonly reason: string } {
  const cells = STRIDES.reduce(
    (sum, stride) => sum + Math.floor(size.height / stride) * Math.floor(size.width / stride),
    0,
  );
  const matrix = (output: OutputShape): readonly [number, number] | null => {
    const [rows, columns, ...others] = output.shape;
    return others.length === 0 && typeof rows === "number" && typeof columns === "number"
      ? [rows, columns]
      : null;
  };
  const [only] = outputs;
  if (outputs.length === 1 && only !== undefined) {
    const [rows = 0, columns = 0] = matrix(only) ?? [];
    const where = `'${only.name}' is [${rows}, ${columns}]`;
    if (rows === cells && columns > 5) {
      return {
        head: { kind: "yolox", output: only.name },
        reason: `${where}: a row per cell of strides 8, 16, 32`,
      };
    }
    if (rows === 3 * cells && columns > 5) {
      return {
        head: { kind: "yolov5", output: only.name },
        reason: `${where}: three rows per cell of strides 8, 16, 32`,
      };
    }
    if (columns === cells && rows > 4) {
      return {
        head: { kind: "yolov8", output: only.name },
        reason: `${where}: a column per cell of strides 8, 16, 32`,
      };
    }
  }
  const boxes = outputs.find((output) => output.shape.at(-1) === 4 && output.shape.length === 2);
  const scores = outputs.find((output) => output !== boxes && output.shape.length === 2);
  if (boxes !== undefined && scores !== undefined && outputs.length === 2) {
    return {
      head: { kind: "boxes", boxes: boxes.name, scores: scores.name },
      reason: `'${boxes.name}' has four numbers per box, '${scores.name}' its scores`,
    };
  }
  const maps = outputs.filter((output) => output.shape.length === 3);
  const sides = maps.find((output) => output.shape[0] === 4);
  const heat = maps.find((output) => output !== sides);
  const rows = heat?.shape[1];
  if (sides !== undefined && heat !== undefined && maps.length === 2 && typeof rows === "number") {
    const stride = Math.round(size.height / rows);
    return {
      head: {
        ...({ kind: "centres", peaks: true } as const),
        levels: [{ scores: heat.name, sides: sides.name, stride }],
      },
      reason: `'${heat.name}' are maps of classes at stride ${stride}, '${sides.name}' four maps of distances`,
    };
  }
  throw new InputError({
    code: "tasks/unknown-head",
    message: `No head is known whose outputs are ${outputs.map(({ name, shape }) => `'${name}' [${shape.map((extent) => extent ?? "?").join(", ")}]`).join(", ")}.`,
    where: "outputs",
    hint: "Describe it with --head, as JSON; docs/tasks.md lists the forms.",
  });
}
