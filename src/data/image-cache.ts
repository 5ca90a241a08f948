import { InputError } from "../core/errors.ts";
import type { Progress } from "../core/progress.ts";
import { channelCount, type DatasetConfig } from "./config.ts";
import type { Dataset, IndexedPixels } from "./dataset.ts";
import type { Pixels } from "./pixels.ts";
import { byteOfChannel } from "./prepare.ts";

/** Bytes of one image in the network's order of channels, pixel-major: height x width x channels. */
export function networkBytes(pixels: Pixels, config: DatasetConfig): Uint8Array {
  const channels = channelCount(config);
  if (pixels.channels === channels && config.channels !== "bgr") return pixels.data;
  const count = pixels.height * pixels.width;
  const bytes = new Uint8Array(count * channels);
  for (let channel = 0; channel < channels; channel += 1) {
    const from = byteOfChannel(pixels.channels, config, channel);
    for (let pixel = 0; pixel < count; pixel += 1) {
      bytes[pixel * channels + channel] = pixels.data[pixel * pixels.channels + from] ?? 0;
    }
  }
  return bytes;
}

/** Height and width of every image of the set, by its first one. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** @throws InputError as `Dataset.pixels` */
export async function firstSize(dataset: Dataset): Promise<ImageSize> {
  for await (const { pixels } of dataset.pixels([0])) return pixels;
  throw new RangeError("an empty data set");
}

/**
 * An image's bytes, unless its size differs from that of the others.
 * @throws InputError `data/sizes-differ`
 */
export function checkedBytes(
  { pixels, index }: IndexedPixels,
  size: ImageSize,
  dataset: Dataset,
): Uint8Array {
  if (pixels.height !== size.height || pixels.width !== size.width) {
    throw new InputError({
      code: "data/sizes-differ",
      message: `Image ${index} is ${pixels.height} x ${pixels.width} (height x width), others are ${size.height} x ${size.width}.`,
      where: dataset.path,
      hint: "Set 'size' in the data set's config, with 'resize' and 'crop' where proportions matter.",
    });
  }
  return networkBytes(pixels, dataset.config);
}

/**
 * All images of a set decoded into memory that threads share: count x height x width x channels bytes.
 * @throws InputError `data/sizes-differ`, and as `Dataset.pixels`
 */
export async function cacheImages(
  dataset: Dataset,
  size: ImageSize,
  progress: Progress,
): Promise<SharedArrayBuffer> {
  const perImage = size.height * size.width * channelCount(dataset.config);
  const memory = new SharedArrayBuffer(dataset.count * perImage);
  const bytes = new Uint8Array(memory);
  const all = Array.from({ length: dataset.count }, (_, index) => index);
  let done = 0;
  for await (const image of dataset.pixels(all)) {
    bytes.set(checkedBytes(image, size, dataset), image.index * perImage);
    done += 1;
    if (done % 256 === 0 || done === dataset.count) {
      progress.step("decoding images", done, dataset.count);
    }
  }
  return memory;
}
