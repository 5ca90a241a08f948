import { z } from "zod";
import { InputError } from "../../core/errors.ts";
import type { DataType } from "../../graph/graph.ts";
import { bytesPerElement } from "../../graph/tensor.ts";
import { duplicateKey } from "./duplicate-key.ts";

/** Element types of the format that networks are made of. Quantised ones (8-bit floats, 4-bit integers) are refused by name. */
const TYPE_OF_DTYPE = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U64: "uint64",
  U32: "uint32",
  U16: "uint16",
  U8: "uint8",
  BOOL: "bool",
} as const satisfies Record<string, DataType>;

type Dtype = keyof typeof TYPE_OF_DTYPE;

/** The format's name of an element type; null where it has none. */
export function dtypeOf(type: DataType): Dtype | null {
  const found = Object.entries(TYPE_OF_DTYPE).find(([, known]) => known === type);
  // Entries widen the key to a string; it is one of the table's own.
  return (found?.[0] as Dtype | undefined) ?? null;
}

/** Headers end here, as in the format's own library: a longer one is a damaged length. */
export const LARGEST_HEADER = 100_000_000;

/** Bytes before the header: its length as a little-endian 64-bit integer. */
export const LENGTH_BYTES = 8;

/** A tensor as the header describes it; `begin` and `end` count from the first byte behind the header. */
export interface HeaderEntry {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  /** In the order of the file: ascending, without holes. */
  readonly entries: readonly HeaderEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

const size = z.int().nonnegative();
const ENTRY = z.strictObject({
  dtype: z.string(),
  shape: z.array(size),
  data_offsets: z.tuple([size, size]),
});
const METADATA = z.record(z.string(), z.string());

/** Where the metadata stand among the tensors. */
export const METADATA_KEY = "__metadata__";

/**
 * A header, checked in full: every tensor has as many bytes as type and shape ask for, and the tensors fill the data from its
 * first byte to its last, without holes or overlaps.
 * @param dataBytes how many bytes follow the header.
 * @throws InputError `safetensors/bad-header`, `safetensors/unsupported-type`, `safetensors/bad-offsets`
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number, where: string): Header {
  const document = jsonOf(bytes, where);
  const metadata = METADATA.safeParse(document[METADATA_KEY] ?? {});
  if (!metadata.success) throw badHeader("Its metadata are no texts by name", where);
  const entries = Object.entries(document)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, entry]) => parseEntry(name, entry, where))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkTiling(entries, dataBytes, where);
  return { entries, metadata: metadata.data };
}

function jsonOf(bytes: Uint8Array, where: string): Record<string, unknown> {
  if (bytes[0] !== "{".charCodeAt(0)) throw badHeader("It does not begin with '{'", where);
  let text: string;
  let document: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    document = JSON.parse(text);
  } catch (cause) {
    throw badHeader("It is no JSON in UTF-8", where, cause);
  }
  const twice = duplicateKey(text);
  if (twice !== null) throw badHeader(`It names '${twice}' twice`, where);
  // It begins with a brace, so it is an object.
  return document as Record<string, unknown>;
}

function parseEntry(name: string, entry: unknown, where: string): HeaderEntry {
  const parsed = ENTRY.safeParse(entry);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const at = `'${issue?.path.join(".") ?? ""}' ${issue?.message ?? ""}`;
    throw badHeader(`Tensor '${name}' is not described as the format asks: ${at}`, where);
  }
  const { dtype, shape, data_offsets: offsets } = parsed.data;
  const [begin, end] = offsets;
  if (!isDtype(dtype)) throw unsupportedType(name, dtype, where);
  const type = TYPE_OF_DTYPE[dtype];
  const bytes = shape.reduce((product, extent) => product * extent, bytesPerElement(type));
  if (end - begin !== bytes) {
    throw badOffsets(
      `Tensor '${name}' has ${end - begin} bytes, and ${dtype} [${shape.join(", ")}] needs ${bytes}.`,
      where,
    );
  }
  return { name, type, shape, begin, end };
}

function isDtype(text: string): text is Dtype {
  return Object.hasOwn(TYPE_OF_DTYPE, text);
}

function checkTiling(entries: readonly HeaderEntry[], dataBytes: number, where: string): void {
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin < at) {
      throw badOffsets(`Tensor '${name}' begins at ${begin}, inside the one before it.`, where);
    }
    if (begin > at) {
      throw badOffsets(`${begin - at} bytes before tensor '${name}' belong to none.`, where);
    }
    at = end;
  }
  if (at > dataBytes) {
    throw badOffsets(`The tensors need ${at} bytes and the file holds ${dataBytes}.`, where);
  }
  if (at < dataBytes) {
    throw badOffsets(`${dataBytes - at} bytes follow the last tensor.`, where);
  }
}

function badHeader(what: string, where: string, cause?: unknown): InputError {
  return new InputError({
    code: "safetensors/bad-header",
    message: `The header of the safetensors file is damaged. ${what}.`,
    where,
    hint: "Copy or save the file again.",
    cause,
  });
}

function badOffsets(what: string, where: string): InputError {
  return new InputError({
    code: "safetensors/bad-offsets",
    message: `The safetensors file does not hold what its header says. ${what}`,
    where,
    hint: "It was not copied or written completely. Copy or save it again.",
  });
}

function unsupportedType(name: string, dtype: string, where: string): InputError {
  return new InputError({
    code: "safetensors/unsupported-type",
    message: `Tensor '${name}' has the element type '${dtype.slice(0, 40)}'; supported are ${Object.keys(TYPE_OF_DTYPE).join(", ")}.`,
    where,
    hint: "Save the weights as float32: state_dict values through .float().",
  });
}
