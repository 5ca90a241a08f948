/** Rotary embeddings: pairs of columns are turned by an angle that depends on the token's position. */
import { at } from "../../core/at.ts";
import { constantOf } from "../../graph/constants.ts";
import { numbersOf, tensorOf } from "../../graph/fold/numbers.ts";
import { intAttribute } from "../../graph/graph.ts";
import { intTensor } from "../../graph/tensor.ts";
import { extentOf } from "./attend.ts";
import {
  columnsBy,
  type Fused,
  Kept,
  MICROSOFT,
  optional,
  required,
  stepsOf,
  type Unfold,
} from "./rule.ts";

/** [batch, tokens, heads, columns] or [batch, heads, tokens, columns]: which axis counts heads. */
export type HeadAxis = 1 | 2;

export interface Rotation {
  /** Cosines and sines that spread over [batch, ..heads.., turned / 2]. */
  readonly cos: string;
  readonly sin: string;
  /** Columns of a head, and how many of them, from the first on, are turned. */
  readonly columns: number;
  readonly turned: number;
  /** A pair is two columns that follow each other; or one of the first half and one of the second. */
  readonly interleaved: boolean;
}

/** The first `turned` columns of each head turned in pairs. */
export function rotated(fused: Fused, x: string, rotation: Rotation): string {
  const { writer } = fused;
  const { step } = stepsOf(fused);
  const { columns, turned } = rotation;
  if (turned === columns) return turn(fused, x, rotation);
  const names = [`${x}_turned`, `${x}_rest`];
  const [first = "", rest = ""] = writer.split(x, 3, [turned, columns - turned], names);
  return step("Concat", [turn(fused, first, rotation), rest], { axis: 3 });
}

/** (a, b) becomes (a cos - b sin, b cos + a sin). */
function turn(fused: Fused, x: string, { cos, sin, turned, interleaved }: Rotation): string {
  const { writer } = fused;
  const { step } = stepsOf(fused);
  const half = turned / 2;
  const names = [`${x}_first`, `${x}_second`];
  const pairs = interleaved
    ? step("Reshape", [x, writer.ints(`${x}_pairs`, [0, 0, 0, half, 2])])
    : x;
  const parts = interleaved
    ? writer
        .split(pairs, 4, [1, 1], names)
        .map((part) => writer.alongAxes("Squeeze", part, [4], { wanted: `${part}_alone` }))
    : writer.split(pairs, 3, [half, half], names);
  const [a, b] = [at(parts, 0), at(parts, 1)];
  const left = step("Sub", [step("Mul", [a, cos]), step("Mul", [b, sin])]);
  const right = step("Add", [step("Mul", [b, cos]), step("Mul", [a, sin])]);
  if (!interleaved) return step("Concat", [left, right], { axis: 3 });
  const wide = [left, right].map((part) =>
    writer.alongAxes("Unsqueeze", part, [4], { wanted: `${part}_wide` }),
  );
  const joined = step("Concat", wide, { axis: 4 });
  return step("Reshape", [joined, writer.ints(`${x}_joined`, [0, 0, 0, turned])]);
}

/** Tables of angles up to this size are copied for each op that reads them, so that the ops may keep different columns. */
const LARGEST_COPY = 2 ** 20;

export interface Angles {
  /** Input that holds the table. */
  readonly index: number;
  /** Positions: an input, a number that the first token has, or null where the table has a row per token already. */
  readonly positions: string | number | null;
  readonly tokens: number | null;
  readonly headAxis: HeadAxis;
}

/** A row of angles per token, with an axis of one for the heads. */
export function anglesOf(fused: Fused, angles: Angles): string {
  const { index, positions, tokens, headAxis } = angles;
  const { writer, graph, shapes, node } = fused;
  const { step } = stepsOf(fused);
  const table = required(fused, index);
  const wanted = `${at(node.outputs, 0)}_angles${index}`;
  const overHeads = (rows: string, axis: number): string =>
    writer.alongAxes("Unsqueeze", rows, [axis], { wanted: `${wanted}_heads` });
  const known = constantOf(graph, table);
  const own = known !== null && known.byteLength <= LARGEST_COPY ? known : null;
  if (positions === null) {
    if (own === null) return overHeads(table, headAxis);
    const shape = own.shape.toSpliced(headAxis, 0, 1);
    return writer.tensor(wanted, { ...own, shape });
  }
  const rowsOf = (places: string): string => {
    const copy = own === null ? table : writer.tensor(`${wanted}_table`, own);
    return step("Gather", [copy, places], { axis: 0 });
  };
  const isPerToken = typeof positions === "string" && shapes.of(positions)?.shape.length === 2;
  if (isPerToken) return overHeads(rowsOf(positions), headAxis);
  if (tokens === null) throw new Kept("the number of its tokens is open; give it with --bind");
  const first = typeof positions === "number" ? positions : firstOf(fused, positions);
  const places = Array.from({ length: tokens }, (_, place) => (first ?? 0) + place);
  const rows = known?.shape[0] ?? Number.POSITIVE_INFINITY;
  if (first !== null && (first < 0 || first + tokens > rows))
    throw new Kept(`its table has ${rows} rows for tokens ${first} to ${first + tokens - 1}`);
  const numbers = first === null || known === null ? null : numbersOf(known);
  if (numbers !== null && first !== null) {
    const [, half = 0] = numbers.shape;
    const values = numbers.values.slice(first * half, (first + tokens) * half);
    const shape = headAxis === 1 ? [tokens, half] : [tokens, 1, half];
    return writer.tensor(wanted, tensorOf({ ...numbers, shape, values }));
  }
  const counted = writer.tensor(`${wanted}_places`, intTensor([tokens], places));
  const all = typeof positions === "string" ? step("Add", [counted, positions]) : counted;
  const found = rowsOf(first === null ? all : counted);
  return headAxis === 1 ? found : overHeads(found, 1);
}

/** The position of the first token, where it is one that is known. */
function firstOf({ shapes }: Fused, positions: string): number | null {
  const [first, ...others] = shapes.constant(positions) ?? [];
  return typeof first === "number" && others.length === 0 ? first : null;
}

/** Columns that are turned, by the table of angles. */
export function turnedOf(fused: Fused, index: number, columns: number, dim: number): number {
  const half = extentOf(fused, required(fused, index), -1);
  const turned = dim === 0 ? columns : dim;
  if (half === null) throw new Kept("the width of its table of angles is not known");
  if (turned > columns || 2 * half !== turned)
    throw new Kept(`its table has ${half} angles for ${turned} columns of ${columns}`);
  return turned;
}

/** RotaryEmbedding: its inputs in the order of either domain. */
function rotary(inputs: {
  readonly positions: number;
  readonly cos: number;
  readonly sin: number;
}): Unfold {
  return (fused) => {
    const { node, shapes, writer } = fused;
    const { step, last } = stepsOf(fused);
    if (intAttribute(node, "is_packed_batching", 0) !== 0)
      throw new Kept("it packs sequences of several lengths");
    const x = required(fused, 0);
    const rank = shapes.of(x)?.shape.length;
    if (rank !== 3 && rank !== 4) throw new Kept(`the shape of '${x}' is not known`);
    const width = extentOf(fused, x, -1);
    if (width === null) throw new Kept(`the width of '${x}' is not known`);
    const dim = intAttribute(node, "rotary_embedding_dim", 0);
    const heads = rank === 4 ? 1 : intAttribute(node, "num_heads", 0) || headsBy(fused, inputs.cos);
    const columns = columnsBy(width, heads);
    const headAxis: HeadAxis = rank === 4 ? 1 : 2;
    const turned = turnedOf(fused, inputs.cos, columns, dim);
    const positions = optional(fused, inputs.positions);
    const tokens = extentOf(fused, x, -2);
    const angles = (index: number): string =>
      anglesOf(fused, { index, positions, tokens, headAxis });
    const rotation: Rotation = {
      ...{ cos: angles(inputs.cos), sin: angles(inputs.sin), columns, turned },
      interleaved: intAttribute(node, "interleaved", 0) !== 0,
    };
    if (rank === 4) {
      last("Identity", [rotated(fused, x, rotation)]);
      return;
    }
    const apart = step("Reshape", [x, writer.ints(`${x}_heads`, [0, 0, heads, columns])]);
    last("Reshape", [rotated(fused, apart, rotation), writer.ints(`${x}_width`, [0, 0, width])]);
  };
}

/** Heads of [batch, tokens, width] where the op doesn't say: the table has an angle for two columns. */
function headsBy(fused: Fused, cos: number): number {
  const width = extentOf(fused, required(fused, 0), -1) ?? Number.NaN;
  return width / (2 * (extentOf(fused, required(fused, cos), -1) ?? Number.NaN));
}

export const fusedRotary: readonly (readonly [string, Unfold])[] = [
  [`${MICROSOFT}:RotaryEmbedding`, rotary({ positions: 1, cos: 2, sin: 3 })],
  [":RotaryEmbedding", rotary({ cos: 1, sin: 2, positions: 3 })],
];
