import { InputError } from "../../core/errors.ts";
import type { Target } from "../../runtime/batches.ts";
import { type Numbers, numbersOf, targetAs } from "../answers.ts";
import { type Answer, type Metric, meanMetric } from "../metric.ts";

export interface RegressionOptions {
  readonly output?: string | undefined;
  /** The difference between the largest and the smallest value that targets can have; for PSNR and SSIM. 1 unless given. */
  readonly range?: number | undefined;
}

/** Mean of (value - target)^2 over a sample's numbers, averaged over the samples. */
export function meanSquareError({ output }: RegressionOptions = {}): Metric<number> {
  return meanMetric({ ...LOWER, name: "MSE" }, (answer, target) =>
    meanOfPairs(pair(answer, target, output), (gap) => gap * gap),
  );
}

/** Mean of |value - target|. */
export function meanAbsoluteError({ output }: RegressionOptions = {}): Metric<number> {
  return meanMetric({ ...LOWER, name: "MAE" }, (answer, target) =>
    meanOfPairs(pair(answer, target, output), Math.abs),
  );
}

const LOWER = { better: "lower", unit: "number", pooling: "mean" } as const;

/** Smallest square error that counts, as a share of the range's square: equal pictures have 100 dB, not infinitely many. */
const LEAST = 1e-10;

/** Peak signal to noise ratio: 10 log10(range^2 / MSE) of every sample, averaged over the samples. */
export function peakSignalToNoise({ output, range = 1 }: RegressionOptions = {}): Metric<number> {
  return meanMetric(
    { name: "PSNR", better: "higher", unit: "dB", pooling: "mean" },
    (answer, target) => {
      const error = meanOfPairs(pair(answer, target, output), (gap) => gap * gap);
      return -10 * Math.log10(Math.max(error / range ** 2, LEAST));
    },
  );
}

/**
 * Structural similarity (Wang et al. 2004): windows of 11 x 11 weighted by a Gauss function of deviation 1.5, K1 = 0.01, K2 = 0.03, where the whole window fits;
 * the mean over positions and channels of every sample, averaged over the samples.
 */
export function structuralSimilarity({
  output,
  range = 1,
}: RegressionOptions = {}): Metric<number> {
  return meanMetric(
    { name: "SSIM", better: "higher", unit: "number", pooling: "mean" },
    (answer, target) => {
      const { value, wanted } = pair(answer, target, output);
      const [height = 1, width = 1] = value.shape.slice(-2);
      const channels = value.data.length / height / width;
      let sum = 0;
      for (let channel = 0; channel < channels; channel += 1) {
        const from = channel * height * width;
        const plane = (data: ArrayLike<number>): Float64Array =>
          Float64Array.from({ length: height * width }, (_, at) => data[from + at] ?? 0);
        sum += ssim(plane(value.data), plane(wanted.data), height, width, range);
      }
      return sum / channels;
    },
  );
}

const WINDOW = 11;
const DEVIATION = 1.5;

/** SSIM of two pictures of one channel, row-major. */
export function ssim(
  x: Float64Array,
  y: Float64Array,
  height: number,
  width: number,
  range: number,
): number {
  if (height < WINDOW || width < WINDOW) {
    throw new InputError({
      code: "tasks/bad-answer",
      message: `The picture is ${height} x ${width}; SSIM's window is ${WINDOW} x ${WINDOW}.`,
      where: "SSIM",
      hint: "Judge such small pictures by PSNR.",
    });
  }
  const blur = (values: Float64Array): Float64Array => blurred(values, height, width);
  const product = (a: Float64Array, b: Float64Array): Float64Array =>
    a.map((value, at) => value * (b[at] ?? 0));
  const [mx, my] = [blur(x), blur(y)];
  const [xx, yy, xy] = [blur(product(x, x)), blur(product(y, y)), blur(product(x, y))];
  const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2];
  let sum = 0;
  for (const [at, a] of mx.entries()) {
    const b = my[at] ?? 0;
    const [va, vb, cov] = [(xx[at] ?? 0) - a * a, (yy[at] ?? 0) - b * b, (xy[at] ?? 0) - a * b];
    sum += ((2 * a * b + c1) * (2 * cov + c2)) / ((a * a + b * b + c1) * (va + vb + c2));
  }
  return sum / mx.length;
}

/** Weighted means over the window, where it fits; first along rows, then along columns. */
function blurred(values: Float64Array, height: number, width: number): Float64Array {
  const half = (WINDOW - 1) / 2;
  const raw = Array.from({ length: WINDOW }, (_, at) =>
    Math.exp(-((at - half) ** 2) / (2 * DEVIATION ** 2)),
  );
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  const weights = raw.map((weight) => weight / total);
  const columns = width - WINDOW + 1;
  const rows = height - WINDOW + 1;
  const wide = new Float64Array(height * columns);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let sum = 0;
      for (const [at, weight] of weights.entries()) {
        sum += weight * (values[row * width + column + at] ?? 0);
      }
      wide[row * columns + column] = sum;
    }
  }
  const out = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let sum = 0;
      for (const [at, weight] of weights.entries()) {
        sum += weight * (wide[(row + at) * columns + column] ?? 0);
      }
      out[row * columns + column] = sum;
    }
  }
  return out;
}

interface Pair {
  readonly value: Numbers;
  readonly wanted: Numbers;
}

function pair(answer: Answer, target: Target, output: string | undefined): Pair {
  const { values } = targetAs(target, "values");
  const [first] = Object.keys(values);
  const name = output ?? (first === "" ? undefined : first);
  const value = numbersOf(answer, name);
  const wanted = numbersOf(values, name !== undefined && name in values ? name : undefined);
  if (value.data.length === wanted.data.length) return { value, wanted };
  throw new InputError({
    code: "tasks/bad-target",
    message: `The output is [${value.shape.join(", ")}] per sample, the target [${wanted.shape.join(", ")}].`,
    where: "data",
    hint: "Set 'size', 'channels' or 'shape' of the target in the data set's config, or name the output it belongs to.",
  });
}

function meanOfPairs({ value, wanted }: Pair, distance: (gap: number) => number): number {
  let sum = 0;
  for (let at = 0; at < value.data.length; at += 1) {
    sum += distance((value.data[at] ?? 0) - (wanted.data[at] ?? 0));
  }
  return sum / value.data.length;
}
