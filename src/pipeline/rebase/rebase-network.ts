import { InputError } from "../../core/errors.ts";
import { withGraph } from "../../onnx/model.ts";
import { writeModel } from "../../onnx/write.ts";
import { fixedBatchOf } from "../../runtime/bind-feeds.ts";
import { type Proof, proveCut } from "../../subnet/prove.ts";
import { momentRoots } from "../../subnet/rebase/moments.ts";
import { type Rebased, rebaseGraph } from "../../subnet/rebase/rebase.ts";
import { keepAll } from "../../subnet/subnet.ts";
import { type ImageOptions, openImages } from "../open/images.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";

export interface RebaseRequest extends ImageOptions {
  readonly images: number;
  readonly seed: number;
}

/** Images per run where the network's batch is open. */
const BATCH = 50;

/**
 * The network in the basis of its heads' singular vectors, proven to compute the same, and written.
 * @throws InputError `rebase/nothing`; VerificationError as `proveCut`
 */
export async function rebaseOpened(
  open: OpenNetwork,
  request: RebaseRequest,
  out: string,
  context: RunContext,
): Promise<{ readonly rebased: Rebased; readonly proof: Proof; readonly images: number }> {
  const { model, structure } = open;
  const dataset = request.data === undefined ? null : await openImages(open, request, context);
  const images = dataset === null ? 0 : Math.min(request.images, dataset.count);
  const size = fixedBatchOf(structure.graph.inputs) ?? BATCH;
  const roots =
    dataset === null
      ? undefined
      : await momentRoots(
          model,
          structure,
          dataset.batches(size, { limit: images - (images % size), seed: request.seed }),
        );
  const rebased = rebaseGraph(structure, roots);
  if (rebased.pairs.length === 0) throw nothing(open, rebased);
  const proof = await proveCut(model, structure, keepAll(structure), rebased.graph, {
    layers: false,
    seed: request.seed,
  });
  writeModel(withGraph(model, rebased.graph), out);
  return { rebased, proof, images };
}

function nothing({ path }: OpenNetwork, { refused }: Rebased): InputError {
  const [first] = refused;
  const why =
    first === undefined ? "It has no attention." : `At MatMul '${first.node}': ${first.reason}.`;
  return new InputError({
    code: "rebase/nothing",
    message: `No columns of this network can be given another basis. ${why}`,
    where: path,
    hint: "Prune the network as it is.",
  });
}
