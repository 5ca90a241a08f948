/// <reference types="node" preserve="true" />
/** ONNX files, and networks in memory. Part of the library below its front door: names may change in a minor version. */
export type { Attribute, Graph, Node, Tensor, Value } from "../graph/graph.ts";
export { type Model, withGraph } from "../onnx/model.ts";
export { parseModel, readModel } from "../onnx/read.ts";
export { writeModel } from "../onnx/write.ts";
