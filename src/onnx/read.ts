import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { fromBinary, isMessage } from "@bufbuild/protobuf";
import { InputError } from "../core/errors.ts";
import { readFailed, readFileBytes } from "../core/files.ts";
import { guardAlong } from "../core/guarded-files.ts";
import { checkGraph } from "../graph/check.ts";
import type { Graph } from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { IR_VERSIONS, OPSETS } from "./codes.ts";
import { damaged, inFile } from "./errors.ts";
import { inlineFunctions } from "./inline-functions.ts";
import type { Model } from "./model.ts";
import { readGraph, standardDomain } from "./read-graph.ts";
import {
  type GraphProto,
  type ModelProto,
  ModelSchema,
  type TensorProto,
  TensorSchema,
} from "./schema.ts";
import { guessFormat } from "./sniff.ts";
import { EXTERNAL, placeOf } from "./tensors.ts";
import { checkWeights } from "./weights.ts";

export interface ReadOptions {
  /** Whether to look for NaN and infinite weights; external data is read once for that. True by default. */
  readonly checkWeights?: boolean;
  /** Whether the shapes that the file declares must be those that its nodes give. True by default. */
  readonly checkShapes?: boolean;
}

/**
 * Reads a model; one that is compressed (`.onnx.br`, `.onnx.gz`) is unpacked in memory. Weights stay views of the file's
 * bytes; external data is read when it is asked for.
 * @throws InputError `core/read-failed`, `onnx/too-large`, and as `parseModel`
 *
 * @example
 * const model = readModel("resnet56.onnx");
 * model.graph.nodes.length;
 */
export function readModel(path: string, options: ReadOptions = {}): Model {
  const model = parseModel(
    modelBytes(path),
    { where: path, folder: dirname(resolve(path)) },
    options,
  );
  guardAlong(path, externalFiles(model.graph));
  return { ...model, path };
}

/** Files beside the model that hold weights. */
function externalFiles({ initializers }: Graph): ReadonlySet<string> {
  const files = new Set<string>();
  for (const { source } of initializers.values()) {
    const place = isMessage(source, TensorSchema) ? placeOf(source) : undefined;
    if (place !== undefined) files.add(place.path);
  }
  return files;
}

/** Whether the file's name says that `modelBytes` unpacks it. */
export function isCompressed(path: string): boolean {
  return UNPACKERS.has(extname(path));
}

/** Protobuf messages end at 2 GiB. */
const LARGEST_BYTES = 2 ** 31 - 1;

const UNPACKERS: ReadonlyMap<string, (bytes: Uint8Array) => Uint8Array> = new Map([
  [
    ".br",
    (bytes: Uint8Array): Uint8Array =>
      brotliDecompressSync(bytes, { maxOutputLength: LARGEST_BYTES }),
  ],
  [".gz", (bytes: Uint8Array): Uint8Array => gunzipSync(bytes, { maxOutputLength: LARGEST_BYTES })],
]);

/**
 * The bytes of an ONNX file, unpacked where it is compressed.
 * @throws InputError `core/read-failed`, `onnx/too-large`, `onnx/not-onnx`
 */
export function modelBytes(path: string): Uint8Array {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LARGEST_BYTES) {
    throw new InputError({
      code: "onnx/too-large",
      message: `The file has ${size} bytes; an ONNX file ends at 2 GiB.`,
      where: path,
      hint: "Save the model with its weights as external data.",
    });
  }
  const bytes = readFileBytes(path);
  const unpack = UNPACKERS.get(extname(path));
  if (unpack === undefined) return bytes;
  try {
    return unpack(bytes);
  } catch (cause) {
    throw damaged(
      "not-onnx",
      `The file can't be unpacked: ${cause instanceof Error ? cause.message : String(cause)}.`,
      path,
    );
  }
}

/**
 * Decodes and checks a model: format, versions, sizes of tensors, external files, graph, weights, shapes. Calls of the file's own
 * functions become the nodes that they stand for.
 * @throws InputError `onnx/not-onnx`, `onnx/empty-file`, `onnx/unsupported-opset`, `onnx/unsupported-ir`, `onnx/tensor-...`,
 *   `onnx/external-...`, `onnx/bad-weights`, `onnx/function-...`, `graph/cycle`, `graph/duplicate-value`, `graph/undefined-value`,
 *   `graph/contradictory-shapes`
 */
export function parseModel(
  bytes: Uint8Array,
  from: { readonly where: string; readonly folder: string | null },
  options: ReadOptions = {},
): Model {
  const file = from.where;
  try {
    const proto = inlineFunctions(decode(bytes, file), file);
    const opsets = opsetsOf(proto, file);
    if (proto.graph === undefined) throw notOnnx(bytes, file, "It has no graph");
    const graph = checkGraph(readGraph(proto.graph, opsets, { file, folder: from.folder }));
    checkHasOutputs(graph, file);
    const model: Model = {
      graph,
      irVersion: Number(proto.irVersion),
      producer: proto.producerName,
      metadata: new Map(proto.metadataProps.map(({ key, value }) => [key, value])),
      path: null,
      source: proto,
    };
    if (options.checkShapes ?? true) inferShapes(graph);
    if (options.checkWeights ?? true) checkWeights(graph, file);
    return model;
  } catch (error) {
    throw inFile(error, file);
  }
}

function decode(bytes: Uint8Array, file: string): ModelProto {
  if (bytes.byteLength === 0) {
    throw damaged("empty-file", "The file is empty.", file, "Copy or export the model again.");
  }
  let proto: ModelProto;
  try {
    // A plain array over the same memory: `slice` of a Buffer doesn't copy, which surprises those who use the weights.
    proto = fromBinary(
      ModelSchema,
      new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    );
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw notOnnx(bytes, file, `Decoding stops with '${detail}'`, cause);
  }
  if (!Object.hasOwn(proto, "irVersion") || proto.graph === undefined) {
    throw notOnnx(bytes, file, "It has no IR version or no graph");
  }
  const { first, last } = IR_VERSIONS;
  if (proto.irVersion < first || proto.irVersion > last) {
    throw new InputError({
      code: "onnx/unsupported-ir",
      message: `The model has IR version ${proto.irVersion}; supported are ${first} to ${last}.`,
      where: file,
      hint: `Export it again with an opset from ${OPSETS.first} to ${OPSETS.last}, or convert it with onnx.version_converter.`,
    });
  }
  return proto;
}

function notOnnx(bytes: Uint8Array, file: string, detail: string, cause?: unknown): InputError {
  const guess = guessFormat(bytes);
  return new InputError({
    code: "onnx/not-onnx",
    message: `The file of ${bytes.byteLength} bytes is not a complete ONNX model${guess === null ? "" : `; it looks like ${guess.what}`}. ${detail}.`,
    where: file,
    hint: guess?.hint ?? "It is truncated, damaged or of another format. Copy or export it again.",
    cause,
  });
}

function opsetsOf(proto: ModelProto, file: string): ReadonlyMap<string, number> {
  const opsets = new Map(
    proto.opsetImport.map((set) => [standardDomain(set.domain), Number(set.version)]),
  );
  const standard = opsets.get("");
  const { first, last } = OPSETS;
  if (standard !== undefined && standard >= first && standard <= last) return opsets;
  throw new InputError({
    code: "onnx/unsupported-opset",
    message: `The model uses ${standard === undefined ? "no standard operator set" : `opset ${standard}`}; supported are ${first} to ${last}.`,
    where: file,
    hint: `Export it again with an opset from ${first} to ${last}, or convert it with onnx.version_converter.`,
  });
}

function checkHasOutputs(graph: Graph, file: string): void {
  if (graph.outputs.length > 0) return;
  throw damaged("no-outputs", "The graph has no outputs, so nothing of it is needed.", file);
}

/** SHA-256 of a file, read as a stream, as hexadecimal. For a model with external data this is the model file's alone. */
export async function modelHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    throw readFailed(path, cause);
  }
  return hash.digest("hex");
}

/**
 * Whether weights of a model lie in files of their own.
 * @throws InputError as `modelMetadata`
 */
export function hasExternalData(path: string): boolean {
  const { graph } = decode(modelBytes(path), path);
  return graph !== undefined && isPartlyElsewhere(graph);
}

function isPartlyElsewhere({ initializer, sparseInitializer, node }: GraphProto): boolean {
  const isElsewhere = (tensor: TensorProto | undefined): boolean =>
    tensor?.dataLocation === EXTERNAL;
  return (
    initializer.some(isElsewhere) ||
    sparseInitializer.some(({ values, indices }) => isElsewhere(values) || isElsewhere(indices)) ||
    node.some(({ attribute }) =>
      attribute.some(({ t, g }) => isElsewhere(t) || (g !== undefined && isPartlyElsewhere(g))),
    )
  );
}

/**
 * The key-value pairs of an ONNX file, without a look at its graph.
 * @throws InputError as `modelBytes`; `onnx/not-onnx`, `onnx/empty-file`
 */
export function modelMetadata(path: string): ReadonlyMap<string, string> {
  const { metadataProps } = decode(modelBytes(path), path);
  return new Map(metadataProps.map(({ key, value }) => [key, value]));
}

/** Number of the field of a model that holds functions of its own. */
const FUNCTIONS = 25;

/** Whether a network as it was read has functions of its own, which its nodes call. */
export function hasFunctions({ source }: Pick<Model, "source">): boolean {
  return (
    isMessage(source, ModelSchema) && (source.$unknown ?? []).some(({ no }) => no === FUNCTIONS)
  );
}
