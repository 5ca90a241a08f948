/// <reference types="node" preserve="true" />
/** Schemas, types and readers of the JSON documents that commands print and run folders hold. Stable within a major version. */
export * from "../documents/calibrate.ts";
export * from "../documents/compare.ts";
export * from "../documents/correct.ts";
export * from "../documents/document.ts";
export * from "../documents/environment.ts";
export * from "../documents/evaluation.ts";
export * from "../documents/explain.ts";
export * from "../documents/imports.ts";
export * from "../documents/instance.ts";
export { jsonSchemas } from "../documents/json-schema.ts";
export * from "../documents/parts.ts";
export * from "../documents/predict.ts";
export * from "../documents/profile.ts";
export * from "../documents/proof.ts";
export * from "../documents/registry.ts";
export * from "../documents/run.ts";
export * from "../documents/solve.ts";
export * from "../documents/sparsify.ts";
export * from "../documents/structure.ts";
export * from "../documents/sweep.ts";
export * from "../documents/tables.ts";
export * from "../documents/training.ts";
