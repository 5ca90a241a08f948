import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { readModel } from "../../src/onnx/read.ts";
import { DISTILLATION, type Recipe } from "../../src/training/recipe.ts";
import { type TrainingJob, train } from "../../src/training/train.ts";
import { networkBuilder, oddMoves } from "../helpers/networks.ts";
import { randomImages, tinyNetwork } from "./images.ts";
import { jobOf } from "./jobs.ts";

test("sixteen images are learnt by heart", async () => {
  const job = jobOf({ epochs: 40 });
  const { history, end } = await train(job);
  expect(end).toBe("finished");
  expect(history.length).toBe(40);
  expect(history.at(-1)?.trainTop1).toBe(1);
  expect(history.at(-1)?.loss).toBeLessThan(0.2);
});

test("the trained file is an ordinary network with the same nodes, other weights and moved statistics", async () => {
  const job = jobOf({ epochs: 1 });
  const { model } = await train(job);
  const written = readModel(join(job.folder, "last.onnx"));
  expect(written.graph.nodes.map(({ opType }) => opType)).toEqual(
    job.model.graph.nodes.map(({ opType }) => opType),
  );
  expect(written.graph.inputs).toMatchObject(job.model.graph.inputs);
  for (const [name, tensor] of job.model.graph.initializers) {
    const after = written.graph.initializers.get(name);
    expect(after?.bytes()).toEqual(model.graph.initializers.get(name)?.bytes());
    const moved = Buffer.compare(after?.bytes() ?? new Uint8Array(), tensor.bytes()) !== 0;
    expect(moved, name).toBe(tensor.type === "float32");
  }
});

describe("a run that stops and goes on", () => {
  const EVERYTHING: Partial<Recipe> = {
    ema: 0.9,
    accumulate: 2,
    clipNorm: 1,
    batch: [4, 8],
    epochs: 4,
  };

  /** Interrupts a run after so many steps in all, again and again, until it is finished. */
  async function inPieces(job: TrainingJob, stops: readonly number[]): Promise<void> {
    for (const stop of stops) {
      const abort = new AbortController();
      const { end } = await train({
        ...job,
        signal: abort.signal,
        afterStep: (_, step) => {
          if (step === stop) abort.abort();
        },
      });
      expect(end).toBe("interrupted");
    }
    expect((await train(job)).end).toBe("finished");
  }

  test.each([
    ["SGD with everything else", { ...EVERYTHING }],
    [
      "AdamW",
      {
        optimiser: {
          kind: "adamw",
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-8,
          weightDecay: 0.01,
          decayAll: false,
        },
      } as const,
    ],
  ])("gives the same file to the bit as one that doesn't stop: %s", async (_, recipe) => {
    const whole = jobOf(recipe);
    const broken = jobOf(recipe);
    const { history } = await train(whole);
    await inPieces(broken, [1, 3, 4]);
    expect(readFileSync(join(broken.folder, "last.onnx"))).toEqual(
      readFileSync(join(whole.folder, "last.onnx")),
    );
    const lines = readFileSync(join(broken.folder, "metrics.csv"), "utf8").trim().split("\n");
    expect(lines.length).toBe(1 + history.length);
  });

  test("begins at the last checkpoint where it was killed between two of them", async () => {
    const whole = jobOf();
    const killed = jobOf();
    await train(whole);
    const progress = {
      ...SILENT,
      step: (_: string, done: number): void => {
        if (done === 6) throw new Error("killed");
      },
    };
    await expect(train({ ...killed, progress })).rejects.toThrow("killed");
    const { resumed } = await train(killed);
    expect(resumed).toEqual({ epoch: 2, batches: 0 });
    expect(readFileSync(join(killed.folder, "last.onnx"))).toEqual(
      readFileSync(join(whole.folder, "last.onnx")),
    );
  });

  test("refuses the checkpoint of another run", async () => {
    const job = jobOf({ epochs: 1 });
    await train(job);
    await expect(train({ ...job, key: "other" })).rejects.toMatchObject({
      code: "training/other-run",
    });
  });

  test("that is finished already trains nothing more", async () => {
    const job = jobOf({ epochs: 1 });
    await train(job);
    const before = readFileSync(join(job.folder, "last.onnx"));
    const { end, history } = await train(job);
    expect([end, history.length]).toEqual(["finished", 1]);
    expect(readFileSync(join(job.folder, "last.onnx"))).toEqual(before);
  });
});

test("a loss that is no number stops the run, names the step and keeps the last checkpoint", async () => {
  const job = jobOf({ epochs: 3 });
  const abort = new AbortController();
  await train({
    ...job,
    signal: abort.signal,
    afterStep: (_, step) => {
      if (step === 3) abort.abort();
    },
  });
  const kept = readFileSync(join(job.folder, "checkpoint.bin"));
  const poisoned: TrainingJob = {
    ...job,
    afterStep: (state, step) => {
      if (step === 4) state.weights.fill(Number.NaN);
    },
    saveEverySeconds: 1e9,
    validate: null,
  };
  await expect(train(poisoned)).rejects.toMatchObject({
    code: "training/diverged",
    message: expect.stringContaining("step 5"),
  });
  expect(existsSync(join(job.folder, "last.onnx"))).toBe(true);
  expect(readFileSync(join(job.folder, "checkpoint.bin")).byteLength).toBeGreaterThan(
    0.9 * kept.byteLength,
  );
});

test("the best network is kept apart from the last one, and a run without progress ends early", async () => {
  const shares = [0.5, 0.75, 0.25, 0.5, 0.5];
  let epoch = 0;
  const job = jobOf(
    { epochs: 5, patience: 2 },
    {
      validate: async () => {
        epoch += 1;
        return { count: 10, top1: shares[epoch - 1] ?? 0, top5: 1 };
      },
    },
  );
  const { end, best, epochs } = await train(job);
  expect([end, best, epochs]).toEqual(["stopped-early", { epoch: 2, top1: 0.75 }, 4]);
  const files = ["best.onnx", "last.onnx"].map((name) => readFileSync(join(job.folder, name)));
  expect(files[0]).not.toEqual(files[1]);
});

describe("with a teacher", () => {
  test("a network that is its own teacher has nothing to learn from scores, inner values and outputs", async () => {
    const loss = { ...DISTILLATION, labels: 0, scores: 1, features: 1, outputs: 1 };
    // Statistics of the batch differ from the running ones, so that only a network without norms is its own teacher.
    const model = modelOf(tinyNetwork({ norms: false }));
    const { history } = await train(jobOf({ loss, epochs: 1 }, { model, teacher: model }));
    expect(history[0]?.scoreLoss).toBeLessThan(1e-6);
    expect(history[0]?.featureLoss).toBeLessThan(1e-6);
    expect(history[0]?.outputLoss).toBeLessThan(1e-6);
  });

  test("a network comes near to what it was before its weights were disturbed, without labels", async () => {
    const teacher = modelOf(tinyNetwork({ norms: false }));
    const loss = { ...DISTILLATION, labels: 0, scores: 0, features: 0, outputs: 1 };
    const model = modelOf(tinyNetwork({ seed: 2, norms: false }));
    const job = jobOf({ loss, epochs: 30 }, { model, teacher });
    const { history } = await train(job);
    expect(history[0]?.trainTop1).toBeNull();
    expect(history.at(-1)?.outputLoss ?? 1).toBeLessThan(0.3 * (history[0]?.outputLoss ?? 0));
  });

  test("is needed for a loss that compares, and has to be the network's own original", async () => {
    await expect(train(jobOf({ loss: DISTILLATION }))).rejects.toMatchObject({
      code: "training/no-teacher",
    });
    const teacher = modelOf(oddMoves());
    await expect(train(jobOf({ loss: DISTILLATION }, { teacher }))).rejects.toMatchObject({
      code: "training/other-teacher",
    });
  });
});

describe("what can't be trained is refused before anything runs", () => {
  test("batches larger than the data, no images, other sizes, labels outside the classes", async () => {
    const code = (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => null,
        (error: unknown) => (error as { code?: unknown }).code,
      );
    expect(await code(train(jobOf({ batch: [17] })))).toBe("training/batch-too-large");
    const empty = { ...randomImages(4, 4, [3, 8, 8]), count: 0 };
    expect(await code(train(jobOf({}, { data: empty })))).toBe("training/no-images");
    const small = randomImages(4, 4, [3, 9, 8]);
    expect(await code(train(jobOf({}, { data: small })))).toBe("data/shape-mismatch");
    const many = randomImages(99, 1, [3, 8, 8]);
    expect(await code(train(jobOf({}, { data: many })))).toBe("training/bad-label");
    const unknown = { ...many, classes: null };
    expect(await code(train(jobOf({}, { data: unknown })))).toBe("training/bad-label");
    expect(await code(train(jobOf({ epochs: 0 })))).toBe("training/bad-recipe");
  });

  test("a network whose output is no class scores says how to give a loss", async () => {
    const b = networkBuilder(1);
    b.output(b.relu(b.conv("only", b.input("input", ["batch", 3, 12, 12]), { from: 3, to: 2 })));
    await expect(train(jobOf({}, { model: modelOf(b.graph()) }))).rejects.toMatchObject({
      code: "training/not-a-classifier",
      hint: expect.stringContaining("--loss outputs"),
    });
  });
});
