import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { InputError } from "../../core/errors.ts";
import { readFailed } from "../../core/files.ts";
import type { Tensor } from "../../graph/graph.ts";
import { type Header, LARGEST_HEADER, LENGTH_BYTES, parseHeader } from "./header.ts";

/** A safetensors file: its tensors by name, in the order of the file, and its metadata. */
export interface Safetensors {
  /** Bytes are read from the file at every call, so that a file larger than memory can be used. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** One read asks for at most this many bytes: systems end a longer one early. */
const READ_AT_ONCE = 1 << 30;

/**
 * Opens a safetensors file: eight bytes with the header's length, the header, the data. Strict: what the format doesn't allow is an
 * error, and nothing but the header is read.
 * @throws InputError `safetensors/not-safetensors`, `safetensors/bad-header`, `safetensors/unsupported-type`,
 *   `safetensors/bad-offsets`, `core/read-failed`
 *
 * @example
 * const { tensors } = readSafetensors("weights.safetensors");
 * tensors.get("conv1.weight")?.shape;
 */
export function readSafetensors(path: string): Safetensors {
  const { header, start } = withFile(path, (file) => readHeader(file, path));
  const tensors = header.entries.map(({ name, type, shape, begin, end }): [string, Tensor] => {
    const byteLength = end - begin;
    const bytes = (): Uint8Array =>
      withFile(path, (file) => readAt(file, start + begin, byteLength, path));
    return [name, { type, shape, byteLength, bytes }];
  });
  return { tensors: new Map(tensors), metadata: header.metadata };
}

function readHeader(
  file: number,
  path: string,
): { readonly header: Header; readonly start: number } {
  const { size } = fstatSync(file);
  if (size < LENGTH_BYTES) throw notSafetensors(`It has ${size} bytes`, path);
  const view = readAt(file, 0, LENGTH_BYTES, path);
  const length = new DataView(view.buffer).getBigUint64(0, true);
  if (length > LARGEST_HEADER || LENGTH_BYTES + Number(length) > size) {
    const most = Math.min(LARGEST_HEADER, size - LENGTH_BYTES);
    throw notSafetensors(`Its header would have ${length} bytes, and can have ${most}`, path);
  }
  const start = LENGTH_BYTES + Number(length);
  const bytes = readAt(file, LENGTH_BYTES, Number(length), path);
  return { header: parseHeader(bytes, size - start, path), start };
}

function readAt(file: number, offset: number, byteLength: number, path: string): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  for (let done = 0; done < byteLength; ) {
    const got = readSync(
      file,
      bytes,
      done,
      Math.min(READ_AT_ONCE, byteLength - done),
      offset + done,
    );
    if (got === 0) throw notSafetensors("It became shorter while it was read", path);
    done += got;
  }
  return bytes;
}

function withFile<Result>(path: string, use: (file: number) => Result): Result {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw readFailed(path, cause);
  }
  try {
    return use(file);
  } catch (cause) {
    throw cause instanceof InputError ? cause : readFailed(path, cause);
  } finally {
    closeSync(file);
  }
}

function notSafetensors(what: string, path: string): InputError {
  return new InputError({
    code: "safetensors/not-safetensors",
    message: `The file is no complete safetensors file. ${what}.`,
    where: path,
    hint: "Pickled checkpoints (.pt, .pth) are not read: save the state_dict as safetensors. Otherwise copy the file again.",
  });
}
