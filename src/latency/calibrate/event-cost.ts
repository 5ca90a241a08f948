/** An operation of one measured network: what was recorded, and what the table says of it. In milliseconds. */
export interface RecordedOp {
  readonly ms: number;
  readonly events: number;
  readonly cellMs: number;
}

/** cellMs = scale * ms + perEventMs * events */
export interface EventCost {
  readonly scale: number;
  readonly perEventMs: number;
}

/** What recording an event can cost at most, in milliseconds. */
const MOST_PER_EVENT = 0.006;
const ENOUGH = 8;
const PASSES = 3;

/**
 * How recorded times relate to a table's cells over a whole network, so that what an operation's own time says is how
 * it differs from the others. Least squares of the differences, three times, each without what lies far off before.
 */
export function eventCost(ops: readonly RecordedOp[]): EventCost {
  const plain = ratioOf(ops);
  if (ops.length < ENOUGH) return plain;
  let cost = plain;
  let used = ops;
  for (let pass = 0; pass < PASSES; pass += 1) {
    cost = solve(used) ?? ratioOf(used);
    const errors = ops.map((op) =>
      Math.abs(cost.scale * op.ms + cost.perEventMs * op.events - op.cellMs),
    );
    const usual = [...errors].sort((a, b) => a - b)[Math.floor(errors.length / 2)] ?? 0;
    used = ops.filter((_, index) => (errors[index] ?? 0) <= 4 * usual + 1e-9);
  }
  return cost;
}

function ratioOf(ops: readonly RecordedOp[]): EventCost {
  const recorded = ops.reduce((sum, { ms }) => sum + ms, 0);
  const cells = ops.reduce((sum, { cellMs }) => sum + cellMs, 0);
  return { scale: recorded > 0 ? cells / recorded : 1, perEventMs: 0 };
}

function solve(ops: readonly RecordedOp[]): EventCost | null {
  let [xx, xy, yy, x, y] = [0, 0, 0, 0, 0];
  for (const { ms, events, cellMs } of ops) {
    xx += ms * ms;
    xy += ms * events;
    yy += events * events;
    x += ms * cellMs;
    y += events * cellMs;
  }
  const determinant = xx * yy - xy * xy;
  if (!(determinant > 1e-9 * xx * yy)) return null;
  const perEventMs = (xx * y - xy * x) / determinant;
  const scale = (x * yy - y * xy) / determinant;
  return perEventMs <= 0 && perEventMs >= -MOST_PER_EVENT && scale > 0
    ? { scale, perEventMs }
    : null;
}
