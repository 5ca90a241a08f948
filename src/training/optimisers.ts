/** How gradients move weights. Weight decay leaves biases, norms and embeddings alone unless `decayAll`. */
export type OptimiserSpec =
  | {
      readonly kind: "sgd";
      readonly momentum: number;
      readonly nesterov: boolean;
      readonly weightDecay: number;
      readonly decayAll: boolean;
    }
  | {
      readonly kind: "adamw";
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly weightDecay: number;
      readonly decayAll: boolean;
    };

/** A run of consecutive weights that are decayed, or not. */
export interface DecayRange {
  readonly start: number;
  readonly end: number;
  readonly decay: boolean;
}

/** Moves weights in place. What it remembers is in `state`, so that it can be saved and put back. */
export interface Optimiser {
  /** As long as the weights, by name; written in place by every step. */
  readonly state: Readonly<Record<string, Float32Array>>;
  /**
   * @param weights all weights one behind the other; changed in place.
   * @param gradients of the loss by each weight.
   * @param steps that were taken before this one.
   */
  readonly step: (
    weights: Float32Array,
    gradients: Float32Array,
    rate: number,
    steps: number,
  ) => void;
}

/** An optimiser for weights that lie one behind the other as `ranges` say. */
export function createOptimiser(spec: OptimiserSpec, ranges: readonly DecayRange[]): Optimiser {
  const length = ranges.at(-1)?.end ?? 0;
  return spec.kind === "sgd" ? sgd(spec, ranges, length) : adamW(spec, ranges, length);
}

/** As PyTorch's SGD: the decay is part of the gradient, the momentum starts with the first gradient. */
function sgd(
  spec: OptimiserSpec & { readonly kind: "sgd" },
  ranges: readonly DecayRange[],
  length: number,
): Optimiser {
  const { momentum, nesterov, weightDecay, decayAll } = spec;
  const velocity = new Float32Array(length);
  return {
    state: { velocity },
    step: (weights, gradients, rate, _steps) => {
      for (const { start, end, decay } of ranges) {
        const decayed = decay || decayAll ? weightDecay : 0;
        for (let at = start; at < end; at += 1) {
          const weight = weights[at] as number;
          const gradient = (gradients[at] as number) + decayed * weight;
          // From zero, momentum * 0 + gradient is the first gradient itself.
          const moved = momentum * (velocity[at] as number) + gradient;
          velocity[at] = moved;
          weights[at] = weight - rate * (nesterov ? gradient + momentum * moved : moved);
        }
      }
    },
  };
}

/** Loshchilov and Hutter, 1711.05101, as PyTorch's AdamW: the decay acts on the weight, apart from the gradient. */
function adamW(
  spec: OptimiserSpec & { readonly kind: "adamw" },
  ranges: readonly DecayRange[],
  length: number,
): Optimiser {
  const { beta1, beta2, epsilon, weightDecay, decayAll } = spec;
  const mean = new Float32Array(length);
  const square = new Float32Array(length);
  return {
    state: { mean, square },
    step: (weights, gradients, rate, steps) => {
      const meanScale = 1 / (1 - beta1 ** (steps + 1));
      const squareScale = 1 / (1 - beta2 ** (steps + 1));
      for (const { start, end, decay } of ranges) {
        const kept = 1 - rate * (decay || decayAll ? weightDecay : 0);
        for (let at = start; at < end; at += 1) {
          const gradient = gradients[at] as number;
          const first = beta1 * (mean[at] as number) + (1 - beta1) * gradient;
          const second = beta2 * (square[at] as number) + (1 - beta2) * gradient * gradient;
          mean[at] = first;
          square[at] = second;
          const move = (rate * first * meanScale) / (Math.sqrt(second * squareScale) + epsilon);
          weights[at] = (weights[at] as number) * kept - move;
        }
      }
    },
  };
}
