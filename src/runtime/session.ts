import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type ort from "onnxruntime-node";
import { InputError } from "../core/errors.ts";
import { makeScratchFolder, readFileBytes } from "../core/files.ts";
import { fromHalf, toHalf } from "../graph/half.ts";
import { onnxruntime } from "./onnxruntime.ts";
import { parseProfile, type RunProfile } from "./profile.ts";

/** Element types that can be fed, with the array that holds them. float16 is held as its bits. */
export interface FeedData {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly float16: Uint16Array;
  readonly uint8: Uint8Array;
  readonly int8: Int8Array;
  readonly uint16: Uint16Array;
  readonly int16: Int16Array;
  readonly uint32: Uint32Array;
  readonly int32: Int32Array;
  readonly uint64: BigUint64Array;
  readonly int64: BigInt64Array;
  readonly bool: Uint8Array;
  readonly string: string[];
}

export type FeedType = keyof FeedData;

/** A tensor that goes into or comes out of a session: elements row-major in `shape`. */
export type Feed = {
  [Type in FeedType]: {
    readonly type: Type;
    readonly shape: readonly number[];
    readonly data: FeedData[Type];
  };
}[FeedType];

export type Feeds = Readonly<Record<string, Feed>>;

/** What a session asks for or gives: a name in `shape` (a string) is an extent that the caller chooses. */
export interface SessionValue {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** How far the runtime rewrites the graph before it runs it. "all" includes the blocked memory layouts. */
export type Optimisation = "disabled" | "basic" | "extended" | "all";

export const OPTIMISATIONS = [
  "disabled",
  "basic",
  "extended",
  "all",
] as const satisfies readonly Optimisation[];

export interface SessionOptions {
  /** Threads inside one operation; 1 unless given. */
  readonly threads?: number;
  /** "all" unless given, as a user of the runtime gets it. */
  readonly optimisation?: Optimisation;
  /** Record the time of every operation; read it with `endProfile`. */
  readonly profile?: boolean;
  /** Named in errors; the path where the source is a path. */
  readonly where?: string;
}

/** A network that is loaded and ready to run. Close it: it holds memory outside of JavaScript's heap. */
export interface Session {
  readonly inputs: readonly SessionValue[];
  readonly outputs: readonly SessionValue[];
  /**
   * A network of float16 may be fed float32, and answers in float32: what it gives is widened, exactly.
   * @throws InputError `runtime/run-failed`
   */
  readonly run: (feeds: Feeds) => Promise<Record<string, Feed>>;
  /**
   * The recorded runs, oldest first; ends the recording.
   * @throws InputError `runtime/no-profile` unless opened with `profile: true`
   */
  readonly endProfile: () => RunProfile[];
  readonly close: () => Promise<void>;
}

/**
 * Loads a network from the bytes of an ONNX file or from its path (needed where weights lie in files beside it).
 * One operation at a time, and idle threads sleep: other work on the machine is disturbed least, and times vary least.
 * @throws InputError `runtime/load-failed`, and as `onnxruntime`
 */
export async function openSession(
  source: Uint8Array | string,
  options: SessionOptions = {},
): Promise<Session> {
  const { InferenceSession } = onnxruntime();
  const where = options.where ?? (typeof source === "string" ? source : "network in memory");
  const folder = options.profile === true ? makeScratchFolder("mdp-profile-") : null;
  try {
    const settings = nativeOptions(options, folder);
    const native =
      typeof source === "string"
        ? await InferenceSession.create(source, settings)
        : await InferenceSession.create(source, settings);
    return sessionOf(native, where, folder);
  } catch (cause) {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
    throw new InputError({
      code: "runtime/load-failed",
      message: `onnxruntime can't load the network: ${messageOf(cause)}.`,
      where,
      hint: "Check that the file is a complete ONNX network whose operators onnxruntime's CPU provider has.",
      cause,
    });
  }
}

function nativeOptions(
  options: SessionOptions,
  profileFolder: string | null,
): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: ["cpu"],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: options.optimisation ?? "all",
    // The runtime warns about layouts that fit only this machine; networks here are never saved after it rewrote them.
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
    ...(profileFolder === null
      ? {}
      : { enableProfiling: true, profileFilePrefix: join(profileFolder, "profile") }),
  };
}

function sessionOf(
  native: ort.InferenceSession,
  where: string,
  profileFolder: string | null,
): Session {
  let profiling = profileFolder !== null;
  const endProfile = (): RunProfile[] => {
    if (profileFolder === null || !profiling) throw noProfile(where);
    profiling = false;
    native.endProfiling();
    const file = readdirSync(profileFolder)[0];
    if (file === undefined) throw noProfile(where);
    const text = new TextDecoder().decode(readFileBytes(join(profileFolder, file)));
    rmSync(profileFolder, { recursive: true, force: true });
    return parseProfile(text, where);
  };
  const run = async (feeds: Feeds): Promise<Record<string, Feed>> => {
    try {
      return feedsOf(await native.run(tensorsOf(asAsked(feeds))));
    } catch (cause) {
      throw new InputError({
        code: "runtime/run-failed",
        message: `onnxruntime can't run the network: ${messageOf(cause)}.`,
        where,
        hint: hintFor(messageOf(cause)),
        cause,
      });
    }
  };
  const asked = new Map(
    native.inputMetadata.map((value) => [value.name, sessionValue(value).type]),
  );
  const asAsked = (feeds: Feeds): Feeds =>
    Object.fromEntries(
      Object.entries(feeds).map(([name, feed]) => [name, inHalf(feed, asked.get(name))] as const),
    );
  const close = async (): Promise<void> => {
    await native.release();
    if (profileFolder !== null) rmSync(profileFolder, { recursive: true, force: true });
  };
  return {
    inputs: native.inputMetadata.map(sessionValue),
    outputs: native.outputMetadata.map(sessionValue),
    run,
    endProfile,
    close,
  };
}

function sessionValue(value: ort.InferenceSession.ValueMetadata): SessionValue {
  return value.isTensor
    ? { name: value.name, type: value.type, shape: value.shape }
    : { name: value.name, type: "not a tensor", shape: [] };
}

function tensorsOf(feeds: Feeds): Record<string, ort.Tensor> {
  const { Tensor } = onnxruntime();
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { type, data, shape }]) => [
      name,
      // The constructor is overloaded by type; the pairing of type and data is what `Feed` states.
      new Tensor(type as "float32", data as Float32Array, shape),
    ]),
  );
}

/** Images and samples are float32; a network of float16 is fed the nearest numbers of its own type. */
function inHalf(feed: Feed, type: string | undefined): Feed {
  if (feed.type !== "float32" || type !== "float16") return feed;
  return { type: "float16", shape: feed.shape, data: Uint16Array.from(feed.data, toHalf) };
}

function feedsOf(tensors: ort.InferenceSession.OnnxValueMapType): Record<string, Feed> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, value]) => {
      const tensor = value as ort.Tensor;
      // Types beyond `FeedType` (4-bit integers) don't come out of the networks that this project handles.
      const { type, dims: shape, data } = tensor;
      if (type === "float16") {
        const widened = Float32Array.from(data as unknown as Uint16Array, fromHalf);
        return [name, { type: "float32", shape, data: widened }] as const;
      }
      return [name, { type, shape, data } as Feed] as const;
    }),
  );
}

function noProfile(where: string): InputError {
  return new InputError({
    code: "runtime/no-profile",
    message: "There is no recording to read.",
    where,
    hint: "Open the session with `profile: true`, and end the recording once.",
  });
}

function hintFor(message: string): string {
  return /out of data bounds|out of range|index out of bounds/i.test(message)
    ? "A token or another index lies outside of the table that it picks from: check it against the network's vocabulary."
    : "Check the names, types and shapes of what is fed against the network's inputs.";
}

function messageOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.replace(/\.$/, "");
}
