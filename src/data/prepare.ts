import sharp, { type Sharp } from "sharp";
import { InputError } from "../core/errors.ts";
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
  return normalise(await decodeImage(image, config, where), config);
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
    const decoded = await decode(image, config);
    return await stretch(crop(decoded, config, where), config);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError({
      code: "data/broken-image",
      message: `Can't decode the image: ${cause instanceof Error ? cause.message : String(cause)}.`,
      where,
      hint: "Mend or remove the file.",
      cause,
    });
  }
}

async function decode(image: RawImage, config: DatasetConfig): Promise<Pixels> {
  const pixels =
    image.kind === "pixels"
      ? pixelMajor(image)
      : await toPixels(inColours(sharp(image.bytes, { failOn: "error" }), config));
  if (config.resize === undefined) return pixels;
  const scale = config.resize / Math.min(pixels.height, pixels.width);
  const scaled = (extent: number): number =>
    Math.max(config.resize ?? 0, Math.floor(extent * scale + 0.5));
  return await resized(pixels, scaled(pixels.height), scaled(pixels.width));
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

async function stretch(pixels: Pixels, config: DatasetConfig): Promise<Pixels> {
  if (config.size === undefined) return pixels;
  const [height, width] = pairOf(config.size);
  return await resized(pixels, height, width);
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

function normalise(pixels: Pixels, config: DatasetConfig): Prepared {
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
  return { values, channels, height, width };
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
