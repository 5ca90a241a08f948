import { resolve } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { checkWritable, readJson } from "../../core/files.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { CorrectReport } from "../../documents/correct.ts";
import { withGraph } from "../../onnx/model.ts";
import { writeModel } from "../../onnx/write.ts";
import type { CorrectionMethod } from "../../subnet/correct/correct.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { proveCut } from "../../subnet/prove.ts";
import { parseSubnet } from "../../subnet/subnet-file.ts";
import { checkPositive, checkWhole } from "../checks.ts";
import { noteZeros } from "../export/export-model.ts";
import { imageInputs, readProofInputs } from "../export/proof-inputs.ts";
import { carrying } from "../open/images.ts";
import { openNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { accuraciesOf, type CorrectRequest, correctOpened, openTest } from "./correct-network.ts";

export interface CorrectModelSettings extends Omit<CorrectRequest, "correction"> {
  /** ONNX file that the subnet was solved for; the embedded default without it. */
  readonly model?: string | undefined;
  /** File of the subnet. */
  readonly subnet: string;
  /** ONNX file to write. */
  readonly out: string;
  /** Images to repair on; their labels are not used. */
  readonly data: string;
  readonly method: CorrectionMethod;
  /** Labelled images to judge with. */
  readonly testData?: string | undefined;
  /** JSON file of inputs to prove the cut on, instead of images. */
  readonly proofInputs?: string | undefined;
  /** Images to judge on; 0: none. */
  readonly testImages: number;
}

/**
 * Writes the smaller network of a subnet, proven and then repaired on images without labels.
 * @throws UsageError, InputError; VerificationError `subnet/proof-failed`; as `correctSubnet`
 */
export async function correctModel(
  settings: CorrectModelSettings,
  context: RunContext,
): Promise<CorrectReport> {
  for (const name of ["images", "positions", "looks", "threads"] as const)
    checkWhole(settings[name], `--${name}`, 1);
  for (const name of ["seed"] as const) checkWhole(settings[name], `--${name}`, 0);
  checkWhole(settings.testImages, "--test-images", 0);
  checkPositive(settings.memory, "--memory");
  checkRidge(settings.ridge);
  checkWritable(settings.out);
  const named = await openNetwork(settings.model, { bind: context.bind, subnet: settings.subnet });
  const open = carrying(named, settings);
  checkNotSource(open.path, settings.out);
  const { model, structure } = open;
  const { subnet, notes } = parseSubnet(readJson(settings.subnet), structure, settings.subnet);
  noteZeros(notes, context);
  const test =
    settings.testImages === 0
      ? null
      : await openTest(open, { ...settings, test: settings.testData }, context);
  // The surgery is proven with the weights it has kept; only then do they change.
  const cut = cutGraph(structure, subnet);
  const { seed, proofInputs } = settings;
  const inputs =
    proofInputs === undefined
      ? await imageInputs(open, settings, context)
      : readProofInputs(proofInputs, open);
  const proof = await proveCut(model, structure, subnet, cut, { seed, inputs });
  const started = performance.now();
  const request: CorrectRequest = { ...settings, correction: settings.method };
  const { correction, path, rest } = await correctOpened(open, subnet, request, context);
  const seconds = (performance.now() - started) / 1000;
  // A test split that is the one repaired on would judge on what was seen.
  const unseen = test === null || test.path === path ? rest : test;
  const judges: Dataset | null = settings.testImages === 0 ? null : unseen;
  const graphs = [
    { name: "dense", graph: structure.graph },
    { name: "cut", graph: cut },
    { name: "corrected", graph: correction.graph },
  ];
  const accuracies =
    judges === null
      ? null
      : await accuraciesOf(model, graphs, judges, settings.testImages, context);
  writeModel(withGraph(model, correction.graph), settings.out);
  const { graph: _, ...done } = correction;
  return {
    schema: "mdp-correct/1",
    model: open.path,
    subnet: settings.subnet,
    data: settings.data,
    out: settings.out,
    proof,
    seconds,
    ...done,
    judgedOn: judges === null ? null : judges === rest ? `the rest of ${path}` : judges.path,
    accuracy: accuracies,
  };
}

function checkRidge(ridge: number): void {
  if (ridge >= 0 && Number.isFinite(ridge)) return;
  throw new UsageError({
    code: "cli/not-positive",
    message: `--ridge is ${ridge}; it must not be below zero.`,
    where: "--ridge",
    hint: "Leave --ridge out for its default.",
  });
}

function checkNotSource(model: string, out: string): void {
  if (resolve(model) !== resolve(out)) return;
  throw new UsageError({
    code: "cli/overwrites-model",
    message: "The corrected network would overwrite the network that it is made from.",
    where: "--out",
    hint: "Choose another file name.",
  });
}
