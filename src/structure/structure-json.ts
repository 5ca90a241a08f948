import { textHash } from "../core/text-hash.ts";
import { nodeId } from "../graph/graph.ts";
import { producerOf } from "../graph/traversal.ts";
import { dimsOf, macCount, parameterCount } from "./counts.ts";
import type { AxisCount, Structure } from "./structure.ts";

/** Fingerprint of topology and shapes, not of weights: the same for a network before and after training. */
export function structureHash(structure: Structure): string {
  const known = hashes.get(structure);
  if (known !== undefined) return known;
  const hash = textHash(hashedText(structure));
  hashes.set(structure, hash);
  return hash;
}

/** A command asks several times for the hash of one structure. */
const hashes = new WeakMap<Structure, string>();

function hashedText({ graph, shapes }: Structure): string {
  const lines = [
    ...[...graph.opsets].sort().map(([domain, version]) => `opset ${domain} ${version}`),
    ...graph.inputs.map((value) => `input ${value.name} ${shapes.of(value.name)?.join("x")}`),
    ...graph.outputs.map((value) => `output ${value.name}`),
    ...graph.nodes.map((node) => {
      const attributes = [...node.attributes].map(([name, attribute]) =>
        "value" in attribute && attribute.kind !== "tensor" && attribute.kind !== "graph"
          ? `${name}=${String(attribute.value)}`
          : name,
      );
      const outputs = node.outputs.map((name) => `${name}:${shapes.of(name)?.join("x")}`);
      return [
        node.domain,
        node.opType,
        ...node.inputs,
        "->",
        ...outputs,
        ...attributes.sort(),
      ].join(" ");
    }),
    ...[...graph.initializers].map(
      ([name, tensor]) => `weight ${name} ${tensor.type} ${tensor.shape.join("x")}`,
    ),
  ];
  return lines.join("\n");
}

/** The structure as people and other programs read it, schema `mdp-structure/1`. */
export function structureJson(structure: Structure): Record<string, unknown> {
  const { dims, blocks } = structure;
  const form = (count: AxisCount): unknown =>
    count.parts.length === 0
      ? count.fixed
      : {
          ...(count.fixed > 0 ? { fixed: count.fixed } : {}),
          ...Object.fromEntries(
            count.parts.map((part) => [
              dimsOf(part)
                .map((dim) => dims[dim]?.name)
                .join(" * "),
              part.perUnit,
            ]),
          ),
        };
  const blockName = (index: number | null): string | null =>
    index === null ? null : (blocks[index]?.name ?? null);
  return {
    schema: "mdp-structure/1",
    network: structure.graph.name,
    structureHash: structureHash(structure),
    parameters: parameterCount(structure),
    macs: macCount(structure),
    ...(Object.keys(structure.bind).length === 0 ? {} : { bind: structure.bind }),
    ...(structure.notes.length === 0 ? {} : { notes: structure.notes }),
    ...(structure.unknown.length === 0
      ? {}
      : { unknown: structure.unknown.map(({ node, text }) => ({ node, text })) }),
    dims: dims.map((dim) => ({
      name: dim.name,
      ...(dim.role === null ? {} : { role: dim.role }),
      units: dim.size,
      unitChannels: dim.unitChannels,
      pinned: dim.pinned,
      ...(dim.isUnread ? { unread: true } : {}),
      block: blockName(dim.block),
      component: dim.component,
      producers: dim.producers,
    })),
    layers: structure.layers.map((layer) => ({
      name: layer.name,
      node: layer.id,
      opType: layer.opType,
      input: form(layer.input),
      output: form(layer.output),
      groups: layer.groups,
      parameters: layer.parameters,
      macs: layer.macs,
      blocks: layer.blocks.map(blockName),
      normalisation: layer.normalisation,
      drop:
        layer.drop?.kind === "tie"
          ? { outlives: dims[layer.drop.outlives]?.name, tied: dims[layer.drop.tied]?.name }
          : (layer.drop?.kind ?? null),
    })),
    components: structure.components.map(({ name, layers, origin }) => ({
      name,
      origin,
      layers: layers.map((index) => structure.layers[index]?.name ?? ""),
    })),
    blocks: blocks.map((block) => ({
      name: block.name,
      add: block.add,
      branchInput: block.branchInput,
      parent: blockName(block.parent),
      layers: block.layers.map((index) => structure.layers[index]?.name ?? ""),
    })),
    ops: opsJson(structure),
  };
}

/** Every op with those that it reads from, and the innermost block that it is in. */
function opsJson({ graph, blocks }: Structure): Record<string, unknown>[] {
  const producers = producerOf(graph);
  // Blocks inside others come after them in length.
  const home = new Map<string, string>();
  const largestFirst = [...blocks].sort((one, other) => other.nodes.length - one.nodes.length);
  for (const { name, nodes } of largestFirst) for (const id of nodes) home.set(id, name);
  return graph.nodes.map((node) => {
    const from = node.inputs.flatMap((value) => {
      const producer = producers.get(value);
      return producer === undefined ? [] : [nodeId(producer)];
    });
    const id = nodeId(node);
    return { id, opType: node.opType, from: [...new Set(from)], block: home.get(id) ?? null };
  });
}
