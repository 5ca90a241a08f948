import type { Placement } from "../runtime/batches.ts";

/** A decoded image: bytes, pixel-major (height x width x channels). */
export interface Pixels {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Where the picture lies on the file's own; null where it isn't known. */
  readonly placement?: Placement | undefined;
}

/**
 * Stretches a picture to a size that is larger, or equal, in both directions. Bilinear with the centres of pixels on each other, as
 * Pillow, torchvision and OpenCV do it: output pixel i is read at (i + 1/2) / scale - 1/2. (libvips, which shrinks our pictures,
 * enlarges half a pixel of the output beside that: 35.3 % of the trained images were right in PyTorch, 34.5 % here.)
 *
 * @returns bytes, rounded after each direction as Pillow does
 */
export function enlarge(pixels: Pixels, height: number, width: number): Pixels {
  const wide = alongRows(pixels, width);
  if (wide.height === height) return wide;
  return transposed(alongRows(transposed(wide), height));
}

/** Weights are whole numbers of so many parts, so that halves are rounded up as Pillow rounds them. */
const UNIT = 2 ** 22;

/** Each row stretched to so many pixels. */
function alongRows({ data, height, width, channels }: Pixels, wanted: number): Pixels {
  if (wanted === width) return { data, height, width, channels };
  const places = Array.from({ length: wanted }, (_, column) => {
    const at = ((column + 0.5) * width) / wanted - 0.5;
    const left = Math.min(width - 1, Math.max(0, Math.floor(at)));
    const right = Math.min(width - 1, left + 1);
    const share = Math.min(1, Math.max(0, at - left));
    return { left, right, near: Math.round((1 - share) * UNIT), far: Math.round(share * UNIT) };
  });
  const out = new Uint8Array(height * wanted * channels);
  for (let row = 0; row < height; row += 1) {
    for (const [column, { left, right, near, far }] of places.entries()) {
      for (let channel = 0; channel < channels; channel += 1) {
        const a = data[(row * width + left) * channels + channel] ?? 0;
        const b = data[(row * width + right) * channels + channel] ?? 0;
        const sum = a * near + b * far + UNIT / 2;
        out[(row * wanted + column) * channels + channel] = Math.floor(sum / UNIT);
      }
    }
  }
  return { data: out, height, width: wanted, channels };
}

function transposed({ data, height, width, channels }: Pixels): Pixels {
  const out = new Uint8Array(data.length);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const [from, to] = [(row * width + column) * channels, (column * height + row) * channels];
      for (let channel = 0; channel < channels; channel += 1) {
        out[to + channel] = data[from + channel] ?? 0;
      }
    }
  }
  return { data: out, height: width, width: height, channels };
}
