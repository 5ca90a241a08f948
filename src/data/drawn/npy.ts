/** NumPy's array files (.npy, version 1.0), written: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */

/** Types of the arrays that drawn sets consist of. */
export type NpyType = "uint8" | "float32" | "int64";

const CODES = { uint8: "|u1", float32: "<f4", int64: "<i8" } as const satisfies Record<
  NpyType,
  string
>;

/** The bytes before the elements: magic, version, and a dictionary padded so that elements begin at a multiple of 64. */
export function npyHeader(type: NpyType, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${CODES[type]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 255, length >> 8]);
  bytes.set(new TextEncoder().encode(`${text.padEnd(length - 1)}\n`), 10);
  return bytes;
}

/** Elements as the file holds them: little-endian, whatever the machine. */
export function npyElements(type: NpyType, values: ArrayLike<number>): Uint8Array {
  if (type === "uint8") return Uint8Array.from(values);
  const bytes = new Uint8Array(values.length * (type === "float32" ? 4 : 8));
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? 0;
    if (type === "float32") view.setFloat32(4 * at, value, true);
    else view.setBigInt64(8 * at, BigInt(value), true);
  }
  return bytes;
}
