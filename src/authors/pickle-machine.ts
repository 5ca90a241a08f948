/** The stack machine that a pickle is written for: a stack with marks, and a memo of what may be named again. */
import { type Held, settled } from "./pickle-calls.ts";
import type { Cursor } from "./pickle-cursor.ts";
import type { Fail, Maker } from "./pickle-numpy.ts";
import type { PickleValue } from "./pickle-values.ts";

export interface Machine {
  readonly cursor: Cursor;
  readonly stack: Held[];
  /** Heights of the stack at the marks that are open. */
  readonly marks: number[];
  readonly memo: Map<number, Held>;
  readonly maker: Maker;
  readonly refuse: Fail;
  readonly damaged: Fail;
}

export function append(machine: Machine, items: readonly Held[]): true {
  const list = peek(machine);
  if (!isObject(list) || list.kind !== "list") return machine.damaged("items for what is no list");
  // Nothing but this reader has seen the list yet.
  const own = list.items as PickleValue[];
  for (const value of values(machine, items)) own.push(value);
  return true;
}

export function setItems(machine: Machine, items: readonly Held[]): true {
  const dict = peek(machine);
  if (!isObject(dict) || dict.kind !== "dict") return machine.damaged("pairs for what is no dict");
  if (items.length % 2 !== 0) return machine.damaged("a key without a value");
  const own = dict.entries as (readonly [PickleValue, PickleValue])[];
  const all = values(machine, items);
  for (let at = 0; at < all.length; at += 2) own.push([all[at] ?? null, all[at + 1] ?? null]);
  return true;
}

export function values(machine: Machine, items: readonly Held[]): PickleValue[] {
  return items.map((item) => settledValue(machine, item));
}

export function settledValue(machine: Machine, held: Held): PickleValue {
  const found = settled(held);
  return found === null ? machine.refuse("something that is no plain value") : found.value;
}

/** A JavaScript map holds 2^24 entries. */
const MOST_KEPT = 2 ** 23;

export function keep(machine: Machine, key: number): true {
  if (machine.memo.size >= MOST_KEPT) return machine.refuse(`more than ${MOST_KEPT} memo entries`);
  machine.memo.set(key, peek(machine));
  return true;
}

export function pushKept(machine: Machine, key: number): true {
  const kept = machine.memo.get(key);
  if (kept === undefined) return machine.damaged(`entry ${key} of the memo, which isn't there`);
  machine.stack.push(kept);
  return true;
}

export function memoKey(machine: Machine, line: string): number {
  return /^\d{1,10}$/.test(line)
    ? Number(line)
    : machine.damaged("an entry of the memo without a number");
}

/** What came since the last mark, and takes the mark away. */
export function sinceMark({ stack, marks, damaged }: Machine): Held[] {
  const mark = marks.pop();
  return mark === undefined ? damaged("items without a mark") : stack.splice(mark);
}

export function pop(machine: Machine): Held {
  const top = peek(machine);
  machine.stack.pop();
  return top;
}

export function peek({ stack, marks, damaged }: Machine): Held {
  const top = stack.at(-1);
  const isAboveMark = stack.length > (marks.at(-1) ?? 0);
  return top === undefined || !isAboveMark ? damaged("a value is missing") : top;
}

export function isObject(held: Held): held is Extract<Held, { readonly kind: string }> {
  return typeof held === "object" && held !== null && !(held instanceof Uint8Array);
}
