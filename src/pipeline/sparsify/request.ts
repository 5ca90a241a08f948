import { UsageError } from "../../core/errors.ts";
import type { LimitRequest } from "../../formulation/limits/request.ts";
import type { Rates } from "../../formulation/sparsity/rates.ts";
import type { SparseFormat } from "../../formulation/sparsity/sparse-problem.ts";
import type { LabelSource } from "../../importance/importance.ts";
import type { DamageMeasure } from "../../importance/sensitivity/damage.ts";
import { readsImages, readsMoments, type SparseScore } from "../../importance/sparse/scores.ts";
import { type Pattern, parsePattern } from "../../subnet/sparse/pattern.ts";
import { sparsityOf } from "../checks.ts";
import type { ImageOptions } from "../open/images.ts";

/** What `mdp sparsify` is asked for. */
export interface SparsifyRequest extends ImageOptions {
  /** Share of the weights to remove, as people write it: `80%` or `0.8`; a pattern has its own. */
  readonly sparsity?: string | undefined;
  /** Limits besides. */
  readonly limits: LimitRequest;
  readonly components: ReadonlyMap<string, RegExp>;
  readonly score: SparseScore;
  readonly rates: Rates;
  readonly pattern: string;
  readonly repair: "least-squares" | "none";
  readonly format: SparseFormat;
  /** Layers whose names match keep all weights. */
  readonly keepDense: RegExp | null;
  /** Images that layers are fitted on and scores are made from. */
  readonly images: number;
  /** How many of them judge damages. */
  readonly measured: number;
  /** File of measured damages, which are then not measured again. */
  readonly damages?: string | undefined;
  /** What damages are measured in. */
  readonly damage: DamageMeasure;
  /** Images per batch of gradients and of knowledge. */
  readonly batch: number;
  readonly labels: LabelSource;
  readonly ridge: number;
  readonly looks: number;
  /** Rounds in which a layer's mask is found. */
  readonly rounds: number;
  /** Passes over the network in which its zeros come, with a fit of all layers in each. */
  readonly passes: number;
  /** How often the rates are measured again around themselves, at most. */
  readonly refine: number;
  /** GiB that values between layers may take. */
  readonly memory: number;
  readonly seed: number;
  readonly threads: number;
  readonly timeLimitSeconds?: number | undefined;
}

/** A request that makes sense. */
export interface CheckedRequest extends Omit<SparsifyRequest, "pattern" | "sparsity"> {
  readonly pattern: Pattern;
  /** 0 to 1; null: no total is asked for. */
  readonly sparsity: number | null;
}

/**
 * @throws UsageError `sparsify/nothing-asked`, `sparsify/rule-and-limits`, `sparsify/global-score`, `sparsify/pattern-and-rule`, and
 * as `checkScoring`
 */
export function checkRequest(request: SparsifyRequest): CheckedRequest {
  const checked = checkScoring(request);
  const { limits, rates, score, pattern, sparsity } = checked;
  const asked = limits.limit.length + limits.soft.length > 0;
  if (sparsity === null && !asked && pattern.kind !== "n:m") {
    throw usage(
      "nothing-asked",
      "Nothing says how many weights are to go.",
      "--sparsity",
      'Give --sparsity 80%, --limit "bytes <= 25%", or --pattern 2:4.',
    );
  }
  if (rates !== "program" && (asked || sparsity === null) && pattern.kind !== "n:m") {
    throw usage(
      "rule-and-limits",
      `Rates '${rates}' follow a rule that knows one total and no other limits.`,
      "--rates",
      "Give --sparsity alone, or let --rates program keep the limits.",
    );
  }
  if (rates !== "program" && pattern.kind === "n:m" && (asked || sparsity !== null)) {
    throw usage(
      "pattern-and-rule",
      "An N:M pattern fixes the share of each layer; only the program can choose the layers that get it.",
      "--rates",
      "Leave --sparsity and --limit out to give every layer the pattern, or use --rates program.",
    );
  }
  if (rates === "global" && readsMoments(score)) {
    throw usage(
      "global-score",
      `One threshold over all layers needs scores that compare between layers; '${score}' compares within one.`,
      "--rates",
      "Use --rates program, lamp, erk or uniform with it, or --score magnitude.",
    );
  }
  return checked;
}

/**
 * What measuring, masks and repair need, whatever says how many weights are to go.
 * @throws UsageError `sparsify/sparsity`, `sparsify/bad-pattern`, `sparsify/needs-images`, `sparsify/batch`
 */
export function checkScoring(request: SparsifyRequest): CheckedRequest {
  const pattern = parsePattern(request.pattern);
  const sparsity = request.sparsity === undefined ? null : sparsityOf(request.sparsity);
  const { score, repair, data, batch } = request;
  if (data === undefined && (readsImages(score) || repair !== "none")) {
    throw usage(
      "needs-images",
      readsImages(score)
        ? `--score ${score} runs images through the network.`
        : "The repair runs images through the network.",
      "--data",
      "Name images with --data (none needs a label), or give --score magnitude --repair none.",
    );
  }
  if (!(batch >= 2 && batch <= 64)) {
    throw usage(
      "batch",
      `--batch is ${batch}; 2 to 64 images span a layer's outputs.`,
      "--batch",
      "Leave it out for 32.",
    );
  }
  return { ...request, pattern, sparsity };
}

function usage(what: string, message: string, where: string, hint: string): UsageError {
  return new UsageError({ code: `sparsify/${what}`, message, where, hint });
}
