import {
  observed,
  PENDULUM,
  type PendulumState,
  pendulumReward,
  pendulumStep,
} from "../../data/drawn/pendulum.ts";
import { randomOf } from "../../data/drawn/set.ts";
import { type Feed, openSession, type Session } from "../../runtime/session.ts";
import { modelPath } from "../open/embedded.ts";

export interface RolloutOptions {
  /** Path or `:name` of an agent: inputs `state` and `action`, outputs `policy`, `reward`, `value`. */
  readonly model: string;
  /** Numbers of the episodes; each names a start. */
  readonly items: readonly number[];
  readonly seed: number;
  /** Steps per episode; 200 (ten seconds) unless given. */
  readonly steps?: number;
}

/** What an agent reached, one number per episode, as a command metric prints it. */
export interface RolloutMetrics {
  readonly metrics: {
    /** Sum of rewards; 0 at most, higher is better. */
    readonly return: readonly number[];
    /** Share of the steps within 0.2 radians of upright; higher is better. */
    readonly upright: readonly number[];
    /** Mean squared torque as a share of the strongest; lower is better. */
    readonly effort: readonly number[];
  };
}

/** Changes of the policy's torque that the model is asked about, as shares of the strongest. */
const TRIED = [0, -0.3, 0.3] as const;
/** Worth of a step beside the one before, as the teacher counts. */
const DISCOUNT = 0.99;

/**
 * Lets an agent drive the simulated pendulum: at each step it asks its model (dynamics, reward, value) about the policy's torque, a weaker and a stronger
 * one, and takes the best. So all five components decide. All episodes run side by side in one batch per step.
 * @throws InputError `runtime/load-failed`, `runtime/run-failed` for a network of another form
 */
export async function pendulumRollouts(options: RolloutOptions): Promise<RolloutMetrics> {
  const { items, seed, steps = 200 } = options;
  const path = modelPath(options.model);
  const session = await openSession(path, { where: path });
  try {
    const states = items.map((item) => startOf(seed, item));
    const sums = items.map(() => ({ reward: 0, upright: 0, effort: 0 }));
    for (let step = 0; step < steps; step += 1) {
      const shares = await chosen(session, states);
      for (const [at, share] of shares.entries()) {
        const [state, sum] = [states[at], sums[at]];
        if (state === undefined || sum === undefined) continue;
        const torque = share * PENDULUM.torque;
        sum.reward += pendulumReward(state, torque);
        sum.effort += share * share;
        const next = pendulumStep(state, torque);
        if (Math.abs(next.angle) < 0.2) sum.upright += 1;
        states[at] = next;
      }
    }
    return {
      metrics: {
        return: sums.map(({ reward }) => reward),
        upright: sums.map(({ upright }) => upright / steps),
        effort: sums.map(({ effort }) => effort / steps),
      },
    };
  } finally {
    await session.close();
  }
}

/** The state that an episode begins in: any angle, at most one radian per second. */
function startOf(seed: number, item: number): PendulumState {
  const random = randomOf({ seed, split: "test" }, item);
  return { angle: (2 * random.next() - 1) * Math.PI, speed: 2 * random.next() - 1 };
}

/** The torque that each pendulum's agent takes, as a share of the strongest. */
async function chosen(session: Session, states: readonly PendulumState[]): Promise<number[]> {
  const seen = states.map(observed);
  const first = await asked(
    session,
    seen,
    seen.map(() => 0),
  );
  const policy = numbers(first, "policy").map(limited);
  const tries = policy.map((share) => TRIED.map((change) => limited(share + change)));
  const width = TRIED.length;
  const told = await asked(
    session,
    seen.flatMap((state) => Array(width).fill(state)),
    tries.flat(),
  );
  const [rewards, values] = [numbers(told, "reward"), numbers(told, "value")];
  return tries.map((shares, at) => {
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (const [index, share] of shares.entries()) {
      const from = at * width + index;
      // The network says rewards in tenths and values in hundredths.
      const worth = 10 * (rewards[from] ?? 0) + DISCOUNT * 100 * (values[from] ?? 0);
      if (worth > most) [most, best] = [worth, share];
    }
    return best;
  });
}

function asked(
  session: Session,
  states: readonly (readonly number[])[],
  actions: readonly number[],
): Promise<Record<string, Feed>> {
  const count = states.length;
  return session.run({
    state: { type: "float32", shape: [count, 3], data: Float32Array.from(states.flat()) },
    action: { type: "float32", shape: [count, 1], data: Float32Array.from(actions) },
  });
}

function numbers(outputs: Readonly<Record<string, Feed>>, name: string): number[] {
  return Array.from((outputs[name]?.data ?? []) as Float32Array, Number);
}

function limited(share: number): number {
  return Math.min(1, Math.max(-1, share));
}
