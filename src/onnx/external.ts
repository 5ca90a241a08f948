import { closeSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { damaged } from "./errors.ts";
import type { TensorProto } from "./schema.ts";

/** Where a tensor's bytes lie outside of the model file. */
export interface ExternalPlace {
  readonly path: string;
  readonly offset: number;
  readonly byteLength: number;
}

/**
 * The place that a tensor's external_data names, after checking that the file lies in the model's folder and is long enough.
 * `byteLength` is what type and shape ask for.
 * @throws InputError `onnx/external-missing`, `onnx/external-outside`, `onnx/external-range`
 */
export function externalPlace(
  proto: TensorProto,
  byteLength: number,
  folder: string | null,
  where: string,
): ExternalPlace {
  const entries = new Map(proto.externalData.map((entry) => [entry.key, entry.value]));
  const location = entries.get("location") ?? "";
  if (folder === null) {
    throw damaged(
      "external-missing",
      `The weights lie in the external file '${location}', but the model was not read from a folder.`,
      where,
      "Read the model by its path.",
    );
  }
  const path = insideFolder(location, folder, where);
  const offset = wholeNumber(entries.get("offset") ?? "0", "offset", where);
  const length = wholeNumber(entries.get("length") ?? String(byteLength), "length", where);
  const size = statSync(path).size;
  if (length !== byteLength || offset + length > size) {
    throw damaged(
      "external-range",
      `The external data claims ${length} bytes at offset ${offset} of '${location}', which has ${size} bytes; the tensor needs ${byteLength}.`,
      where,
      "The external file belongs to another model or was not copied completely. Copy both files again.",
    );
  }
  return { path, offset, byteLength };
}

function wholeNumber(text: string, key: string, where: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw damaged(
    "external-range",
    `The external data's ${key} is '${text.slice(0, 40)}', which is not a count of bytes.`,
    where,
  );
}

// A model that somebody sent must not be able to read other files, so links are resolved before comparing.
function insideFolder(location: string, folder: string, where: string): string {
  const outside = damaged(
    "external-outside",
    `The external data's path '${location}' leaves the model's folder.`,
    where,
    "Put the external file into the model's folder (or a folder in it) and name it by a relative path.",
  );
  if (location === "" || location.includes("\0") || isAbsolute(location)) throw outside;
  const path = resolve(folder, location);
  if (escapes(folder, path)) throw outside;
  const real = realPathOf(path, location, where);
  if (escapes(realpathSync(folder), real)) throw outside;
  return real;
}

function escapes(folder: string, path: string): boolean {
  const way = relative(resolve(folder), path);
  return way === "" || way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way);
}

function realPathOf(path: string, location: string, where: string): string {
  const missing = damaged(
    "external-missing",
    `The external file '${location}' is missing.`,
    where,
    "Put it beside the model: both files belong together.",
  );
  try {
    const real = realpathSync(path);
    if (statSync(real).isFile()) return real;
  } catch {
    throw missing;
  }
  throw missing;
}

const READ_AT_ONCE = 1 << 30;

/**
 * Reads a part of a file.
 * @throws InputError `onnx/external-missing`, `onnx/external-range`
 */
export function readPlace(place: ExternalPlace, where: string): Uint8Array {
  const bytes = new Uint8Array(place.byteLength);
  let file: number;
  try {
    file = openSync(place.path, "r");
  } catch {
    throw damaged(
      "external-missing",
      `The external file '${place.path}' can't be opened any more.`,
      where,
    );
  }
  try {
    for (let done = 0; done < bytes.length; ) {
      const wanted = Math.min(READ_AT_ONCE, bytes.length - done);
      const got = readSync(file, bytes, done, wanted, place.offset + done);
      if (got === 0) {
        throw damaged(
          "external-range",
          `The external file '${place.path}' became shorter while it was read.`,
          where,
        );
      }
      done += got;
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}
