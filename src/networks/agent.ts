import type { Graph } from "../graph/graph.ts";
import { dense, relu } from "./layers.ts";
import { type NetworkWriter, networkWriter } from "./writer.ts";

const LATENT = 64;

/**
 * A model-based agent for the pendulum in five components, after TD-MPC (Hansen et al., 2203.04955): an encoder of what is seen, a policy, and a
 * model of what an action brings: dynamics of the latent, reward, and value of the next latent. Inputs `state` [batch, 3] and `action`
 * [batch, 1]; outputs `policy`, `reward` and `value`, [batch, 1] each. All five read or write the same latent.
 */
export function agentNetwork(seed: number): Graph {
  const w = networkWriter("pendulum-agent", seed);
  const state = w.input("state", ["batch", 3]);
  const action = w.input("action", ["batch", 1]);
  const latent = twoLayers(w, "encoder", state, [3, 128, LATENT]);
  const torque = twoLayers(w, "policy", latent, [LATENT, 96, 1]);
  const both = w.node("latent_action", "Concat", [latent, action], { axis: 1 });
  const change = twoLayers(w, "dynamics", both, [LATENT + 1, 160, LATENT]);
  const next = w.node("dynamics", "Add", [latent, change]);
  const outputs = {
    policy: w.node("policy.limit", "Tanh", [torque]),
    reward: twoLayers(w, "reward", both, [LATENT + 1, 96, 1]),
    value: twoLayers(w, "value", next, [LATENT, 96, 1]),
  };
  for (const [name, value] of Object.entries(outputs)) w.output(name, value, ["batch", 1]);
  return w.graph();
}

function twoLayers(
  w: NetworkWriter,
  path: string,
  x: string,
  [from, hidden, to]: readonly [number, number, number],
): string {
  const inner = relu(w, `${path}.relu`, dense(w, `${path}.1`, x, [from, hidden]));
  return dense(w, `${path}.2`, inner, [hidden, to], 1);
}
