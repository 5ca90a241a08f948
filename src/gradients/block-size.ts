import { InputError } from "../core/errors.ts";
import { graphBuilder } from "../graph/build.ts";
import type { Graph } from "../graph/graph.ts";
import { modelOf } from "../onnx/model.ts";
import { serializeModel } from "../onnx/write.ts";
import { compareOutputs } from "../runtime/compare.ts";
import { randomFeeds } from "../runtime/feeds.ts";
import { type Feeds, openSession } from "../runtime/session.ts";
import { blockedConvolutions } from "./blocked.ts";

const CANDIDATES = [16, 8] as const;

/**
 * The block size of `blockedConvolutions` on this machine: the one with which small convolutions of every kind that it
 * rewrites come out as they do without; null where none does. Takes a few milliseconds.
 */
export async function convolutionBlock(): Promise<number | null> {
  const graph = trial();
  const [plain, ...blocked] = [
    graph,
    ...CANDIDATES.map((size) => blockedConvolutions(graph, size)),
  ];
  if (plain === undefined) return null;
  const reference = await results(plain);
  for (const [index, candidate] of blocked.entries()) {
    if (reference !== null && (await agrees(reference, candidate)))
      return CANDIDATES[index] ?? null;
  }
  return null;
}

/** Convolutions of every kind that has a blocked form, side by side. */
function trial(): Graph {
  const b = graphBuilder();
  const convolution = (
    from: number,
    to: number,
    kernel: number,
    options: { readonly group?: number; readonly stride?: number } = {},
  ): void => {
    const { group = 1, stride = 1 } = options;
    const name = `${from}_${to}_${kernel}_${group}_${stride}`;
    b.input(`x${name}`, [2, from, 9, 9]);
    b.input(`w${name}`, [to, from / group, kernel, kernel]);
    b.input(`b${name}`, [to]);
    const pad = (kernel - 1) / 2;
    const attributes = {
      group,
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    };
    b.output(b.node("Conv", [`x${name}`, `w${name}`, `b${name}`], { attributes }));
  };
  convolution(16, 32, 3);
  convolution(48, 32, 3, { stride: 2 });
  convolution(64, 16, 1);
  convolution(80, 48, 1, { stride: 2 });
  convolution(48, 48, 3, { group: 48 });
  convolution(32, 32, 5, { group: 32, stride: 2 });
  return b.graph();
}

async function agrees(reference: Feeds, candidate: Graph): Promise<boolean> {
  const found = await results(candidate);
  return found !== null && compareOutputs(reference, found).maxRelative < 1e-4;
}

/** Null where the runtime refuses the graph: a build without the blocked layout. */
async function results(graph: Graph): Promise<Feeds | null> {
  const bytes = Buffer.concat(serializeModel(modelOf(graph)));
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const session = await openSession(view);
    try {
      return await session.run(randomFeeds(session.inputs, { seed: 1 }));
    } finally {
      await session.close();
    }
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}
