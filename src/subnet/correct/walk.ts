import type { Graph } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { namesRead } from "../../graph/traversal.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import { type Feed, type Feeds, openSession, type Session } from "../../runtime/session.ts";
import type { Samples } from "./samples.ts";
import type { Segment } from "./schedule.ts";

/** Walks a network segment by segment over sample images; what later segments read stays in memory between them. */
export interface Walk {
  /** Opens one segment of the graph as it is now. */
  readonly open: (graph: Graph, segment: Segment) => Promise<Step>;
}

/** One segment, ready to run over the images. */
export interface Step {
  /**
   * Runs one part of the images and hands out what the segment was asked to show.
   * @param more what else the segment is fed, by name; it is not kept
   */
  readonly run: (part: number, more?: Feeds) => Promise<Feeds>;
  readonly close: () => Promise<void>;
}

export function walkOver(model: Model, samples: Samples, threads: number): Walk {
  const stores = samples.runs.map((feeds) => new Map<string, Feed>(Object.entries(feeds)));
  const open = async (graph: Graph, segment: Segment): Promise<Step> => {
    // Nothing to compute: every value that is asked for is there already.
    const session =
      segment.outputs.length === 0
        ? null
        : await openPart(model, graph, segment, stores[0] ?? new Map(), threads);
    const keep = new Set(segment.keep);
    const run = async (part: number, more: Feeds = {}): Promise<Feeds> => {
      const store = stores[part] ?? new Map<string, Feed>();
      const shown = await shownBy(session, segment, store, more);
      for (const [name, feed] of Object.entries(shown)) store.set(name, feed);
      for (const name of [...store.keys()]) if (!keep.has(name)) store.delete(name);
      return shown;
    };
    return { run, close: async () => session?.close() };
  };
  return { open };
}

/** What a segment shows: of the stored values those it asks for, and all that it computes. */
async function shownBy(
  session: Session | null,
  segment: Segment,
  store: ReadonlyMap<string, Feed>,
  more: Feeds,
): Promise<Feeds> {
  const known = (names: readonly string[]): Feeds =>
    Object.fromEntries(
      names.flatMap((name) => {
        const feed = store.get(name);
        return feed === undefined ? [] : [[name, feed]];
      }),
    );
  if (session === null) return known(segment.feeds);
  const fed = session.inputs.map((input) => input.name);
  return { ...known(segment.feeds), ...(await session.run({ ...known(fed), ...more })) };
}

async function openPart(
  model: Model,
  graph: Graph,
  segment: Segment,
  store: ReadonlyMap<string, Feed>,
  threads: number,
): Promise<Session> {
  const ran = new Set<string>(segment.nodes);
  const nodes = graph.nodes.filter((node) => ran.has(nodeId(node)));
  const read = new Set(nodes.flatMap(namesRead));
  const initializers = new Map([...graph.initializers].filter(([name]) => read.has(name)));
  const inputs = segment.feeds
    .filter((name) => read.has(name))
    .map((name) => {
      const feed = store.get(name);
      // The last part holds fewer images, and which axis counts them only the network knows.
      return { name, type: feed?.type ?? ("float32" as const), shape: openShape(feed) };
    });
  const shapes = inferShapes(graph);
  const outputs = segment.outputs.map((name) => ({
    name,
    type: shapes.of(name)?.type ?? ("float32" as const),
    shape: null,
  }));
  const part: Graph = { ...graph, inputs, outputs, values: [], initializers, nodes };
  return openSession(Buffer.concat(serializeModel(withGraph(model, part))), {
    threads,
    where: "a part of the network",
  });
}

function openShape(feed: Feed | undefined): readonly null[] | null {
  return feed === undefined ? null : feed.shape.map(() => null);
}
