import type { FLIPS } from "../../data/augment.ts";
import type { SCHEDULES } from "../../training/schedules.ts";

/** The settings that everything which trains has in common. */
export interface TrainingSettings {
  readonly data: string | undefined;
  readonly dataConfig: string | undefined;
  readonly split: string | undefined;
  readonly images: number | undefined;
  readonly valData: string | undefined;
  readonly valSplit: string | undefined;
  readonly valImages: number | undefined;
  readonly validate: boolean;
  readonly teacher: string | undefined;
  readonly epochs: number;
  readonly batch: string;
  /** Whether the batch is a wish, and smaller ones are taken where the network, the data or the memory ask for it. */
  readonly fits?: boolean | undefined;
  readonly accumulate: number;
  readonly optimizer: "sgd" | "adamw";
  readonly lr: number | undefined;
  readonly lrSchedule: (typeof SCHEDULES)[number];
  readonly warmup: number;
  readonly finalLr: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number | undefined;
  readonly decayAll: boolean;
  /** Weights that are zero stay so. */
  readonly keepZeros?: boolean | undefined;
  /** Share of zeros to reach while training: `80%`. */
  readonly sparsity?: string | undefined;
  readonly norms: "auto" | "batch" | "frozen";
  readonly clip: number;
  readonly ema: number | undefined;
  readonly patience: number | undefined;
  /** What the network is taught as; by the data's targets where left out. */
  readonly task?: string | undefined;
  /** Outputs that are taught, between commas; all where left out. */
  readonly outputs?: string | undefined;
  readonly loss: "mix" | "outputs" | "cross-modal";
  readonly labelSmoothing: number;
  readonly labelWeight: number | undefined;
  readonly scoreWeight: number | undefined;
  readonly featureWeight: number | undefined;
  readonly temperature: number;
  readonly crop: number | undefined;
  readonly flip: (typeof FLIPS)[number] | undefined;
  readonly mixup: number;
  readonly threads: number;
  readonly workers: number | undefined;
  readonly seed: number;
  readonly out: string;
  readonly restart: boolean;
}
