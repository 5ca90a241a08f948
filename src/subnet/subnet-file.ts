import { z } from "zod";
import { InputError } from "../core/errors.ts";
import type { Structure } from "../structure/structure.ts";
import { structureHash } from "../structure/structure-json.ts";
import { checkSubnet, type Subnet } from "./subnet.ts";

/** What goes into a subnet file besides the subnet; kept as it is. */
export interface SubnetNotes {
  /** SHA-256 of the network's file. */
  readonly networkHash?: string;
  /** Name of the network's file; the graph's own unless given, which is often an exporter's. */
  readonly network?: string;
  /** Share of elements that stays of each weight, by initializer, where a program chose that together with the units. */
  readonly densities?: Readonly<Record<string, number>>;
  /** What the solver predicted (latency, objective, bound, gap) and from which inputs. */
  readonly prediction?: Readonly<Record<string, unknown>>;
  /** How it was solved. */
  readonly solve?: Readonly<Record<string, unknown>>;
}

const SCHEMA = "mdp-subnet/1";

export const SUBNET_FILE = z.object({
  schema: z.literal(SCHEMA),
  network: z.string(),
  networkHash: z.string().optional(),
  structureHash: z.string(),
  bind: z
    .record(z.string(), z.number().int())
    .exactOptional()
    .describe("Lengths that were given to the network's open axes."),
  dims: z.array(
    z.object({
      dim: z.string(),
      units: z.number().int(),
      kept: z.number().int(),
      indices: z.string(),
    }),
  ),
  droppedBlocks: z.array(z.string()),
  droppedLayers: z.array(z.string()),
  densities: z
    .record(z.string(), z.number().min(0).max(1))
    .exactOptional()
    .describe("Share of elements that stays of each weight, where single weights go too."),
  prediction: z.record(z.string(), z.unknown()).optional(),
  solve: z.record(z.string(), z.unknown()).optional(),
});

/** A subnet as people read it, schema `mdp-subnet/1`: dims, blocks and layers by name, kept indices as ranges (`0-7,9`). */
export function subnetJson(
  structure: Structure,
  subnet: Subnet,
  notes: SubnetNotes = {},
): Record<string, unknown> {
  return {
    schema: SCHEMA,
    network: notes.network ?? structure.graph.name,
    ...(notes.networkHash === undefined ? {} : { networkHash: notes.networkHash }),
    structureHash: structureHash(structure),
    ...(Object.keys(structure.bind).length === 0 ? {} : { bind: structure.bind }),
    dims: structure.dims.map((dim) => {
      const kept = subnet.kept[dim.index] ?? [];
      return { dim: dim.name, units: dim.size, kept: kept.length, indices: rangesOf(kept) };
    }),
    droppedBlocks: subnet.droppedBlocks.map((index) => structure.blocks[index]?.name ?? ""),
    droppedLayers: subnet.droppedLayers.map((index) => structure.layers[index]?.name ?? ""),
    ...(notes.densities === undefined ? {} : { densities: notes.densities }),
    ...(notes.prediction === undefined ? {} : { prediction: notes.prediction }),
    ...(notes.solve === undefined ? {} : { solve: notes.solve }),
  };
}

/** A subnet file as it is: everything by name, nothing checked against a network. */
export type SubnetFile = z.infer<typeof SUBNET_FILE>;

/** @throws InputError `subnet/bad-file` */
export function parseSubnetFile(content: unknown, where: string): SubnetFile {
  const parsed = SUBNET_FILE.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const what = `'${issue?.path.join(".") ?? ""}': ${issue?.message ?? ""}`;
  throw badFile(where, `This is no subnet file: ${what}.`, "Write one with `mdp solve --out`.");
}

/**
 * A subnet from the content of a subnet file, checked against the network's structure.
 * @throws InputError `subnet/bad-file`, `subnet/wrong-structure`, and as `checkSubnet`
 */
export function parseSubnet(
  content: unknown,
  structure: Structure,
  where: string,
): { readonly subnet: Subnet; readonly notes: SubnetNotes } {
  const file = parseSubnetFile(content, where);
  const known = new Map(file.dims.map((dim) => [dim.dim, dim]));
  if (file.structureHash !== structureHash(structure) || known.size !== structure.dims.length) {
    throw new InputError({
      code: "subnet/wrong-structure",
      message: `The subnet was made for another network: '${file.network}' with ${file.dims.length} dims; this one is '${structure.graph.name}' with ${structure.dims.length}.`,
      where,
      hint: "Use the subnet with the ONNX file that it was solved for.",
    });
  }
  const subnet = {
    kept: structure.dims.map((dim) => indicesOf(known.get(dim.name)?.indices ?? "", where)),
    droppedBlocks: byName(structure.blocks, file.droppedBlocks, where),
    droppedLayers: byName(structure.layers, file.droppedLayers, where),
  };
  checkSubnet(structure, subnet);
  const { networkHash, densities, prediction, solve } = file;
  return {
    subnet,
    notes: {
      ...(networkHash === undefined ? {} : { networkHash }),
      ...(densities === undefined ? {} : { densities }),
      ...(prediction === undefined ? {} : { prediction }),
      ...(solve === undefined ? {} : { solve }),
    },
  };
}

/** `0-7,9,11-12` for ascending indices. */
export function rangesOf(indices: readonly number[]): string {
  const ranges: string[] = [];
  for (let from = 0; from < indices.length; ) {
    let to = from;
    while (indices[to + 1] === (indices[to] ?? 0) + 1) to += 1;
    ranges.push(from === to ? `${indices[from]}` : `${indices[from]}-${indices[to]}`);
    from = to + 1;
  }
  return ranges.join(",");
}

/**
 * The indices of `0-7,9`.
 * @throws InputError `subnet/bad-file`
 */
export function indicesOf(ranges: string, where: string): readonly number[] {
  if (ranges === "") return [];
  return ranges.split(",").flatMap((range) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (match === null || to < from || to - from > 1e6) {
      throw badFile(where, `'${range}' is no range of indices.`, "Write ranges as 0-7,9.");
    }
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}

function byName(
  known: readonly { readonly name: string; readonly index: number }[],
  names: readonly string[],
  where: string,
): readonly number[] {
  const indices = names.map((name) => {
    const found = known.find((candidate) => candidate.name === name);
    if (found === undefined) {
      throw badFile(
        where,
        `There is no '${name}' in this network.`,
        "Use the subnet with the network it was made for.",
      );
    }
    return found.index;
  });
  return indices.sort((a, b) => a - b);
}

function badFile(where: string, message: string, hint: string): InputError {
  return new InputError({ code: "subnet/bad-file", message, where, hint });
}
