import { randomFrom } from "../../core/random.ts";
import { foldedOf } from "../../graph/fold/folded.ts";
import { type Differences, differencesOf } from "../../runtime/differences.ts";
import type { Feed, Feeds } from "../../runtime/session.ts";
import type { Bench, Role } from "./bench.ts";
import type { Run } from "./choose-inputs.ts";
import { givenName, type Place } from "./places.ts";
import { reduceToKept } from "./reduce.ts";

/** What was found so far; `compareSegments` and `compareWhole` add to it. */
export interface Findings {
  /** Largest difference of a whole network's output, relative to the largest value there. */
  outputs: number;
  /** The same at the end of segments, and where. */
  segments: number;
  worst: string | null;
  absolute: number;
  identical: boolean;
  /** As far as the masked original moves when it is rounded otherwise, relative as `outputs`; null while not needed. */
  rounding: number | null;
  failure: Failure | null;
  /** Smallest and largest value of every compared name. */
  readonly ranges: Map<string, { readonly low: number; readonly high: number }>;
}

/** The first difference that rounding doesn't explain. */
export interface Failure {
  readonly what: "segment" | "output" | "preparation";
  readonly name: string;
  /** Largest difference and largest value, at the unit that is furthest off. */
  readonly apart: number;
  readonly largest: number;
  readonly allowed: number;
}

export function emptyFindings(): Findings {
  return {
    ...{ outputs: 0, segments: 0, worst: null, absolute: 0, identical: true, rounding: null },
    failure: null,
    ranges: new Map(),
  };
}

/**
 * Differences at the end of a segment that pass, in units of the number format's precision and of the largest value of the
 * unit (or of a typical unit, where that is larger). Right cuts of the networks in docs/results/trust.md reach 7.
 */
const SEGMENT_ULPS = 32;
/** How many times further than by rounding of weights a value may move, where `SEGMENT_ULPS` or the limit are exceeded. */
const ROUNDING_FACTOR = 64;

const PRECISION = { float32: 2 ** -23, float64: 2 ** -52 } as const;

/**
 * Gives both networks' segments the same values and compares what they make of them: the masked original's own values, then
 * random ones of the same size, since a unit that is zero behind a Relu tells nothing of the weights that read it.
 */
export async function compareSegments(
  bench: Bench,
  { feeds, reference }: Run,
  findings: Findings,
  drawSeed: number | null,
): Promise<void> {
  const own = Object.fromEntries(
    bench.places.map(({ name }) => [givenName(name), reference[name] ?? EMPTY]),
  );
  await compareParts(bench, { feeds, given: own, wanted: reference, drawn: false }, findings);
  if (drawSeed === null || bench.places.length === 0) return;
  const given = drawnLike(bench.places, own, drawSeed);
  const masked = await bench.open("masked-parts");
  const wanted = await masked.run({ ...feeds, ...given });
  await compareParts(bench, { feeds, given, wanted, drawn: true }, findings);
}

const EMPTY: Feed = { type: "float32", shape: [0], data: new Float32Array(0) };

interface Parts {
  readonly feeds: Feeds;
  readonly given: Feeds;
  readonly wanted: Feeds;
  /** Random values may leave an op's domain: what is not finite then says nothing. */
  readonly drawn: boolean;
}

async function compareParts(bench: Bench, parts: Parts, findings: Findings): Promise<void> {
  const { feeds, given, drawn } = parts;
  const names = new Map<string, Place | null>([
    ...bench.outputs.map((name) => [name, null] as const),
    ...bench.places.map((place) => [place.name, place] as const),
  ]);
  const wanted = reduceToKept(only(parts.wanted, names), bench.kept);
  const session = await bench.open("parts");
  const found = await session.run({ ...feeds, ...reduceGiven(given, bench) });
  const doubts: {
    readonly name: string;
    readonly place: Place | null;
    readonly at: Differences;
  }[] = [];
  for (const [name, place] of names) {
    const [a, b] = [wanted[name], found[name]];
    if (a === undefined || b === undefined) continue;
    const at = sameShape(a, b) ? differencesOf(a, b, place?.unitAxis ?? null) : APART;
    if (drawn && at.notFinite > 0) continue;
    note(findings, name, at);
    const relative = relativeOf(at);
    if (relative > findings.segments || findings.worst === null) {
      findings.segments = Math.max(relative, findings.segments);
      findings.worst = name;
    }
    const precision = isFloat(a.type) ? PRECISION[a.type] : 0;
    if (
      exceeds(
        at,
        scales(at.largest).map((scale) => SEGMENT_ULPS * precision * scale),
      ) !== null
    ) {
      doubts.push({ name, place, at });
    }
  }
  if (doubts.length === 0) return;
  const rounded = await movedByRounding(bench, "rounded-parts", { ...feeds, ...given });
  for (const { name, place, at } of doubts) {
    const [a, b] = [wanted[name], rounded[name]];
    if (a === undefined || b === undefined) continue;
    const moved = differencesOf(a, b, place?.unitAxis ?? null).apart;
    const allowed = scales(moved).map((apart) => ROUNDING_FACTOR * apart);
    findings.failure ??= failureAt("segment", name, at, allowed);
  }
}

/** Compares the outputs of the whole networks, as their users will see them. */
export async function compareWhole(
  bench: Bench,
  { feeds, reference }: Run,
  findings: Findings,
  limit: number,
): Promise<void> {
  const names = new Map(bench.outputs.map((name) => [name, null] as const));
  const wanted = reduceToKept(only(reference, names), bench.kept);
  const session = await bench.open("whole");
  const found = await session.run(feeds);
  for (const name of bench.outputs) {
    const [a, b] = [wanted[name], found[name]];
    if (a === undefined || b === undefined) continue;
    const at = sameShape(a, b) ? differencesOf(a, b) : APART;
    note(findings, name, at);
    const relative = relativeOf(at);
    findings.outputs = Math.max(findings.outputs, relative);
    if (relative <= limit) continue;
    const rounded = await movedByRounding(bench, "rounded", feeds);
    const b2 = rounded[name] ?? a;
    const moved = differencesOf(a, b2);
    findings.rounding = Math.max(findings.rounding ?? 0, relativeOf(moved));
    const allowed = [...moved.apart].map((apart) => ROUNDING_FACTOR * apart);
    findings.failure ??= failureAt("output", name, at, allowed);
  }
}

/**
 * Where the structure was found in a prepared form of the file's network: compares the outputs of both, whole, so that the proof reaches
 * back to the file.
 */
export async function comparePrepared(
  bench: Bench,
  { feeds }: Run,
  findings: Findings,
  limit: number,
): Promise<void> {
  if (bench.structure.given === bench.structure.graph) return;
  const [wanted, found] = [
    await (await bench.open("file")).run(feeds),
    await (await bench.open("prepared")).run(feeds),
  ];
  for (const name of bench.outputs) {
    const [a, b] = [wanted[name], found[name]];
    if (a === undefined || b === undefined) continue;
    const at = sameShape(a, b) ? differencesOf(a, b) : APART;
    const allowed = scales(at.largest).map((scale) => limit * scale);
    findings.failure ??= failureAt("preparation", name, at, allowed);
  }
}

async function movedByRounding(bench: Bench, role: Role, feeds: Feeds): Promise<Feeds> {
  const session = await bench.open(role);
  return reduceToKept(await session.run(feeds), bench.kept);
}

function note(findings: Findings, name: string, at: Differences): void {
  const known = findings.ranges.get(name);
  findings.ranges.set(name, {
    low: Math.min(known?.low ?? at.low, at.low),
    high: Math.max(known?.high ?? at.high, at.high),
  });
  findings.identical &&= at.identical;
  findings.absolute = Math.max(findings.absolute, ...at.apart);
}

/** Largest difference in units of the largest value; 0 where nothing differs. */
function relativeOf({ apart, largest }: Differences): number {
  const most = apart.reduce((a, b) => Math.max(a, b), 0);
  return most === 0 ? 0 : most / largest.reduce((a, b) => Math.max(a, b), 0);
}

/** Per unit its own value, or the median of all units where that is larger: a sum that cancels out is no more exact than others. */
function scales(values: Float64Array): readonly number[] {
  const sorted = values.slice().sort();
  const median = sorted[sorted.length >> 1] ?? 0;
  return Array.from(values, (value) => Math.max(value, median));
}

/** The unit that exceeds what is allowed by most; null where none does. */
function exceeds({ apart }: Differences, allowed: readonly number[]): number | null {
  let [worst, most]: [number | null, number] = [null, 1];
  apart.forEach((distance, unit) => {
    const bound = allowed[unit] ?? 0;
    const times = distance <= bound ? 0 : distance / bound;
    if (times > most || (times > 1 && worst === null)) [worst, most] = [unit, times];
  });
  return worst;
}

function failureAt(
  what: Failure["what"],
  name: string,
  at: Differences,
  allowed: readonly number[],
): Failure | null {
  const unit = exceeds(at, allowed);
  if (unit === null) return null;
  return {
    ...{ what, name, apart: at.apart[unit] ?? 0, largest: at.largest[unit] ?? 0 },
    allowed: allowed[unit] ?? 0,
  };
}

/** The first compared name whose value never varied, though its op's weights are not all zero; null: all did. */
export function neverVaried(findings: Findings, bench: Bench): string | null {
  for (const { name, parameters } of bench.places) {
    const range = findings.ranges.get(name);
    if (range !== undefined && range.high > range.low) continue;
    const weight = foldedOf(bench.cut, parameters[0] ?? "");
    if (weight !== null && weight.bytes().every((byte) => byte === 0)) continue;
    return name;
  }
  return null;
}

const APART: Differences = {
  apart: Float64Array.of(Number.POSITIVE_INFINITY),
  largest: Float64Array.of(0),
  identical: false,
  notFinite: 0,
  low: 0,
  high: 0,
};

function sameShape(a: Feed, b: Feed): boolean {
  return String(a.shape) === String(b.shape);
}

function only(feeds: Feeds, names: ReadonlyMap<string, unknown>): Feeds {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.has(name)));
}

/** Given values under the names they are fed by, reduced as the places they stand for. */
function reduceGiven(given: Feeds, bench: Bench): Feeds {
  const values = Object.fromEntries(
    bench.places.map(({ name }) => [name, given[givenName(name)] ?? EMPTY]),
  );
  const reduced = reduceToKept(values, bench.kept);
  return Object.fromEntries(
    Object.entries(reduced).map(([name, feed]) => [givenName(name), feed] as const),
  );
}

function isFloat(type: string): type is keyof typeof PRECISION {
  return type in PRECISION;
}

/** Random values of the type and shape of those given: evenly on both sides of zero, as large as theirs in the mean square. */
function drawnLike(places: readonly Place[], own: Feeds, seed: number): Feeds {
  const random = randomFrom(seed);
  return Object.fromEntries(
    places.map(({ name }): [string, Feed] => {
      const feed = own[givenName(name)] ?? EMPTY;
      const length = feed.data.length;
      const size = sizeOf(feed);
      const next = (): number => size * Math.sqrt(3) * (2 * random.next() - 1);
      const drawn: Feed =
        feed.type === "float64"
          ? { ...feed, data: Float64Array.from({ length }, next) }
          : { type: "float32", shape: feed.shape, data: Float32Array.from({ length }, next) };
      return [givenName(name), drawn];
    }),
  );
}

function sizeOf(feed: Feed): number {
  if (feed.type !== "float32" && feed.type !== "float64") return 1;
  let sum = 0;
  for (const value of feed.data) sum += value * value;
  const size = Math.sqrt(sum / feed.data.length);
  return Number.isFinite(size) && size > 0 ? size : 1;
}
