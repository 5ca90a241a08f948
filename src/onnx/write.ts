import { existsSync, realpathSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { InputError } from "../core/errors.ts";
import { writeChunksAtomic } from "../core/files.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import type { Model } from "./model.ts";
import { standardDomain } from "./read-graph.ts";
import {
  EntrySchema,
  FIELD,
  GraphSchema,
  type ModelProto,
  ModelSchema,
  OperatorSetSchema,
  SparseTensorSchema,
  type TensorProto,
  TensorSchema,
} from "./schema.ts";
import { sparseProto } from "./sparse-to-proto.ts";
import { EXTERNAL, placeOf } from "./tensors.ts";
import { changed, graphProto, isAsRead, sourceOf, tensorHead } from "./to-proto.ts";

export interface WriteOptions {
  /**
   * Whether weights go into a file beside the model, `<name>.data`. "auto": where they came from one, or where the model
   * would not fit into the 2 GB that the format allows.
   */
  readonly externalData?: "auto" | "never" | "always";
  /** Tensors of fewer bytes stay in the model file, unless they came from an external one; 1024 by default. */
  readonly threshold?: number;
}

/** Protobuf messages end at 2 GiB; a little is left for the fields around. */
const LARGEST_FILE = 2 ** 31 - 2 ** 16;
/** Tensors in the external file start at multiples of this, so that a runtime may map them. */
const ALIGNMENT = 64;

/** Bytes that are made when they are written, so that only one tensor at a time is in memory. */
interface Segment {
  readonly byteLength: number;
  readonly bytes: () => Uint8Array;
}

interface ExternalFile {
  readonly name: string;
  readonly isExternal: (tensor: Tensor) => boolean;
}

/**
 * The bytes of the model with all weights inside, as a list of chunks whose weights are views of what was read.
 * @throws InputError `onnx/too-large`
 */
export function serializeModel(model: Model): Uint8Array[] {
  const { segments } = layOut(model, null);
  checkSize(segments, model.path ?? model.graph.name);
  return segments.map((segment) => segment.bytes());
}

/**
 * Writes the model, whole or not at all; weights are streamed. An unchanged model keeps every field, known or not, and
 * equal models give equal bytes.
 * @throws InputError `core/write-failed`, `onnx/too-large`, `onnx/overwrites-source`
 */
export function writeModel(model: Model, path: string, options: WriteOptions = {}): void {
  const external = externalFileFor(model, path, options);
  const { segments, data } = layOut(model, external);
  checkSize(segments, path);
  if (external !== null && data.length > 0) {
    const dataPath = join(dirname(path), external.name);
    checkNotSource(model.graph, dataPath);
    writeChunksAtomic(dataPath, bytesOf(data));
    try {
      writeChunksAtomic(path, bytesOf(segments));
    } catch (error) {
      rmSync(dataPath, { force: true });
      throw error;
    }
    return;
  }
  writeChunksAtomic(path, bytesOf(segments));
}

function externalFileFor(model: Model, path: string, options: WriteOptions): ExternalFile | null {
  const { externalData = "auto", threshold = 1024 } = options;
  const tensors = [...model.graph.initializers.values()];
  const total = tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0);
  const wanted =
    externalData === "always" ||
    (externalData === "auto" && (total > LARGEST_FILE || tensors.some(cameFromFile)));
  if (!wanted) return null;
  const isExternal = (tensor: Tensor): boolean =>
    (tensor.byteLength >= threshold || cameFromFile(tensor)) &&
    tensor.sparse !== true &&
    tensor.type !== "string" &&
    tensor.type !== "other";
  return { name: `${basename(path)}.data`, isExternal };
}

function cameFromFile(tensor: Tensor): boolean {
  return sourceOf(TensorSchema, tensor.source)?.dataLocation === EXTERNAL;
}

function checkSize(segments: readonly Segment[], where: string): void {
  const size = segments.reduce((sum, segment) => sum + segment.byteLength, 0);
  if (size <= LARGEST_FILE) return;
  throw new InputError({
    code: "onnx/too-large",
    message: `The model needs ${size} bytes in one file; the format allows 2 GiB.`,
    where,
    hint: "Write the weights as external data.",
  });
}

// Tensors that were read from the file read it again while it is written.
function checkNotSource(graph: Graph, dataPath: string): void {
  if (!existsSync(dataPath)) return;
  const target = realpathSync(dataPath);
  for (const tensor of graph.initializers.values()) {
    const source = sourceOf(TensorSchema, tensor.source);
    if (source === undefined || placeOf(source)?.path !== target) continue;
    throw new InputError({
      code: "onnx/overwrites-source",
      message: `The weights would be written over '${basename(dataPath)}', which they are read from.`,
      where: dataPath,
      hint: "Choose another name or folder for the output.",
    });
  }
}

function* bytesOf(segments: readonly Segment[]): Generator<Uint8Array> {
  for (const segment of segments) yield segment.bytes();
}

function layOut(
  model: Model,
  external: ExternalFile | null,
): { readonly segments: readonly Segment[]; readonly data: readonly Segment[] } {
  const head = toBinary(GraphSchema, graphProto(model.graph, irVersionFor(model)));
  const inner: Segment[] = [segmentOf(head)];
  const data: Segment[] = [];
  let offset = 0;
  // Sparse ones last, as a reader meets them.
  const isSparse = ([, tensor]: readonly [string, Tensor]): boolean => tensor.sparse === true;
  const entries = [...model.graph.initializers];
  const dense = entries.filter((entry) => !isSparse(entry));
  for (const [name, tensor] of dense) {
    if (external === null || !external.isExternal(tensor)) {
      inner.push(...tensorSegments(name, tensor));
      continue;
    }
    const padding = (ALIGNMENT - (offset % ALIGNMENT)) % ALIGNMENT;
    if (padding > 0) data.push(segmentOf(new Uint8Array(padding)));
    offset += padding;
    inner.push(...externalSegments(name, tensor, external.name, offset));
    data.push({ byteLength: tensor.byteLength, bytes: tensor.bytes });
    offset += tensor.byteLength;
  }
  for (const [name, tensor] of entries.filter(isSparse))
    inner.push(...sparseSegments(name, tensor));
  const around = toBinary(ModelSchema, modelProto(model));
  const length = inner.reduce((sum, segment) => sum + segment.byteLength, 0);
  const segments = [segmentOf(around), segmentOf(lengthPrefix(FIELD.graph, length)), ...inner];
  return { segments, data };
}

/** Sparse initializers came with IR version 5. */
function irVersionFor({ graph, irVersion }: Model): number {
  const isSparse = [...graph.initializers.values()].some((tensor) => tensor.sparse === true);
  return isSparse ? Math.max(irVersion, 5) : irVersion;
}

function sparseSegments(name: string, tensor: Tensor): Segment[] {
  const bytes = toBinary(SparseTensorSchema, sparseProto(name, tensor));
  return [segmentOf(lengthPrefix(FIELD.sparseInitializer, bytes.byteLength)), segmentOf(bytes)];
}

function segmentOf(bytes: Uint8Array): Segment {
  return { byteLength: bytes.byteLength, bytes: () => bytes };
}

function lengthPrefix(field: number, length: number): Uint8Array {
  const writer = new BinaryWriter().tag(field, WireType.LengthDelimited);
  // The 64-bit form: a length that is too large for the format is reported with its size later on.
  return writer.uint64(length).finish();
}

/** An initializer as the bytes before its elements and its elements; an unchanged one keeps the form it was read in. */
function tensorSegments(name: string, tensor: Tensor): Segment[] {
  const source = sourceOf(TensorSchema, tensor.source);
  const keepsForm = source !== undefined && isAsRead(tensor) && source.dataLocation !== EXTERNAL;
  if (keepsForm && !Object.hasOwn(source, "rawData")) {
    const whole = source.name === name ? source : changed(TensorSchema, source, { name });
    return framed(toBinary(TensorSchema, whole), null);
  }
  const head = tensorHead(name, tensor);
  if (tensor.type === "string") return framed(toBinary(TensorSchema, head), null);
  return framed(toBinary(TensorSchema, head), tensor);
}

function framed(head: Uint8Array, tensor: Tensor | null): Segment[] {
  if (tensor === null) {
    return [segmentOf(lengthPrefix(FIELD.initializer, head.byteLength)), segmentOf(head)];
  }
  const prefix = lengthPrefix(FIELD.rawData, tensor.byteLength);
  const length = head.byteLength + prefix.byteLength + tensor.byteLength;
  return [
    segmentOf(Buffer.concat([lengthPrefix(FIELD.initializer, length), head, prefix])),
    { byteLength: tensor.byteLength, bytes: tensor.bytes },
  ];
}

function externalSegments(
  name: string,
  tensor: Tensor,
  location: string,
  offset: number,
): Segment[] {
  const head: TensorProto = tensorHead(name, tensor);
  const place = { location, offset: String(offset), length: String(tensor.byteLength) };
  head.externalData = Object.entries(place).map(([key, value]) =>
    create(EntrySchema, { key, value }),
  );
  head.dataLocation = EXTERNAL;
  return framed(toBinary(TensorSchema, head), null);
}

/** The model without its graph. */
function modelProto(model: Model): ModelProto {
  const source = sourceOf(ModelSchema, model.source);
  const metadata = [...model.metadata].map(([key, value]) => create(EntrySchema, { key, value }));
  const proto = changed(ModelSchema, source, {
    irVersion: BigInt(irVersionFor(model)),
    ...(model.producer === "" ? {} : { producerName: model.producer }),
    opsetImport: opsetProtos(model.graph, source),
    metadataProps:
      source !== undefined && sameMetadata(model, source) ? source.metadataProps : metadata,
  });
  const { $typeName: _name, $unknown: unknown, graph: _graph, ...own } = proto;
  const message = create(ModelSchema, own);
  if (unknown !== undefined) message.$unknown = unknown;
  return message;
}

function sameMetadata(model: Model, source: ModelProto): boolean {
  const entries = source.metadataProps;
  return (
    entries.length === model.metadata.size &&
    entries.every(({ key, value }) => model.metadata.get(key) === value)
  );
}

function opsetProtos(graph: Graph, source: ModelProto | undefined): ModelProto["opsetImport"] {
  const before = new Map(
    (source?.opsetImport ?? []).map((set) => [standardDomain(set.domain), set]),
  );
  return [...graph.opsets].map(([domain, version]) => {
    const old = before.get(domain);
    if (old !== undefined && Number(old.version) === version) return old;
    return changed(OperatorSetSchema, old, {
      ...(old === undefined ? { domain } : {}),
      version: BigInt(version),
    });
  });
}
