/// <reference types="node" preserve="true" />
/** Errors with stable codes; `exitCode` is what the command line ends with. Part of the library below its front door: names may change in a minor version. */
export * from "../core/errors.ts";
