/**
 * HALP's latency dictionary (github.com/NVlabs/HALP): `batch_cin_cout_fmap_kernel_stride[_groups]` -> milliseconds of one
 * convolution, fmap being the extent of its input.
 */
import { type Unexpected, unexpectedIn } from "./layout.ts";
import type { PickleValue } from "./pickle-values.ts";

export interface ConvCell {
  readonly batch: number;
  readonly cin: number;
  readonly cout: number;
  readonly fmap: number;
  readonly kernel: number;
  readonly stride: number;
  readonly groups: number;
}

export interface ConvDictionary {
  /** Milliseconds; undefined where nobody measured. */
  readonly ms: (cell: ConvCell) => number | undefined;
  /** Batches, increasing. */
  readonly batches: readonly number[];
  readonly size: number;
  /** Whether keys say groups; without them every cell is of a convolution over all channels. */
  readonly hasGroups: boolean;
  /** Measured input and output channels of a kind of convolution, increasing. */
  readonly channels: (kind: Omit<ConvCell, "cin" | "cout">) => MeasuredChannels;
  /** Measured channels of a depthwise convolution, increasing. */
  readonly depthwise: (kind: Omit<ConvCell, "cin" | "cout" | "groups">) => readonly number[];
}

export interface MeasuredChannels {
  readonly cin: readonly number[];
  readonly cout: readonly number[];
}

const KEY = /^\d+(_\d+){5,6}$/;

/** Whether it looks like a latency dictionary. */
export function isConvDictionary(value: PickleValue): boolean {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  if (value.kind !== "dict") return false;
  const [first] = value.entries[0] ?? [];
  return typeof first === "string" && KEY.test(first);
}

/** A JavaScript map holds 2^24 entries. */
const MOST_CELLS = 2 ** 23;

/** @throws InputError `formulation/pickle-layout` */
export function convDictionary(value: PickleValue, where: string): ConvDictionary {
  const bad = unexpectedIn(where);
  if (typeof value !== "object" || value === null || !("kind" in value) || value.kind !== "dict") {
    return bad("no dict of latencies");
  }
  if (value.entries.length > MOST_CELLS) return bad(`${value.entries.length} latencies`);
  const cells = new Map<string, number>();
  const batches = new Set<number>();
  const lengths = new Set<number>();
  const kinds = new Map<string, { cin: Set<number>; cout: Set<number> }>();
  const depthwise = new Map<string, Set<number>>();
  for (const [key, ms] of value.entries) {
    const cell = cellOf(key, ms, bad);
    lengths.add(cell.numbers.length);
    const [batch = 0, cin = 0, cout = 0, ...rest] = cell.numbers;
    batches.add(batch);
    const kind = kindKey(batch, rest);
    const known = kinds.get(kind) ?? { cin: new Set(), cout: new Set() };
    known.cin.add(cin);
    known.cout.add(cout);
    kinds.set(kind, known);
    const [fmap = 0, kernel = 0, stride = 0, groups = 1] = rest;
    if (groups > 1 && cin === groups && cout === groups) {
      const own = [batch, fmap, kernel, stride].join("_");
      depthwise.set(own, (depthwise.get(own) ?? new Set()).add(groups));
    }
    cells.set(cell.numbers.join("_"), cell.ms);
  }
  if (lengths.size > 1) return bad("some keys say groups and some don't");
  const hasGroups = lengths.has(7);
  const tail = ({ fmap, kernel, stride, groups }: Omit<ConvCell, "cin" | "cout">): number[] =>
    hasGroups ? [fmap, kernel, stride, groups] : [fmap, kernel, stride];
  return {
    ms: (cell) => cells.get([cell.batch, cell.cin, cell.cout, ...tail(cell)].join("_")),
    batches: increasing(batches),
    size: cells.size,
    hasGroups,
    channels: (kind) => {
      const known = kinds.get(kindKey(kind.batch, tail(kind)));
      return { cin: increasing(known?.cin ?? []), cout: increasing(known?.cout ?? []) };
    },
    depthwise: ({ batch, fmap, kernel, stride }) =>
      increasing(depthwise.get([batch, fmap, kernel, stride].join("_")) ?? []),
  };
}

function cellOf(
  key: PickleValue,
  ms: PickleValue,
  bad: Unexpected,
): { readonly numbers: readonly number[]; readonly ms: number } {
  if (typeof key !== "string" || !KEY.test(key)) {
    return bad(
      `a key is '${String(key).slice(0, 40)}' instead of batch_cin_cout_fmap_kernel_stride`,
    );
  }
  if (typeof ms !== "number" || !Number.isFinite(ms) || ms < 0) {
    return bad(`the latency of ${key} is no time in milliseconds`);
  }
  return { numbers: key.split("_").map(Number), ms };
}

function kindKey(batch: number, rest: readonly number[]): string {
  return [batch, ...rest].join("_");
}

function increasing(numbers: Iterable<number>): readonly number[] {
  return [...numbers].sort((a, b) => a - b);
}
