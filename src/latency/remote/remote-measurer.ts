import { sha256 } from "../../core/files.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import type { Structure } from "../../structure/structure.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import type { EndToEnd, Measurer } from "../measure/measurer.ts";
import { operationTimes } from "../measure/op-times.ts";
import type { Board } from "./board.ts";
import type { Consumption, PowerMeter } from "./power.ts";
import type { BoardNetwork, BoardRun, Runner, RunSettings } from "./runners/runner.ts";

export interface RemoteOptions extends RunSettings {
  readonly model: Model;
  readonly structure: Structure;
  /** What the runner wants changed about a network before it is sent; nothing unless given. */
  readonly prepare?: (graph: Graph) => Graph;
  /** Tells energy and memory of networks that are measured; not told unless given. */
  readonly meter?: PowerMeter;
}

/**
 * Measures on a board. A network's file and what was made of it are removed from the board once its times are here; the dense
 * network stays there as the reference.
 */
export function remoteMeasurer(board: Board, runner: Runner, options: RemoteOptions): Measurer {
  const { structure, ops } = options;
  const send = async (subnet: Subnet): Promise<BoardNetwork> => {
    const graph = atBatch(cutGraph(structure, subnet), options.batch);
    const sent = (options.prepare ?? ((same: Graph) => same))(graph);
    const bytes = Buffer.concat(serializeModel(withGraph(options.model, sent)));
    const hash = sha256(bytes).slice(0, 16);
    const file = `n${hash}.onnx`;
    if (!(await board.has(file))) await board.put(file, bytes);
    return { graph, file, hash };
  };
  let dense: Promise<BoardNetwork> | null = null;
  const run = async (
    subnet: Subnet,
    recorded: boolean,
  ): Promise<{ network: BoardNetwork; result: BoardRun; consumption: Consumption }> => {
    // A failed try must not be remembered.
    const reference = await (dense ?? send(keepAll(structure)));
    dense = Promise.resolve(reference);
    const network = await send(subnet);
    const result = await runner.run(network, reference, recorded);
    const consumption = recorded ? await options.meter?.(network, result.totalMs) : undefined;
    await board.drop(`m${network.hash}`);
    if (network.hash !== reference.hash) await board.drop(`n${network.hash}`);
    return { network, result, consumption: consumption ?? {} };
  };
  return {
    time: async (subnet) => {
      const { result } = await run(subnet, false);
      return endToEndOf(result);
    },
    measure: async (subnet) => {
      const { network, result, consumption } = await run(subnet, true);
      return {
        ...operationTimes(network.graph, ops, result.times ?? []),
        ...endToEndOf(result),
        ...consumption,
      };
    },
    close: async () => {},
  };
}

function endToEndOf({ times: _, ...endToEnd }: BoardRun): EndToEnd {
  return endToEnd;
}

/** Writes the batch into the inputs: not every runtime can be told otherwise. */
function atBatch(graph: Graph, batch: number): Graph {
  const inputs = graph.inputs.map((value) => ({
    ...value,
    shape: value.shape?.map((extent) => (typeof extent === "number" ? extent : batch)) ?? null,
  }));
  return { ...graph, inputs };
}
