/**
 * Event files as TensorBoard reads them: records of TensorFlow's TFRecord format, each an `Event` message. The descriptor
 * lists what is written: scalars, and the mark by which a resumed run replaces the steps after its start.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { create, createFileRegistry, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
} from "@bufbuild/protobuf/wkt";
import { makeFolder, whileWriting } from "../core/files.ts";
import { crc32c } from "./crc32c.ts";

export interface EventProto extends Message<"tensorflow.Event"> {
  wallTime: number;
  step: bigint;
  fileVersion: string;
  summary?: SummaryProto;
  sessionLog?: SessionLogProto;
}
interface SummaryProto extends Message<"tensorflow.Summary"> {
  value: ValueProto[];
}
interface ValueProto extends Message<"tensorflow.SummaryValue"> {
  tag: string;
  simpleValue: number;
}
interface SessionLogProto extends Message<"tensorflow.SessionLog"> {
  status: number;
}

type FieldList = readonly (readonly [name: string, number: number, type: FieldType | string])[];

/** Field numbers of tensorflow/core/util/event.proto and framework/summary.proto. */
const MESSAGES: Readonly<Record<string, FieldList>> = {
  SummaryValue: [
    ["tag", 1, FieldType.STRING],
    ["simple_value", 2, FieldType.FLOAT],
  ],
  Summary: [["value", 1, "SummaryValue[]"]],
  SessionLog: [["status", 1, FieldType.INT32]],
  Event: [
    ["wall_time", 1, FieldType.DOUBLE],
    ["step", 2, FieldType.INT64],
    ["file_version", 3, FieldType.STRING],
    ["summary", 5, "Summary"],
    ["session_log", 7, "SessionLog"],
  ],
};

function describe(name: string, fields: FieldList): DescriptorProto {
  const field = fields.map(([fieldName, number, type]) => {
    const scalar = typeof type === "string" ? null : type;
    const message = typeof type === "string" ? type : "";
    return create(FieldDescriptorProtoSchema, {
      name: fieldName,
      number,
      label: message.endsWith("[]") ? Label.REPEATED : Label.OPTIONAL,
      type: scalar ?? FieldType.MESSAGE,
      ...(scalar === null ? { typeName: `.tensorflow.${message.replace("[]", "")}` } : {}),
    });
  });
  return create(DescriptorProtoSchema, { name, field });
}

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "event.proto",
    package: "tensorflow",
    syntax: "proto2",
    messageType: Object.entries(MESSAGES).map(([name, fields]) => describe(name, fields)),
  }),
  () => undefined,
);

// The registry types every message alike; the interfaces above say what the descriptor of that name holds.
function schemaOf<Shape extends Message>(name: string): GenMessage<Shape> {
  return registry.getMessage(`tensorflow.${name}`) as unknown as GenMessage<Shape>;
}

export const EventSchema: GenMessage<EventProto> = schemaOf("Event");
const SummarySchema: GenMessage<SummaryProto> = schemaOf("Summary");
const ValueSchema: GenMessage<ValueProto> = schemaOf("SummaryValue");
const SessionLogSchema: GenMessage<SessionLogProto> = schemaOf("SessionLog");

const START = 1;

/** A record: length, its checksum, the bytes, their checksum; all little-endian. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(16 + data.byteLength);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.byteLength), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.byteLength, maskedCrc(data), true);
  return record;
}

/** TFRecord's mask: checksums of data that hold checksums are weak. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Named numbers of one step. */
export type Scalars = Readonly<Record<string, number>>;

export interface EventFile {
  readonly path: string;
  readonly write: (step: number, scalars: Scalars) => void;
  readonly close: () => void;
}

/**
 * Opens a new event file in a folder that TensorBoard watches.
 * @param firstStep what other files of the folder say of this step and later ones is replaced.
 * @param now the clock, in seconds.
 * @throws InputError `core/write-failed`
 */
export function openEventFile(
  folder: string,
  firstStep: number,
  now: () => number = () => Date.now() / 1000,
): EventFile {
  const path = join(folder, `events.out.tfevents.${now().toFixed(3)}.${hostname()}`);
  const file = whileWriting(path, () => {
    makeFolder(folder);
    return openSync(path, "w");
  });
  const append = (event: EventProto): void => {
    event.wallTime = now();
    whileWriting(path, () => writeSync(file, tfRecord(toBinary(EventSchema, event))));
  };
  append(create(EventSchema, { fileVersion: "brain.Event:2" }));
  const sessionLog = create(SessionLogSchema, { status: START });
  append(create(EventSchema, { step: BigInt(firstStep), sessionLog }));
  return {
    path,
    write: (step, scalars) => {
      const value = Object.entries(scalars).map(([tag, simpleValue]) =>
        create(ValueSchema, { tag, simpleValue }),
      );
      const summary = create(SummarySchema, { value });
      append(create(EventSchema, { step: BigInt(step), summary }));
    },
    close: () => closeSync(file),
  };
}
