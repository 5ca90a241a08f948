import { InputError } from "../../core/errors.ts";
import type { Model } from "../../onnx/model.ts";
import type { Structure } from "../../structure/structure.ts";
import type { LabelSource } from "../importance.ts";
import type { Scorer } from "./collect.ts";

export interface GradientOptions {
  readonly method: "taylor-bn" | "taylor" | "taylor-abs" | "fisher" | "hessian";
  readonly batch: number;
  readonly labels: LabelSource;
  readonly threads: number;
}

export async function gradientScorer(
  _model: Model,
  structure: Structure,
  options: GradientOptions,
): Promise<Scorer> {
  throw new InputError({
    code: "importance/no-loss",
    message: `Method ${options.method} needs gradients.`,
    where: structure.graph.name,
  });
}
