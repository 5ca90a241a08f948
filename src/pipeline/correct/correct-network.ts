import { InputError } from "../../core/errors.ts";
import { type BatchOptions, type Dataset, openDataset } from "../../data/dataset.ts";
import { type Accuracy, evaluate } from "../../data/evaluate.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import { type SampleBatch, slicedBatch } from "../../runtime/batches.ts";
import { openSession, type Session } from "../../runtime/session.ts";
import {
  type Correction,
  type CorrectionMethod,
  correctSubnet,
} from "../../subnet/correct/correct.ts";
import type { Target } from "../../subnet/correct/plan.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { type ImageOptions, openImages } from "../open/images.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";

export interface CorrectRequest extends ImageOptions {
  readonly correction: CorrectionMethod;
  readonly images: number;
  readonly positions?: number | undefined;
  readonly ridge: number;
  readonly target?: Target | undefined;
  readonly looks: number;
  readonly memory: number;
  readonly seed: number;
  readonly threads?: number | undefined;
}

/** The defaults of `mdp correct`, which `mdp prune` takes over. */
export const CORRECT_DEFAULTS = {
  correction: "least-squares",
  images: 2000,

  ridge: 0.01,
  looks: 2,
  memory: 2,
} as const satisfies Partial<CorrectRequest>;

/** Images per batch that is read. */
const BATCH = 100;

/** A correction on a random choice of the images, where these lie, and the labelled images there that it did not see. */
export async function correctOpened(
  open: OpenNetwork,
  subnet: Subnet,
  request: CorrectRequest,
  context: RunContext,
): Promise<{
  readonly correction: Correction;
  readonly path: string;
  readonly rest: Dataset | null;
}> {
  const dataset = await openImages(open, request, context);
  const {
    correction: method,
    images,
    positions,
    ridge,
    target,
    looks,
    memory,
    seed,
    threads,
  } = request;
  const limit = Math.min(images, dataset.count);
  const batches = dataset.batches(BATCH, { limit, seed });
  const correction = await correctSubnet(open.model, open.structure, subnet, batches, {
    ...{ method, images: limit, positions, ridge, target, looks, seed, threads },
    memoryBytes: memory * 2 ** 30,
    progress: context.progress,
    signal: context.signal,
  });
  const rest = unseenBy(dataset, limit, seed);
  return { correction, path: dataset.path, rest };
}

/** The labelled images that a choice of `seen` images by this seed leaves; null where there are none. */
export function unseenBy(dataset: Dataset, seen: number, seed: number): Dataset | null {
  return isLabelled(dataset) ? unseen(dataset, seen, seed) : null;
}

function isLabelled({ labels }: Dataset): boolean {
  return labels.every((label) => label >= 0);
}

/** The images that a choice of `seen` images by this seed leaves. */
function unseen(dataset: Dataset, seen: number, seed: number): Dataset | null {
  const count = dataset.count - seen;
  if (count <= 0) return null;
  async function* batches(size: number, { limit }: BatchOptions = {}): AsyncGenerator<SampleBatch> {
    const wanted = Math.min(count, limit ?? count);
    let passed = 0;
    let given = 0;
    for await (const batch of dataset.batches(size, { limit: seen + wanted, seed })) {
      const from = Math.min(batch.size, Math.max(0, seen - passed));
      passed += batch.size;
      if (from === batch.size) continue;
      given += batch.size - from;
      yield from === 0 ? batch : slicedBatch(batch, from, batch.size);
      if (given >= wanted) return;
    }
  }
  return { ...dataset, count, batches };
}

interface NamedGraph {
  readonly name: string;
  readonly graph: Model["graph"];
}

/** Accuracy of several graphs of one model on the same images. */
export async function accuraciesOf(
  model: Model,
  graphs: readonly NamedGraph[],
  dataset: Dataset,
  limit: number,
  context: RunContext,
): Promise<Accuracy[]> {
  const sessions: { name: string; session: Session }[] = [];
  try {
    for (const { name, graph } of graphs) {
      const bytes = Buffer.concat(serializeModel(withGraph(model, graph)));
      sessions.push({ name, session: await openSession(bytes, { where: name, threads: 2 }) });
    }
    const { progress, signal } = context;
    return await evaluate(sessions, dataset, { limit, batch: 50, progress, signal });
  } finally {
    for (const { session } of sessions) await session.close();
  }
}

/** The images of the test split, or of another set, to judge with. */
export async function openTest(
  open: OpenNetwork,
  request: ImageOptions & { readonly test?: string | undefined },
  context: RunContext,
): Promise<Dataset | null> {
  const { test, data, dataConfig } = request;
  if (test !== undefined) {
    const named = await openImages(open, { data: test, dataConfig, split: undefined }, context);
    if (isLabelled(named)) return named;
    throw new InputError({
      code: "data/no-labels",
      message: "The images to judge with have no labels.",
      where: test,
      hint: "Leave --test-data out, or name labelled images (docs/datasets.md).",
    });
  }
  const whole = await openDataset(data, {}).catch(() => null);
  const hasTest = whole?.config.splits?.["test"] !== undefined;
  return hasTest ? openImages(open, { data, dataConfig, split: "test" }, context) : null;
}
