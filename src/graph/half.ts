/** Numbers of two bytes: float16 (5 bits of exponent, 10 of mantissa) and bfloat16 (the upper half of a float32). */

const scratch = new DataView(new ArrayBuffer(4));

function floatOfBits(bits: number): number {
  scratch.setInt32(0, bits);
  return scratch.getFloat32(0);
}

/** The number that the bits of a float16 stand for; every one of them is a float32. */
export function fromHalf(half: number): number {
  return floatOfBits(floatBits(half));
}

/** The number that the bits of a bfloat16 stand for. */
export function fromBrainHalf(half: number): number {
  return floatOfBits(half << 16);
}

function floatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f80_0000 | (mantissa << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  // Below the smallest normal half: float32 has an exponent for it.
  const shift = Math.clz32(mantissa) - 21;
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}

const LARGEST_HALF = 65504;
const HALF_INFINITY = 0x7c00;
/** From here on a number is nearer to what would be the next one after the largest, which is infinity. */
const ROUNDS_TO_INFINITY = 65520;
const SMALLEST_NORMAL = 2 ** -14;
const MANTISSA_BITS = 10;

/** Bits of the float16 nearest to a number; ties go to the even one. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= ROUNDS_TO_INFINITY) return sign | HALF_INFINITY;
  if (size < SMALLEST_NORMAL) return sign | toEven(size * 2 ** 24);
  const exponent = Math.min(Math.floor(Math.log2(Math.min(size, LARGEST_HALF))), 15);
  const steps = toEven(size * 2 ** (MANTISSA_BITS - exponent));
  // A mantissa that rounds up to the next power of two carries into the exponent.
  return sign | (((exponent + 14) << MANTISSA_BITS) + steps);
}

/** Bits of the bfloat16 nearest to a number; ties go to the even one. */
export function toBrainHalf(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The nearest whole number; of two at the same distance the even one, as ONNX rounds. */
export function toEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
