import type { Accuracy } from "../data/evaluate.ts";
import type { SettledLimit } from "../formulation/limits/settled.ts";
import type { SparseProof } from "../subnet/sparse/prove.ts";
import { count, percent, plainTable, shortened } from "./format.ts";
import type { Painter } from "./painter.ts";

/** What became of one weight. */
export interface SparsifyReportLayer {
  readonly label: string;
  /** Further layers that read the same weight, under the same mask. */
  readonly tied: readonly string[];
  readonly count: number;
  readonly nonzeros: number;
  /** Whether it has a mask; without one it keeps all elements. */
  readonly masked: boolean;
  /** Mean singular value over the dense one's, of the weight and of the layer's output; null where it is not known. */
  readonly knowledgeOfWeight: number | null;
  readonly knowledgeOfOutput: number | null;
  /** What the program counted for it; null where a rule chose. */
  readonly damage: number | null;
}

/** Accuracy of one of the networks that are compared. */
export interface NamedAccuracy extends Accuracy {
  readonly name: string;
}

/** What `mdp sparsify` did. */
export interface SparsifyReport {
  readonly schema: "mdp-sparsify/1";
  readonly model: string;
  readonly data: string | null;
  readonly sparsity: number | null;
  readonly pattern: string;
  readonly score: string;
  readonly rates: string;
  readonly repair: string;
  readonly format: string;
  /** Images that layers were fitted on. */
  readonly images: number;
  /** Layers whose ridge had to be raised, as their inputs depend on each other. */
  readonly raisedRidges: number;
  readonly layers: readonly SparsifyReportLayer[];
  /** Weights that stay dense, with the reason. */
  readonly left: readonly {
    readonly label: string;
    readonly count: number;
    readonly reason: string;
  }[];
  readonly total: {
    readonly weights: number;
    readonly nonzeros: number;
    /** Of the files. */
    readonly bytes: { readonly dense: number; readonly sparse: number };
    readonly gzip: { readonly dense: number; readonly sparse: number };
    readonly knowledgeOfWeights: number | null;
    readonly knowledgeOfOutputs: number | null;
  };
  readonly program: {
    readonly status: string;
    readonly damage: number;
    readonly bound: number | null;
    readonly gap: number | null;
    readonly solver: string;
    readonly seconds: number;
    readonly notes: readonly string[];
    readonly limits: readonly SettledLimit[];
  } | null;
  readonly proof: SparseProof;
  readonly seconds: { readonly scores: number; readonly rates: number; readonly total: number };
  readonly out: string;
  readonly judgedOn: string | null;
  /** Of the dense network, the masked one without repair, and the sparse one; on images that the repair did not see. */
  readonly accuracy: readonly NamedAccuracy[] | null;
}

export function sparsifyText(report: SparsifyReport, paint: Painter): string {
  const { total, proof, program, left, seconds, images, repair } = report;
  const share = 1 - total.nonzeros / Math.max(1, total.weights);
  const lines = [
    layerTable(report),
    "",
    `Weights     ${count(total.nonzeros)} of ${count(total.weights)} stay: ${percent(share)} zeros`,
    ...(program === null ? [`Rates       ${report.rates}`] : programLines(program)),
    ...leftLines(left),
    ...(report.raisedRidges === 0
      ? []
      : [`Ridge       raised for ${report.raisedRidges} layers whose inputs depend on each other`]),
    `Repair      ${repair === "none" ? "none: the kept weights are as they were" : `kept weights fitted layer by layer on ${images} images without labels`}`,
    `File        ${size(total.bytes.dense)} -> ${size(total.bytes.sparse)}; with gzip ${size(total.gzip.dense)} -> ${size(total.gzip.sparse)} (${percent(total.gzip.sparse / total.gzip.dense)})`,
    `Knowledge   of weights ${shareText(total.knowledgeOfWeights)}, of outputs ${shareText(total.knowledgeOfOutputs)} (exp of minus the mean |log kept|; 100 % is the dense network)`,
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

function programLines(program: NonNullable<SparsifyReport["program"]>): readonly string[] {
  const { status, damage, bound, gap, solver, seconds, limits, notes } = program;
  const proven =
    status === "optimal"
      ? "proven least"
      : `stopped: bound ${bound?.toPrecision(4) ?? "unknown"}, gap ${gap === null ? "unknown" : percent(gap)}`;
  return [
    `Rates       by the program: summed damage ${damage.toPrecision(4)}, ${proven} (${solver}, ${seconds.toFixed(2)} s)`,
    ...limits.map(
      ({ text, used, kind, binds }) =>
        `Limit       ${text}: ${used === null ? "met" : `${Math.round(used)} ${kind}`}${binds ? ", binding" : ""}`,
    ),
    ...notes.map((note) => `Note        ${note}`),
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
