import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { InputError } from "../../core/errors.ts";
import type { Placement, Target } from "../../runtime/batches.ts";
import { readIndexPng } from "../index-png.ts";
import type { SpecOf } from "../samples-config.ts";

/** A class per pixel of an original picture. */
export interface Mask {
  readonly height: number;
  readonly width: number;
  readonly labels: Int32Array;
}

/** Stands for pixels that count for nothing. */
export const IGNORED = -1;

const OUTSIDE = IGNORED;

/**
 * Reads one mask: the index of a palette's colour, or a grey value, or a colour that the config gives a class.
 * @param classes number of them, where it is known: other classes are errors
 * @throws InputError `data/broken-image`, `data/bad-mask` with the place of the first wrong pixel
 */
export async function readMask(
  folder: string,
  name: string,
  spec: Pick<SpecOf<"masks">, "values" | "colours" | "ignore">,
  classes: number | null,
): Promise<Mask> {
  const path = join(folder, name);
  const raw = await decoded(path, spec.colours !== undefined);
  const labelOf = spec.colours === undefined ? labelOfValue(spec) : labelOfColour(spec.colours);
  const labels = new Int32Array(raw.height * raw.width);
  for (let pixel = 0; pixel < labels.length; pixel += 1) {
    const value = raw.valueAt(pixel);
    const label = labelOf(value);
    if (label === null || (classes !== null && label >= classes)) {
      const shown = spec.colours === undefined ? `value ${value}` : `colour ${rgbText(value)}`;
      const [row, column] = [Math.floor(pixel / raw.width), pixel % raw.width];
      throw new InputError({
        code: "data/bad-mask",
        message: `Row ${row}, column ${column} has the ${shown}, which is ${label === null ? "no class of the config" : `not among the ${classes} classes`}.`,
        where: path,
        hint: "Set 'values', 'colours', 'ignore' or 'classes' in the data set's config.",
      });
    }
    labels[pixel] = label;
  }
  return { height: raw.height, width: raw.width, labels };
}

function labelOfValue({
  values,
  ignore = [255],
}: Pick<SpecOf<"masks">, "values" | "ignore">): (value: number) => number | null {
  const ignored = new Set(ignore);
  return (value) => {
    if (ignored.has(value)) return IGNORED;
    return values === undefined ? value : (values[String(value)] ?? null);
  };
}

function labelOfColour(
  colours: readonly (readonly [number, number, number])[],
): (value: number) => number | null {
  const byColour = new Map(colours.map(([r, g, b], label) => [(r << 16) | (g << 8) | b, label]));
  return (value) => byColour.get(value) ?? null;
}

function rgbText(value: number): string {
  return `[${value >> 16}, ${(value >> 8) & 255}, ${value & 255}]`;
}

interface RawMask {
  readonly height: number;
  readonly width: number;
  readonly valueAt: (pixel: number) => number;
}

async function decoded(path: string, inColour: boolean): Promise<RawMask> {
  try {
    const bytes = await readFile(path);
    const indexed = inColour ? null : readIndexPng(bytes);
    if (indexed !== null) {
      const { height, width, indices } = indexed;
      return { height, width, valueAt: (pixel) => indices[pixel] ?? 0 };
    }
    const picture = sharp(bytes, { failOn: "error" });
    const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
    const { height, width, channels } = info;
    const at = (pixel: number, channel: number): number => data[pixel * channels + channel] ?? 0;
    if (!inColour) return { height, width, valueAt: (pixel) => at(pixel, 0) };
    const colour = (pixel: number): number =>
      channels < 3
        ? at(pixel, 0) * 0x010101
        : (at(pixel, 0) << 16) | (at(pixel, 1) << 8) | at(pixel, 2);
    return { height, width, valueAt: colour };
  } catch (cause) {
    throw new InputError({
      code: "data/broken-image",
      message: `Can't decode the mask: ${cause instanceof Error ? cause.message : String(cause)}.`,
      where: path,
      hint: "Fix or remove the file; masks are best saved as PNG.",
      cause,
    });
  }
}

/**
 * The mask as the prepared picture has it: every pixel takes the class of the original pixel that its middle lies on; what lies outside of
 * the original counts for nothing.
 * @throws InputError `data/bad-mask` where mask and picture differ in size
 */
export function placedMask(
  mask: Mask,
  placement: Placement,
  [height, width]: readonly [number, number],
  where: string,
): Target {
  if (mask.height !== placement.height || mask.width !== placement.width) {
    throw new InputError({
      code: "data/bad-mask",
      message: `The mask is ${mask.height} x ${mask.width} (height x width), its picture ${placement.height} x ${placement.width}.`,
      where,
      hint: "Masks must be as large as their pictures.",
    });
  }
  const { scale, offset } = placement;
  const source = (at: number, axis: 0 | 1, extent: number): number => {
    const original = Math.floor((at + 0.5 - offset[axis]) / scale[axis]);
    return original >= 0 && original < extent ? original : -1;
  };
  const columns = Array.from({ length: width }, (_, column) => source(column, 1, mask.width));
  const labels = new Int32Array(height * width).fill(OUTSIDE);
  for (let row = 0; row < height; row += 1) {
    const from = source(row, 0, mask.height);
    if (from < 0) continue;
    for (const [column, at] of columns.entries()) {
      if (at >= 0) labels[row * width + column] = mask.labels[from * mask.width + at] ?? IGNORED;
    }
  }
  return { kind: "mask", height, width, labels, ignore: IGNORED };
}
