import { type Random, randomFrom } from "../../core/random.ts";
import type { Feed } from "../../runtime/session.ts";
import type { ConvWindow, LinearLayer } from "./linear.ts";

/**
 * Values around sampled output positions: one row per unknown, one column per sample, so that covariances are products of rows.
 * A layer's groups lie one behind the other: groups x unknowns x samples.
 */
export interface Patches {
  readonly samples: number;
  readonly data: Float32Array;
}

/** Output positions drawn for every image of a part: `places[image * perImage + i]` counts along the spatial axes or the rows. */
export interface Places {
  readonly perImage: number;
  readonly places: Int32Array;
}

/** Draws `wanted` positions per image without repeats, or takes all of them in order where there are not more. */
export function drawPlaces(
  images: number,
  available: number,
  wanted: number,
  seed: number,
): Places {
  const perImage = Math.min(available, wanted);
  const places = new Int32Array(images * perImage);
  const order = Int32Array.from({ length: available }, (_, index) => index);
  const random = randomFrom(seed);
  for (let image = 0; image < images; image += 1) {
    if (perImage < available) mixFirst(order, perImage, random);
    places.set(order.subarray(0, perImage), image * perImage);
  }
  return { perImage, places };
}

/** Puts a random choice of `count` items in front; any order of the rest will do. */
function mixFirst(order: Int32Array, count: number, random: Random): void {
  for (let at = 0; at < count; at += 1) {
    const pick = at + random.integer(order.length - at);
    const picked = order[pick] ?? 0;
    order[pick] = order[at] ?? 0;
    order[at] = picked;
  }
}

/** Number of output positions of one image. */
export function positionsOf(layer: LinearLayer, output: readonly number[]): number {
  const axes = layer.window === null ? output.slice(1, -1) : output.slice(2);
  return axes.reduce((product, extent) => product * extent, 1);
}

/** What the layer reads at the places: groups x unknowns x samples. */
export function inputPatches(
  layer: LinearLayer,
  input: Feed,
  output: readonly number[],
  places: Places,
): Patches {
  const values = floats(input);
  return layer.window === null
    ? rowPatches(layer, values, places, positionsOf(layer, output))
    : windowPatches(layer, values, input.shape, output, places);
}

function rowPatches(
  layer: LinearLayer,
  values: Float32Array,
  { perImage, places }: Places,
  available: number,
): Patches {
  const { inputs } = layer;
  const samples = places.length;
  const data = new Float32Array(inputs * samples);
  for (let sample = 0; sample < samples; sample += 1) {
    const image = Math.floor(sample / perImage);
    const from = (image * available + (places[sample] ?? 0)) * inputs;
    for (let channel = 0; channel < inputs; channel += 1) {
      data[channel * samples + sample] = values[from + channel] ?? 0;
    }
  }
  return { samples, data };
}

function windowPatches(
  layer: LinearLayer,
  values: Float32Array,
  input: readonly number[],
  output: readonly number[],
  places: Places,
): Patches {
  const { kernel } = layer.window ?? ONE;
  const [, channels = 0, height = 0, width = 0] = input;
  const samples = places.places.length;
  const size = kernel[0] * kernel[1];
  const data = new Float32Array(channels * size * samples);
  for (let tap = 0; tap < size; tap += 1) {
    const sources = tapSources(layer.window ?? ONE, tap, input, output, places);
    for (let channel = 0; channel < channels; channel += 1) {
      const row = (channel * size + tap) * samples;
      const plane = channel * height * width;
      for (let sample = 0; sample < samples; sample += 1) {
        const source = sources[sample] ?? OUTSIDE;
        if (source !== OUTSIDE) data[row + sample] = values[source + plane] ?? 0;
      }
    }
  }
  return { samples, data };
}

const OUTSIDE = -1;

/** For every sample, where one tap of its window reads in the first channel; `OUTSIDE` in the padding. */
function tapSources(
  { kernel, strides, dilations, pads }: ConvWindow,
  tap: number,
  input: readonly number[],
  output: readonly number[],
  { perImage, places }: Places,
): Int32Array {
  const [, channels = 0, height = 0, width = 0] = input;
  const outputWidth = output[3] ?? 1;
  const down = Math.floor(tap / kernel[1]) * dilations[0] - pads[0];
  const right = (tap % kernel[1]) * dilations[1] - pads[1];
  return places.map((place, sample) => {
    const y = Math.floor(place / outputWidth) * strides[0] + down;
    const x = (place % outputWidth) * strides[1] + right;
    if (y < 0 || y >= height || x < 0 || x >= width) return OUTSIDE;
    const image = Math.floor(sample / perImage);
    return image * channels * height * width + y * width + x;
  });
}

const ONE = { kernel: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0] } as const;

/** Channels of a value at the places: channels x samples. `channels` picks and orders them; all in order where null. */
export function outputPatches(
  layer: LinearLayer,
  value: Feed,
  places: Places,
  channels: Int32Array | null,
): Patches {
  const values = floats(value);
  const { perImage, places: at } = places;
  const samples = at.length;
  const axis = layer.window === null ? value.shape.length - 1 : 1;
  const total = value.shape[axis] ?? 0;
  const images = value.shape[0] ?? 0;
  const positions = values.length / Math.max(1, images * total);
  const [perPosition, perChannel] = layer.window === null ? [total, 1] : [1, positions];
  const count = channels?.length ?? total;
  const data = new Float32Array(count * samples);
  for (let index = 0; index < count; index += 1) {
    const channel = (channels === null ? index : (channels[index] ?? 0)) * perChannel;
    for (let sample = 0; sample < samples; sample += 1) {
      const image = Math.floor(sample / perImage) * total * positions;
      data[index * samples + sample] =
        values[image + channel + (at[sample] ?? 0) * perPosition] ?? 0;
    }
  }
  return { samples, data };
}

function floats(feed: Feed): Float32Array {
  if (feed.type === "float32") return feed.data;
  throw new TypeError(`activations of ${feed.type}`);
}
