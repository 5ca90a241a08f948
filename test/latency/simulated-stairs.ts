import { randomFrom } from "../../src/core/random.ts";
import type { Measurement, Measurer } from "../../src/latency/measure/measurer.ts";
import { subnetKey } from "../../src/latency/measure/samples.ts";
import type { ProfiledOp } from "../../src/latency/ops.ts";
import { goneNodes } from "../../src/latency/predict-network.ts";
import { evaluateCount } from "../../src/structure/counts.ts";
import type { Structure } from "../../src/structure/structure.ts";
import { keepAll, type Subnet, unitCounts } from "../../src/subnet/subnet.ts";

export interface SimulatedDevice extends Measurer {
  /** Networks measured so far. */
  measured: number;
  /** What the network takes, without noise. */
  readonly trueMs: (subnet: Subnet) => number;
}

/**
 * A device whose operations have stairs of 4 or 8 channels by their kind, a jump where another algorithm takes over, and
 * noise: milliseconds as of a slow board.
 */
export function simulatedDevice(
  structure: Structure,
  ops: readonly ProfiledOp[],
  { noise, seed }: { readonly noise: number; readonly seed: number },
): SimulatedDevice {
  // The same for the same subnet, so that an interrupted profile can be compared with a whole one.
  const noiseOf = (subnet: Subnet): ((ms: number) => number) => {
    const random = randomFrom(seed + Number.parseInt(subnetKey(subnet).slice(0, 7), 16));
    return (ms) => ms * (1 + noise * random.normal());
  };
  const opMs = (op: ProfiledOp, units: readonly number[]): number => {
    const counts = op.axes.map((axis) => evaluateCount(axis, units));
    const stair = op.signature.length % 2 === 0 ? 4 : 8;
    const work = counts.reduce((product, count) => product * Math.ceil(count / stair) * stair, 1);
    const jump = (counts[0] ?? 0) > 24 ? 0.8 : 1;
    return 0.2 + 0.02 * counts.reduce((sum, count) => sum + count, 0) + 0.01 * jump * work;
  };
  const timesOf = (subnet: Subnet): (number | null)[] => {
    const gone = goneNodes(structure, subnet);
    const units = unitCounts(subnet);
    return ops.map((op) => (gone.has(op.id) ? null : opMs(op, units)));
  };
  const trueMs = (subnet: Subnet): number =>
    timesOf(subnet).reduce<number>((sum, ms) => sum + (ms ?? 0), 0);
  const whole = keepAll(structure);
  const device: SimulatedDevice = {
    measured: 0,
    trueMs,
    measure: async (subnet): Promise<Measurement> => {
      device.measured += 1;
      const times = timesOf(subnet);
      const noisy = noiseOf(subnet);
      return {
        opMs: times.map((ms) => (ms === null ? null : noisy(ms))),
        opEvents: times.map((ms) => (ms === null ? 0 : 1)),
        totalMs: noisy(trueMs(subnet)),
        referenceMs: noisy(trueMs(whole)),
      };
    },
    time: async (subnet) => {
      const noisy = noiseOf(subnet);
      return { totalMs: noisy(trueMs(subnet)), referenceMs: noisy(trueMs(whole)) };
    },
    close: async () => {},
  };
  return device;
}
