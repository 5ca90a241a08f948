import type { Tensor } from "../../graph/graph.ts";
import { floatsOf } from "../../graph/tensor.ts";

/** The elements of a tensor of floats as float32, row-major; null where its elements are no floats. Halves are widened exactly. */
export function widened(tensor: Tensor): Float32Array | null {
  switch (tensor.type) {
    case "float32":
    case "float64":
      return floatsOf(tensor);
    case "bfloat16":
      return floatsOfWords(tensor, (bits) => bits << 16);
    case "float16":
      return floatsOfWords(tensor, floatBits);
    default:
      return null;
  }
}

function floatsOfWords(tensor: Tensor, bitsOf: (bits: number) => number): Float32Array {
  const bytes = tensor.bytes();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const result = new Int32Array(bytes.byteLength / 2);
  for (let index = 0; index < result.length; index += 1) {
    result[index] = bitsOf(view.getUint16(2 * index, true));
  }
  return new Float32Array(result.buffer);
}

/** Bits of the float32 that a float16 (5 bits of exponent, 10 of mantissa) stands for. */
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
