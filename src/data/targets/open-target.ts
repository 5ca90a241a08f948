import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../core/errors.ts";
import { sampleOf, type Target, UNNAMED } from "../../runtime/batches.ts";
import type { Feed } from "../../runtime/session.ts";
import { type Column, joinedIndices, stemOf } from "../columns/column.ts";
import { arrayColumn, checkFinite, rowNumbers } from "../columns/number-columns.ts";
import { badTable, cellOf, mayBeEmpty, readRows } from "../columns/table.ts";
import type { SamplesConfig, SpecOf, TargetSpec } from "../samples-config.ts";
import {
  badBox,
  type CocoBoxes,
  checkedBoxes,
  type ListedBox,
  readCoco,
  readVoc,
  readYolo,
} from "./boxes.ts";
import { placedMask, readMask } from "./masks.ts";
import type { TargetColumn, TargetRequest } from "./target-column.ts";

/** What a target is opened with. */
export interface TargetContext {
  readonly config: SamplesConfig;
  /** The column that counts the samples. */
  readonly first: Column;
  /** Opens pictures as a column. */
  readonly openImages: (spec: SpecOf<"images">) => Promise<Column>;
  /** Labels of the first column's pictures by the rules of version 1. */
  readonly imageLabels: (
    spec: SpecOf<"labels">,
  ) => Promise<{ readonly labels: Int32Array; readonly classes: readonly string[] | null }>;
}

const NOTHING = { labels: null, classes: null, read: null, notes: [] } as const;

/**
 * Opens what the samples' answers should be.
 * @throws InputError `data/bad-table`, `data/bad-label`, `data/bad-array`, `data/bad-box`, `data/missing-pair`
 */
export async function openTarget(
  spec: TargetSpec | undefined,
  context: TargetContext,
): Promise<TargetColumn> {
  const { first, config } = context;
  const all = Array.from({ length: first.count }, (_, index) => index);
  const classes = config.classes ?? null;
  if (spec === undefined) return { ...NOTHING, indexOf: all };
  switch (spec.from) {
    case "labels":
      return { ...NOTHING, indexOf: all, ...(await context.imageLabels(spec)) };
    case "table":
      return tableTarget(spec, context, all);
    case "masks":
      return maskTarget(spec, context);
    case "boxes":
      return spec.format === "coco" ? cocoTarget(spec, context) : fileBoxes(spec, context, classes);
    case "images":
      return valueTarget(await context.openImages(spec), first, spec.output);
    case "array":
      return spec.as === "class"
        ? arrayClasses(arrayColumn(spec), context)
        : valueTarget(arrayColumn(spec), first, spec.output);
    case "input":
      return {
        ...{ ...NOTHING, indexOf: all },
        read: (request) => Promise.resolve(ownInput(spec, request)),
      };
    default:
      return spec satisfies never;
  }
}

function ownInput(spec: SpecOf<"input">, { feeds, indices }: TargetRequest): readonly Target[] {
  const name = spec.input ?? Object.keys(feeds)[0] ?? UNNAMED;
  const feed = feeds[name];
  if (feed === undefined) {
    throw new InputError({
      code: "data/bad-config",
      message: `The target is the input '${name}', which the data doesn't have.`,
      where: "target",
      hint: "Name one of 'inputs'.",
    });
  }
  return indices.map((_, at) => valuesTarget(sampleOf(feed, at), spec.output));
}

function valuesTarget(feed: Feed, output: string | undefined): Target {
  return { kind: "values", values: { [output ?? UNNAMED]: feed } };
}

function valueTarget(column: Column, first: Column, output: string | undefined): TargetColumn {
  const indexOf = joinedIndices(first, column);
  return {
    ...{ ...NOTHING, indexOf },
    read: async ({ indices }) => {
      const wanted = indices.map((index) => indexOf[index] ?? -1);
      const feed = await column.read(wanted);
      checkFinite(feed, indices, column.path);
      return indices.map((_, at) => valuesTarget(sampleOf(feed, at), output));
    },
  };
}

/** Classes as whole numbers in an array, one per sample. */
async function arrayClasses(
  column: Column,
  { first, config }: TargetContext,
): Promise<TargetColumn> {
  const indexOf = joinedIndices(first, column);
  const { data } = await column.read(Array.from({ length: column.count }, (_, index) => index));
  const limit = config.classes?.length ?? Number.POSITIVE_INFINITY;
  if (data.length !== column.count) {
    throw badLabel(
      `A sample has ${data.length / column.count} numbers where one class is needed.`,
      column.path,
    );
  }
  const values = Array.from(data, Number);
  const wrong = values.findIndex(
    (value) => !Number.isInteger(value) || value < -1 || value >= limit,
  );
  if (wrong >= 0) {
    throw badLabel(
      `${values[wrong]} is not among the ${config.classes === undefined ? "class numbers" : `${limit} classes`}.`,
      `${column.path}, sample ${wrong}`,
    );
  }
  const offset = config.classOffset ?? 0;
  const labels = indexOf.map((index) => values[index] ?? -1);
  return {
    ...{ ...NOTHING, indexOf, classes: config.classes ?? null },
    labels: Int32Array.from(labels, (label) => (label < 0 ? -1 : label + offset)),
  };
}

function badLabel(message: string, where: string): InputError {
  return new InputError({
    code: "data/bad-label",
    message,
    where,
    hint: "Check 'classes' and 'classOffset' in the data set's config.",
  });
}

function tableTarget(
  spec: SpecOf<"table">,
  { first, config }: TargetContext,
  all: readonly number[],
): TargetColumn {
  const { path, columns, as } = spec;
  const rows = readRows(path);
  joinedIndices(first, { count: rows.length, names: null, path });
  const [column = ""] = columns;
  const offset = config.classOffset ?? 0;
  const classOf = (cell: unknown, line: number): number => {
    const known = config.classes?.indexOf(String(cell)) ?? -1;
    const label = known >= 0 ? known : Number(cell);
    const limit = config.classes?.length ?? Number.POSITIVE_INFINITY;
    if (Number.isInteger(label) && label >= 0 && label < limit) return label + offset;
    throw badLabel(
      `'${String(cell)}' is not among the ${config.classes === undefined ? "class numbers" : `${limit} classes`}.`,
      `${path}:${line}`,
    );
  };
  if (as === "class") {
    const labels = rows.map((row) => classOf(cellOf(row, column, path), row.line));
    return {
      ...{ ...NOTHING, indexOf: all, labels: Int32Array.from(labels) },
      classes: config.classes ?? null,
    };
  }
  if (as === "classes") {
    const lists = rows.map((row): readonly number[] => {
      const { line } = row;
      const cell = mayBeEmpty(row, column, path) ?? "";
      const parts = Array.isArray(cell) ? cell : String(cell).split(/[|;,]/);
      return parts
        .filter((part) => String(part).trim() !== "")
        .map((part) => classOf(typeof part === "string" ? part.trim() : part, line));
    });
    return {
      ...{ ...NOTHING, indexOf: all, classes: config.classes ?? null },
      read: ({ indices }) =>
        Promise.resolve(
          indices.map((index): Target => ({ kind: "classes", labels: lists[index] ?? [] })),
        ),
    };
  }
  const numbers = rows.map((row) => rowNumbers(row, { path, columns, pad: undefined }));
  const length = numbers[0]?.length ?? 0;
  const shape = spec.shape ?? [length];
  const wanted = shape.reduce((product, extent) => product * extent, 1);
  const ragged = numbers.findIndex((row) => row.length !== wanted);
  if (ragged >= 0) {
    throw badTable(
      `The row has ${numbers[ragged]?.length} numbers where ${wanted} are needed ([${shape.join(", ")}]).`,
      path,
      rows[ragged]?.line,
    );
  }
  return {
    ...{ ...NOTHING, indexOf: all },
    read: ({ indices }) =>
      Promise.resolve(
        indices.map((index) => {
          const data = Float32Array.from(numbers[index] ?? []);
          return valuesTarget({ type: "float32", shape, data }, spec.output);
        }),
      ),
  };
}

async function maskTarget(
  spec: SpecOf<"masks">,
  { first, config }: TargetContext,
): Promise<TargetColumn> {
  const { names, indexOf } = await filesFor(first, spec.path, /\.(png|bmp|tiff?|gif|webp)$/i);
  const classes = config.classes ?? null;
  return {
    ...{ ...NOTHING, indexOf, classes },
    read: (request) =>
      Promise.all(
        request.indices.map(async (index, at) => {
          const name = names[indexOf[index] ?? -1] ?? "";
          const mask = await readMask(spec.path, name, spec, classes?.length ?? null);
          return placedMask(mask, ...placeOf(request, at), join(spec.path, name));
        }),
      ),
  };
}

function placeOf(
  { placements, extents }: TargetRequest,
  at: number,
): [Parameters<typeof placedMask>[1], readonly [number, number]] {
  const placement = placements?.[at];
  if (placement !== undefined && extents !== null) return [placement, extents];
  throw new InputError({
    code: "data/bad-config",
    message: "Masks and boxes belong to pictures, and no input is one.",
    where: "target",
    hint: 'Give an input with "from": "images".',
  });
}

async function fileBoxes(
  spec: SpecOf<"boxes">,
  { first }: TargetContext,
  classes: readonly string[] | null,
): Promise<TargetColumn> {
  const yolo = spec.format === "yolo";
  const { names, indexOf } = await filesFor(first, spec.path, yolo ? /\.txt$/i : /\.xml$/i);
  const listOf = (index: number): readonly ListedBox[] => {
    const name = names[indexOf[index] ?? -1];
    if (name === undefined) return [];
    const path = join(spec.path, name);
    return yolo ? readYolo(path) : readVoc(path, classes);
  };
  return boxTarget(spec, indexOf, listOf, classes, yolo);
}

/** The config's class of each category: by name where all names are among its classes, in the order of the ids where there are as many. */
function labelsIn(
  classes: readonly string[],
  { classes: names }: CocoBoxes,
  path: string,
): readonly number[] {
  const byName = names.map((name) => classes.indexOf(name));
  if (!byName.includes(-1)) return byName;
  if (names.length === classes.length) return names.map((_, at) => at);
  throw badBox(
    `It has ${names.length} categories, the config ${classes.length} classes, and '${names[byName.indexOf(-1)]}' is not among them.`,
    path,
  );
}

function cocoTarget(spec: SpecOf<"boxes">, { first, config }: TargetContext): TargetColumn {
  const coco = readCoco(spec.path, stemOf);
  const stems = (first.names ?? []).map(stemOf);
  const indexOf = stems.map((stem, index) => (coco.boxes.has(stem) ? index : -1));
  const labels = config.classes === undefined ? null : labelsIn(config.classes, coco, spec.path);
  const listOf = (index: number): readonly ListedBox[] => {
    const list = coco.boxes.get(stems[index] ?? "") ?? [];
    return labels === null
      ? list
      : list.map((box) => ({ ...box, label: labels[box.label] ?? box.label }));
  };
  return boxTarget(spec, indexOf, listOf, config.classes ?? coco.classes, false);
}

function boxTarget(
  spec: SpecOf<"boxes">,
  indexOf: readonly number[],
  listOf: (index: number) => readonly ListedBox[],
  classes: readonly string[] | null,
  shares: boolean,
): TargetColumn {
  return {
    ...{ ...NOTHING, classes },
    // A picture without a file may mean one without objects.
    indexOf: spec.unpaired === "empty" ? indexOf.map((_, index) => index) : indexOf,
    read: (request) =>
      Promise.resolve(
        request.indices.map((index, at): Target => {
          const [placement] = placeOf(request, at);
          const limits = { shares, classes: classes?.length ?? null };
          return {
            kind: "boxes",
            boxes: checkedBoxes(listOf(index), placement, limits),
            placement,
          };
        }),
      ),
  };
}

async function filesFor(
  first: Column,
  folder: string,
  ending: RegExp,
): Promise<{ readonly names: readonly string[]; readonly indexOf: readonly number[] }> {
  if (!existsSync(folder)) {
    throw new InputError({
      code: "data/not-found",
      message: "There is nothing at this path.",
      where: folder,
      hint: "Check 'path' of the target in the data set's config.",
    });
  }
  const entries = await readdir(folder, { recursive: true });
  const names = entries.filter((name) => ending.test(name) && !name.startsWith(".")).sort();
  if (first.names === null) {
    throw new InputError({
      code: "data/missing-pair",
      message: "The samples have no names by which their masks or boxes could be found.",
      where: first.path,
      hint: "Read the pictures from a folder or a tar.",
    });
  }
  return { names, indexOf: joinedIndices(first, { count: names.length, names, path: folder }) };
}
