import sharp, { type Sharp } from "sharp";
import { InputError } from "../core/errors.ts";
import type { Placement } from "../runtime/batches.ts";
import { channelCount, type DatasetConfig } from "./config.ts";
import { enlarge, type Pixels } from "./pixels.ts";
import type { RawImage } from "./source.ts";

/** An image as the network is fed it, without its batch axis. */
export interface Prepared {
  /** Channel-major (or pixel-major with layout nhwc). */
  readonly values: Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly placement: Placement | null;
}

/**
 * Decodes and prepares one image: first resize (shorter side), central crop, stretch to the final size, then
 * (byte * scale - mean) / std per channel.
 * @param where names the image in messages.
 * @throws InputError `data/broken-image`, `data/image-too-small`
 */
export async function prepareImage(
  image: RawImage,
  config: DatasetConfig,
  where: string,
): Promise<Prepared> {
  return normalised(await decodeImage(image, config, where), config);
}

/**
 * The bytes of one image after the first resize, the crop and the stretch, before they become numbers.
 * @throws InputError as `prepareImage`
 */
export async function decodeImage(
  image: RawImage,
  config: DatasetConfig,
  where: string,
): Promise<Pixels> {
  try {
    const whole = await decode(image, config);
    const decoded = await firstResize(whole, config);
    const final = await fitted(crop(decoded, config, where), config);
    return { ...final, placement: placementOf(whole, config) };
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError({
      code: "data/broken-image",
      message: `Can't decode the image: ${cause instanceof Error ? cause.message : String(cause)}.`,
      where,
      hint: "Repair or remove the file.",
      cause,
    });
  }
}

async function decode(image: RawImage, config: DatasetConfig): Promise<Pixels> {
  return image.kind === "pixels"
    ? pixelMajor(image)
    : await toPixels(inColours(sharp(image.bytes, { failOn: "error" }), config));
}

async function firstResize(pixels: Pixels, config: DatasetConfig): Promise<Pixels> {
  const [height, width] = firstSizeOf(pixels, config);
  return await resized(pixels, height, width);
}

/** Height and width after the first resize, which keeps the proportions. */
function firstSizeOf({ height, width }: Extents, { resize }: DatasetConfig): [number, number] {
  if (resize === undefined) return [height, width];
  const scale = resize / Math.min(height, width);
  const scaled = (extent: number): number => Math.max(resize, Math.floor(extent * scale + 0.5));
  return [scaled(height), scaled(width)];
}

type Extents = Pick<Pixels, "height" | "width">;

/** Where the prepared image lies on the original one of these extents. */
export function placementOf({ height, width }: Extents, config: DatasetConfig): Placement {
  const [resizedHeight, resizedWidth] = firstSizeOf({ height, width }, config);
  const crop = config.crop === undefined ? [resizedHeight, resizedWidth] : pairOf(config.crop);
  const top = Math.floor((resizedHeight - (crop[0] ?? 0)) / 2);
  const left = Math.floor((resizedWidth - (crop[1] ?? 0)) / 2);
  const cropped = { height: crop[0] ?? 0, width: crop[1] ?? 0 };
  const box = fittedBox(cropped, config);
  const scale = [box.height / cropped.height, box.width / cropped.width] as const;
  return {
    ...{ height, width },
    scale: [(resizedHeight / height) * scale[0], (resizedWidth / width) * scale[1]],
    offset: [box.top - top * scale[0], box.left - left * scale[1]],
  };
}

/** Where in the final image the cropped one is drawn, and how large. */
function fittedBox(
  { height, width }: Extents,
  { size, letterbox }: DatasetConfig,
): Extents & { readonly top: number; readonly left: number } {
  const [rows, columns] = size === undefined ? [height, width] : pairOf(size);
  if (letterbox === undefined) return { height: rows, width: columns, top: 0, left: 0 };
  const scale = Math.min(rows / height, columns / width);
  const inner = {
    height: Math.max(1, Math.min(rows, Math.floor(height * scale + 1e-9))),
    width: Math.max(1, Math.min(columns, Math.floor(width * scale + 1e-9))),
  };
  if (letterbox.align === "top-left") return { ...inner, top: 0, left: 0 };
  const half = (whole: number, part: number): number => Math.floor((whole - part) / 2);
  return { ...inner, top: half(rows, inner.height), left: half(columns, inner.width) };
}

/** Three channels (or one), no transparency: a transparent pixel is as if on black. */
function inColours(picture: Sharp, config: DatasetConfig): Sharp {
  const opaque = picture.flatten({ background: "#000000" });
  return channelCount(config) === 1 ? opaque.grayscale() : opaque.toColourspace("srgb");
}

function fromPixels(pixels: Pixels): Sharp {
  const { width, height, channels } = pixels;
  if (channels !== 1 && channels !== 3) throw new Error(`${channels} channels can't be resized`);
  return sharp(pixels.data, { raw: { width, height, channels } });
}

async function toPixels(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  return { data, height: info.height, width: info.width, channels: info.channels };
}

function crop(pixels: Pixels, config: DatasetConfig, where: string): Pixels {
  if (config.crop === undefined) return pixels;
  const [height, width] = pairOf(config.crop);
  if (pixels.height < height || pixels.width < width) {
    throw new InputError({
      code: "data/image-too-small",
      message: `The image is ${pixels.height} x ${pixels.width} (height x width), smaller than the crop of ${height} x ${width}.`,
      where,
      hint: "Set 'resize' in the data set's config to the crop's shorter side at least, or leave 'crop' out.",
    });
  }
  const top = Math.floor((pixels.height - height) / 2);
  const left = Math.floor((pixels.width - width) / 2);
  const { channels } = pixels;
  const data = new Uint8Array(height * width * channels);
  for (let row = 0; row < height; row += 1) {
    const from = ((top + row) * pixels.width + left) * channels;
    data.set(pixels.data.subarray(from, from + width * channels), row * width * channels);
  }
  return { data, height, width, channels };
}

/** Stretched to the final size, or drawn into it. */
async function fitted(pixels: Pixels, config: DatasetConfig): Promise<Pixels> {
  if (config.size === undefined) return pixels;
  const [height, width] = pairOf(config.size);
  const box = fittedBox(pixels, config);
  const inner = await resized(pixels, box.height, box.width);
  if (inner.height === height && inner.width === width) return inner;
  const { channels } = inner;
  const data = new Uint8Array(height * width * channels).fill(config.letterbox?.value ?? 114);
  for (let row = 0; row < inner.height; row += 1) {
    const from = row * inner.width * channels;
    const to = ((box.top + row) * width + box.left) * channels;
    data.set(inner.data.subarray(from, from + inner.width * channels), to);
  }
  return { data, height, width, channels };
}

/** Bilinear, with antialiasing where it becomes smaller. */
async function resized(pixels: Pixels, height: number, width: number): Promise<Pixels> {
  const [least, narrowest] = [Math.min(height, pixels.height), Math.min(width, pixels.width)];
  return enlarge(await shrunk(pixels, least, narrowest), height, width);
}

async function shrunk(pixels: Pixels, height: number, width: number): Promise<Pixels> {
  if (pixels.height === height && pixels.width === width) return pixels;
  const options = { fit: "fill", kernel: "linear" } as const;
  const small = await toPixels(fromPixels(pixels).resize(width, height, options));
  // A grey picture may come back with three equal channels.
  return small.channels === pixels.channels ? small : firstChannel(small);
}

function firstChannel(pixels: Pixels): Pixels {
  const data = new Uint8Array(pixels.height * pixels.width);
  for (let at = 0; at < data.length; at += 1) data[at] = pixels.data[at * pixels.channels] ?? 0;
  return { ...pixels, data, channels: 1 };
}

/** A prepared picture as numbers. */
export function normalised(pixels: Pixels, config: DatasetConfig): Prepared {
  const { height, width } = pixels;
  const channels = channelCount(config);
  const plane = height * width;
  const values = new Float32Array(channels * plane);
  const nhwc = config.layout === "nhwc";
  for (let channel = 0; channel < channels; channel += 1) {
    const table = valueOfByte(config, channel);
    const from = byteOfChannel(pixels.channels, config, channel);
    for (let pixel = 0; pixel < plane; pixel += 1) {
      const value = table[pixels.data[pixel * pixels.channels + from] ?? 0] ?? 0;
      values[nhwc ? pixel * channels + channel : channel * plane + pixel] = value;
    }
  }
  return { values, channels, height, width, placement: pixels.placement ?? null };
}

/** Which of a pixel's bytes a channel of the network is fed: a grey image feeds all channels of a colour network. */
export function byteOfChannel(bytes: number, config: DatasetConfig, channel: number): number {
  return bytes === 1 ? 0 : config.channels === "bgr" ? 2 - channel : channel;
}

/** What each of the 256 bytes becomes in a channel. */
export function valueOfByte(config: DatasetConfig, channel: number): Float32Array {
  const pick = (list: readonly number[] | undefined, otherwise: number): number =>
    list?.[list.length === 1 ? 0 : channel] ?? otherwise;
  if (config.range !== undefined) {
    const [low, high] = config.range;
    return Float32Array.from({ length: 256 }, (_, byte) => low + (byte / 255) * (high - low));
  }
  const scale = config.scale ?? 1 / 255;
  const mean = pick(config.mean, 0);
  const deviation = pick(config.std, 1);
  return Float32Array.from({ length: 256 }, (_, byte) => (byte * scale - mean) / deviation);
}

function pixelMajor(image: RawImage & { readonly kind: "pixels" }): Pixels {
  const { channels, height, width, bytes } = image;
  const plane = height * width;
  const data = new Uint8Array(channels * plane);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let pixel = 0; pixel < plane; pixel += 1) {
      data[pixel * channels + channel] = bytes[channel * plane + pixel] ?? 0;
    }
  }
  return { data, height, width, channels };
}

function pairOf(size: number | readonly [number, number]): readonly [number, number] {
  return typeof size === "number" ? [size, size] : size;
}
