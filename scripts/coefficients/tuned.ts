import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { meanSquare, weightedSum } from "../../src/gradients/losses.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { openGraph } from "../../src/importance/data/feed.ts";
import type { SampleBatch } from "../../src/runtime/batches.ts";
import type { Feed, Feeds } from "../../src/runtime/session.ts";
import { correctSubnet } from "../../src/subnet/correct/correct.ts";
import type { Subnet } from "../../src/subnet/subnet.ts";
import { trainGraph } from "../embedded/train-graph.ts";
import type { Subject } from "./subject.ts";

/** Samples that a network is repaired on; those that it is tuned on follow them. */
const REPAIRED_ON = 1000;

/** The subnet repaired on samples without labels. */
export async function repaired(subject: Subject, subnet: Subnet): Promise<Graph> {
  const { open, learned } = subject;
  async function* samples() {
    yield learned(0, REPAIRED_ON);
  }
  const { graph } = await correctSubnet(open.model, open.structure, subnet, samples(), {
    ...{ images: REPAIRED_ON, threads: 2, seed: 1 },
  });
  return graph;
}

/** Samples by where they begin: drawn once for all networks. */
const DRAWN = new Map<string, SampleBatch>();

export interface TuneOptions {
  readonly steps: number;
  readonly rate: number;
  readonly batch: number;
}

/**
 * Tunes a network for some steps: an autoencoder towards its pictures, any other one towards what the dense network answers. Batches are
 * the same for every network.
 */
export async function tuned(
  { name, open, learned }: Subject,
  graph: Graph,
  { steps, rate, batch }: TuneOptions,
): Promise<Graph> {
  const folder = mkdtempSync(join(tmpdir(), "mdp-tuned-"));
  const dense = await openGraph(open.model, open.structure.graph, 2);
  const outputs =
    name === "autoencoder" ? ["reconstruction"] : graph.outputs.map((each) => each.name);
  const pool = Math.min(steps, 150);
  const drawn = new Map<number, Feeds>();
  for (let at = 0; at < pool; at += 1) {
    const first = REPAIRED_ON + at * batch;
    const known = DRAWN.get(`${name} ${first} ${batch}`) ?? learned(first, batch);
    DRAWN.set(`${name} ${first} ${batch}`, known);
    const { feeds } = known;
    const answers: Readonly<Record<string, Feed | undefined>> =
      name === "autoencoder" ? { reconstruction: feeds["image"] } : await dense.run(feeds);
    const targets = outputs.flatMap((each) => {
      const answer = answers[each];
      return answer === undefined ? [] : [[`${each}_target`, answer] as const];
    });
    drawn.set(at, { ...feeds, ...Object.fromEntries(targets) });
  }
  await dense.close();
  try {
    return await trainGraph({
      ...{ graph, batch, steps, rate, folder, key: "tuned", threads: 2, every: steps, warmup: 10 },
      loss: (plain) => {
        let made = plain;
        const losses = outputs.map((value) => {
          const square = meanSquare(made, { value, target: `${value}_target` });
          made = square.graph;
          return { loss: square.loss, weight: 1 };
        });
        return { ...weightedSum(made, losses), parts: [] };
      },
      feeds: (step) => drawn.get(step % pool) ?? {},
      evaluate: async () => ({}),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
