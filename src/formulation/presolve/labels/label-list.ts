import type { RoofLine } from "./roofs.ts";

/** Labels of one choice of the needed variables. */
export interface Group {
  /** Per variable of the frontier. */
  readonly positions: readonly number[];
  /** Per priced resource, and in it per label. */
  readonly cost: readonly Float64Array[];
  readonly loss: Float64Array;
  readonly leastLoss: number;
  /** Per roof (see `Roof`) what it adds to loss + slopes * cost of each label, and the least sum of the three. */
  readonly bases: Float64Array;
  readonly leastUnder: Float64Array;
  /** Number of its first label in its step. */
  readonly first: number;
}

/** A group with one state of the next variable. */
export interface Source {
  readonly group: Group;
  readonly state: number;
  /** What the state adds, per priced resource. */
  readonly cost: readonly number[];
  readonly loss: number;
  /** Those of the group that its labels go to. */
  readonly bases: Float64Array;
}

/** Where the labels of a step come from. */
export interface Trace {
  readonly parents: Int32Array;
  readonly states: Int32Array;
}

/** What a label may still become: its costs must end between these, per priced resource, its loss at most at `reach` and below each line. */
export interface Window {
  readonly least: readonly number[];
  readonly most: readonly number[];
  readonly reach: number;
  readonly lines: readonly RoofLine[];
}

/** Labels in growing arrays. */
export class LabelList {
  cost: Float64Array[];
  loss = new Float64Array(256);
  parent = new Int32Array(256);
  state = new Int32Array(256);
  length = 0;

  constructor(resources: number) {
    this.cost = Array.from({ length: resources }, () => new Float64Array(256));
  }

  /** Adds a label whose costs are yet to be set; returns where. */
  push(loss: number, parent: number, state: number): number {
    const at = this.length;
    if (at === this.loss.length) this.#grow(at + 1);
    this.loss[at] = loss;
    this.parent[at] = parent;
    this.state[at] = state;
    this.length = at + 1;
    return at;
  }

  append(other: LabelList): void {
    const at = this.length;
    this.#grow(at + other.length);
    this.cost.forEach((each, r) => {
      each.set(other.cost[r]?.subarray(0, other.length) ?? [], at);
    });
    this.loss.set(other.loss.subarray(0, other.length), at);
    this.parent.set(other.parent.subarray(0, other.length), at);
    this.state.set(other.state.subarray(0, other.length), at);
    this.length = at + other.length;
  }

  #grow(least: number): void {
    let size = this.loss.length;
    if (least <= size) return;
    while (size < least) size *= 2;
    const larger = (array: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(size);
      grown.set(array);
      return grown;
    };
    const largerInts = (array: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(size);
      grown.set(array);
      return grown;
    };
    this.cost = this.cost.map(larger);
    this.loss = larger(this.loss);
    this.parent = largerInts(this.parent);
    this.state = largerInts(this.state);
  }
}

/** Adds one label of a list to another. */
export function copyLabel(
  { cost, loss, parent, state }: LabelList,
  at: number,
  to: LabelList,
): void {
  const place = to.push(loss[at] as number, parent[at] as number, state[at] as number);
  to.cost.forEach((each, r) => {
    each[place] = cost[r]?.[at] as number;
  });
}
