import type { Graph, NodeId } from "../graph/graph.ts";
import type { KnownValues } from "../graph/values.ts";
import type { Component } from "./components/component.ts";
import type { UnknownShape } from "./unknown-shapes.ts";

/**
 * What of a network can be pruned. A **dim** is a set of units that play the same part: a unit is one class of tensor
 * indices that must go together (a channel, a head, a group of a grouped convolution), and units of one dim appear on exactly
 * the same axes, so that lengths can be counted: the length of an axis is `fixed` plus, over the dims and products of dims on
 * it, units kept times elements per unit.
 */
export interface Structure {
  /** The network, prepared: see `prepare.ts`. */
  readonly graph: Graph;
  /** The graph as it was given, before it was prepared (prepare.ts): the same object where nothing had to change. */
  readonly given: Graph;
  /** Lengths that were given to open axes of the inputs, by name. */
  readonly bind: Readonly<Record<string, number>>;
  /** Shapes at the batch that the structure was found with (1 unless asked otherwise). */
  readonly shapes: ResolvedShapes;
  /** Prunable and pinned ones, in the order their first layer appears. */
  readonly dims: readonly Dim[];
  /** Ops with weights: Conv, ConvTranspose, Gemm, MatMul with a constant. In graph order. */
  readonly layers: readonly Layer[];
  /** Branches that can be dropped, in the order of their Add. */
  readonly blocks: readonly Block[];
  /** Parts of the network, in the order of their first layer; none where nothing splits it. Every layer is in one of them. */
  readonly components: readonly Component[];
  /** Weights by their sizes; what `parameterCount` sums. */
  readonly weights: readonly Weight[];
  /** Contractions without weights (attention). */
  readonly contractions: readonly Contraction[];
  /** Units along an axis of a value or initializer; null where no dim touches the axis. */
  readonly axis: (value: string, axis: number) => AxisUnits | null;
  /** Length of an axis as a sum of products of the units kept. */
  readonly count: (value: string, axis: number) => AxisCount;
  /** Ops whose channels are permuted by Reshape, Transpose, Reshape; by the last of the three. */
  readonly shuffles: ReadonlyMap<NodeId, Shuffle>;
  /** What was changed of the network so that more of it can be pruned, a sentence each. */
  readonly notes: readonly string[];
  /** Where shapes begin to be unknown, so that nothing behind can be pruned. */
  readonly unknown: readonly UnknownShape[];
}

/** Shapes of values with every extent a number; what shape inference found. */
export interface ResolvedShapes {
  readonly of: (value: string) => readonly number[] | null;
  /** Elements of a small tensor of numbers with the batch left open: names and products stand for what is not known. */
  readonly extents: KnownValues;
  /** Values of a small integer tensor that is known before the network runs. */
  readonly constant: (value: string) => readonly number[] | null;
}

export interface Dim {
  readonly index: number;
  /** Label of the first layer that produces it, and its role in attention; with `#2`, `#3`... where one layer produces several. */
  readonly name: string;
  /** What it is in a transformer; null elsewhere. */
  readonly role: DimRole | null;
  /** Number of units. */
  readonly size: number;
  /**
   * Channels per unit on the axis of its first producer, all other dims kept: the width of a group, otherwise 1. Heads and columns
   * of attention, which are multiplied with each other, are counted themselves: 1.
   */
  readonly unitChannels: number;
  /** Why it can't be pruned, for people; null where it can. */
  readonly pinned: string | null;
  /** Nothing that the network computes depends on its units: they go first, whatever their score, and all of them may go. */
  readonly isUnread: boolean;
  /** Innermost block outside of which it does not exist. */
  readonly block: number | null;
  /** Layers whose output axis it is on. */
  readonly producers: readonly NodeId[];
  /** The components whose layers produce or read it, joined: `encoder`, `encoder+policy+value`; null without components. */
  readonly component: string | null;
}

/**
 * Of attention: heads, `groups` of heads that share keys and values, columns of queries and keys, columns of values, or `width`
 * where queries, keys and values share their columns. The embedding outlives all blocks; an MLP's width lies inside one.
 */
export const DIM_ROLES = ["heads", "groups", "qk", "v", "width", "mlp", "embedding"] as const;
export type DimRole = (typeof DIM_ROLES)[number];

/**
 * The units that have to stay for each element of an axis to stay: one level unless the axis is a product, such as heads x
 * width behind a Reshape. An element stays where its units on all levels stay.
 */
export interface AxisUnits {
  readonly length: number;
  /** At least one. An element's units fill the first levels; the element always stays where it has none on the first. */
  readonly levels: readonly UnitLevel[];
}

/** Per element of an axis: index of a dim and of a unit in that dim, or -1 and -1 where it has none on this level. */
export interface UnitLevel {
  readonly dims: Int32Array;
  readonly units: Int32Array;
}

/** Length of an axis: `fixed` + sum over parts of `perUnit` * kept units of `dim` * those of `times`. */
export interface AxisCount {
  readonly fixed: number;
  readonly parts: readonly CountPart[];
}

/** A product of kept units. Parts of one count have distinct sets of dims. */
export interface CountPart {
  readonly dim: number;
  readonly perUnit: number;
  /** Further dims whose kept units multiply it, absent where there are none: of heads x width, the width. */
  readonly times?: readonly number[] | undefined;
}

export interface Layer {
  readonly index: number;
  readonly id: NodeId;
  readonly name: string;
  readonly opType: string;
  /** Name of its weight and which axes of it are contracted and produced. */
  readonly weight: {
    readonly name: string;
    readonly inputAxis: number;
    readonly outputAxis: number;
  };
  /** Channels its weight contracts per output channel: those of one group in a grouped convolution. */
  readonly input: AxisCount;
  /** Channels it produces. */
  readonly output: AxisCount;
  /** 1 unless it is a grouped convolution. */
  readonly groups: number;
  /** Elements of weight and bias, dense. */
  readonly parameters: number;
  /** Multiply-accumulates at batch 1, dense: `macsPerPair` * input * output * places. */
  readonly macs: number;
  /** MACs at batch 1 per pair of contracted and produced channel, and per place. */
  readonly macsPerPair: number;
  /** Axes besides the produced one that dims shape and it is applied along: the first axes of a weight of rank 3. */
  readonly places: readonly AxisCount[];
  /** All blocks around it, innermost last. */
  readonly blocks: readonly number[];
  /** BatchNormalization directly behind it. */
  readonly normalisation: NodeId | null;
  /** How it may be dropped, that is replaced (with its BatchNormalization) by its input; null: it may not. */
  readonly drop: LayerDrop | null;
}

/**
 * `same-dim`: input and output carry the same dim (depthwise). `tie`: while dropped, the two dims keep the same unit
 * indices, ranked by `outlives`.
 */
export type LayerDrop =
  | { readonly kind: "same-dim" }
  | { readonly kind: "tie"; readonly outlives: number; readonly tied: number };

/** A branch into an Add whose other operand can stand alone. */
export interface Block {
  readonly index: number;
  readonly name: string;
  readonly add: NodeId;
  /** Which operand of the Add is the branch. */
  readonly branchInput: 0 | 1;
  /** Nodes that only the branch needs, nested blocks included, and the Add. In graph order. */
  readonly nodes: readonly NodeId[];
  /** Indices of the layers among them. */
  readonly layers: readonly number[];
  readonly parent: number | null;
}

/** A floating-point initializer that a person would count as parameters. */
export interface Weight {
  readonly name: string;
  /** Elements that no dim shapes, times the axes below. */
  readonly factor: number;
  readonly axes: readonly AxisCount[];
  /** Nodes that read it. It goes when the last of them goes. */
  readonly consumers: readonly NodeId[];
}

/** A MatMul of two activations: at batch 1, `factor` times the lengths of `axes` multiply-accumulates. */
export interface Contraction {
  readonly id: NodeId;
  /** What no dim shapes. */
  readonly factor: number;
  /** Heads, and a head's width. */
  readonly axes: readonly AxisCount[];
}

/** `output[i] = input[permutation[i]]` along `axis`. */
export interface Shuffle {
  readonly input: string;
  readonly axis: number;
  readonly permutation: Int32Array;
}
