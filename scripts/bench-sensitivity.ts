/**
 * What sensitivity scores cost: every cut in the whole network with all gates, and in the part of the network that its group changes.
 *
 *     npm run bench -- sensitivity MODEL DATA DATA-CONFIG [--images 32] [--share 4] [--threads 1]
 *
 * Both ways take turns, cut by cut, on one batch and on the same images, so that a busy machine slows both alike. `--share 4` takes
 * every fourth cut; the sums are scaled up. The damages must be the same: the largest relative difference is printed.
 */
import { parseArgs } from "node:util";
import { readDatasetConfig } from "../src/data/config.ts";
import { openDataset } from "../src/data/dataset.ts";
import { answersOf } from "../src/graph/answers.ts";
import { feedsOf, openGraph } from "../src/importance/data/feed.ts";
import { candidatesOf } from "../src/importance/sensitivity/candidates.ts";
import { cutGroups } from "../src/importance/sensitivity/cut-groups.ts";
import { damageOf } from "../src/importance/sensitivity/damage.ts";
import { type Cut, gatedNetwork } from "../src/importance/sensitivity/gated.ts";
import { readModel } from "../src/onnx/read.ts";
import type { Feeds } from "../src/runtime/session.ts";
import { findStructure } from "../src/structure/find-structure.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: "string", default: "32" },
    share: { type: "string", default: "4" },
    threads: { type: "string", default: "1" },
  },
});
const [path, data, config] = positionals;
if (path === undefined || data === undefined || config === undefined) {
  throw new Error("usage: bench -- sensitivity MODEL DATA DATA-CONFIG");
}
const [images, share, threads] = [values.images, values.share, values.threads].map(Number) as [
  number,
  number,
  number,
];
const WHOLE: Cut = { kept: new Map(), droppedBlocks: [], droppedLayers: [] };

const model = readModel(path);
const structure = findStructure(model.graph);
const gated = gatedNetwork(structure);
const orders = structure.dims.map(({ size }) => [...Array(size).keys()]);
const candidates = candidatesOf(structure, orders, gated);
const { values: compared } = answersOf(structure.graph, undefined);
const groups = cutGroups(structure, gated, candidates, { compared, batch: images });
const dataset = await openDataset(data, { config: readDatasetConfig(config) });
const batches = [];
for await (const each of dataset.batches(images, { limit: images, seed: 1 })) batches.push(each);
const [batch] = batches;
if (batch === undefined) throw new Error("no images");
const feeds = feedsOf(model.graph, batch);

const outputsOf = (names: Iterable<string>): { name: string; type: "float32"; shape: null }[] =>
  [...names].map((name) => ({ name, type: "float32", shape: null }));
const fed = new Set(Object.keys(feeds));
const read = new Set([...compared, ...groups.flatMap(({ reads }) => reads)]);
const whole = await openGraph(model, { ...gated.graph, outputs: outputsOf(compared) }, threads);
const before = await openGraph(
  model,
  { ...model.graph, values: [], outputs: outputsOf([...read].filter((name) => !fed.has(name))) },
  threads,
);
const known = { ...feeds, ...(await before.run(feeds)) };
const dense = await whole.run({ ...feeds, ...gated.feeds(WHOLE) });

interface Spent {
  seconds: number;
  cpuSeconds: number;
}
const [asWhole, inParts]: [Spent, Spent] = [
  { seconds: 0, cpuSeconds: 0 },
  { seconds: 0, cpuSeconds: 0 },
];

async function timed(spent: Spent, work: () => Promise<Feeds>): Promise<Feeds> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const result = await work();
  spent.seconds += (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  spent.cpuSeconds += (user + system) / 1e6;
  return result;
}

/** Mean over the values that are compared. */
function damageBetween(one: Feeds, other: Feeds): number {
  const damages = compared.map((name) => {
    const [left, right] = [one[name], other[name]];
    if (left?.type !== "float32" || right?.type !== "float32") throw new Error(name);
    const { difference, size } = damageOf(left.data, right.data, left.shape);
    return difference / size;
  });
  return damages.reduce((sum, damage) => sum + damage, 0) / damages.length;
}

let [measured, apart] = [0, 0];
for (const { cuts, graph, reads, open } of groups) {
  const session = await openGraph(model, graph, threads);
  const fixed = {
    ...Object.fromEntries(reads.map((name) => [name, known[name]])),
    ...open,
  } as Feeds;
  const own = { ...known, ...(await session.run(fixed)) };
  for (const [index, { at, closed }] of cuts.entries()) {
    if (index % share !== 0) continue;
    const gates = gated.feeds(candidates[at]?.cut ?? WHOLE);
    const first = await timed(asWhole, () => whole.run({ ...feeds, ...gates }));
    const second = await timed(inParts, () => session.run({ ...fixed, ...closed }));
    const [expected, found] = [
      damageBetween(dense, first),
      damageBetween(own, { ...known, ...second }),
    ];
    apart = Math.max(apart, Math.abs(found - expected) / Math.max(expected, 1e-9));
    measured += 1;
  }
  await session.close();
}
const scale = candidates.length / measured;
const text = ({ seconds, cpuSeconds }: Spent): string =>
  `${(scale * cpuSeconds).toFixed(1)} | ${(scale * seconds).toFixed(1)}`;
console.log(
  `${candidates.length} cuts, ${measured} measured, ${groups.length} groups, ${images} images, ${threads} threads; largest relative difference of a damage ${apart.toExponential(1)}\n`,
);
console.log("| way | CPU seconds of all cuts | seconds |");
console.log("| --- | --: | --: |");
console.log(`| whole network | ${text(asWhole)} |`);
console.log(`| part behind the group's first gate | ${text(inParts)} |`);
console.log(
  `| ratio | ${(asWhole.cpuSeconds / inParts.cpuSeconds).toFixed(2)} | ${(asWhole.seconds / inParts.seconds).toFixed(2)} |`,
);
