import { VerificationError } from "../core/errors.ts";
import type { Graph } from "../graph/graph.ts";
import { type Model, modelLabel, withGraph } from "../onnx/model.ts";
import { serializeModel } from "../onnx/write.ts";
import { compareOutputs } from "../runtime/compare.ts";
import { randomFeeds } from "../runtime/feeds.ts";
import { openSession, type Session } from "../runtime/session.ts";
import type { Structure } from "../structure/structure.ts";
import { cutGraph } from "./cut.ts";
import { maskedGraph } from "./mask.ts";
import type { Subnet } from "./subnet.ts";

export interface ProofOptions {
  readonly seed?: number;
  /** Random inputs to compare on; 2 unless given. */
  readonly runs?: number;
  readonly threads?: number;
  /** Largest relative difference that passes: max |a - b| / max |a| per output; 1e-5 unless given. */
  readonly limit?: number;
}

/** What was compared and how far apart it was. */
export interface Proof {
  readonly runs: number;
  readonly seed: number;
  readonly limit: number;
  /** Largest over the runs. */
  readonly maxRelative: number;
  readonly maxAbsolute: number;
  /** Same bits in every output of every run. */
  readonly identical: boolean;
}

/**
 * Proves surgery: the smaller network and the masked original give the same outputs on random inputs.
 *
 * @throws VerificationError `subnet/proof-failed`
 */
export async function proveSubnet(
  model: Model,
  structure: Structure,
  subnet: Subnet,
  options: ProofOptions = {},
): Promise<Proof> {
  const cut = cutGraph(structure, subnet);
  return proveCut(model, structure, subnet, cut, options);
}

/** As `proveSubnet`, for a graph that was cut before. */
export async function proveCut(
  model: Model,
  structure: Structure,
  subnet: Subnet,
  cut: Graph,
  options: ProofOptions = {},
): Promise<Proof> {
  const { seed = 0, runs = 2, limit = 1e-5, threads = 1 } = options;
  const proof = await compareGraphs(model, maskedGraph(structure, subnet), cut, structure, {
    seed,
    runs,
    limit,
    threads,
  });
  if (proof.maxRelative <= limit) return proof;
  throw new VerificationError({
    code: "subnet/proof-failed",
    message: `The smaller network differs from the masked original by ${proof.maxRelative.toExponential(2)} of the output's largest value; at most ${limit} is allowed.`,
    where: modelLabel(model),
    hint: "Nothing was written. Please report the network; protecting dims one by one shows where surgery goes wrong.",
  });
}

async function compareGraphs(
  model: Model,
  reference: Graph,
  other: Graph,
  structure: Structure,
  options: Required<ProofOptions>,
): Promise<Proof> {
  const { seed, runs, limit, threads } = options;
  const first = await open(model, reference, threads);
  try {
    const second = await open(model, other, threads);
    try {
      let maxRelative = 0;
      let maxAbsolute = 0;
      let identical = true;
      for (let run = 0; run < runs; run += 1) {
        const feeds = randomFeeds(first.inputs, { seed: seed + run, shapes: shapesOf(structure) });
        const difference = compareOutputs(await first.run(feeds), await second.run(feeds));
        maxRelative = Math.max(maxRelative, difference.maxRelative);
        maxAbsolute = Math.max(maxAbsolute, difference.maxAbsolute);
        identical &&= difference.identical;
      }
      return { runs, seed, limit, maxRelative, maxAbsolute, identical };
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

function shapesOf(structure: Structure): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(
    structure.graph.inputs.map((input) => [input.name, structure.shapes.of(input.name) ?? []]),
  );
}

// Without the runtime's own rewriting: fusions change the order of sums, and with it the last digits.
function open(model: Model, graph: Graph, threads: number): Promise<Session> {
  const bytes = Buffer.concat(serializeModel(withGraph(model, graph)));
  return openSession(bytes, { threads, optimisation: "disabled", where: modelLabel(model) });
}
