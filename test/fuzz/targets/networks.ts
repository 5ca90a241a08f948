import { randomFrom } from "../../../src/core/random.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { parseModel } from "../../../src/onnx/read.ts";
import { serializeModel } from "../../../src/onnx/write.ts";
import { macCount, parameterCount } from "../../../src/structure/counts.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { structureHash, structureJson } from "../../../src/structure/structure-json.ts";
import { cutGraph } from "../../../src/subnet/cut.ts";
import { randomSubnet } from "../../../src/subnet/random-subnet.ts";
import { NETWORKS } from "../../helpers/networks.ts";
import { OP_USES, opNetwork } from "../../helpers/op-networks.ts";
import { opsetNetwork } from "../../helpers/opset-network.ts";
import { bytesOfModel } from "../../helpers/ort.ts";
import { latentAgent, twoTowers } from "../../helpers/part-networks.ts";
import { randomNetwork } from "../../helpers/random-network.ts";
import { TRANSFORMERS } from "../../helpers/transformers.ts";
import { mutatedBytes } from "../mutate/bytes.ts";
import { mutatedGraph } from "../mutate/graph.ts";
import { mutatedMessage } from "../mutate/protobuf.ts";
import { type FuzzTarget, mutations } from "../target.ts";

/** From bytes to a structure, its counts, and a smaller network. */
function readNetwork(bytes: Uint8Array): void {
  const model = parseModel(bytes, { where: "fuzz.onnx", folder: null });
  const structure = findStructure(model.graph);
  structureHash(structure);
  structureJson(structure);
  parameterCount(structure);
  macCount(structure);
  const subnet = randomSubnet(structure, randomFrom(1));
  serializeModel(modelOf(cutGraph(structure, subnet)));
}

function networks(): readonly Graph[] {
  return [
    ...Object.values(NETWORKS).map((make) => make()),
    ...[7, 11, 13, 17, 21].map((opset) => opsetNetwork(opset)),
    ...[1, 2, 3].map((seed) => randomNetwork(seed)),
    ...Object.keys(OP_USES).map((name) => opNetwork(name)),
    ...Object.values(TRANSFORMERS).map((make) => make()),
    latentAgent(),
    twoTowers(),
  ];
}

const bytesOfGraph = (graph: Graph): Uint8Array => bytesOfModel(modelOf(graph));

/** Bytes of files: bits, lengths, fields of the messages. */
export const onnx: FuzzTarget = {
  name: "onnx",
  open: () => ({
    input: mutations(
      networks().map(bytesOfGraph),
      mutatedBytes,
      (bytes, random) => mutatedMessage(bytes, random) ?? mutatedBytes(bytes, random),
      (bytes, random) => mutatedMessage(bytes, random) ?? mutatedBytes(bytes, random),
    ),
    read: ({ bytes }) => readNetwork(bytes),
  }),
};

/** Well-formed files of networks that make no sense. */
export const graph: FuzzTarget = {
  name: "graph",
  open: () => ({
    input: mutations(networks(), (network, random) => bytesOfGraph(mutatedGraph(network, random))),
    read: ({ bytes }) => readNetwork(bytes),
  }),
};
