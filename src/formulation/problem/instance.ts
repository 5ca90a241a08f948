import { z } from "zod";
import { at as entryAt, get } from "../../core/at.ts";
import { InputError } from "../../core/errors.ts";
import type { AxisRef, Problem, ProblemDim, ProblemTerm } from "./problem.ts";

/** What is known about an instance from elsewhere; null where its file doesn't say. */
interface InstanceReference {
  readonly optimum: number | null;
  /** Importance with every channel kept. */
  readonly dense: number | null;
  /** Objective that the authors' own solver reached, and the latency of its answer. */
  readonly mindtpy: number | null;
  readonly mindtpyLatency: number | null;
}

export interface Instance {
  readonly problem: Problem;
  readonly reference: InstanceReference;
}

const finite = z.number();
const count = z.int().nonnegative();
const instanceSchema = z.object({
  name: z.string(),
  units: z.object({ latency: z.string(), importance: z.string() }).optional(),
  groups: z
    .array(
      z.object({
        id: z.string(),
        keepAll: z.boolean().optional(),
        options: z.int().min(2),
        channels: z.array(finite).optional(),
        importance: z.array(finite).optional(),
        layers: z.array(z.string()),
      }),
    )
    .min(1),
  layers: z.array(
    z.object({
      name: z.string(),
      group: z.string(),
      inputGroup: z.string().nullable(),
      block: count.nullable(),
      importance: z.array(finite).optional(),
      latency: z.union([z.array(finite), z.array(z.array(finite))]),
    }),
  ),
  budget: finite,
  reference: z
    .object({
      optimum: finite.optional(),
      dense: finite.optional(),
      mindtpy: finite.optional(),
      mindtpyLatency: finite.optional(),
    })
    .optional(),
});

type InstanceFile = z.infer<typeof instanceSchema>;
type Group = InstanceFile["groups"][number];
type Layer = InstanceFile["layers"][number];

/**
 * An instance as a problem: groups become dims (index 0, "no channel", is not an option), blocks except block 0 may
 * be dropped, each layer's latency is a cost table and each importance a gain table.
 *
 * @throws InputError `formulation/bad-instance`
 */
export function parseInstance(data: unknown, where: string): Instance {
  const parsed = instanceSchema.safeParse(data);
  if (!parsed.success) {
    const first = parsed.error.issues[0];
    return bad(`${first?.path.join(".") || "the document"}: ${first?.message}`, where);
  }
  const file = parsed.data;
  checkNames(file, where);
  const { reference } = file;
  return {
    problem: problemOf(file, where),
    reference: {
      optimum: reference?.optimum ?? null,
      dense: reference?.dense ?? null,
      mindtpy: reference?.mindtpy ?? null,
      mindtpyLatency: reference?.mindtpyLatency ?? null,
    },
  };
}

function problemOf(file: InstanceFile, where: string): Problem {
  // Block 0 is never dropped, as is a layer in no block.
  const blocks = [...new Set(file.layers.map(({ block }) => block ?? 0))]
    .filter((block) => block !== 0)
    .sort((left, right) => left - right);
  const blockOf = (layer: Layer): number | null => {
    const index = blocks.indexOf(layer.block ?? 0);
    return index < 0 ? null : index;
  };
  const dimOf = new Map(file.groups.map(({ id }, index) => [id, index]));
  const dims = file.groups.map((group): ProblemDim => {
    const options = optionsOf(group);
    const counts = options.map((option) => group.channels?.[option] ?? option);
    return { name: group.id, counts, block: homeOf(group, file, blockOf) };
  });
  const terms = [
    ...file.groups.flatMap((group, dim) => groupGain(group, dim, dims[dim]?.block ?? null, where)),
    ...file.layers.flatMap((layer) => layerTerms(layer, file, dimOf, blockOf(layer), where)),
  ];
  return {
    name: file.name,
    dims,
    sums: [],
    blocks: blocks.map((block) => ({ name: `block ${block}`, parent: null })),
    layers: [],
    exclusiveLayers: [],
    terms,
    resources: [{ name: "latency", unit: file.units?.latency ?? "", limit: file.budget }],
  };
}

/** Table positions that may be chosen: all but "no channel", or the last alone. */
function optionsOf({ options, keepAll }: Group): number[] {
  const all = Array.from({ length: options - 1 }, (_, index) => index + 1);
  return keepAll === true ? all.slice(-1) : all;
}

/** The block that holds every layer that makes or reads the group, null where it is seen from elsewhere too. */
function homeOf(
  group: Group,
  file: InstanceFile,
  blockOf: (layer: Layer) => number | null,
): number | null {
  const users = file.layers.filter(
    (layer) => layer.group === group.id || layer.inputGroup === group.id,
  );
  const homes = new Set(users.map(blockOf));
  const [home] = homes;
  return homes.size === 1 && home !== undefined ? home : null;
}

/** What the group earns; inside one block only while the block is kept. */
function groupGain(group: Group, dim: number, block: number | null, where: string): ProblemTerm[] {
  // A count that can't be chosen earns nothing in the published objective.
  if (group.importance === undefined || group.keepAll === true) return [];
  expectLength(group.importance, group.options, `importance of group '${group.id}'`, where);
  const gain = pick(group.importance, optionsOf(group));
  return [term(`importance of ${group.id}`, block, [{ kind: "dim", index: dim }], gain, null)];
}

function layerTerms(
  layer: Layer,
  file: InstanceFile,
  dimOf: ReadonlyMap<string, number>,
  block: number | null,
  where: string,
): ProblemTerm[] {
  const dim = get(dimOf, layer.group);
  const group = file.groups[dim];
  if (group === undefined) return [];
  const own: AxisRef = { kind: "dim", index: dim };
  const options = optionsOf(group);
  const terms: ProblemTerm[] = [];
  if (layer.importance !== undefined && group.keepAll !== true) {
    expectLength(layer.importance, group.options, `importance of layer '${layer.name}'`, where);
    const gain = pick(layer.importance, options);
    terms.push(term(`importance of ${layer.name}`, block, [own], gain, null));
  }
  const name = `latency of layer '${layer.name}'`;
  expectLength(layer.latency, group.options, name, where);
  if (!isMatrix(layer.latency)) {
    const cost = pick(layer.latency, options);
    return [...terms, term(`latency of ${layer.name}`, block, [own], null, cost)];
  }
  const before = dimOf.get(layer.inputGroup ?? "");
  const inputs = before === undefined ? undefined : file.groups[before];
  if (before === undefined || inputs === undefined) {
    return bad(`${name} is a matrix, but the layer has no inputGroup`, where);
  }
  for (const row of layer.latency) expectLength(row, inputs.options, `a row of ${name}`, where);
  const rows = layer.latency;
  const cost = Float64Array.from(
    options.flatMap((option) => [...pick(rows[option] ?? [], optionsOf(inputs))]),
  );
  const axes: AxisRef[] = [own, { kind: "dim", index: before }];
  return [...terms, term(`latency of ${layer.name}`, block, axes, null, cost)];
}

function term(
  name: string,
  block: number | null,
  axes: readonly AxisRef[],
  gain: Float64Array | null,
  cost: Float64Array | null,
): ProblemTerm {
  return { name, block, layer: null, axes, gain, cost: [cost] };
}

function isMatrix(table: number[] | number[][]): table is number[][] {
  return Array.isArray(table[0]);
}

function pick(table: readonly number[], options: readonly number[]): Float64Array {
  return Float64Array.from(options, (option) => table[option] ?? Number.NaN);
}

function checkNames(file: InstanceFile, where: string): void {
  const ids = new Set(file.groups.map(({ id }) => id));
  if (ids.size !== file.groups.length) bad("two groups have one id", where);
  for (const { name, group, inputGroup } of file.layers) {
    for (const id of [group, inputGroup]) {
      if (id !== null && !ids.has(id))
        bad(`layer '${name}' names the group '${id}', which isn't there`, where);
    }
  }
  // Before anything is made of that length: a file may claim any number of options.
  for (const layer of file.layers) checkLayerLengths(layer, file, where);
  for (const { id, channels, importance, options } of file.groups) {
    if (importance !== undefined) {
      expectLength(importance, options, `importance of group '${id}'`, where);
    }
    const isListed =
      importance !== undefined ||
      channels !== undefined ||
      file.layers.some(
        ({ group, inputGroup, latency }) =>
          group === id || (inputGroup === id && isMatrix(latency)),
      );
    if (!isListed)
      bad(`no layer and no table knows the ${options} options of group '${id}'`, where);
    if (channels === undefined) continue;
    expectLength(channels, options, `channels of group '${id}'`, where);
    if (channels.some((value, at) => at > 0 && value <= entryAt(channels, at - 1))) {
      bad(`channels of group '${id}' do not increase`, where);
    }
  }
}

function checkLayerLengths(
  { name, group, inputGroup, importance, latency }: Layer,
  { groups }: InstanceFile,
  where: string,
): void {
  const own = groups.find(({ id }) => id === group)?.options ?? 0;
  const before = groups.find(({ id }) => id === inputGroup)?.options;
  if (importance !== undefined)
    expectLength(importance, own, `importance of layer '${name}'`, where);
  expectLength(latency, own, `latency of layer '${name}'`, where);
  if (!isMatrix(latency) || before === undefined) return;
  for (const row of latency)
    expectLength(row, before, `a row of latency of layer '${name}'`, where);
}

function expectLength(
  table: readonly unknown[],
  length: number,
  what: string,
  where: string,
): void {
  if (table.length !== length)
    bad(`${what} has ${table.length} entries instead of ${length}`, where);
}

function bad(problem: string, where: string): never {
  throw new InputError({
    code: "formulation/bad-instance",
    message: `Not an instance that can be solved: ${problem}.`,
    where,
    hint: "The format is described in docs/instances.md.",
  });
}
