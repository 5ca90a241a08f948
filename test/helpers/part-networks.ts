import type { Graph } from "../../src/graph/graph.ts";
import { type NetworkBuilder, networkBuilder } from "./networks.ts";

function mlp(
  b: NetworkBuilder,
  name: (part: string) => string,
  part: string,
  input: string,
  widths: readonly number[],
): string {
  return widths.slice(1).reduce((value, width, index) => {
    const layer = b.gemm(name(`${part}.${2 * index}`), value, widths[index] ?? 0, width);
    return index === widths.length - 2 ? layer : b.relu(layer);
  }, input);
}

/** Makes a value an output under a name of its own. */
function answer(b: NetworkBuilder, value: string, name: string): void {
  b.output(b.node("Identity", [value], { outputs: [name] }));
}

/** Layers keep the names that they are given, or become `op_1`, `op_2`, ... */
function namer(isNamed: boolean): (part: string) => string {
  let next = 0;
  return (part) => {
    next += 1;
    return isNamed ? part : `op_${next}`;
  };
}

/** A latent that five components share: encoder, dynamics, reward, policy and value, as in model-based control. */
export function latentAgent(isNamed = true): Graph {
  const b = networkBuilder(11);
  const name = namer(isNamed);
  const observation = b.input("observation", ["batch", 6]);
  const action = b.input("action", ["batch", 2]);
  const latent = b.relu(mlp(b, name, "encoder", observation, [6, 24, 16]));
  const joined = b.node("Concat", [latent, action], { attributes: { axis: 1 } });
  const moved = b.add("next", latent, mlp(b, name, "dynamics", joined, [18, 20, 16]));
  answer(b, moved, "next_latent");
  answer(b, mlp(b, name, "reward", joined, [18, 12, 1]), "gain");
  answer(b, mlp(b, name, "policy", latent, [16, 12, 2]), "act");
  answer(b, mlp(b, name, "value", joined, [18, 12, 1]), "worth");
  return b.graph();
}

/** Dense encoder and decoder around a narrow code. */
export function hourglassNetwork(isNamed = true): Graph {
  const b = networkBuilder(12);
  const name = namer(isNamed);
  const code = b.relu(mlp(b, name, "encoder", b.input("x", ["batch", 40]), [40, 32, 8]));
  answer(b, mlp(b, name, "decoder", code, [8, 32, 40]), "reconstruction");
  return b.graph();
}

/** Two towers whose answers are added, each with an input of its own, and a head. */
export function twoTowers(isNamed = true): Graph {
  const b = networkBuilder(13);
  const name = namer(isNamed);
  const left = mlp(b, name, "image", b.input("image", ["batch", 10]), [10, 16, 8]);
  const right = mlp(b, name, "text", b.input("text", ["batch", 12]), [12, 16, 8]);
  const sum = b.relu(b.add("sum", left, right));
  answer(b, mlp(b, name, "fusion", sum, [8, 12, 3]), "answer");
  return b.graph();
}
