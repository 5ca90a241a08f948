import { VerificationError } from "../core/errors.ts";
import type { Graph } from "../graph/graph.ts";
import { type Model, modelLabel, withGraph } from "../onnx/model.ts";
import { compareOutputs } from "../runtime/compare.ts";
import { randomFeeds } from "../runtime/feeds.ts";
import { openModel } from "../runtime/open-model.ts";
import type { Feeds, Session } from "../runtime/session.ts";
import type { Structure } from "../structure/structure.ts";
import { type AsWritten, compareAsWritten } from "./as-written.ts";
import { cutGraph } from "./cut.ts";
import { floatForm } from "./float-form.ts";
import { reduceToKept, sharedLayerOutputs, withOutputs } from "./inner-values.ts";
import { maskedGraph } from "./mask.ts";
import type { Subnet } from "./subnet.ts";

export interface ProofOptions {
  readonly seed?: number;
  /** Random inputs to compare on; 2 unless given. */
  readonly runs?: number;
  readonly threads?: number;
  /** Largest relative difference of the network's outputs that passes: max |a - b| / max |a|; 1e-5 unless given. */
  readonly limit?: number;
  /** Compare the outputs of all layers too; true unless given. They may differ by ten times as much, as sums cancel there. */
  readonly layers?: boolean;
}

/** What was compared and how far apart it was. */
export interface Proof {
  readonly runs: number;
  readonly seed: number;
  readonly limit: number;
  /** How many values were compared in each run: the network's outputs and those of its layers. */
  readonly values: number;
  /** Largest over the network's outputs and the runs. */
  readonly maxRelative: number;
  /** Largest over the layers' outputs and the runs, and the layer it was found at. */
  readonly layersRelative: number;
  readonly worstLayer: string | null;
  readonly maxAbsolute: number;
  /** Same bits in every value of every run. */
  readonly identical: boolean;
  /** For networks of few bits per number: the proof compares them in float32, this as they are written. */
  readonly asWritten: AsWritten | null;
}

/**
 * Proves surgery: the smaller network and the masked original give the same outputs on random inputs, layer by layer.
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
  const { seed = 0, runs = 2, limit = 1e-5, threads = 1, layers = true } = options;
  const inner = layers ? sharedLayerOutputs(structure, cut) : [];
  const masked = maskedGraph(structure, subnet);
  const whole = floatForm(withOutputs(masked, inner));
  const reference = await openModel(withGraph(model, whole), { threads });
  try {
    const part = floatForm(withOutputs(cut, inner));
    const smaller = await openModel(withGraph(model, part), { threads });
    try {
      const sessions = { reference, smaller };
      const outputs = structure.graph.outputs.map((value) => value.name);
      const proof = await compareRuns(sessions, structure, subnet, { seed, runs, limit, outputs });
      const equal = proof.maxRelative <= limit && proof.layersRelative <= LAYER_FACTOR * limit;
      if (!equal) throw failed(proof, model);
      const shapes = shapesOf(structure);
      const feedsFor = (inputs: Graph["inputs"]): Feeds => {
        const asked = inputs.map(({ name, type }) => ({
          name,
          type: type ?? "float32",
          shape: [],
        }));
        return randomFeeds(asked, { seed, shapes });
      };
      const asWritten = await compareAsWritten(model, masked, cut, { feedsFor, threads });
      return { ...proof, asWritten };
    } finally {
      await smaller.close();
    }
  } finally {
    await reference.close();
  }
}

const LAYER_FACTOR = 10;

function failed(proof: Proof, model: Model): VerificationError {
  const { limit, maxRelative, layersRelative, worstLayer } = proof;
  return new VerificationError({
    code: "subnet/proof-failed",
    message: `The smaller network differs from the masked original by ${maxRelative.toExponential(2)} of the largest output (at most ${limit} is allowed), and by ${layersRelative.toExponential(2)} at layer '${worstLayer ?? "none"}' (at most ${LAYER_FACTOR * limit}).`,
    where: modelLabel(model),
    hint: "Nothing was written. Please report the network; protecting dims one by one shows where surgery goes wrong.",
  });
}

interface Comparison {
  readonly seed: number;
  readonly runs: number;
  readonly limit: number;
  /** Names of the network's own outputs; all others are layers. */
  readonly outputs: readonly string[];
}

async function compareRuns(
  sessions: { readonly reference: Session; readonly smaller: Session },
  structure: Structure,
  subnet: Subnet,
  { seed, runs, limit, outputs }: Comparison,
): Promise<Proof> {
  const { reference, smaller } = sessions;
  let proof: Proof = { seed, runs, limit, ...NOTHING_COMPARED };
  for (let run = 0; run < runs; run += 1) {
    const feeds = randomFeeds(reference.inputs, { seed: seed + run, shapes: shapesOf(structure) });
    const wanted = reduceToKept(await reference.run(feeds), structure, subnet);
    const found = await smaller.run(feeds);
    const isOutput = (name: string): boolean => outputs.includes(name);
    const isLayer = (name: string): boolean => !outputs.includes(name);
    const outer = compareOutputs(only(wanted, isOutput), only(found, isOutput));
    const inner = compareOutputs(only(wanted, isLayer), only(found, isLayer));
    const further = inner.output !== null && inner.maxRelative >= proof.layersRelative;
    proof = {
      ...proof,
      values: Object.keys(found).length,
      maxRelative: Math.max(proof.maxRelative, outer.maxRelative),
      maxAbsolute: Math.max(proof.maxAbsolute, outer.maxAbsolute),
      layersRelative: Math.max(proof.layersRelative, inner.maxRelative),
      worstLayer: further ? inner.output : proof.worstLayer,
      identical: proof.identical && outer.identical && inner.identical,
    };
  }
  return proof;
}

const NOTHING_COMPARED = {
  values: 0,
  maxRelative: 0,
  maxAbsolute: 0,
  layersRelative: 0,
  worstLayer: null,
  identical: true,
  asWritten: null,
} as const;

function only(feeds: Feeds, wanted: (name: string) => boolean): Feeds {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted(name)));
}

function shapesOf(structure: Structure): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(
    structure.graph.inputs.map((input) => [input.name, structure.shapes.of(input.name) ?? []]),
  );
}
