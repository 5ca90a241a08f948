/// <reference types="node" preserve="true" />
/** What can be pruned in a network: dims, layers, blocks. Part of the library below its front door: names may change in a minor version. */
export { macCount, parameterCount } from "../structure/counts.ts";
export { findStructure } from "../structure/find-structure.ts";
export type { Block, Dim, Layer, Structure } from "../structure/structure.ts";
export { structureHash } from "../structure/structure-json.ts";
