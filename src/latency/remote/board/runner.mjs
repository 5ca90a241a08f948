// Runs on the board: `node runner.mjs job.json`. Times networks in turns with onnxruntime-node and writes what it timed
// to standard output as one JSON document. Needs Node and the package onnxruntime-node there, nothing else of ours.
import { readdirSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { ort, version } = load(job.modules);

/** The package from the folder that was named, else from the usual places. */
function load(modules) {
  const places =
    modules === null
      ? [
          join(homedir(), ".cache/mdp/runtime"),
          homedir(),
          join(dirname(process.execPath), "../lib"),
        ]
      : [modules];
  for (const place of places) {
    const from = createRequire(join(place, "mdp.js"));
    try {
      const found = from("onnxruntime-node/package.json");
      return { ort: from("onnxruntime-node"), version: found.version };
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new Error(`onnxruntime-node not found in ${places.join(", ")}`);
}

function open(file, profile) {
  return ort.InferenceSession.create(file, {
    executionProviders: ["cpu"],
    intraOpNumThreads: job.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: job.optimisation,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
    ...(profile ? { enableProfiling: true, profileFilePrefix: job.profile } : {}),
  });
}

/** Numbers that differ from run to run are of no use here: the same simple generator everywhere. */
function feeds() {
  let state = 12345;
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  return Object.fromEntries(
    job.inputs.map(({ name, type, shape }) => {
      const count = shape.reduce((product, extent) => product * extent, 1);
      const normal = () => next() + next() + next() + next() - 2;
      const bit = () => (next() < 0.5 ? 0 : 1);
      const make = {
        float32: () => Float32Array.from({ length: count }, normal),
        float64: () => Float64Array.from({ length: count }, normal),
        int64: () => BigInt64Array.from({ length: count }, () => BigInt(bit())),
        int32: () => Int32Array.from({ length: count }, bit),
        uint8: () => Uint8Array.from({ length: count }, () => 255 * bit()),
        bool: () => Uint8Array.from({ length: count }, bit),
      };
      return [name, new ort.Tensor(type, make[type](), shape)];
    }),
  );
}

/** With one thread, a run that other work interrupted counts as the processor time it had. */
async function timed(session, fed) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await session.run(fed);
  const wall = performance.now() - start;
  if (job.threads > 1) return wall;
  const { user, system } = process.cpuUsage(cpu);
  return Math.min(wall, (user + system) / 1000);
}

/** As many runs as take so long, within bounds. */
function runsOf(milliseconds, ms, least, most) {
  return Math.min(most, Math.max(least, Math.ceil(milliseconds / ms)));
}

const fed = feeds();
const { warmup, warmMs, mostUncounted, turnMs, fewestCounted, mostCounted } = job.turns;
const reference = job.reference === null ? null : await open(job.reference, false);
const plain = await open(job.network, false);
const recorded = job.profile === null ? null : await open(job.network, true);
const sessions = [reference, plain, recorded].filter((session) => session !== null);
const usual = [];
for (const session of sessions) {
  let shortest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < warmup; run += 1)
    shortest = Math.min(shortest, await timed(session, fed));
  usual.push(shortest);
}
const counted = runsOf(turnMs, usual[0], fewestCounted, mostCounted);
const results = usual.map((ms) => ({ uncounted: runsOf(warmMs, ms, 1, mostUncounted), turns: [] }));
for (let round = 0; round < Math.ceil(job.repeats / counted); round += 1) {
  for (const [index, session] of sessions.entries()) {
    const { uncounted, turns } = results[index];
    for (let run = 0; run < uncounted; run += 1) await session.run(fed);
    const times = [];
    for (let run = 0; run < counted; run += 1) times.push(await timed(session, fed));
    turns.push(times);
  }
}
if (recorded !== null) {
  recorded.endProfiling();
  // The runtime puts a date behind the prefix.
  const written = readdirSync(".").find((name) => name.startsWith(`${job.profile}_`));
  if (written !== undefined) renameSync(written, job.profile);
}
process.stdout.write(
  `${JSON.stringify({ schema: "mdp-board-result/2", version, sessions: results })}\n`,
);
