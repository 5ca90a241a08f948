import { resolve } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { checkWritable, readJson } from "../../core/files.ts";
import type { Graph } from "../../graph/graph.ts";
import { withGraph } from "../../onnx/model.ts";
import { writeModel } from "../../onnx/write.ts";
import { macCount, parameterCount } from "../../structure/counts.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { type Proof, type ProofOptions, proveCut } from "../../subnet/prove.ts";
import { checkSubnet, keepAll, type Subnet, unitCounts } from "../../subnet/subnet.ts";
import { parseSubnet, type SubnetNotes } from "../../subnet/subnet-file.ts";
import { checkWhole } from "../checks.ts";
import { carrying } from "../open/images.ts";
import { type OpenNetwork, openNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { readProofInputs } from "./proof-inputs.ts";

/** How a cut is proven where nobody says otherwise. */
export const EXPORT_DEFAULTS = { seed: 1, runs: 2 } as const;

export interface CutSettings {
  /** ONNX file that the subnet was solved for; the embedded default without it. */
  readonly model?: string | undefined;
  /** A subnet, or its file; the whole network without it. */
  readonly subnet?: Subnet | string | undefined;
  /** Where the result is to be written. */
  readonly out: string;
  /** Config of the images that the network is used with: what is written carries its pre-processing. */
  readonly dataConfig?: string | undefined;
  /** JSON file of inputs to prove the cut on; random ones without it. */
  readonly proofInputs?: string | undefined;
  /** Seed of the random inputs that the cut is proven on, and how many there are. */
  readonly seed: number;
  readonly runs: number;
}

/** Parameters and multiply-accumulates before and after a cut. */
export interface Sizes {
  readonly before: { readonly parameters: number; readonly macs: number };
  readonly after: { readonly parameters: number; readonly macs: number };
}

/** The smaller network of a subnet, in memory. */
export interface CutModel {
  readonly open: OpenNetwork;
  readonly subnet: Subnet;
  readonly cut: Graph;
  /** null where the network is whole. */
  readonly proof: Proof | null;
  readonly sizes: Sizes;
}

/**
 * Cuts a subnet out of its network and proves the cut. Writes nothing.
 * @throws UsageError `cli/not-a-count`, `cli/overwrites-model`; InputError as `openNetwork` and `parseSubnet`;
 * VerificationError `subnet/proof-failed`
 */
export async function cutModel(settings: CutSettings, context: RunContext): Promise<CutModel> {
  const { seed, runs, out } = settings;
  checkWhole(runs, "--runs", 1);
  checkWhole(seed, "--seed", 0);
  const file = typeof settings.subnet === "string" ? settings.subnet : undefined;
  const named = await openNetwork(settings.model, { bind: context.bind, subnet: file });
  const open = carrying(named, { dataConfig: settings.dataConfig });
  checkNotSource(open.path, out);
  const subnet = chosenSubnet(open, settings.subnet, context);
  const { proofInputs } = settings;
  const inputs = proofInputs === undefined ? undefined : readProofInputs(proofInputs, open);
  const isWhole = settings.subnet === undefined;
  const cut = isWhole ? open.model.graph : cutGraph(open.structure, subnet);
  const proof = isWhole ? null : await prove(open, subnet, cut, { seed, runs, inputs }, context);
  return { open, subnet, cut, proof, sizes: sizesOf(open, subnet) };
}

/**
 * As `cutModel`, and writes the smaller network.
 * @throws as `cutModel`; InputError `core/write-failed`
 */
export async function exportModel(settings: CutSettings, context: RunContext): Promise<CutModel> {
  checkWritable(settings.out);
  const made = await cutModel(settings, context);
  writeModel(withGraph(made.open.model, made.cut), settings.out);
  return made;
}

function chosenSubnet(
  open: OpenNetwork,
  given: Subnet | string | undefined,
  context: RunContext,
): Subnet {
  if (given === undefined) return keepAll(open.structure);
  if (typeof given !== "string") {
    checkSubnet(open.structure, given);
    return given;
  }
  const { subnet, notes } = parseSubnet(readJson(given), open.structure, given);
  if (notes.networkHash !== undefined && notes.networkHash !== open.hash) {
    context.progress.note(
      `The subnet was solved for other weights of this network (${notes.networkHash.slice(0, 12)}, here ${open.hash.slice(0, 12)}).`,
    );
  }
  noteZeros(notes, context);
  return subnet;
}

/** What cuts channels alone says where a program has chosen densities too. */
export function noteZeros(
  { densities }: Pick<SubnetNotes, "densities">,
  { progress }: Pick<RunContext, "progress">,
): void {
  if (densities === undefined) return;
  progress.note(
    "warning: the subnet also says which weights are to be sparse, and this command cuts channels alone; mdp sparsify --subnet makes both.",
  );
}

async function prove(
  open: OpenNetwork,
  subnet: Subnet,
  cut: Graph,
  options: ProofOptions,
  context: RunContext,
): Promise<Proof> {
  context.progress.step("proving", 0, 1);
  const proof = await proveCut(open.model, open.structure, subnet, cut, options);
  context.progress.step("proving", 1, 1);
  return proof;
}

function sizesOf({ structure }: OpenNetwork, subnet: Subnet): Sizes {
  const kept = { ...subnet, units: unitCounts(subnet) };
  return {
    before: { parameters: parameterCount(structure), macs: macCount(structure) },
    after: { parameters: parameterCount(structure, kept), macs: macCount(structure, kept) },
  };
}

function checkNotSource(model: string, out: string): void {
  if (resolve(model) !== resolve(out)) return;
  throw new UsageError({
    code: "cli/overwrites-model",
    message: "The smaller network would overwrite the network that it is made from.",
    where: "--out",
    hint: "Choose another file name.",
  });
}
