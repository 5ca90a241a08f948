/**
 * Latencies of single convolutions as other programs write them without a pickle, brought to HALP's dictionary:
 * JSON objects with its keys, CSV files with its columns, and the kernels of nn-Meter (github.com/microsoft/nn-Meter,
 * `profiled_<kernel>.json`: kernel -> id -> { config: { HW, CIN, COUT, KERNEL_SIZE, STRIDES }, latency: "1.23 +- 0.04" }).
 */
import { parse } from "csv-parse/sync";
import { z } from "zod";
import { InputError } from "../core/errors.ts";
import { firstIssues } from "../core/schema.ts";
import { type ConvDictionary, convDictionary } from "./conv-dictionary.ts";

/** A dictionary, and what else was in its file. */
export interface PlainDictionary {
  readonly dictionary: ConvDictionary;
  readonly notes: readonly string[];
}

const KEY = /^\d+(_\d+){5,6}$/;

/** Whether a JSON document is an object whose keys are HALP's. */
export function isPlainDictionary(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const [first] = Object.keys(value);
  return first !== undefined && KEY.test(first);
}

/**
 * `{ "1_64_64_56_3_1": 0.12, ... }`
 * @throws InputError `formulation/pickle-layout` as for a pickle
 */
export function plainDictionary(
  value: Readonly<Record<string, unknown>>,
  where: string,
): PlainDictionary {
  const entries = Object.entries(value).map(
    ([key, ms]) => [key, typeof ms === "number" ? ms : null] as const,
  );
  return { dictionary: convDictionary({ kind: "dict", entries }, where), notes: [] };
}

const COLUMNS = ["batch", "cin", "cout", "fmap", "kernel", "stride"] as const;

/** Whether a CSV file has the columns of a dictionary. */
export function isConvCsv(text: string): boolean {
  const header = (text.split(/\r?\n/, 1)[0] ?? "").split(",").map((name) => name.trim());
  return COLUMNS.every((column) => header.includes(column)) && header.includes("ms");
}

/**
 * Columns batch, cin, cout, fmap, kernel, stride, groups (1 where it is absent) and ms.
 * @throws InputError `formulation/bad-cells`
 */
export function csvDictionary(text: string, where: string): PlainDictionary {
  const rows = csvRows(text, where);
  const entries = new Map<string, number>();
  for (const [index, row] of rows.entries()) {
    const numbers = [...COLUMNS.map((column) => row[column]), row["groups"] || "1"];
    const ms = row["ms"] === "" ? Number.NaN : Number(row["ms"]);
    if (!numbers.every((text) => /^\d+$/.test(text ?? "")) || !(ms >= 0)) {
      throw badCells(where, `line ${index + 2} holds '${[...numbers, row["ms"]].join(", ")}'`);
    }
    const key = numbers.join("_");
    if (entries.has(key)) throw badCells(where, `line ${index + 2} repeats ${key}`);
    entries.set(key, ms);
  }
  return { dictionary: convDictionary({ kind: "dict", entries: [...entries] }, where), notes: [] };
}

function csvRows(text: string, where: string): readonly Readonly<Record<string, string>>[] {
  try {
    return parse(text, { columns: true, trim: true, skip_empty_lines: true, bom: true });
  } catch (cause) {
    throw badCells(where, cause instanceof Error ? cause.message : String(cause));
  }
}

const SIZE = z.union([z.number(), z.array(z.number()).min(1)]);
const KERNEL = z.object({
  config: z
    .object({
      HW: SIZE,
      CIN: z.number().int(),
      COUT: z.number().int().optional(),
      KERNEL_SIZE: SIZE,
      STRIDES: SIZE.optional(),
    })
    .optional(),
  latency: z.union([z.number(), z.string()]).optional(),
});
const KERNELS = z.record(z.string(), z.record(z.string(), z.unknown()));

/** Whether a JSON document holds kernels of nn-Meter. */
export function isNnMeter(value: unknown): boolean {
  const parsed = KERNELS.safeParse(value);
  if (!parsed.success) return false;
  return Object.entries(parsed.data).some(
    ([kernel, cells]) => isConvKernel(kernel) && Object.keys(cells).length > 0,
  );
}

function isConvKernel(name: string): boolean {
  return /^(?:dw)?conv/i.test(name);
}

/**
 * The convolutions of nn-Meter's kernels: `conv-bn-relu` and the like, `dwconv-...` for depthwise ones. All are of batch 1.
 * @throws InputError `formulation/bad-cells`
 */
export function nnMeterDictionary(value: unknown, where: string): PlainDictionary {
  const kernels = KERNELS.parse(value);
  const entries = new Map<string, number>();
  let [others, repeated] = [0, 0];
  for (const [kernel, cells] of Object.entries(kernels)) {
    for (const [id, cell] of Object.entries(cells)) {
      const parsed = KERNEL.safeParse(cell);
      if (!isConvKernel(kernel)) {
        others += 1;
        continue;
      }
      if (!parsed.success) {
        throw badCells(where, `kernel '${kernel}' ${id}: ${firstIssues(parsed.error)}`);
      }
      const entry = kernelEntry(kernel, id, parsed.data, where);
      if (entries.has(entry.key)) repeated += 1;
      entries.set(entry.key, entry.ms);
    }
  }
  const notes = [
    ...(others > 0 ? [`${others} kernels that are no convolutions were left out.`] : []),
    ...(repeated > 0
      ? [`${repeated} convolutions are there under several kernels; the last one counts.`]
      : []),
  ];
  return { dictionary: convDictionary({ kind: "dict", entries: [...entries] }, where), notes };
}

function kernelEntry(
  kernel: string,
  id: string,
  { config, latency }: z.infer<typeof KERNEL>,
  where: string,
): { readonly key: string; readonly ms: number } {
  const at = `kernel '${kernel}' ${id}`;
  if (config === undefined)
    throw badCells(where, `${at} has no config; nn-Meter writes it with DETAIL: TRUE`);
  const ms = typeof latency === "number" ? latency : Number.parseFloat(latency ?? "");
  if (!(ms >= 0)) throw badCells(where, `${at}: its latency is '${latency ?? "missing"}'`);
  const { CIN, COUT = CIN, HW, KERNEL_SIZE, STRIDES = 1 } = config;
  const isDepthwise = /^dw/i.test(kernel);
  const shape = [1, CIN, isDepthwise ? CIN : COUT, first(HW), first(KERNEL_SIZE), first(STRIDES)];
  return { key: [...shape, isDepthwise ? CIN : 1].join("_"), ms };
}

function first(size: z.infer<typeof SIZE>): number {
  return typeof size === "number" ? size : (size[0] ?? 1);
}

function badCells(where: string, what: string): InputError {
  return new InputError({
    code: "formulation/bad-cells",
    message: `The latencies can't be read: ${what}.`,
    where,
    hint: "Columns are batch, cin, cout, fmap, kernel, stride, groups and ms; kernels of nn-Meter have config and latency.",
  });
}
