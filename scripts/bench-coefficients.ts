/**
 * Figures of pruning by metrics on the embedded networks, on items that no search saw:
 *
 *     npx tsx scripts/bench-coefficients.ts autoencoder --share 30% --seed 1          the search, without repair (A1, A2, A4, A5)
 *     npx tsx scripts/bench-coefficients.ts autoencoder tuned --share 30%             after equal repair and tuning (A3, A5)
 *     npx tsx scripts/bench-coefficients.ts autoencoder random --share 30%            beside random coefficients (A6)
 *     npx tsx scripts/bench-coefficients.ts autoencoder again --share 30%             from old coefficients after more training (A12)
 *     npx tsx scripts/bench-coefficients.ts autoencoder --table T.json --budget 60%   by a measured table, with measured times (A13)
 *     npx tsx scripts/bench-coefficients.ts autoencoder time                          one evaluation (A7)
 *
 * With --rows FILE what was measured is kept line by line: a run that was ended goes on, and the commands share their searches.
 */
import { parseArgs } from "node:util";
import { writeAgain } from "./coefficients/again.ts";
import { findSubnets } from "./coefficients/found.ts";
import { writeRandom } from "./coefficients/random.ts";
import { openRows } from "./coefficients/rows.ts";
import { openSubject } from "./coefficients/subject.ts";
import { writeTimes } from "./coefficients/times.ts";
import { writeTuned, writeUnrepaired } from "./coefficients/written.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    share: { type: "string", default: "30%" },
    budget: { type: "string", default: "60%" },
    device: { type: "string", default: "jetson-xavier" },
    table: { type: "string" },
    step: { type: "string" },
    seed: { type: "string", default: "1" },
    evaluations: { type: "string", default: "150" },
    method: { type: "string", default: "cma-es" },
    units: { type: "string", default: "answers" },
    episodes: { type: "string", default: "32" },
    steps: { type: "string", default: "200" },
    rate: { type: "string", default: "0.001" },
    count: { type: "string", default: "3000" },
    rows: { type: "string" },
    // Of tuned: one of the subnets alone, so that a run is short.
    only: { type: "string" },
  },
});
const [name = "autoencoder", command = "unrepaired"] = positionals;
const { share, budget, device, table } = values;
const subjectOptions = {
  ...{ name, share, budget, device, table, episodes: Number(values.episodes) },
  step: Number(values.step ?? (table === undefined ? 1 : 4)),
};
const subject = await openSubject(subjectOptions);
const rows = openRows(values.rows);
const [seed, evaluations] = [Number(values.seed), Number(values.evaluations)];
const key = `${name} ${subject.limit} seed ${seed} ${evaluations} evaluations ${values.method} ${values.units}`;
const find = {
  ...{ seed, evaluations },
  method: values.method === "gaussian-process" ? "gaussian-process" : "cma-es",
  units: values.units === "importance" ? "importance" : "answers",
} as const;
const bench = {
  ...{ subject, rows, key, find, subjectOptions },
  found: () => rows.row(`search ${key}`, () => findSubnets(subject, find)),
};
const tuning = {
  steps: Number(values.steps),
  rate: Number(values.rate),
  batch: name === "agent" ? 256 : 64,
};
switch (command) {
  case "unrepaired":
    await writeUnrepaired(bench, table !== undefined);
    break;
  case "tuned":
    await writeTuned(bench, tuning, values.only);
    break;
  case "random":
    await writeRandom(bench, Number(values.count));
    break;
  case "again":
    await writeAgain(bench, tuning);
    break;
  case "time":
    await writeTimes(bench);
    break;
  default:
    throw new Error(`no command '${command}': unrepaired, tuned, random, again, time`);
}
await subject.runs.close();
