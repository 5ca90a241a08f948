/** What others measured, as a table for a network: the file's content tells which format it is. */
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { convDictionary, isConvDictionary } from "../../authors/conv-dictionary.ts";
import { dictionaryTable } from "../../authors/dictionary-table.ts";
import { readPickle } from "../../authors/pickle.ts";
import {
  csvDictionary,
  isConvCsv,
  isNnMeter,
  isPlainDictionary,
  nnMeterDictionary,
  type PlainDictionary,
  plainDictionary,
} from "../../authors/plain-dictionary.ts";
import { InputError, UsageError } from "../../core/errors.ts";
import { readFileBytes, readJson } from "../../core/files.ts";
import { profiledOps } from "../../latency/ops.ts";
import type { LatencyTable } from "../../latency/table.ts";
import { widestSumMs } from "../../latency/tables/summary.ts";
import { isTableCsv, readTableCsv } from "../../latency/tables/table-csv.ts";
import { structureHash } from "../../structure/structure-json.ts";
import type { OpenNetwork } from "../open/network.ts";
import { profileTable } from "./import-profile.ts";

export interface ImportTableOptions {
  readonly batch?: number | undefined;
  readonly precision?: string | undefined;
  readonly step?: number | undefined;
  readonly deviceName: string;
  readonly base?: string | undefined;
  readonly layers?: string | undefined;
  readonly subnet?: string | undefined;
  readonly command: string;
  /** ISO 8601. */
  readonly date: string;
}

export interface ImportedTable {
  /** What the file was, for people. */
  readonly kind: string;
  readonly table: LatencyTable;
}

/**
 * @throws UsageError `cli/import-option`, `cli/import-base`; InputError `cli/import-content`, and as the format's reader
 */
export function importTable(
  open: OpenNetwork,
  file: string,
  options: ImportTableOptions,
): ImportedTable {
  const bytes = unpacked(readFileBytes(file), file);
  // Pickles of protocol 2 and later begin with this byte, which no text does.
  const isPickle = bytes[0] === 0x80 || /\.(pkl|pickle)$/.test(file);
  const { kind, read } = isPickle
    ? { kind: "a pickled dictionary", read: () => ofDictionary(pickled(bytes, file)) }
    : textFormat(new TextDecoder().decode(bytes));
  if (kind !== "a profile of trtexec") refuseProfileOptions(options, kind);
  return { kind, table: read() };

  function textFormat(text: string): { readonly kind: string; readonly read: () => LatencyTable } {
    refuseOtherSeparators(text, file);
    if (isTableCsv(text))
      return { kind: "a CSV file", read: () => ofCsv(open, text, file, options) };
    if (isConvCsv(text)) {
      return { kind: "a CSV dictionary", read: () => ofDictionary(csvDictionary(text, file)) };
    }
    if (isTrtProfile(text)) {
      return { kind: "a profile of trtexec", read: () => profileTable(open, text, file, options) };
    }
    const value = readJson(file);
    if (isPlainDictionary(value)) {
      return { kind: "a JSON dictionary", read: () => ofDictionary(plainDictionary(value, file)) };
    }
    if (isNnMeter(value)) {
      const read = (): LatencyTable => ofDictionary(nnMeterDictionary(value, file));
      return { kind: "nn-Meter's kernels", read };
    }
    throw unknownContent(value, file);
  }

  function ofDictionary({ dictionary, notes }: PlainDictionary): LatencyTable {
    const table = dictionaryTable(dictionary, open.structure, {
      batch: options.batch ?? null,
      step: options.step ?? 8,
      networkName: open.name,
      deviceName: options.deviceName,
      deviceTitle: `${options.deviceName}, from ${basename(file)}`,
      command: options.command,
      where: file,
    });
    const precision = options.precision ?? table.precision;
    return { ...table, precision, notes: [...table.notes, ...notes] };
  }
}

function pickled(bytes: Uint8Array, file: string): PlainDictionary {
  const value = readPickle(bytes, file);
  if (!isConvDictionary(value)) throw unknownContent(null, file);
  return { dictionary: convDictionary(value, file), notes: [] };
}

function unpacked(bytes: Uint8Array, file: string): Uint8Array {
  return file.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}

function isTrtProfile(text: string): boolean {
  return /^\s*\[\s*\{\s*"count"\s*:/.test(text);
}

/** A table of columns: operations of the network by name. */
function ofCsv(
  open: OpenNetwork,
  text: string,
  file: string,
  options: ImportTableOptions,
): LatencyTable {
  const { structure } = open;
  const content = readTableCsv(text, profiledOps(structure), file);
  const batch = options.batch ?? 1;
  const inputShape = structure.shapes.of(structure.graph.inputs[0]?.name ?? "") ?? [];
  const isPredicted = content.ops.every(({ origin }) => !/[mi]/.test(origin));
  const notes = [
    ...(content.filled > 0
      ? [
          `${content.filled} cells are not in the file and were interpolated linearly between their neighbours.`,
        ]
      : []),
    ...(content.missing.length > 0
      ? [
          `${content.missing.length} operations have no row and cost nothing: ${content.missing.slice(0, 5).join(", ")}${content.missing.length > 5 ? ", ..." : ""}.`,
        ]
      : []),
  ];
  const table: LatencyTable = {
    schema: "mdp-latency-table/2",
    device: {
      name: options.deviceName,
      kind: isPredicted ? "predicted" : "measured",
      model: `${options.deviceName}, from ${basename(file)}`,
      cores: null,
      power: null,
    },
    runtime: { name: "not stated", version: "in the file" },
    precision: options.precision ?? "not stated",
    batch,
    threads: null,
    optimisation: null,
    date: options.date,
    command: options.command,
    repeats: null,
    runs: null,
    step: options.step ?? stepOf(content.ops),
    spread: null,
    network: {
      name: open.name,
      structureHash: structureHash(structure),
      inputShape: [batch, ...inputShape.slice(1)],
    },
    denseMs: content.denseMs ?? 0,
    scale: 1,
    fixedMs: content.fixedMs,
    expectedError: null,
    notes,
    ops: content.ops,
  };
  return content.denseMs === null ? { ...table, denseMs: widestSumMs(table) } : table;
}

/** The widest step that every width is a multiple of, but for the full ones. */
function stepOf(ops: LatencyTable["ops"]): number {
  const widths = ops.flatMap(({ counts }) => counts.flatMap((axis) => axis.slice(0, -1)));
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  return Math.max(1, widths.reduce(divisor, 0));
}

function refuseProfileOptions(options: ImportTableOptions, kind: string): void {
  for (const name of ["base", "layers", "subnet"] as const) {
    if (options[name] === undefined) continue;
    throw new UsageError({
      code: "cli/import-option",
      message: `--${name} goes with a profile of trtexec; this file is ${kind}.`,
      where: `--${name}`,
      hint: "Leave it out.",
    });
  }
}

function unknownContent(value: unknown, file: string): InputError {
  const schema =
    typeof value === "object" && value !== null && "schema" in value ? String(value.schema) : null;
  return new InputError({
    code: "cli/import-content",
    message:
      schema === null
        ? "The file holds no latencies in a format that is known here."
        : `The file is '${schema}', which needs no import.`,
    where: file,
    hint: "Known are: CSV with op, channels_1, channels_2, ms or batch, cin, cout, fmap, kernel, stride, ms; HALP's dictionary as pickle or JSON; nn-Meter's kernels; profiles of trtexec.",
  });
}

const SEPARATORS = { ";": "semicolons", "\t": "tabs", "|": "bars" } as const;

/**
 * A table of a spreadsheet that separates its columns otherwise, and writes 0,5 for a half, is said to be one.
 * @throws InputError `cli/import-separator`
 */
function refuseOtherSeparators(text: string, file: string): void {
  const first = text.replace(/^\uFEFF/, "").split(/\r?\n/, 1)[0] ?? "";
  for (const [separator, name] of Object.entries(SEPARATORS)) {
    const head = first.split(separator);
    const withCommas = `${head.join(",")}\n`;
    if (head.length < 3 || !(isTableCsv(withCommas) || isConvCsv(withCommas))) continue;
    throw new InputError({
      code: "cli/import-separator",
      message: `The columns of this CSV file are separated by ${name}; mdp reads commas, and points in numbers (0.5).`,
      where: `${file}, line 1`,
      hint: "Save it again with commas between columns and points in numbers; spreadsheets ask for both on export.",
    });
  }
}
