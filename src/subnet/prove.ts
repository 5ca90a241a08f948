import { VerificationError } from "../core/errors.ts";
import type { Graph } from "../graph/graph.ts";
import { type Model, modelLabel } from "../onnx/model.ts";
import { bindFeeds } from "../runtime/bind-feeds.ts";
import type { Feeds } from "../runtime/session.ts";
import type { Structure } from "../structure/structure.ts";
import { type AsWritten, compareAsWritten } from "./as-written.ts";
import { cutGraph } from "./cut.ts";
import { makeBench } from "./proof/bench.ts";
import { cantProve, chooseInputs, runOn } from "./proof/choose-inputs.ts";
import {
  comparePrepared,
  compareSegments,
  compareWhole,
  emptyFindings,
  type Failure,
  neverVaried,
} from "./proof/compare.ts";
import type { GivenInputs } from "./proof/inputs.ts";
import type { Subnet } from "./subnet.ts";

export interface ProofOptions {
  readonly seed?: number;
  /** Inputs to compare on; 2 unless given. */
  readonly runs?: number;
  readonly threads?: number;
  /** Largest relative difference of the network's outputs that passes: max |a - b| / max |a|; 1e-5 unless given. */
  readonly limit?: number;
  /** Compare segment by segment too; true unless given. */
  readonly layers?: boolean;
  /** Compare the outputs of the whole networks; true unless given. */
  readonly outputs?: boolean;
  /** Inputs to prove it on, instead of random ones. */
  readonly inputs?: GivenInputs | undefined;
}

/** What was compared and how far apart it was. */
export interface Proof {
  readonly runs: number;
  readonly seed: number;
  readonly limit: number;
  /** What the networks were fed. */
  readonly inputs: string;
  /** How many values were compared in each run: the network's outputs and those of its segments. */
  readonly values: number;
  /** Largest over the network's outputs and the runs. */
  readonly maxRelative: number;
  /** As far as the masked original's own outputs move when its weights are rounded otherwise; null: not needed. */
  readonly rounding: number | null;
  /** Largest over the segments' outputs and the runs, in units of the largest value there, and the op it was found at. */
  readonly layersRelative: number;
  readonly worstLayer: string | null;
  readonly maxAbsolute: number;
  /** Same bits in every value of every run. */
  readonly identical: boolean;
  /** For networks of few bits per number: the proof compares them in float32, this as they are written. */
  readonly asWritten: AsWritten | null;
}

/**
 * Proves surgery: the smaller network and the masked original compute the same, segment by segment and as a whole.
 *
 * A segment lies between two ops with parameters. In both networks it is given the same values (those of the masked
 * original, then random ones), so that rounding errors don't travel and a wrong cut shows where it is made.
 *
 * @throws VerificationError `subnet/proof-failed` where they differ, `subnet/cant-prove` where no inputs were found on
 * which agreement would mean something: finite numbers everywhere, outputs that vary
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
  const { seed = 0, runs = 2, limit = 1e-5, threads = 1, layers = true, outputs = true } = options;
  const bench = makeBench({ model, structure, subnet, cut, threads, layers });
  const findings = emptyFindings();
  try {
    const { kind, first } = await chooseInputs(bench, { seed, given: options.inputs });
    const count = Math.min(runs, kind.count);
    await comparePrepared(bench, first, findings, limit);
    for (let run = 0; run < count; run += 1) {
      const one = run === 0 ? first : await runOn(bench, kind, run);
      if (layers) await compareSegments(bench, one, findings, run === 0 ? seed : null);
      if (outputs) await compareWhole(bench, one, findings, limit);
      if (findings.failure !== null) throw failed(findings.failure, model);
    }
    const constant = layers ? neverVaried(findings, bench) : null;
    if (constant !== null) {
      const why = `'${constant}' has the same value everywhere, whatever its op is given`;
      throw cantProve(why, modelLabel(model));
    }
    const feedsFor = (inputs: Graph["inputs"]): Feeds =>
      bindFeeds(inputs, first, modelLabel(model));
    const { masked } = bench;
    const asWritten = await compareAsWritten(model, masked, cut, { feedsFor, threads });
    return {
      ...{ runs: count, seed, limit, inputs: kind.name, values: findings.ranges.size },
      maxRelative: findings.outputs,
      rounding: findings.rounding,
      layersRelative: findings.segments,
      worstLayer: findings.worst,
      maxAbsolute: findings.absolute,
      identical: findings.identical,
      asWritten,
    };
  } finally {
    await bench.close();
  }
}

const COMPARED = {
  segment: "The smaller network differs from the masked original at value",
  output: "The smaller network differs from the masked original at output",
  preparation: "The network with its structure prepared differs from its file at output",
} as const satisfies Record<Failure["what"], string>;

function failed({ what, name, apart, largest, allowed }: Failure, model: Model): VerificationError {
  const [off, of, most] = [apart, largest, allowed].map((value) => value.toExponential(2));
  return new VerificationError({
    code: "subnet/proof-failed",
    message: `${COMPARED[what]} '${name}': by ${off} where values reach ${of}; rounding explains at most ${most}.`,
    where: modelLabel(model),
    hint: "Nothing was written. Please report the network; protecting dims one by one shows where surgery goes wrong.",
  });
}
