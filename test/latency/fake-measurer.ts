import type { EndToEnd, Measurement, Measurer } from "../../src/latency/measure/measurer.ts";
import type { ProfiledOp } from "../../src/latency/ops.ts";
import { droppedNodes, evaluateCount } from "../../src/structure/counts.ts";
import type { Structure } from "../../src/structure/structure.ts";
import { keepAll, type Subnet, unitCounts } from "../../src/subnet/subnet.ts";

/** Recording an event takes this long, and recorded times are this much shorter than real ones. */
const PER_EVENT_MS = 0.002;
const SCALE = 1.02;

export interface FakeMeasurer extends Measurer {
  readonly measured: Subnet[];
  readonly timed: Subnet[];
  /** The time that the network really takes. */
  readonly trueMs: (subnet: Subnet) => number;
}

/** A device whose operations take stairs of 16 channels, exactly. */
export function fakeMeasurer(structure: Structure, ops: readonly ProfiledOp[]): FakeMeasurer {
  const measured: Subnet[] = [];
  const timed: Subnet[] = [];
  const timesOf = (subnet: Subnet): (number | null)[] => {
    const { droppedBlocks, droppedLayers } = subnet;
    const units = unitCounts(subnet);
    const gone = droppedNodes(structure, { units, droppedBlocks, droppedLayers });
    const adds = new Set(droppedBlocks.map((index) => structure.blocks[index]?.add));
    return ops.map((op) =>
      gone.has(op.id) || adds.has(op.id)
        ? null
        : stairsMs(op.axes.map((axis) => evaluateCount(axis, units))),
    );
  };
  const trueMs = (subnet: Subnet): number =>
    timesOf(subnet).reduce<number>((sum, ms) => sum + (ms ?? 0), 0);
  const time = async (subnet: Subnet): Promise<EndToEnd> => {
    timed.push(subnet);
    return { totalMs: trueMs(subnet), referenceMs: trueMs(keepAll(structure)) };
  };
  const measure = async (subnet: Subnet): Promise<Measurement> => {
    measured.push(subnet);
    const times = timesOf(subnet);
    return {
      opMs: times.map((ms) => (ms === null ? null : ms / SCALE + PER_EVENT_MS)),
      opEvents: times.map((ms) => (ms === null ? 0 : 1)),
      totalMs: trueMs(subnet),
      referenceMs: trueMs(keepAll(structure)),
    };
  };
  return { measured, timed, trueMs, measure, time, close: async () => {} };
}

export function stairsMs(counts: readonly number[]): number {
  const stairs = counts.map((count) => Math.ceil(count / 16) * 16);
  const work = stairs.reduce((product, count) => product * count, 1);
  const plain = counts.reduce((sum, count) => sum + count, 0);
  return 0.01 + 2e-4 * work + 3e-4 * plain;
}
