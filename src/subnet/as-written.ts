import { at } from "../core/at.ts";
import { VerificationError } from "../core/errors.ts";
import { foldedOf } from "../graph/fold/folded.ts";
import type { Graph } from "../graph/graph.ts";
import { traitsOf } from "../graph/op-traits.ts";
import { floatsOf } from "../graph/tensor.ts";
import { producerOf } from "../graph/traversal.ts";
import { type Model, modelLabel, withGraph } from "../onnx/model.ts";
import { numbersOfFeed } from "../runtime/feeds.ts";
import { openModel } from "../runtime/open-model.ts";
import type { Feeds } from "../runtime/session.ts";
import { floatForm } from "./float-form.ts";

/** How far two networks of few bits per number are apart when they run as they are written, roundings included. */
export interface AsWritten {
  /** "steps": of an output's scale; "relative": to its largest value. */
  readonly unit: "steps" | "relative";
  readonly most: number;
  readonly mean: number;
}

/**
 * Beyond the proof in float32: a sum that lies on the edge of two steps may fall to either side, and what follows with it. That moves
 * single numbers by few steps; a fault in scales or zero points moves most of them by many.
 */
const LIMITS = { steps: { most: 8, mean: 0.5 }, relative: { most: 0.05, mean: 0.005 } } as const;

/**
 * Runs the masked original and the smaller network as they are written, where that is not what the proof compared.
 * @returns null for networks of float32 and float64 alone
 * @throws VerificationError `subnet/proof-failed`
 */
export async function compareAsWritten(
  model: Model,
  masked: Graph,
  cut: Graph,
  feeds: { readonly feedsFor: (inputs: Graph["inputs"]) => Feeds; readonly threads: number },
): Promise<AsWritten | null> {
  if (floatForm(masked) === masked) return null;
  const results: Feeds[] = [];
  for (const graph of [masked, cut]) {
    const session = await openModel(withGraph(model, graph), { threads: feeds.threads });
    try {
      results.push(await session.run(feeds.feedsFor(graph.inputs)));
    } finally {
      await session.close();
    }
  }
  const found = apart(masked, at(results, 0), at(results, 1));
  const limit = LIMITS[found.unit];
  if (found.most <= limit.most && found.mean <= limit.mean) return found;
  throw new VerificationError({
    code: "subnet/proof-failed",
    message: `As they are written, the smaller network differs from the masked original by ${text(found.most)} (${text(found.mean)} on average; at most ${limit.most} and ${limit.mean} are allowed) ${found.unit === "steps" ? "steps of the output's scale" : "of the largest output"}, though both agree in float32.`,
    where: modelLabel(model),
    hint: "Nothing was written. Please report the network.",
  });
}

function text(value: number): string {
  return value.toExponential(1);
}

function apart(graph: Graph, reference: Feeds, other: Feeds): AsWritten {
  const isQuantised = graph.nodes.some((node) => traitsOf(node)?.kind === "quantize");
  let [most, sum, count] = [0, 0, 0];
  for (const [name, wanted] of Object.entries(reference)) {
    const found = other[name];
    if (found === undefined) continue;
    const [a, b] = [numbersOfFeed(wanted), numbersOfFeed(found)];
    const largest = a.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
    const unit = isQuantised ? (stepOf(graph, name) ?? largest / 127) : largest;
    a.forEach((value, index) => {
      const difference = Math.abs(value - at(b, index)) / (unit || 1);
      most = Math.max(most, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
      sum += difference;
      count += 1;
    });
  }
  return { unit: isQuantised ? "steps" : "relative", most, mean: count === 0 ? 0 : sum / count };
}

/** The scale of an output that a QuantizeLinear or DequantizeLinear gives; null for any other. */
function stepOf(graph: Graph, name: string): number | null {
  const node = producerOf(graph).get(name);
  const kind = node === undefined ? undefined : traitsOf(node)?.kind;
  if (kind === "quantize") return 1;
  const scale = kind === "dequantize" ? foldedOf(graph, node?.inputs[1] ?? "") : null;
  return scale === null ? null : Math.max(...floatsOf(scale));
}
