import { PENDULUM, type PendulumState, pendulumReward, pendulumStep } from "./pendulum.ts";

/** What is best in every state, by dynamic programming. */
export interface Teacher {
  /** Expected sum of rewards from a state on, each step worth 0.99 of the one before. */
  readonly value: (state: PendulumState) => number;
  /** The best torque, in newton metres. */
  readonly torque: (state: PendulumState) => number;
}

const ANGLES = 120;
const SPEEDS = 81;
const TORQUES = 15;
const DISCOUNT = 0.99;
/** Sweeps after which a value moves by less than 0.01: 0.99^1000 of the largest. */
const SWEEPS = 1000;

/**
 * Value iteration on a grid of angles (a ring) and speeds, values between grid points by bilinear interpolation (Bellman 1957). Takes
 * about a second; the same bits everywhere.
 */
export function pendulumTeacher(): Teacher {
  const values = new Float64Array(ANGLES * SPEEDS);
  const steps = reachable();
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    if (improve(values, steps) < 1e-3) break;
  }
  const value = (state: PendulumState): number => interpolated(values, state);
  return {
    value,
    torque: (state) => {
      const worth = (torque: number): number =>
        pendulumReward(state, torque) + DISCOUNT * value(pendulumStep(state, torque));
      let best = 0;
      let most = Number.NEGATIVE_INFINITY;
      for (let at = 0; at <= 40; at += 1) {
        const torque = PENDULUM.torque * (at / 20 - 1);
        const reached = worth(torque);
        if (reached > most) [most, best] = [reached, torque];
      }
      return best;
    },
  };
}

/** For every grid point and torque: the reward, four grid points around the next state, and their shares. */
interface Reachable {
  readonly rewards: Float64Array;
  readonly points: Int32Array;
  readonly shares: Float64Array;
}

function reachable(): Reachable {
  const count = ANGLES * SPEEDS * TORQUES;
  const rewards = new Float64Array(count);
  const points = new Int32Array(4 * count);
  const shares = new Float64Array(4 * count);
  for (let at = 0; at < count; at += 1) {
    const point = Math.floor(at / TORQUES);
    const state = stateAt(point);
    const torque = PENDULUM.torque * ((2 * (at % TORQUES)) / (TORQUES - 1) - 1);
    rewards[at] = pendulumReward(state, torque);
    const corners = cornersOf(pendulumStep(state, torque));
    points.set(corners.points, 4 * at);
    shares.set(corners.shares, 4 * at);
  }
  return { rewards, points, shares };
}

/** One sweep over all grid points, in place; returns the largest change. */
function improve(values: Float64Array, { rewards, points, shares }: Reachable): number {
  let largest = 0;
  for (let point = 0; point < values.length; point += 1) {
    let best = Number.NEGATIVE_INFINITY;
    for (let at = point * TORQUES; at < (point + 1) * TORQUES; at += 1) {
      let next = 0;
      for (let corner = 4 * at; corner < 4 * at + 4; corner += 1) {
        next += (shares[corner] ?? 0) * (values[points[corner] ?? 0] ?? 0);
      }
      best = Math.max(best, (rewards[at] ?? 0) + DISCOUNT * next);
    }
    largest = Math.max(largest, Math.abs(best - (values[point] ?? 0)));
    values[point] = best;
  }
  return largest;
}

function stateAt(point: number): PendulumState {
  const angle = ((Math.floor(point / SPEEDS) * 2) / ANGLES - 1) * Math.PI;
  return { angle, speed: (((point % SPEEDS) * 2) / (SPEEDS - 1) - 1) * PENDULUM.fastest };
}

function cornersOf({ angle, speed }: PendulumState): {
  readonly points: readonly number[];
  readonly shares: readonly number[];
} {
  const across = ((angle / Math.PI + 1) / 2) * ANGLES;
  const up = ((speed / PENDULUM.fastest + 1) / 2) * (SPEEDS - 1);
  const left = Math.floor(across);
  const low = Math.min(SPEEDS - 2, Math.floor(up));
  const [right, high] = [across - left, up - low];
  const point = (column: number, row: number): number => (column % ANGLES) * SPEEDS + row;
  return {
    points: [
      point(left, low),
      point(left, low + 1),
      point(left + 1, low),
      point(left + 1, low + 1),
    ],
    shares: [(1 - right) * (1 - high), (1 - right) * high, right * (1 - high), right * high],
  };
}

function interpolated(values: Float64Array, state: PendulumState): number {
  const { points, shares } = cornersOf(state);
  return points.reduce((sum, point, at) => sum + (values[point] ?? 0) * (shares[at] ?? 0), 0);
}
