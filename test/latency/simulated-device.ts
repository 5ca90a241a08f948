import { randomFrom } from "../../src/core/random.ts";
import { latencyMs } from "../../src/latency/lookup.ts";
import type { Measurement, Measurer } from "../../src/latency/measure/measurer.ts";
import type { ProfiledOp } from "../../src/latency/ops.ts";
import type { LatencyTable } from "../../src/latency/table.ts";
import { droppedNodes, evaluateCount } from "../../src/structure/counts.ts";
import type { Structure } from "../../src/structure/structure.ts";
import { isBlockGone, keepAll, type Subnet, unitCounts } from "../../src/subnet/subnet.ts";

export interface SimulatedErrors {
  /** Standard deviation of each cell's own error, as a natural logarithm; it changes slowly over the widths. */
  readonly cells: number;
  /** Small networks take this much longer than their sums, as a share of the dense network's time per full pruning. */
  readonly offset: number;
  /** Factor on every time: the machine's speed now. */
  readonly speed: number;
  /** Standard deviation of a measured network's time, as a share. */
  readonly noise: number;
  readonly seed: number;
}

export interface SimulatedDevice extends Measurer {
  readonly trueMs: (subnet: Subnet) => number;
  readonly measured: Subnet[];
}

const RECORDING_MS = 0.002;

/** A device that takes what a table says, but for errors of cells and sums that the table doesn't know of. */
export function simulatedDevice(
  table: LatencyTable,
  structure: Structure,
  ops: readonly ProfiledOp[],
  errors: SimulatedErrors,
): SimulatedDevice {
  const random = randomFrom(errors.seed);
  const waves = table.ops.map((op) =>
    op.axes.map(() => [6 * random.next(), 6 + 4 * random.next()] as const),
  );
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const position = new Map(table.ops.map((op, index) => [op.id, index]));
  const cellMs = (index: number, subnet: Subnet, units: readonly number[]): number => {
    const op = table.ops[index];
    if (op === undefined) return 0;
    const counts = op.axes.map((axis) => evaluateCount(axis, units));
    const error = counts.reduce(
      (sum, count, axis) => {
        const [phase = 0, pace = 1] = waves[index]?.[axis] ?? [];
        return sum + Math.sin(phase + pace * Math.log(count));
      },
      counts.length === 0 ? Math.sin(waves.length + index) : 0,
    );
    return latencyMs(op, counts).ms * Math.exp(errors.cells * error);
  };
  const opTimes = (subnet: Subnet): (number | null)[] => {
    const gone = goneNodes(structure, subnet);
    const units = unitCounts(subnet);
    return ops.map((op) => {
      const index = position.get(op.id);
      if (gone.has(op.id)) return null;
      return index === undefined ? 0 : errors.speed * cellMs(index, subnet, units);
    });
  };
  const denseSum = sum(opTimes(keepAll(structure))) + errors.speed * table.fixedMs;
  const trueMs = (subnet: Subnet): number => {
    const own = sum(opTimes(subnet)) + errors.speed * table.fixedMs;
    return own + errors.offset * (denseSum - own);
  };
  const measured: Subnet[] = [];
  const noisy = (ms: number): number => ms * (1 + errors.noise * normal());
  const time = async (subnet: Subnet): ReturnType<Measurer["time"]> => ({
    totalMs: noisy(trueMs(subnet)),
    referenceMs: noisy(denseSum),
  });
  const measure = async (subnet: Subnet): Promise<Measurement> => {
    measured.push(subnet);
    const times = opTimes(subnet);
    return {
      ...(await time(subnet)),
      opMs: times.map((ms) => (ms === null ? null : noisy(ms) + RECORDING_MS)),
      opEvents: times.map((ms) => (ms === null ? 0 : 1)),
    };
  };
  return { trueMs, measured, measure, time, close: async () => {} };
}

function goneNodes(structure: Structure, subnet: Subnet): ReadonlySet<string> {
  const droppedBlocks = structure.blocks
    .filter((block) => isBlockGone(structure, subnet, block.index))
    .map((block) => block.index);
  const gone = droppedNodes(structure, { droppedBlocks, droppedLayers: subnet.droppedLayers });
  const adds = droppedBlocks.flatMap((index) => structure.blocks[index]?.add ?? []);
  return new Set<string>([...gone, ...adds]);
}

function sum(times: readonly (number | null)[]): number {
  return times.reduce<number>((total, ms) => total + (ms ?? 0), 0);
}
