/** Zeros alone, as `mdp sweep` and `mdp explain` take a program: no device, every channel stays. */
import { UsageError } from "../../core/errors.ts";
import { writeJson } from "../../core/files.ts";
import type { DamagesReport } from "../../documents/damages.ts";
import type { SolveReport } from "../../documents/solve.ts";
import { subnetSelection } from "../../formulation/explain/subnet-selection.ts";
import type { SparseFormat } from "../../formulation/sparsity/sparse-problem.ts";
import { keepAll } from "../../subnet/subnet.ts";
import { subnetJson } from "../../subnet/subnet-file.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { ExplainSubject } from "../solve/explain-subject.ts";
import { componentsOf } from "../solve/given-limits.ts";
import type { RememberedSubnet } from "../solve/remembered-subnet.ts";
import { type GivenSettings, limitsAsked } from "../solve/solve-settings.ts";
import type { SweepSubject } from "../sweep/sweep-subject.ts";
import { readDamages } from "./damages-file.ts";
import { settledZeros, type ZerosProgram, zerosProgram } from "./zeros-program.ts";

/** What a sweep of zeros can be over. */
export const SWEPT = ["nonzeros", "bytes"] as const;
export type Swept = (typeof SWEPT)[number];

export interface ZerosSettings extends GivenSettings {
  readonly format?: SparseFormat | undefined;
  readonly device?: string | undefined;
  readonly table?: string | undefined;
}

/** Whether damages are named and no device is: then zeros are chosen alone. */
export function areZerosAlone(
  settings: ZerosSettings,
): settings is ZerosSettings & { readonly damages: string } {
  const { damages, device, table, importance } = settings;
  return [device, table, importance].every((each) => each === undefined) && damages !== undefined;
}

/** The program of zeros alone with what was measured. */
export async function openZeros(
  open: OpenNetwork,
  settings: ZerosSettings & { readonly damages: string },
  first: readonly string[] = [],
): Promise<ZerosProgram & { readonly measured: DamagesReport }> {
  const { damages: measured, sparse } = readDamages(
    ...([settings.damages, open.structure, settings.format] as const),
  );
  const limits = limitsAsked(settings);
  if (limits.minimize !== null) throw noObjective();
  const asked = { ...limits, limit: [...first, ...limits.limit] };
  const program = await zerosProgram(open.structure, sparse, asked, componentsOf(settings));
  const problem = { ...program.problem, name: open.name };
  return { ...program, problem, measured };
}

function noObjective(): UsageError {
  return new UsageError({
    code: "sparsify/other-objective",
    message: "Zeros are chosen by the least damage.",
    where: "--minimize",
    hint: 'Leave --minimize out and give a limit: --limit "bytes <= 20%".',
  });
}

/** @throws as `openZeros` */
export async function zerosSubject(
  open: OpenNetwork,
  settings: ZerosSettings & { readonly damages: string },
  swept: Swept,
): Promise<SweepSubject> {
  // Any limit that could be exceeded: the sweep sets its own in the same place.
  const program = await openZeros(open, settings, [`${swept} <= 50%`]);
  const { problem, limited, measured } = program;
  const [first] = limited.limits;
  const [resource = 0] = first?.resources ?? [];
  const options = { damages: settings.damages, limits: limitsAsked(settings).limit };
  return {
    ...{ problem, resource, options: () => options },
    about: {
      ...{ name: open.name, head: null, swept, unit: swept === "bytes" ? "B" : "nonzeros" },
      damage: measured.damage,
      dense: { latency: first?.dense ?? 0, importance: 0, parameters: null, macs: null },
      notes: [],
    },
    details: ({ objective }) => ({
      ...{ importance: null, parameters: null, macs: null },
      ...{ droppedBlocks: null, droppedLayers: null, damage: 0 - objective },
    }),
    write: (path, answer) => {
      // Counting the limits on the network itself refuses an answer that breaks one.
      const swept = { ...program, limited: { ...limited, limits: limited.limits.slice(1) } };
      const { densities } = settledZeros(swept, answer);
      writeZeros(path, open, densities, options);
    },
  };
}

/** A subnet that keeps all channels, with densities: `mdp sparsify --subnet` makes the network. */
export function writeZeros(
  path: string,
  { name, hash, structure }: OpenNetwork,
  densities: ReadonlyMap<string, number>,
  options: { readonly damages: string; readonly limits: readonly string[] },
): void {
  const written = subnetJson(structure, keepAll(structure), {
    ...{ network: name, networkHash: hash, densities: Object.fromEntries(densities) },
    solve: { options: { damages: options.damages } satisfies Partial<SolveReport["options"]> },
  });
  writeJson(path, written);
}

/**
 * @param remembered densities to explain; null explains the best ones
 * @throws as `openZeros` and `subnetSelection`
 */
export async function zerosToExplain(
  open: OpenNetwork,
  settings: ZerosSettings & { readonly damages: string },
  remembered: Pick<RememberedSubnet, "subnet" | "notes" | "densities"> | null,
): Promise<ExplainSubject> {
  const { problem, network, measured } = await openZeros(open, settings);
  const given =
    remembered === null
      ? undefined
      : subnetSelection({ ...network, problem }, remembered.subnet, remembered.densities);
  return {
    about: {
      ...{ name: open.name, head: null, options: { damages: settings.damages } },
      goal: measured.damage === "divergence" ? "damage in nats" : "damage",
      // Damages are shares already.
      ...{ dense: { objective: 1 }, notes: remembered?.notes ?? [] },
      dims: problem.dims.map(() => ({ unitChannels: 1, whole: "channels stay here" })),
    },
    problem,
    selection: given?.selection,
  };
}
