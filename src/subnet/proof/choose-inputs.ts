import { MdpError, VerificationError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { producerOf } from "../../graph/traversal.ts";
import { modelLabel } from "../../onnx/model.ts";
import { bindFeeds } from "../../runtime/bind-feeds.ts";
import { differencesOf } from "../../runtime/differences.ts";
import type { Feeds } from "../../runtime/session.ts";
import type { Bench } from "./bench.ts";
import { fedValues, type GivenInputs, type InputKind, inputKinds } from "./inputs.ts";

/** Inputs on which agreement means something, and what the masked original makes of the first of them. */
export interface ChosenInputs {
  readonly kind: InputKind;
  readonly first: Run;
}

export interface Run {
  readonly feeds: Feeds;
  readonly reference: Feeds;
}

/**
 * The first kind of inputs that gives finite numbers at every compared value and outputs that vary.
 * @throws VerificationError `subnet/cant-prove`; InputError where the network can't be run at all
 */
export async function chooseInputs(
  bench: Bench,
  options: { readonly seed: number; readonly given: GivenInputs | undefined },
): Promise<ChosenInputs> {
  const masked = await bench.open("masked");
  const reasons: string[] = [];
  let refused: unknown = null;
  let ran = false;
  for (const kind of inputKinds(bench.structure, masked.inputs, options)) {
    try {
      const first = await runOn(bench, kind, 0);
      ran = true;
      const reason = notFinite(bench, first) ?? (await constant(bench, kind, first));
      if (reason === null) return { kind, first };
      reasons.push(`with ${kind.name} ${reason}`);
    } catch (error) {
      if (!(error instanceof MdpError) || options.given?.only === true) throw error;
      refused ??= error;
    }
  }
  if (!ran) throw refused;
  throw cantProve(reasons.join("; "), bench.structure.graph.name);
}

export async function runOn(bench: Bench, kind: InputKind, run: number): Promise<Run> {
  const masked = await bench.open("masked");
  const feeds = bindFeeds(masked.inputs, { feeds: kind.feeds(run) }, modelLabel(bench.model));
  return { feeds, reference: await masked.run(feeds) };
}

/** Which compared value is not finite; null where all are. */
function notFinite(bench: Bench, { reference }: Run): string | null {
  for (const name of [...bench.places.map((place) => place.name), ...bench.outputs]) {
    const feed = reference[name];
    const count = feed === undefined ? 0 : differencesOf(feed, feed).notFinite;
    if (feed !== undefined && count > 0) {
      return `'${name}' has ${count} of ${feed.data.length} elements that are NaN or infinite`;
    }
  }
  return null;
}

/** Which output is one number everywhere, on a second input too; null where all vary. */
async function constant(bench: Bench, kind: InputKind, first: Run): Promise<string | null> {
  const fed = fedValues(bench.structure.graph);
  let second: Run | null = null;
  for (const name of bench.outputs) {
    const one = first.reference[name];
    if (one === undefined || !fed.has(name) || !one.type.startsWith("float")) continue;
    const { low, high } = differencesOf(one, one);
    if (one.data.length === 0 || high > low) continue;
    if (one.data.length === 1 && isOwnProduct(bench.structure.graph, name)) continue;
    if (kind.count === 1 && one.data.length === 1 && low !== 0) continue;
    if (kind.count > 1) second ??= await runOn(bench, kind, 1);
    const two = second?.reference[name];
    const other = two === undefined ? null : differencesOf(two, two);
    if (other === null || (other.low === low && other.high === high)) {
      return `output '${name}' is ${low} everywhere`;
    }
  }
  return null;
}

/** Whether it is x x^T: of a single sample that is the square of its length, which is one for vectors of length one. */
function isOwnProduct(graph: Graph, name: string): boolean {
  const producers = producerOf(graph);
  const node = producers.get(name);
  const [left = "", right = ""] = node?.opType === "MatMul" ? node.inputs : [];
  const turned = producers.get(right);
  return left !== "" && turned?.opType === "Transpose" && turned.inputs[0] === left;
}

/** What can't be proven, and what to do about it. */
export function cantProve(why: string, where: string): VerificationError {
  return new VerificationError({
    code: "subnet/cant-prove",
    message: `The smaller network can't be proven: ${why}.`,
    where,
    hint: "Nothing was written. Give inputs of the kind that the network is made for with --proof-inputs FILE (docs/proof.md).",
  });
}
