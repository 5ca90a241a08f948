import { constantOf } from "../../graph/constants.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { opOf } from "../../graph/read-op.ts";
import { floatTensor } from "../../graph/tensor.ts";
import type { Model } from "../../onnx/model.ts";
import type { Feed } from "../../runtime/session.ts";
import { withConstant } from "./apply.ts";
import type { Samples } from "./samples.ts";
import { type Request, scheduleOf } from "./schedule.ts";
import { checkInterrupted, type Setting } from "./setting.ts";
import { walkOver } from "./walk.ts";

/** Normalisations whose statistics can be taken again, in order. */
export function normsOf(graph: Graph): readonly Node[] {
  return graph.nodes.filter((node) => {
    const op = opOf(node, graph);
    if (op.kind !== "batchNorm" || op.training) return false;
    return [3, 4].every((at) => constantOf(graph, node.inputs[at] ?? "")?.type === "float32");
  });
}

export function normRequests(norms: readonly Node[]): readonly Request[] {
  return norms.map(({ inputs: [input = ""] }) => ({ settle: [input], observe: [input] }));
}

/**
 * Takes the means and variances of every BatchNormalization again, in order, each on what comes to it when those before it have
 * theirs. All positions of all images count.
 */
export async function renewStatistics(
  model: Model,
  graph: Graph,
  samples: Samples,
  setting: Setting,
): Promise<{ readonly graph: Graph; readonly renewed: number }> {
  const norms = normsOf(graph);
  const segments = scheduleOf(graph, normRequests(norms));
  const walk = walkOver(model, samples, setting.threads);
  let current = graph;
  for (const [index, norm] of norms.entries()) {
    setting.progress.step("statistics", index, norms.length);
    const segment = segments[index];
    if (segment === undefined) continue;
    const step = await walk.open(current, segment);
    const sums = channelSums();
    try {
      for (let part = 0; part < samples.runs.length; part += 1) {
        checkInterrupted(setting, index, norms.length, "normalisations");
        const input = (await step.run(part))[norm.inputs[0] ?? ""];
        if (input !== undefined) sums.add(input);
      }
    } finally {
      await step.close();
    }
    current = withStatistics(current, norm, sums.statistics());
  }
  setting.progress.step("statistics", norms.length, norms.length);
  return { graph: current, renewed: norms.length };
}

interface Statistics {
  readonly means: Float64Array;
  readonly variances: Float64Array;
}

function channelSums(): {
  readonly add: (value: Feed) => void;
  readonly statistics: () => Statistics;
} {
  let count = 0;
  let shift: Float64Array | null = null;
  let sums = new Float64Array();
  let squares = new Float64Array();
  const add = ({ type, data, shape }: Feed): void => {
    if (type !== "float32") return;
    const [images = 0, channels = 0] = shape;
    const run = data.length / Math.max(1, images * channels);
    if (shift === null) {
      // Around the first values, so that little cancels.
      shift = Float64Array.from({ length: channels }, (_, channel) => data[channel * run] ?? 0);
      sums = new Float64Array(channels);
      squares = new Float64Array(channels);
    }
    for (let row = 0; row < images * channels; row += 1) {
      const channel = row % channels;
      const by = shift[channel] ?? 0;
      let sum = 0;
      let square = 0;
      for (let at = row * run; at < (row + 1) * run; at += 1) {
        const apart = (data[at] ?? 0) - by;
        sum += apart;
        square += apart * apart;
      }
      sums[channel] = (sums[channel] ?? 0) + sum;
      squares[channel] = (squares[channel] ?? 0) + square;
    }
    count += images * run;
  };
  const statistics = (): Statistics => {
    const apart = sums.map((sum) => sum / Math.max(count, 1));
    return {
      means: apart.map((mean, channel) => mean + (shift?.[channel] ?? 0)),
      variances: squares.map((square, channel) =>
        Math.max(square / Math.max(count, 1) - (apart[channel] ?? 0) ** 2, 0),
      ),
    };
  };
  return { add, statistics };
}

function withStatistics(graph: Graph, norm: Node, { means, variances }: Statistics): Graph {
  const set = (whole: Graph, input: number, values: Float64Array, role: string): Graph => {
    // The node as it is now: the other statistic may have got another name.
    const node = whole.nodes.find((each) => nodeId(each) === nodeId(norm)) ?? norm;
    return withConstant(whole, node, input, floatTensor([values.length], values), role);
  };
  return set(set(graph, 3, means, "renewed_mean"), 4, variances, "renewed_variance");
}
