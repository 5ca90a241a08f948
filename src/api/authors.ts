/// <reference types="node" preserve="true" />
/** The papers' own files. Part of the library below its front door: names may change in a minor version. */
export { convDictionary } from "../authors/conv-dictionary.ts";
export { dictionaryTable } from "../authors/dictionary-table.ts";
export { readPickle } from "../authors/pickle.ts";
export type { PickleValue } from "../authors/pickle-values.ts";
export { solverInputs } from "../authors/solver-inputs.ts";
