/**
 * Top-1 of a vision transformer whose queries and keys, or values, lose columns in all blocks at once, straight after the cut:
 *
 *     npx tsx scripts/rebase-figures.ts vit.onnx train.bin test.bin data-config.json
 *
 * compares columns ranked by the L2 norm of the weights that make them, the first columns of the SVD basis (weights alone), and of the
 * basis whitened with 256 training images. docs/results/transformers.md holds what it printed.
 */
import { readDatasetConfig } from "../src/data/config.ts";
import { type Dataset, openDataset } from "../src/data/dataset.ts";
import type { Graph } from "../src/graph/graph.ts";
import { unitOrder } from "../src/importance/importance.ts";
import { scoreNetwork } from "../src/importance/score.ts";
import { modelOf } from "../src/onnx/model.ts";
import { readModel } from "../src/onnx/read.ts";
import { bindFeeds, fixedBatchOf } from "../src/runtime/bind-feeds.ts";
import { openModel } from "../src/runtime/open-model.ts";
import { findStructure } from "../src/structure/find-structure.ts";
import type { DimRole, Structure } from "../src/structure/structure.ts";
import { cutGraph } from "../src/subnet/cut.ts";
import { momentRoots } from "../src/subnet/rebase/moments.ts";
import { rebaseGraph } from "../src/subnet/rebase/rebase.ts";
import { keepAll } from "../src/subnet/subnet.ts";

const [path, train, test, config] = process.argv.slice(2);
if (path === undefined || train === undefined || test === undefined || config === undefined) {
  throw new Error("usage: rebase-figures.ts MODEL TRAIN TEST DATA-CONFIG");
}
const options = { config: readDatasetConfig(config), unlabelled: false };
const model = readModel(path);
const { graph } = model;
const structure = findStructure(graph);
const size = fixedBatchOf(graph.inputs) ?? 50;
const images = await openDataset(train, options);
const judges = await openDataset(test, options);
const roots = await momentRoots(model, structure, images.batches(size, { limit: 256, seed: 1 }));
const networks = {
  "columns by L2": graph,
  SVD: rebaseGraph(structure).graph,
  "whitened SVD": rebaseGraph(structure, roots).graph,
};
console.log(
  `dense ${(100 * (await accuracy(graph, judges))).toFixed(1)} %, ${judges.count} images`,
);
for (const role of ["qk", "v"] as const) {
  for (const share of [0.5, 0.25]) {
    const cells: string[] = [];
    for (const [name, each] of Object.entries(networks)) {
      const top1 = await accuracy(kept(each, role, share, name === "columns by L2"), judges);
      cells.push(`${name} ${(100 * top1).toFixed(1)}`);
    }
    console.log(`${role}, ${share} of the columns: ${cells.join(", ")}`);
  }
}

/** The network with a share of the columns of a role, in all blocks. */
function kept(each: Graph, role: DimRole, share: number, ranked: boolean): Graph {
  const own: Structure = findStructure(each);
  const importance = ranked ? scoreNetwork(own, { method: "magnitude-l2" }) : null;
  const units = own.dims.map((dim, index) => {
    const all = keepAll(own).kept[index] ?? [];
    if (dim.role !== role) return all;
    const scores = importance?.dims.find(({ dim: name }) => name === dim.name);
    const order = scores === undefined ? all : unitOrder(scores);
    return order.slice(0, Math.round(share * dim.size)).sort((a, b) => a - b);
  });
  return cutGraph(own, { ...keepAll(own), kept: units });
}

async function accuracy(each: Graph, dataset: Dataset): Promise<number> {
  const session = await openModel(modelOf(each), { threads: 1 });
  let right = 0;
  let count = 0;
  for await (const batch of dataset.batches(size)) {
    const [logits] = Object.values(await session.run(bindFeeds(each.inputs, batch, each.name)));
    const classes = (logits?.data.length ?? 0) / batch.size;
    batch.labels.forEach((label, sample) => {
      const own = Array.from({ length: classes }, (_, at) =>
        Number(logits?.data[sample * classes + at]),
      );
      right += own.indexOf(Math.max(...own)) === label ? 1 : 0;
      count += 1;
    });
  }
  await session.close();
  return right / count;
}
