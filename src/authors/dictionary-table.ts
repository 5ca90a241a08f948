/**
 * A latency table for a network from HALP's dictionary of single convolutions: each convolution's cells are looked up by
 * (batch, cin, cout, fmap, kernel, stride, groups). As in HALP and MDP, whatever is no convolution costs nothing.
 */
import { InputError, UsageError } from "../core/errors.ts";
import { type Node, nodeId } from "../graph/graph.ts";
import { opOf } from "../graph/read-op.ts";
import { countsAt } from "../latency/lookup.ts";
import { type ProfiledOp, profiledOps } from "../latency/ops.ts";
import type { LatencyOp, LatencyTable } from "../latency/table.ts";
import { dimsOf } from "../structure/counts.ts";
import type { AxisCount, Structure } from "../structure/structure.ts";
import { structureHash } from "../structure/structure-json.ts";
import type { ConvDictionary } from "./conv-dictionary.ts";
import { type ConvKind, cellTimes } from "./dictionary-cells.ts";

export interface DictionaryTableOptions {
  /** Images per run; null for the dictionary's only one. */
  readonly batch: number | null;
  /** Width of the grid in channels. */
  readonly step: number;
  readonly networkName: string;
  /** What the times were measured on, as far as the user knows. */
  readonly deviceName: string;
  readonly deviceTitle: string;
  readonly command: string;
  /** File of the dictionary, for errors. */
  readonly where: string;
}

/**
 * @throws UsageError `formulation/dictionary-batch`; InputError `formulation/dictionary-cell`, `formulation/dictionary-conv`,
 * `formulation/dictionary-grid`
 */
export function dictionaryTable(
  dictionary: ConvDictionary,
  structure: Structure,
  options: DictionaryTableOptions,
): LatencyTable {
  const batch = batchOf(dictionary, options);
  const nodes = new Map(structure.graph.nodes.map((node) => [nodeId(node), node]));
  const profiled = profiledOps(structure);
  const convolutions = profiled.flatMap((op) => {
    const node = nodes.get(op.id);
    return node?.opType === "Conv" ? [{ op, node }] : [];
  });
  const ops = convolutions.map(({ op, node }) =>
    tableOp({ op, node, batch, dictionary, structure, options, where: options.where }),
  );
  const inputShape = structure.shapes.of(structure.graph.inputs[0]?.name ?? "") ?? [];
  return {
    schema: "mdp-latency-table/1",
    device: {
      name: options.deviceName,
      kind: "measured",
      model: options.deviceTitle,
      cores: null,
      power: null,
    },
    runtime: { name: "not stated", version: "in the dictionary" },
    precision: "not stated",
    batch,
    threads: null,
    optimisation: null,
    date: "not stated",
    command: options.command,
    repeats: null,
    runs: null,
    step: options.step,
    spread: null,
    network: {
      name: options.networkName,
      structureHash: structureHash(structure),
      inputShape: [batch, ...inputShape.slice(1)],
    },
    denseMs: ops.reduce((sum, op) => sum + (op.ms.at(-1) ?? 0), 0),
    scale: 1,
    fixedMs: 0,
    expectedError: null,
    notes: notesOf(ops, profiled.length - ops.length),
    ops,
  };
}

function batchOf({ batches }: ConvDictionary, { batch, where }: DictionaryTableOptions): number {
  const [first, ...others] = batches;
  const chosen = batch ?? (others.length === 0 ? first : undefined);
  if (chosen !== undefined && batches.includes(chosen)) return chosen;
  throw new UsageError({
    code: "formulation/dictionary-batch",
    message:
      chosen === undefined
        ? `The dictionary has batches ${batches.join(", ")}.`
        : `The dictionary has no batch ${chosen}, only ${batches.join(", ")}.`,
    where,
    hint: "Name one of them with --batch.",
  });
}

/** A convolution of a network. */
export interface ConvPlace {
  readonly op: ProfiledOp;
  readonly node: Node;
  readonly batch: number;
  readonly structure: Structure;
  /** File, for errors. */
  readonly where: string;
}

interface DictionaryPlace extends ConvPlace {
  readonly dictionary: ConvDictionary;
  readonly options: DictionaryTableOptions;
}

/** Cells of one operation; as in predicted tables, more would cost more memory than they tell. */
const MOST_CELLS = 65_536;

function tableOp(place: DictionaryPlace): LatencyOp {
  const { op, structure, options, node } = place;
  const counts = op.axes.map((axis) => gridOf(structure, axis, options.step));
  const size = counts.reduce((product, axis) => product * axis.length, 1);
  if (size > MOST_CELLS) {
    throw new InputError({
      code: "formulation/dictionary-grid",
      message: `Conv '${op.label}' would have ${size} cells at step ${options.step}; at most ${MOST_CELLS} are kept.`,
      where: options.where,
      hint: "Give a larger --step.",
    });
  }
  const [input = "", weight = ""] = node.inputs;
  const kind = convKind(place, weight);
  const cin = channelsOf(structure, op.axes, input);
  const cout = channelsOf(structure, op.axes, node.outputs[0] ?? "");
  const timeOf = cellTimes(place.dictionary, kind, { label: op.label, where: options.where });
  const cells = Array.from({ length: size }, (_, cell) => {
    const at = countsAt(cell, counts);
    return timeOf(cin(at), cout(at));
  });
  return {
    id: op.id,
    label: op.label,
    kind: op.kind,
    axes: op.axes.map(({ fixed, parts }) => ({ fixed, parts: parts.map((part) => ({ ...part })) })),
    counts,
    ms: cells.map(({ ms }) => ms),
    origin: cells.map(({ isMeasured }) => (isMeasured ? "m" : "i")).join(""),
  };
}

/**
 * What a dictionary asks of a convolution besides its channels.
 * @throws InputError `formulation/dictionary-conv`
 */
export function convKind(
  { op, node, batch, structure, where }: ConvPlace,
  weight: string,
): ConvKind {
  const conv = opOf(node, structure.graph);
  const [, , height = 1, width = height] = structure.shapes.of(node.inputs[0] ?? "") ?? [];
  const refuse = (what: string): never => {
    throw new InputError({
      code: "formulation/dictionary-conv",
      message: `Conv '${op.label}' has ${what}, which a dictionary of latencies doesn't tell apart.`,
      where,
      hint: "Measure the network itself: mdp profile.",
    });
  };
  if (conv.kind !== "conv" || conv.kernelShape === null) return refuse("an unknown kernel");
  const one = (list: readonly number[], what: string): number => {
    const [first = 1] = list;
    return list.every((value) => value === first) ? first : refuse(what);
  };
  if (height !== width) return refuse(`an input of ${height} x ${width}`);
  if (one(conv.dilations, "unequal dilations") !== 1) return refuse("a dilation");
  const channelsPerGroup = structure.graph.initializers.get(weight)?.shape[1] ?? 1;
  return {
    batch,
    fmap: height,
    kernel: one(conv.kernelShape, `a kernel of ${conv.kernelShape.join(" x ")}`),
    stride: one(conv.strides, `strides of ${conv.strides.join(" x ")}`),
    groupChannels: conv.group === 1 ? null : channelsPerGroup,
  };
}

/** Channels of a value at the channels of an operation's axes. */
export function channelsOf(
  structure: Structure,
  axes: readonly AxisCount[],
  value: string,
): (counts: readonly number[]) => number {
  const dense = structure.shapes.of(value)?.[1] ?? 1;
  const isFree = (dim: number): boolean => structure.dims[dim]?.pinned === null;
  const form = (count: AxisCount): string =>
    JSON.stringify(count.parts.filter((part) => dimsOf(part).some(isFree)));
  const own = form(structure.count(value, 1));
  const position = axes.findIndex((axis) => form(axis) === own);
  return (counts) => (position < 0 ? dense : (counts[position] ?? dense));
}

/** Multiples of the step up to the full width, and that. */
function gridOf(structure: Structure, { fixed, parts }: AxisCount, step: number): number[] {
  const channels = (units: (dim: number) => number): number =>
    parts.reduce((sum, { dim, perUnit }) => sum + perUnit * units(dim), fixed);
  const least = channels(() => 1);
  const most = channels((dim) => structure.dims[dim]?.size ?? 1);
  const counts: number[] = [];
  for (let count = step * Math.ceil(least / step); count < most; count += step) counts.push(count);
  return [...counts, most];
}

function notesOf(ops: readonly LatencyOp[], others: number): string[] {
  const cells = ops.reduce((sum, { origin }) => sum + origin.length, 0);
  const between = ops.reduce((sum, { origin }) => sum + origin.replaceAll("m", "").length, 0);
  const notes = [
    `Made of single convolutions timed alone; ${others} other operations count nothing, as in HALP.`,
  ];
  if (between > 0) {
    notes.push(
      `${between} of ${cells} cells are not in the dictionary and were interpolated linearly between their neighbours there.`,
    );
  }
  return notes;
}
