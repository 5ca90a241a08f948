import { InputError } from "../../core/errors.ts";
import { fromHalf } from "../../graph/half.ts";
import type { Feed, FeedType } from "../../runtime/session.ts";
import type { ArraySpec, TableSpec } from "../samples-config.ts";
import type { Column } from "./column.ts";
import { openNpy, openRaw, readSamples } from "./npy.ts";
import { badTable, cellOf, numbersIn, type Row, readRows } from "./table.ts";

/**
 * Numbers of a file of arrays.
 * @throws InputError `data/bad-array`
 */
export function arrayColumn(spec: ArraySpec): Column {
  const { path, dtype, shape, reshape } = spec;
  const file = path.endsWith(".npy")
    ? openNpy(path)
    : openRaw(path, dtype ?? rawNeeds("dtype", path), shape ?? rawNeeds("shape", path));
  const size = (extents: readonly number[]): number =>
    extents.reduce((product, extent) => product * extent, 1);
  for (const [given, what] of [
    [path.endsWith(".npy") ? shape : undefined, "shape"],
    [reshape, "reshape"],
  ] as const) {
    if (given === undefined || size(given) === size(file.shape)) continue;
    throw new InputError({
      code: "data/bad-array",
      message: `'${what}' is [${given.join(", ")}], a sample of the file [${file.shape.join(", ")}].`,
      where: path,
      hint: "Give a shape with as many numbers, or leave it out.",
    });
  }
  if (dtype !== undefined && dtype !== file.type) {
    throw new InputError({
      code: "data/type-mismatch",
      message: `'dtype' is ${dtype}, the file holds ${file.type}.`,
      where: path,
      hint: "Leave 'dtype' out: whole numbers are converted to what the network declares.",
    });
  }
  const given = reshape ?? file.shape;
  return {
    ...{ count: file.count, names: null, path },
    read: (indices) => {
      const feed = { ...readSamples(file, indices), shape: [indices.length, ...given] } as Feed;
      checkFinite(feed, indices, path);
      return Promise.resolve(feed);
    },
  };
}

/**
 * Numbers or texts of a table.
 * @throws InputError `data/bad-table` with the line, where a row has other numbers, too many or too few
 */
export function tableColumn(spec: TableSpec): Column {
  const { path, columns, dtype = "float32" } = spec;
  const rows = readRows(path);
  if (dtype === "string") {
    const texts = rows.map((row) => columns.map((column) => String(cellOf(row, column, path))));
    return {
      ...{ count: rows.length, names: null, path },
      read: (indices) =>
        Promise.resolve({
          type: "string",
          shape: columns.length === 1 ? [indices.length] : [indices.length, columns.length],
          data: indices.flatMap((index) => texts[index] ?? []),
        }),
    };
  }
  const numbers = rows.map((row) => rowNumbers(row, spec));
  const length = numbers[0]?.length ?? 0;
  const shape = spec.shape ?? [length];
  for (const [at, row] of numbers.entries()) {
    const wanted = shape.reduce((product, extent) => product * extent, 1);
    if (row.length === wanted) continue;
    throw badTable(
      `The row has ${row.length} numbers where ${wanted} are needed ([${shape.join(", ")}]).`,
      path,
      rows[at]?.line,
    );
  }
  return {
    ...{ count: rows.length, names: null, path },
    read: (indices) => {
      const values = indices.flatMap((index) => numbers[index] ?? []);
      return Promise.resolve(typed(dtype, [indices.length, ...shape], values, path));
    },
  };
}

/** The numbers of a row's columns behind each other, filled up where the config says so. */
export function rowNumbers(
  row: Row,
  { path, columns, pad }: Pick<TableSpec, "path" | "columns" | "pad">,
): readonly number[] {
  const values = columns.flatMap((column) =>
    numbersIn(cellOf(row, column, path), column, path, row.line),
  );
  if (pad === undefined) return values;
  if (values.length > pad.length) {
    throw badTable(
      `The row has ${values.length} numbers, more than 'pad' allows (${pad.length}).`,
      path,
      row.line,
    );
  }
  return [...values, ...new Array<number>(pad.length - values.length).fill(pad.value)];
}

function typed(
  type: FeedType,
  shape: readonly number[],
  values: readonly number[],
  path: string,
): Feed {
  const isFloat = type.startsWith("float");
  const wrong = isFloat ? undefined : values.find((value) => !Number.isSafeInteger(value));
  if (wrong !== undefined || type === "float16") {
    throw new InputError({
      code: "data/type-mismatch",
      message: type === "float16" ? "Tables can't be read as float16." : `${wrong} is no ${type}.`,
      where: path,
      hint: "Set 'dtype' of the table in the data set's config to float32 or int64.",
    });
  }
  if (type === "float32") return { type, shape, data: Float32Array.from(values) };
  if (type === "float64") return { type, shape, data: Float64Array.from(values) };
  // The network's own integer type is met where it is fed.
  return { type: "int64", shape, data: BigInt64Array.from(values, BigInt) };
}

/** @throws InputError `data/not-finite` */
export function checkFinite(feed: Feed, indices: readonly number[], path: string): void {
  if (feed.type !== "float32" && feed.type !== "float64" && feed.type !== "float16") return;
  // Halves with all bits of the exponent set are infinite or NaN.
  const wrong =
    feed.type === "float16"
      ? feed.data.findIndex((bits) => (bits & 0x7c00) === 0x7c00)
      : feed.data.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return;
  const per = feed.data.length / Math.max(1, indices.length);
  throw new InputError({
    code: "data/not-finite",
    message: `Sample ${indices[Math.floor(wrong / per)]} holds ${feed.type === "float16" ? fromHalf(feed.data[wrong] ?? 0) : feed.data[wrong]}.`,
    where: path,
    hint: "Fix or remove the sample.",
  });
}

function rawNeeds(what: string, where: string): never {
  throw new InputError({
    code: "data/bad-config",
    message: `A file of plain numbers needs '${what}'.`,
    where,
    hint: 'Give "dtype" and the "shape" of one sample in the data set\'s config.',
  });
}
