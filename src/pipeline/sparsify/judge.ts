import type { SparsifyReport } from "../../documents/sparsify.ts";
import { findStructure } from "../../structure/find-structure.ts";
import { applyMasks } from "../../subnet/sparse/mask.ts";
import { sparseWeights } from "../../subnet/sparse/weights.ts";
import { accuraciesOf, openTest, unseenBy } from "../correct/correct-network.ts";
import { openImages } from "../open/images.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { SparsifyRequest } from "./request.ts";
import type { Sparsified } from "./sparsify-network.ts";

/** Accuracies, and on which images. */
export interface Judged {
  readonly accuracy: NonNullable<SparsifyReport["accuracy"]>;
  readonly judgedOn: string;
}

/**
 * Accuracy of the dense network, of the same with zeros and no repair, and of the sparse one: on the test images, or on what the
 * repair left of the others; null where there are no labelled ones.
 */
export async function judgeSparse(
  open: OpenNetwork,
  { model, dense, masks, report }: Sparsified,
  request: SparsifyRequest & { readonly test?: string | undefined; readonly limit: number },
  context: RunContext,
): Promise<Judged | null> {
  if (request.limit === 0) return null;
  const test = request.test ?? request.data;
  if (test === undefined) return null;
  const named = await openTest(open, { ...request, data: request.data ?? test }, context);
  const seen = request.data === undefined ? null : await openImages(open, request, context);
  const rest =
    seen === null ? null : unseenBy(seen, Math.min(request.images, seen.count), request.seed);
  const judges = named === null || named.path === seen?.path ? rest : named;
  if (judges === null) return null;
  const { weights } = sparseWeights(findStructure(dense.graph));
  const masked = applyMasks(dense.graph, weights, masks);
  const graphs = [
    { name: "dense", graph: open.model.graph },
    ...(report.repair === "none" ? [] : [{ name: "zeros alone", graph: masked }]),
    { name: "sparse", graph: model.graph },
  ];
  const found = await accuraciesOf(dense, graphs, judges, request.limit, context);
  const accuracy = found.map((each, index) => ({ name: graphs[index]?.name ?? "", ...each }));
  return { accuracy, judgedOn: judges === rest ? `the rest of ${judges.path}` : judges.path };
}
