/// <reference types="node" preserve="true" />
/** Gradients of networks, as networks. Part of the library below its front door: names may change in a minor version. */
export { convolutionBlock } from "../gradients/block-size.ts";
export { blockedConvolutions } from "../gradients/blocked.ts";
export {
  checkDifferentiable,
  type Differentiated,
  differentiate,
  type GradientRequest,
} from "../gradients/differentiate.ts";
export {
  crossEntropy,
  distillation,
  type Lossy,
  logitsOf,
  meanSquare,
  softCrossEntropy,
  weightedSum,
} from "../gradients/losses.ts";
export { parametersAsInputs, trainableParameters } from "../gradients/parameters.ts";
export { staticGraph } from "../gradients/static-graph.ts";
export {
  type BatchStatistics,
  type TrainingMode,
  trainingMode,
} from "../gradients/training-mode.ts";
