import type { Teacher } from "./pendulum-teacher.ts";
import { type DrawnSet, randomOf } from "./set.ts";

/** A pendulum on a motor: angle from upright and turning speed. */
export interface PendulumState {
  /** Radians from upright, -pi to pi. */
  readonly angle: number;
  /** Radians per second, at most `PENDULUM.fastest` either way. */
  readonly speed: number;
}

/** The rod and its motor: gravity 10 m/s^2, one kilogram, one metre, too weak a motor to lift it straight up. */
export const PENDULUM = {
  gravity: 10,
  mass: 1,
  length: 1,
  /** Newton metres either way. */
  torque: 2,
  /** Seconds per step. */
  step: 0.05,
  fastest: 8,
} as const;

/** What a step brings: minus the squared angle, a little of speed and torque, before the step. Never above 0. */
export function pendulumReward({ angle, speed }: PendulumState, torque: number): number {
  return -(angle * angle + 0.1 * speed * speed + 0.001 * torque * torque);
}

/** The state one step later under a torque: semi-implicit Euler, the classical benchmark's equations of motion. */
export function pendulumStep({ angle, speed }: PendulumState, torque: number): PendulumState {
  const { gravity, mass, length, step, fastest } = PENDULUM;
  const force = limited(torque, PENDULUM.torque);
  const turning =
    ((3 * gravity) / (2 * length)) * sine(angle) + (3 / (mass * length * length)) * force;
  const faster = limited(speed + turning * step, fastest);
  return { angle: wrapped(angle + faster * step), speed: faster };
}

/** What a network sees of a state: cosine and sine of the angle, and the speed as a share of the fastest. */
export function observed({ angle, speed }: PendulumState): readonly [number, number, number] {
  return [sine(wrapped(angle + Math.PI / 2)), sine(angle), speed / PENDULUM.fastest];
}

/** One sample of the drawn set. */
export interface PendulumSample {
  readonly state: readonly [number, number, number];
  /** Torque that is tried, as a share of the strongest, -1 to 1. */
  readonly action: number;
  /** The teacher's torque in this state, as a share of the strongest. */
  readonly policy: number;
  /** Reward of the action, in tenths. */
  readonly reward: number;
  /** Worth of the next state, in hundredths. */
  readonly value: number;
}

/** A state drawn evenly, an action (half of them near the teacher's), and what the teacher says of both. */
export function pendulumSample(set: DrawnSet, index: number, teacher: Teacher): PendulumSample {
  const random = randomOf(set, index);
  const angle = (2 * random.next() - 1) * Math.PI;
  const speed = (2 * random.next() - 1) * PENDULUM.fastest;
  const state = { angle, speed };
  const policy = teacher.torque(state) / PENDULUM.torque;
  const chosen = 2 * random.next() - 1;
  const action = random.integer(2) === 0 ? chosen : limited(policy + 0.3 * chosen, 1);
  const torque = action * PENDULUM.torque;
  return {
    state: observed(state),
    action,
    policy,
    reward: pendulumReward(state, torque) / 10,
    value: teacher.value(pendulumStep(state, torque)) / 100,
  };
}

/** The angle between -pi and pi. */
export function wrapped(angle: number): number {
  const turns = Math.floor((angle + Math.PI) / (2 * Math.PI));
  return angle - turns * 2 * Math.PI;
}

/**
 * Sine of an angle between -pi and pi by its series, so that the same bits come out everywhere: the error is below 1e-11.
 */
export function sine(angle: number): number {
  // sin(x) = sin(pi - x) brings the angle to within a quarter turn of 0, where the series is short.
  const near =
    angle > Math.PI / 2 ? Math.PI - angle : angle < -Math.PI / 2 ? -Math.PI - angle : angle;
  const square = near * near;
  let term = near;
  let sum = near;
  for (let order = 2; order <= 18; order += 2) {
    term *= -square / (order * (order + 1));
    sum += term;
  }
  return sum;
}

function limited(value: number, most: number): number {
  return Math.min(most, Math.max(-most, value));
}
