import { existsSync } from "node:fs";
import { readJson } from "../../core/files.ts";
import { SOLVE_NOTES, type SolveNotes } from "../../documents/solve.ts";
import type { Precision } from "../../latency/predict/device.ts";
import type { Structure } from "../../structure/structure.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { parseSubnet } from "../../subnet/subnet-file.ts";

/** Options that a subnet file can stand in for, where the command line doesn't give them. */
export interface RememberedOptions {
  readonly budget?: string | undefined;
  readonly device?: string | undefined;
  readonly table?: string | undefined;
  readonly batch?: number | undefined;
  readonly precision?: Precision | undefined;
  readonly importance?: string | undefined;
  readonly step?: number | undefined;
  readonly multipleOf?: number | undefined;
  readonly maxPrune?: number | undefined;
  readonly protect?: string | undefined;
  readonly blocks?: boolean | undefined;
  readonly layers?: boolean | undefined;
  readonly limit?: string[] | undefined;
  readonly soft?: string[] | undefined;
  readonly penalty?: string[] | undefined;
  readonly minimize?: string | undefined;
  readonly component?: string[] | undefined;
  readonly damages?: string | undefined;
}

/** A subnet with the options that it was solved with, and what of them is not known. */
export interface RememberedSubnet {
  readonly subnet: Subnet;
  readonly options: RememberedOptions;
  readonly notes: readonly string[];
  /** Share of elements that stays of each weight, where that was chosen too. */
  readonly densities?: Readonly<Record<string, number>> | undefined;
}

/** A subnet file with the options that it was solved with. */
export function rememberedSubnet(path: string, structure: Structure): RememberedSubnet {
  const { subnet, notes } = parseSubnet(readJson(path), structure, path);
  const parsed = SOLVE_NOTES.safeParse(notes.solve ?? {});
  const { device, table, importance, options, limits = [] } = parsed.success ? parsed.data : {};
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
      ...(options?.countFrom === "full" ? { step: options.step } : { multipleOf: options?.step }),
      maxPrune: options?.maxPrune,
      protect: options?.protect ?? undefined,
      blocks: options?.blocks,
      layers: options?.layers,
      damages: options?.damages,
      ...limitsAsked(parsed.success ? parsed.data : {}),
    },
    notes: options?.limits === undefined ? softLeftOut(limits) : [],
    densities: notes.densities,
  };
}

/** Limits as they were written; older files have the hard ones and what is minimised, without components. */
function limitsAsked({ options, limits = [], minimised }: SolveNotes): RememberedOptions {
  const asked = options?.limits;
  if (asked === undefined) {
    const hard = limits.filter(({ penalty }) => penalty === null);
    return { limit: hard.map(({ text }) => text), minimize: minimised?.text };
  }
  const { limit, soft, penalty, minimize, components } = asked;
  return {
    ...{ limit: [...limit], soft: [...soft], penalty: [...penalty] },
    minimize: minimize ?? undefined,
    component: Object.entries(components).map(([name, pattern]) => `${name}=${pattern}`),
  };
}

/** An older file has what a soft limit's penalty came to, not how it was written. */
function softLeftOut(limits: NonNullable<SolveNotes["limits"]>): string[] {
  return limits
    .filter(({ penalty }) => penalty !== null)
    .map(
      ({ text }) =>
        `The soft limit '${text}' of the subnet is left out: give it again with --soft and --penalty.`,
    );
}

/** What the command line gives of these; what it doesn't give is undefined. */
export type GivenOptions = RememberedOptions & { readonly components?: unknown };

/** Every option of the program, from the command line, else from the subnet file, else by default. */
export function withRemembered<Given extends GivenOptions>(
  given: Given,
  remembered: RememberedOptions,
): Given & {
  readonly maxPrune: number;
  readonly blocks: boolean;
  readonly layers: boolean;
} {
  const from = (...values: readonly unknown[]): RememberedOptions =>
    values.some((value) => value !== undefined) ? given : remembered;
  const isTableGiven = from(given.table, given.device) === given;
  const grid = from(given.step, given.multipleOf);
  const asked = from(given.limit, given.soft, given.minimize);
  return {
    ...given,
    ...(isTableGiven ? {} : { table: remembered.table, device: remembered.device }),
    batch: given.batch ?? (isTableGiven ? undefined : remembered.batch),
    precision: given.precision ?? (isTableGiven ? undefined : remembered.precision),
    ...{ step: grid.step, multipleOf: grid.multipleOf },
    importance: given.importance ?? remembered.importance,
    protect: given.protect ?? remembered.protect,
    ...{ limit: asked.limit, soft: asked.soft, penalty: asked.penalty, minimize: asked.minimize },
    component: from(given.component, given.components).component,
    budget: given.budget ?? remembered.budget,
    damages: given.damages ?? remembered.damages,
    maxPrune: given.maxPrune ?? remembered.maxPrune ?? 0.95,
    blocks: given.blocks ?? remembered.blocks ?? true,
    layers: given.layers ?? remembered.layers ?? true,
  };
}
