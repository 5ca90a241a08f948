import { MdpError } from "../../src/core/errors.ts";
import { type Random, randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { type Model, withGraph } from "../../src/onnx/model.ts";
import { compareOutputs } from "../../src/runtime/compare.ts";
import { randomFeeds } from "../../src/runtime/feeds.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { type ProofOptions, proveCut } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { SABOTAGES, type Sabotage } from "./sabotage.ts";

/** How many wrong cuts were tried and which were not caught. */
export interface Caught {
  readonly tried: number;
  readonly ways: ReadonlySet<string>;
  readonly missed: readonly string[];
  /** Changes that change nothing: the weights lie on channels that are zero whatever the network is fed. */
  readonly harmless: number;
}

/** Sabotages random cuts of a network in every way and asks the proof. */
export async function countCaught(
  model: Model,
  options: ProofOptions & { readonly draws: number; readonly seed: number },
): Promise<Caught> {
  const { draws, seed, ...proof } = options;
  const structure = findStructure(model.graph);
  const random = randomFrom(seed);
  const missed: string[] = [];
  const ways = new Set<string>();
  let [tried, harmless] = [0, 0];
  for (let draw = 0; draw < draws; draw += 1) {
    const subnet = randomSubnet(structure, random, { minKept: 0.5, dropBlocks: 0.3 });
    const cut = cutGraph(structure, subnet);
    for (const [name, sabotage] of Object.entries<Sabotage>(SABOTAGES)) {
      const wrong = attempt(() => sabotage({ structure, subnet, cut }, random));
      if (wrong === null) continue;
      ways.add(name);
      tried += 1;
      const passed = await proveCut(model, structure, subnet, wrong, { runs: 1, ...proof }).then(
        () => true,
        (error: unknown) => {
          if (error instanceof MdpError) return false;
          throw error;
        },
      );
      if (!passed) continue;
      if (await isHarmless(model, cut, wrong)) harmless += 1;
      else missed.push(`draw ${draw}: ${name}`);
    }
  }
  return { tried, ways, missed, harmless };
}

/** Both networks give the same bits on many inputs, small and large. */
async function isHarmless(model: Model, right: Graph, wrong: Graph): Promise<boolean> {
  const sessions = [
    await openModel(withGraph(model, right)),
    await openModel(withGraph(model, wrong)),
  ];
  const [one, two] = sessions;
  let same = true;
  for (let run = 0; run < 20 && one !== undefined && two !== undefined; run += 1) {
    const float = (random: Random): number => 4 ** ((run % 5) - 2) * random.normal();
    const feeds = randomFeeds(one.inputs, { seed: run, float });
    same &&= compareOutputs(await one.run(feeds), await two.run(feeds)).identical;
  }
  for (const session of sessions) await session.close();
  return same;
}

// A wrong network may have shapes that don't go together: surgery refuses it by itself.
function attempt(make: () => Graph | null): Graph | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof MdpError) return null;
    throw error;
  }
}
