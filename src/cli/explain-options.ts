import { existsSync } from "node:fs";
import { z } from "zod";
import { readJson } from "../core/files.ts";
import type { Structure } from "../structure/structure.ts";
import type { Subnet } from "../subnet/subnet.ts";
import { parseSubnet } from "../subnet/subnet-file.ts";

/** What a subnet file says of how it was solved; what it doesn't say is absent. */
const SOLVED = z
  .object({
    device: z.object({ asked: z.string() }),
    table: z.object({
      path: z.string().nullable(),
      batch: z.number(),
      precision: z.enum(["float16", "float32"]),
    }),
    importance: z.object({ path: z.string().nullable() }),
    limits: z.array(z.object({ text: z.string(), penalty: z.unknown().nullable() })),
    minimised: z.object({ text: z.string() }).nullable(),
    options: z
      .object({
        budget: z.string(),
        step: z.number(),
        maxPrune: z.number(),
        protect: z.string().nullable(),
        blocks: z.boolean(),
        layers: z.boolean(),
      })
      .partial(),
  })
  .partial();

/** Options that a subnet file can stand in for, where the command line doesn't give them. */
export interface RememberedOptions {
  readonly budget?: string | undefined;
  readonly device?: string | undefined;
  readonly table?: string | undefined;
  readonly batch?: number | undefined;
  readonly precision?: "float16" | "float32" | undefined;
  readonly importance?: string | undefined;
  readonly multipleOf?: number | undefined;
  readonly maxPrune?: number | undefined;
  readonly protect?: string | undefined;
  readonly blocks?: boolean | undefined;
  readonly layers?: boolean | undefined;
  readonly limit?: string[] | undefined;
  readonly minimize?: string | undefined;
}

/** A subnet with the options that it was solved with, and what of them is not known. */
export interface RememberedSubnet {
  readonly subnet: Subnet;
  readonly options: RememberedOptions;
  readonly notes: readonly string[];
}

/** A subnet file with the options that it was solved with. */
export function rememberedSubnet(path: string, structure: Structure): RememberedSubnet {
  const { subnet, notes } = parseSubnet(readJson(path), structure, path);
  const parsed = SOLVED.safeParse(notes.solve ?? {});
  const {
    device,
    table,
    importance,
    options,
    limits = [],
    minimised,
  } = parsed.success ? parsed.data : {};
  // A measured table is a file; a predicted one is made again for the same device, batch and precision.
  const tablePath = table?.path ?? undefined;
  const isThere = tablePath !== undefined && existsSync(tablePath);
  const importancePath = importance?.path ?? undefined;
  return {
    subnet,
    options: {
      ...(isThere
        ? { table: tablePath }
        : { device: device?.asked, batch: table?.batch, precision: table?.precision }),
      importance:
        importancePath !== undefined && existsSync(importancePath) ? importancePath : undefined,
      budget: options?.budget,
      multipleOf: options?.step,
      maxPrune: options?.maxPrune,
      protect: options?.protect ?? undefined,
      blocks: options?.blocks,
      layers: options?.layers,
      limit: limits.filter(({ penalty }) => penalty === null).map(({ text }) => text),
      minimize: minimised?.text,
    },
    // A file has what a soft limit's penalty came to, not how it was written.
    notes: limits
      .filter(({ penalty }) => penalty !== null)
      .map(
        ({ text }) =>
          `The soft limit '${text}' of the subnet is left out: give it again with --soft and --penalty.`,
      ),
  };
}

/** What the command line gives of these; what it doesn't give is undefined. */
export interface GivenOptions extends RememberedOptions {
  readonly step?: number | undefined;
  readonly soft?: string[] | undefined;
  readonly penalty?: string[] | undefined;
}

/** Every option of the program, from the command line, else from the subnet file, else by default. */
export function withRemembered<Given extends GivenOptions>(
  given: Given,
  remembered: RememberedOptions,
): Given & {
  readonly maxPrune: number;
  readonly blocks: boolean;
  readonly layers: boolean;
} {
  const isTableGiven = isAny(given.table, given.device);
  const isLimitGiven = isAny(given.limit, given.soft, given.minimize);
  const isStepGiven = isAny(given.step, given.multipleOf);
  return {
    ...given,
    ...(isTableGiven ? {} : { table: remembered.table, device: remembered.device }),
    batch: given.batch ?? (isTableGiven ? undefined : remembered.batch),
    precision: given.precision ?? (isTableGiven ? undefined : remembered.precision),
    multipleOf: isStepGiven ? given.multipleOf : remembered.multipleOf,
    importance: given.importance ?? remembered.importance,
    protect: given.protect ?? remembered.protect,
    limit: isLimitGiven ? given.limit : remembered.limit,
    minimize: isLimitGiven ? given.minimize : remembered.minimize,
    budget: given.budget ?? remembered.budget,
    maxPrune: given.maxPrune ?? remembered.maxPrune ?? 0.95,
    blocks: given.blocks ?? remembered.blocks ?? true,
    layers: given.layers ?? remembered.layers ?? true,
  };
}

function isAny(...values: readonly unknown[]): boolean {
  return values.some((value) => value !== undefined);
}
