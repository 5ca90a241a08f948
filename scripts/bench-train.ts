/**
 * Speed of a training step (forwards, backwards, SGD) beside PyTorch's on the CPU: each in a process of its own, in turns, on the
 * same networks with random images. Python is looked for as /usr/bin/python3, or MDP_PYTHON; without PyTorch there is only our side.
 *
 * Debian's PyTorch multiplies matrices by whatever libblas.so.3 stands for: install libopenblas0, or the comparison flatters us.
 *
 *   npm run bench:train -- [--threads 2] [--steps 3] [--turns 5] [--only resnet20]
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { randomFrom } from "../src/core/random.ts";
import { elementCount } from "../src/graph/tensor.ts";
import { unnamedBatch } from "../src/runtime/batches.ts";
import { runtimeVersion } from "../src/runtime/onnxruntime.ts";
import { quantile } from "../src/runtime/timing.ts";
import type { TrainingBatch } from "../src/training/batches.ts";
import { objectiveOf, trainedValues } from "../src/training/objective.ts";
import { DEFAULT_RECIPE } from "../src/training/recipe.ts";
import { startState } from "../src/training/state.ts";
import { openStepper } from "../src/training/stepper.ts";
import { BENCH_NETWORKS, type BenchNetwork } from "./training-networks.ts";

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: "2" },
    steps: { type: "string", default: "3" },
    turns: { type: "string", default: "5" },
    only: { type: "string" },
    serve: { type: "string" },
  },
});
const threads = Number(values.threads);

interface Turn {
  readonly seconds: number;
  /** Peak resident bytes of the process so far. */
  readonly memory: number;
  /** Share of the time outside of the runtime; our side only. */
  readonly overhead?: number;
}

if (values.serve === undefined) await compare();
else await serve(values.serve);

/** Our side: takes as many steps as each line of the input asks for. */
async function serve(name: string): Promise<void> {
  const network = BENCH_NETWORKS.find((each) => each.name === name);
  if (network === undefined) throw new Error(`no network '${name}'`);
  const graph = network.graph();
  const recipe = { ...DEFAULT_RECIPE, batch: [network.batch] };
  const objective = objectiveOf(graph, null, recipe.loss);
  const state = startState(graph, trainedValues(objective), recipe, null);
  const stepper = await openStepper(graph, objective, state, { teacher: null, recipe, threads });
  const batch = randomBatch(network);
  say({ runtime: runtimeVersion() });
  for await (const line of createInterface({ input: process.stdin })) {
    const began = performance.now();
    let ran = 0;
    for (let step = 0; step < Number(line); step += 1) {
      const result = await stepper.run(batch);
      ran += result.runMilliseconds;
      state.accumulate(result.gradients);
      state.measure(result.batchNorms);
      state.move(0.01);
    }
    const milliseconds = performance.now() - began;
    const memory = process.resourceUsage().maxRSS * 1024;
    say({ seconds: milliseconds / 1000, memory, overhead: 1 - ran / milliseconds });
  }
  await stepper.close();
}

function say(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function randomBatch({ batch, image, classes }: BenchNetwork): TrainingBatch {
  const random = randomFrom(2);
  const shape = [batch, ...image];
  const values = Float32Array.from({ length: elementCount(shape) }, random.normal);
  const labels = Int32Array.from({ length: batch }, () => random.integer(classes));
  return { ...unnamedBatch(values, shape, labels), mix: null };
}

interface Side {
  readonly about: Readonly<Record<string, unknown>>;
  readonly turn: (steps: number) => Promise<Turn>;
  readonly close: () => void;
}

/** A process that answers each line with one line of JSON; null where it ends before its first line. */
async function start(command: string, args: readonly string[]): Promise<Side | null> {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(command, args, {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    return done === true ? null : JSON.parse(value);
  };
  const about = await next();
  if (about === null) return null;
  return {
    about: about as Record<string, unknown>,
    turn: async (steps) => {
      child.stdin.write(`${steps}\n`);
      return (await next()) as Turn;
    },
    close: () => child.stdin.end(),
  };
}

async function compare(): Promise<void> {
  const here = dirname(fileURLToPath(import.meta.url));
  const python = process.env["MDP_PYTHON"] ?? "/usr/bin/python3";
  console.log(
    `${threads} threads, onnxruntime-node ${runtimeVersion()}; images per second are medians over ${values.turns} turns of ${values.steps} steps`,
  );
  for (const network of BENCH_NETWORKS) {
    if (values.only !== undefined && values.only !== network.name) continue;
    const loader = import.meta.resolve("tsx");
    const ours = await start(process.execPath, [
      ...["--import", loader, fileURLToPath(import.meta.url)],
      ...["--serve", network.name, "--threads", String(threads)],
    ]);
    const theirs = await start(python, [
      ...[join(here, "bench-train.py"), network.name],
      ...["--batch", String(network.batch), "--classes", String(network.classes)],
      ...["--threads", String(threads), "--image", ...network.image.map(String)],
    ]);
    if (ours === null) throw new Error("our own side didn't start");
    if (theirs !== null) console.log(aboutPyTorch(theirs.about));
    await report(network, ours, theirs);
    ours.close();
    theirs?.close();
  }
}

function aboutPyTorch({ torch, onednn, blas }: Side["about"]): string {
  const flatters = "missing, so that the comparison flatters us";
  return `PyTorch ${torch}, oneDNN ${onednn === true ? "in use" : flatters}, a fast BLAS ${blas === "" ? flatters : `in use (${blas})`}`;
}

async function report(network: BenchNetwork, ours: Side, theirs: Side | null): Promise<void> {
  const turns: Record<"ours" | "theirs", Turn[]> = { ours: [], theirs: [] };
  await ours.turn(1);
  await theirs?.turn(1);
  const steps = Number(values.steps);
  for (let turn = 0; turn < Number(values.turns); turn += 1) {
    turns.ours.push(await ours.turn(steps));
    if (theirs !== null) turns.theirs.push(await theirs.turn(steps));
  }
  const speed = (side: readonly Turn[]): number =>
    quantile(
      side.map(({ seconds }) => (steps * network.batch) / seconds),
      0.5,
    );
  const memory = (side: readonly Turn[]): number =>
    Math.max(...side.map((turn) => turn.memory)) / 2 ** 20;
  const outside = quantile(
    turns.ours.map(({ overhead }) => overhead ?? 0),
    0.5,
  );
  const mine = `${network.name} at batch ${network.batch}: ${speed(turns.ours).toFixed(0)} images/s, ${memory(turns.ours).toFixed(0)} MiB, ${(100 * outside).toFixed(1)} % outside the runtime`;
  if (theirs === null) {
    console.log(`${mine} (no PyTorch here)`);
    return;
  }
  // Turns are paired, so that a drift of the machine meets both sides.
  const ratios = turns.ours.map(
    ({ seconds }, turn) => (turns.theirs[turn]?.seconds ?? Number.NaN) / seconds,
  );
  const [low, middle, high] = [0, 0.5, 1].map((level) => quantile(ratios, level).toFixed(2));
  console.log(
    `${mine}; PyTorch ${speed(turns.theirs).toFixed(0)} images/s, ${memory(turns.theirs).toFixed(0)} MiB; ${middle} times its speed (${low} to ${high}), ${(memory(turns.ours) / memory(turns.theirs)).toFixed(2)} times its memory`,
  );
}
