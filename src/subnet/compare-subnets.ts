import { InputError } from "../core/errors.ts";
import { indicesOf, rangesOf, type SubnetFile } from "./subnet-file.ts";

/** A dim that two subnets keep differently. Units as ranges of indices, `0-7,9`. */
export interface DimDifference {
  readonly dim: string;
  readonly units: number;
  readonly kept: readonly [number, number];
  /** Kept by the first alone and by the second alone. */
  readonly onlyFirst: string;
  readonly onlySecond: string;
}

/** Blocks or layers that two subnets drop. */
export interface DropDifference {
  readonly onlyFirst: readonly string[];
  readonly onlySecond: readonly string[];
  readonly both: readonly string[];
}

/** A number or a note that the files say of their subnets, null where one doesn't. */
export interface FactDifference {
  readonly name: string;
  readonly values: readonly [Fact, Fact];
}

export type Fact = string | number | boolean | null;

export interface SubnetDifference {
  readonly schema: "mdp-diff/1";
  readonly network: string;
  /** Whether both keep the same units and drop the same parts. */
  readonly same: boolean;
  readonly dims: readonly DimDifference[];
  /** Number of dims of the network. */
  readonly dimCount: number;
  readonly blocks: DropDifference;
  readonly layers: DropDifference;
  /** What both files say of their subnets: latency, objective and so on; equal ones too. */
  readonly amounts: readonly FactDifference[];
  /** Where the inputs and options differ that the two were solved with. */
  readonly provenance: readonly FactDifference[];
}

/**
 * What two subnets of one network have different.
 * @param files where the two come from, for errors
 * @throws InputError `subnet/different-networks`, `subnet/bad-file`
 */
export function compareSubnets(
  first: SubnetFile,
  second: SubnetFile,
  files: readonly [string, string],
): SubnetDifference {
  if (first.structureHash !== second.structureHash) throw differentNetworks(first, second, files);
  const others = new Map(second.dims.map((dim) => [dim.dim, dim]));
  const dims = first.dims.flatMap((dim): DimDifference[] => {
    const other = others.get(dim.dim);
    if (other === undefined) throw differentNetworks(first, second, files);
    const one = indicesOf(dim.indices, files[0]);
    const two = indicesOf(other.indices, files[1]);
    const [inOne, inTwo] = [new Set(one), new Set(two)];
    const onlyFirst = rangesOf(one.filter((unit) => !inTwo.has(unit)));
    const onlySecond = rangesOf(two.filter((unit) => !inOne.has(unit)));
    if (onlyFirst === "" && onlySecond === "") return [];
    const { units } = dim;
    return [{ dim: dim.dim, units, kept: [one.length, two.length], onlyFirst, onlySecond }];
  });
  const blocks = dropDifference(first.droppedBlocks, second.droppedBlocks);
  const layers = dropDifference(first.droppedLayers, second.droppedLayers);
  const isSameDrop = (drop: DropDifference): boolean =>
    drop.onlyFirst.length === 0 && drop.onlySecond.length === 0;
  return {
    schema: "mdp-diff/1",
    network: nameOf(first),
    same: dims.length === 0 && isSameDrop(blocks) && isSameDrop(layers),
    dims,
    dimCount: first.dims.length,
    blocks,
    layers,
    amounts: amountsOf(first, second),
    provenance: provenanceOf(first, second),
  };
}

function differentNetworks(
  first: SubnetFile,
  second: SubnetFile,
  files: readonly [string, string],
): InputError {
  return new InputError({
    code: "subnet/different-networks",
    message: `The two subnets are of different networks: '${nameOf(first)}' with ${first.dims.length} dims and '${nameOf(second)}' with ${second.dims.length}.`,
    where: files.join(", "),
    hint: "Compare subnets that were solved for one network; mdp eval compares networks.",
  });
}

/** The graph's own name often says nothing; the solve notes have that of its file. */
function nameOf(file: SubnetFile): string {
  const name = leavesOf(file).get("solve.network.name");
  return typeof name === "string" ? name : file.network;
}

function dropDifference(first: readonly string[], second: readonly string[]): DropDifference {
  return {
    onlyFirst: first.filter((name) => !second.includes(name)),
    onlySecond: second.filter((name) => !first.includes(name)),
    both: first.filter((name) => second.includes(name)),
  };
}

/** Where in the notes of a solved subnet its numbers are. */
const AMOUNTS: readonly (readonly [string, string])[] = [
  ["latency (ms)", "solve.latencyMs.chosen"],
  ["budget (ms)", "solve.latencyMs.budget"],
  ["importance", "solve.importanceKept.chosen"],
  ["parameters", "solve.parameters.chosen"],
  ["MACs", "solve.macs.chosen"],
  ["status", "solve.answer.status"],
  ["gap", "solve.answer.gap"],
];

function amountsOf(first: SubnetFile, second: SubnetFile): FactDifference[] {
  const [one, two] = [leavesOf(first), leavesOf(second)];
  return AMOUNTS.flatMap(([name, path]): FactDifference[] => {
    const values = [one.get(path) ?? null, two.get(path) ?? null] as const;
    return values.every((value) => value === null) ? [] : [{ name, values }];
  });
}

/** Parts of a file that tell of the answer, or only how it came about, and not of what it was made from. */
const NO_INPUTS =
  /^(dims|droppedBlocks|droppedLayers|prediction|structureHash)|^solve\.(latencyMs|importanceKept|parameters|macs|droppedBlocks|droppedLayers|answer|table\.shares|seconds|limits\.|minimised)/;

function provenanceOf(first: SubnetFile, second: SubnetFile): FactDifference[] {
  const [one, two] = [leavesOf(first), leavesOf(second)];
  const paths = [...new Set([...one.keys(), ...two.keys()])].filter(
    (path) => !NO_INPUTS.test(path) && path !== "solve.network.hash",
  );
  return paths.flatMap((path): FactDifference[] => {
    const values = [one.get(path) ?? null, two.get(path) ?? null] as const;
    return values[0] === values[1] ? [] : [{ name: path.replace(/^solve\./, ""), values }];
  });
}

/** The numbers and texts of a document by their paths. */
function leavesOf(document: unknown, path = ""): Map<string, Fact> {
  const leaves = new Map<string, Fact>();
  if (typeof document === "object" && document !== null) {
    for (const [key, value] of Object.entries(document)) {
      for (const [at, leaf] of leavesOf(value, path === "" ? key : `${path}.${key}`)) {
        leaves.set(at, leaf);
      }
    }
  } else if (typeof document === "string" || typeof document === "number")
    leaves.set(path, document);
  else if (typeof document === "boolean") leaves.set(path, document);
  return leaves;
}
