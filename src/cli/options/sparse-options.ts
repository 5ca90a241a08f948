import type { Argv } from "yargs";
import { LABEL_SOURCES } from "../../importance/importance.ts";
import { DAMAGE_MEASURES } from "../../importance/sensitivity/damage.ts";
import { SPARSE_SCORES } from "../../importance/sparse/scores.ts";
import { checkPositive, checkWhole, regularExpression } from "../../pipeline/checks.ts";
import { DATA_CONFIG, splitOption } from "./data-options.ts";

/** Which weights of a layer go, and how that is measured and fitted: what `damages` and `sparsify` share. */
export function sparseOptions<Before>(yargs: Argv<Before>) {
  return yargs
    .option("score", {
      requiresArg: true,
      choices: SPARSE_SCORES,
      default: "magnitude" as const,
      describe: "Score that ranks the weights of a layer",
    })
    .option("pattern", {
      type: "string",
      requiresArg: true,
      default: "none",
      describe: "Sparsity pattern: none, 2:4, another N:M, channel-block or channel-block:8",
    })
    .option("repair", {
      requiresArg: true,
      choices: ["least-squares", "none"] as const,
      describe: "Fit the kept weights [least-squares with --data, none without]",
    })
    .option("keep-dense", {
      type: "string",
      requiresArg: true,
      describe: "Layers that keep all weights, as a regular expression of their names",
    })
    .option("data", {
      type: "string",
      requiresArg: true,
      describe: "Images, as for mdp eval; labels only for --labels data and to judge with",
    })
    .option("data-config", DATA_CONFIG)
    .option("split", splitOption("train, where there is one"))
    .option("images", {
      type: "number",
      requiresArg: true,
      default: 512,
      describe: "Images to fit, score and measure on, chosen at random",
    })
    .option("damage-images", {
      type: "number",
      requiresArg: true,
      default: 128,
      describe: "Number of images that run for every damage measurement",
    })
    .option("damage", {
      requiresArg: true,
      choices: DAMAGE_MEASURES,
      default: "squares" as const,
      describe:
        "Measure of damage: squared difference of the answers, or divergence of the class probabilities",
    })
    .option("batch", {
      type: "number",
      requiresArg: true,
      default: 32,
      describe: "Images per batch of gradients and of spectra, 2 to 64",
    })
    .option("labels", {
      requiresArg: true,
      choices: LABEL_SOURCES,
      default: "self" as const,
      describe: "For snip and afr: the data's labels, or the network's own best class",
    })
    .option("ridge", {
      type: "number",
      requiresArg: true,
      default: 0.01,
      describe:
        "Least ridge towards the old weights, relative to the mean variance of the inputs; images held out of the fit raise it layer by layer",
    })
    .option("rounds", {
      type: "number",
      requiresArg: true,
      default: 4,
      describe: "Rounds in which a layer's mask is found, with a fit after each",
    })
    .option("threads", {
      type: "number",
      requiresArg: true,
      default: 2,
      describe: "Threads of the runtime",
    })
    .option("seed", {
      type: "number",
      requiresArg: true,
      default: 1,
      describe: "Random seed for the choice of images and positions",
    });
}

/** What of them needs a look before any work begins. */
interface GivenSparse {
  readonly data: string | undefined;
  readonly repair: "least-squares" | "none" | undefined;
  readonly keepDense: string | undefined;
  readonly images: number;
  readonly damageImages: number;
  readonly rounds: number;
  readonly threads: number;
  readonly seed: number;
  readonly ridge: number;
}

/**
 * The same as a request has them.
 * @throws UsageError `cli/not-a-count`, `cli/not-positive`, `cli/regular-expression`
 */
export function sparseRequest(options: GivenSparse) {
  for (const name of ["images", "rounds", "threads"] as const)
    checkWhole(options[name], `--${name}`, 1);
  checkWhole(options.damageImages, "--damage-images", 1);
  checkWhole(options.seed, "--seed", 0);
  if (!(options.ridge >= 0)) checkPositive(options.ridge, "--ridge");
  return {
    repair: options.repair ?? (options.data === undefined ? "none" : "least-squares"),
    keepDense: regularExpression(options.keepDense, "--keep-dense"),
    measured: options.damageImages,
  } as const;
}
