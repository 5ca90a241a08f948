import type { SparsifyReport } from "../documents/sparsify.ts";
import { count, percent } from "./amounts.ts";
import { plainTable, shortened } from "./format.ts";
import type { Painter } from "./painter.ts";

export function sparsifyText(report: SparsifyReport, paint: Painter): string {
  const { total, proof, program, left, seconds, images, repair } = report;
  const share = 1 - total.nonzeros / Math.max(1, total.weights);
  const lines = [
    layerTable(report),
    "",
    `Weights     ${count(total.nonzeros)} of ${count(total.weights)} stay: ${percent(share)} zeros`,
    ...(program === null ? [`Rates       ${ratesText(report)}`] : programLines(report, program)),
    ...refinementLines(report.refinement),
    ...leftLines(left),
    ...(report.raisedRidges === 0
      ? []
      : [
          `Ridge       raised for ${report.raisedRidges} layers: images outside of the fit come closer, or inputs depend on each other`,
        ]),
    `Repair      ${repair === "none" ? "none: the kept weights are as they were" : `kept weights fitted layer by layer on ${images} images without labels`}`,
    `File        ${size(total.bytes.dense)} -> ${size(total.bytes.sparse)}; with gzip ${size(total.gzip.dense)} -> ${size(total.gzip.sparse)} (${percent(total.gzip.sparse / total.gzip.dense)})`,
    `Knowledge   of weights ${shareText(total.knowledgeOfWeights)}, of outputs ${shareText(total.knowledgeOfOutputs)} (exp of minus the mean |log kept|; 100 % is the dense network)`,
    ...(report.surgery === null
      ? []
      : [
          `Surgery     the subnet's channels removed first, proven within ${report.surgery.maxRelative.toExponential(1)}; one repair for both`,
        ]),
    `Proof       ${count(proof.zeros)} zeros where the masks say, ${proof.constants} constants as computed, outputs ${proof.identical ? "the same to the bit as" : `within ${proof.maxRelative.toExponential(1)} of`} the masked original on ${proof.runs} random inputs`,
    ...accuracyLines(report, paint),
    `Speed       ${speedText(report.pattern)}`,
    `Seconds     ${seconds.total.toFixed(1)} (scores ${seconds.scores.toFixed(1)}, rates ${seconds.rates.toFixed(1)})`,
    `Written to  ${report.out}`,
  ];
  return lines.join("\n");
}

function layerTable({ layers }: SparsifyReport): string {
  const table = plainTable(
    ["layer", "weights", "zeros", "K weights", "K outputs", "damage"],
    ["left", "right", "right", "right", "right", "right"],
  );
  for (const layer of layers) {
    const tied = layer.tied.length === 0 ? "" : ` (+${layer.tied.length} tied)`;
    table.push([
      `${shortened(layer.label)}${tied}`,
      count(layer.count),
      percent(1 - layer.nonzeros / Math.max(1, layer.count)),
      shareText(layer.knowledgeOfWeight),
      shareText(layer.knowledgeOfOutput),
      layer.damage === null ? "-" : layer.damage.toPrecision(2),
    ]);
  }
  return table.toString();
}

function programLines(
  { refinement, format }: SparsifyReport,
  program: NonNullable<SparsifyReport["program"]>,
): readonly string[] {
  const { status, damage, bound, gap, solver, seconds, limits, notes } = program;
  // Around rates that were made already, damages count beside theirs.
  const isAround = refinement?.rounds.some(({ accepted }) => accepted) ?? false;
  const proven =
    status === "optimal"
      ? "proven least"
      : `stopped: bound ${bound?.toPrecision(4) ?? "unknown"}, gap ${gap === null ? "unknown" : percent(gap)}`;
  return [
    `Rates       by the program: ${isAround ? "expected change of the damage" : "summed damage"} ${damage.toPrecision(4)}, ${proven} (${solver}, ${seconds.toFixed(2)} s)`,
    ...limits.map(
      ({ text, used, kind, binds }) =>
        `Limit       ${text}: ${used === null ? "met" : `${Math.round(used)} ${kind}`}${binds ? ", binding" : ""}${kind === "bytes" ? ` (${bytesText(format)})` : ""}`,
    ),
    ...notes.map((note) => `Note        ${note}`),
  ];
}

/** How a byte limit counts: an estimate, which the file's own sizes below may differ from. */
function bytesText(format: string): string {
  return format === "sparse"
    ? "sparse weights count 12 bytes per nonzero"
    : "sparse weights count 4 bytes per nonzero and 1 bit per element, a little less than gzip needs";
}

/** A rule's rates may be what the program found no better ones than. */
function ratesText({ rates, refinement }: SparsifyReport): string {
  if (rates === "subnet") return "those of the subnet's file";
  return refinement === null ? rates : "global: the program found none that lose less";
}

function refinementLines(refinement: SparsifyReport["refinement"]): readonly string[] {
  if (refinement === null) return [];
  const { starts, rounds, damage } = refinement;
  const began = starts.map((each) => `${each.rates} ${each.damage.toPrecision(3)}`).join(", ");
  const better = rounds.filter(({ accepted }) => accepted).length;
  return [
    `Damage      of the whole network, fitted: ${began}; after ${rounds.length} rounds around the rates (${better} better) ${damage.toPrecision(3)}`,
  ];
}

function leftLines(left: SparsifyReport["left"]): readonly string[] {
  const shown = left
    .slice(0, 4)
    .map(({ label, reason }) => `Dense       ${shortened(label)}: ${reason}`);
  return left.length > 4
    ? [...shown, `            ${left.length - 4} more (--json lists them)`]
    : shown;
}

function accuracyLines({ accuracy, judgedOn }: SparsifyReport, paint: Painter): readonly string[] {
  if (accuracy === null) return [];
  const text = accuracy.map(({ name, top1 }) => `${name} ${percent(top1)}`).join(", ");
  const [dense, ...others] = accuracy;
  const last = others.at(-1);
  const isGood = dense !== undefined && last !== undefined && last.top1 >= dense.top1 - 0.01;
  return [
    `Top-1       ${isGood ? paint.good(text) : text}`,
    `            on ${dense?.count ?? 0} images that the repair did not see (${judgedOn ?? ""})`,
  ];
}

function speedText(pattern: string): string {
  return pattern === "2:4"
    ? "onnxruntime on a CPU runs it no faster; TensorRT does on Ampere, Ada and Orin with --sparsity=enable (docs/sparsity.md)"
    : "onnxruntime on a CPU runs it no faster than the dense network: zeros save bytes, not time. 2:4 is what TensorRT runs faster (--pattern 2:4)";
}

function shareText(share: number | null): string {
  return share === null ? "-" : percent(share);
}

function size(bytes: number): string {
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(2)} MiB`;
  return `${(bytes / 2 ** 10).toFixed(1)} KiB`;
}
