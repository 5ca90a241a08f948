/**
 * The few callables that a pickle of numpy arrays names, done by hand: nothing is looked up and nothing is run.
 */
import { type Fail, type Maker, type NumpyType, numpyArray, numpyType } from "./pickle-numpy.ts";
import type { PickleArray, PickleSequence, PickleValue } from "./pickle-values.ts";

/** What is held while reading besides values: callables, element types, arrays that wait for their content, tuples of such. */
export type Held = PickleValue | Callable | HeldType | HeldArray | HeldTuple;

export interface Callable {
  readonly kind: "callable";
  readonly name: CallName;
}

export interface HeldType {
  readonly kind: "type";
  type: NumpyType;
}

export interface HeldArray {
  readonly kind: "held-array";
  array: PickleArray | null;
}

/** Arguments of a call. */
export interface HeldTuple {
  readonly kind: "held-tuple";
  readonly items: readonly Held[];
}

type CallName =
  | "reconstruct"
  | "dtype"
  | "scalar"
  | "frombuffer"
  | "encode"
  | "orderedDict"
  | "none";

/** By the names that Python 2 and 3 and numpy 1 and 2 write. */
const NAMES: ReadonlyMap<string, CallName> = new Map([
  ["numpy.core.multiarray._reconstruct", "reconstruct"],
  ["numpy._core.multiarray._reconstruct", "reconstruct"],
  ["numpy.core.multiarray.scalar", "scalar"],
  ["numpy._core.multiarray.scalar", "scalar"],
  ["numpy.core.numeric._frombuffer", "frombuffer"],
  ["numpy._core.numeric._frombuffer", "frombuffer"],
  // Named as an argument of _reconstruct; never called.
  ["numpy.ndarray", "none"],
  ["numpy.dtype", "dtype"],
  ["_codecs.encode", "encode"],
  ["collections.OrderedDict", "orderedDict"],
]);

/** The callable of that name, null for any other. */
export function callableNamed(module: string, name: string): Callable | null {
  const known = NAMES.get(`${module}.${name}`);
  return known === undefined ? null : { kind: "callable", name: known };
}

/** What a callable makes of its arguments. */
export function call({ name }: Callable, args: readonly Held[], maker: Maker): Held {
  const { fail, take } = maker;
  const [first, second, third, fourth] = args;
  switch (name) {
    case "reconstruct":
      return { kind: "held-array", array: null };
    case "dtype": {
      const type = typeof first === "string" ? numpyType(first) : null;
      if (type === null) return fail("an array whose elements are no plain numbers");
      return { kind: "type", type };
    }
    case "scalar": {
      const { type } = typeOf(first, fail);
      const raw = bytesOf(second, fail);
      return numpyArray({ shape: [], type, raw, fortran: false }, maker).data[0] ?? Number.NaN;
    }
    case "frombuffer": {
      const { type } = typeOf(second, fail);
      const shape = extentsOf(third, fail);
      return numpyArray({ shape, type, raw: bytesOf(first, fail), fortran: fourth === "F" }, maker);
    }
    case "encode": {
      const isLatin = second === "latin1" || second === "latin-1";
      if (typeof first !== "string" || !isLatin) return fail("a text encoding other than latin1");
      take(first.length / 8);
      return new Uint8Array(Buffer.from(first, "latin1"));
    }
    case "orderedDict":
      return args.length === 0
        ? { kind: "dict", entries: [] }
        : fail("an OrderedDict of something");
    case "none":
      return fail("a call of numpy.ndarray");
    default:
      return name satisfies never;
  }
}

/** Fills an array, or gives an element type its byte order, from the state that numpy wrote. */
export function build(target: Held | undefined, state: Held | undefined, maker: Maker): void {
  const { fail } = maker;
  const items = itemsOf(state, fail);
  if (isKind(target, "type")) target.type = orderedType(target.type, items[1], fail);
  else if (isKind(target, "held-array")) target.array = arrayOfState(items, maker);
  else fail("an object with a state of its own");
}

function orderedType(type: NumpyType, order: Held | undefined, fail: Fail): NumpyType {
  const isOrder = typeof order === "string" && order.length === 1 && "<>|=".includes(order);
  if (!isOrder) return fail("an element type in an unknown byte order");
  return { ...type, littleEndian: order !== ">" };
}

/** Version, shape, element type, whether the first axis changes fastest, bytes. */
function arrayOfState([, shape, type, fortran, raw]: readonly Held[], maker: Maker): PickleArray {
  const { fail } = maker;
  return numpyArray(
    {
      shape: extentsOf(shape, fail),
      type: typeOf(type, fail).type,
      raw: bytesOf(raw, fail),
      fortran: fortran === true || fortran === 1,
    },
    maker,
  );
}

/** The value that something held stands for, once nothing of it waits any more; null for what is no value. */
export function settled(held: Held): { readonly value: PickleValue } | null {
  if (typeof held !== "object" || held === null || held instanceof Uint8Array) {
    return { value: held };
  }
  switch (held.kind) {
    case "held-array":
      return held.array === null ? null : { value: held.array };
    case "callable":
    case "type":
    case "held-tuple":
      return null;
    default:
      return { value: held };
  }
}

/** A tuple of values where all are settled, otherwise one that only a call can take. */
export function tupleOf(items: readonly Held[]): PickleSequence | HeldTuple {
  const values: PickleValue[] = [];
  for (const item of items) {
    const found = settled(item);
    if (found === null) return { kind: "held-tuple", items };
    values.push(found.value);
  }
  return { kind: "tuple", items: values };
}

/** The items of any tuple. */
export function itemsOf(held: Held | undefined, fail: Fail): readonly Held[] {
  if (isKind(held, "tuple") || isKind(held, "held-tuple")) return held.items;
  return fail("a call or a state without a tuple of arguments");
}

type Kinded = Extract<Held, { readonly kind: string }>;

function isKind<Kind extends Kinded["kind"]>(
  held: Held | undefined,
  kind: Kind,
): held is Extract<Kinded, { readonly kind: Kind }> {
  return (
    typeof held === "object" && held !== null && !(held instanceof Uint8Array) && held.kind === kind
  );
}

function typeOf(held: Held | undefined, fail: Fail): HeldType {
  return isKind(held, "type") ? held : fail("numbers without an element type");
}

/** Raw bytes; Python 2 wrote them as text. */
function bytesOf(held: Held | undefined, fail: Fail): Uint8Array {
  if (held instanceof Uint8Array) return held;
  if (typeof held === "string") return new Uint8Array(Buffer.from(held, "latin1"));
  return fail("numbers without their bytes");
}

function extentsOf(held: Held | undefined, fail: Fail): readonly number[] {
  if (typeof held === "number") return [held];
  return itemsOf(held, fail).map((extent) =>
    typeof extent === "number" ? extent : fail("an array whose shape is no list of numbers"),
  );
}
