import { damageStart } from "../../src/coefficients/damage-start.ts";
import { scoreOf } from "../../src/coefficients/goals/goal.ts";
import { groupsOf } from "../../src/coefficients/groups.ts";
import { coefficientProblem, normalised } from "../../src/coefficients/program.ts";
import { solveCandidate } from "../../src/coefficients/solve-candidate.ts";
import { unitOrders, withOrders } from "../../src/coefficients/unit-orders.ts";
import { SILENT } from "../../src/core/progress.ts";
import { randomFrom } from "../../src/core/random.ts";
import { selectedSubnet } from "../../src/formulation/network/selected-subnet.ts";
import { keepAll, type Subnet } from "../../src/subnet/subnet.ts";
import { standsOf } from "./subject.ts";
import { type Bench, write } from "./written.ts";

const PART = 300;
/** Of each part, the best on a quarter of the items are measured on all of them. */
const SHORTLIST = 30;

/**
 * Random coefficients, log c normal with deviation 1, on the programs that a search tries its starts on: units ranked around the whole
 * network, and as measured damages leave them; in turns. The best is by the score on the search items, as in the search.
 */
export async function writeRandom(
  { subject, rows, key, found }: Bench,
  count: number,
): Promise<void> {
  const { open, importance, program, goals, runs, ranked, search, searchFirst: first } = subject;
  const { structure } = open;
  const asked = { runs, batch: ranked, progress: SILENT };
  const plain = await program(importance);
  const groups = groupsOf(plain, "auto");
  const dense = await search(keepAll(structure));
  const denseFirst = await first(keepAll(structure));
  let networks: (typeof plain)[] | null = null;
  const opened = async (): Promise<(typeof plain)[]> => {
    const around = await unitOrders(structure, importance, keepAll(structure), asked);
    const damaged = await damageStart(plain, asked);
    const orders = [around, ...(damaged === null ? [] : [damaged.orders])];
    const made: (typeof plain)[] = [];
    for (const each of orders) made.push(await program(withOrders(importance, structure, each)));
    return made;
  };
  const scores: number[] = [];
  for (let part = 0; part * PART < count; part += 1) {
    scores.push(
      ...(await rows.row(`random ${part} ${key}`, async () => {
        networks ??= await opened();
        const random = randomFrom(1000 + part);
        const list: { readonly subnet: Subnet; readonly score: number }[] = [];
        for (let at = 0; at < PART; at += 1) {
          const network = networks[at % networks.length] ?? plain;
          const coefficients = normalised(groups.map(() => Math.exp(random.normal())));
          const problem = coefficientProblem(network.problem, groups, coefficients);
          const subnet = selectedSubnet(network, await solveCandidate(problem, []));
          const evidence = await first(subnet);
          list.push({ subnet, score: scoreOf(goals, standsOf(goals, evidence, denseFirst)) });
        }
        list.sort((a, b) => b.score - a.score);
        const best: number[] = [];
        for (const { subnet } of list.slice(0, SHORTLIST)) {
          best.push(scoreOf(goals, standsOf(goals, await search(subnet), dense)));
        }
        return best;
      })),
    );
  }
  const { subnets, evaluations } = await found();
  const own = subnets.at(-1)?.score ?? Number.NaN;
  const best = Math.max(...scores);
  write(
    `${key}: search ${readable(own)} after ${evaluations} evaluations; best of ${count} random coefficients ${readable(best)}`,
  );

  /** The score as people read it: in dB where one metric is maximised. */
  function readable(score: number): string {
    const [goal] = goals;
    const before = goal?.metric.pooled(dense[0] ?? []) ?? Number.NaN;
    if (goal?.maximize == null) return `score ${score.toFixed(3)}`;
    // score = 1 + gain / (1 + |gain|), with gain the relative change from the dense network
    const share = score - 1;
    const gain = share / (1 - Math.abs(share));
    return `${(before * (1 + gain)).toFixed(2)} ${goal.metric.unit}`;
  }
}
