import { InputError } from "../../core/errors.ts";
import type { Target } from "../../runtime/batches.ts";
import { missingPair } from "../columns/column.ts";
import type { TargetSpec } from "../samples-config.ts";
import { openTarget, type TargetContext } from "./open-target.ts";
import type { TargetColumn, TargetRequest } from "./target-column.ts";

/**
 * Opens the samples' target, or one for each of several outputs. A sample belongs to the set where every head has a target for it.
 * @throws InputError as `openTarget`; `data/missing-pair`
 */
export async function openTargets(context: TargetContext): Promise<TargetColumn> {
  const { config, first } = context;
  if (config.heads === undefined) return openTarget(config.target, context);
  const heads: (readonly [output: string, TargetColumn])[] = [];
  for (const [output, { target, classes }] of Object.entries(config.heads)) {
    const { classes: _, ...others } = config;
    const own = classes === undefined ? others : { ...others, classes };
    const column = await openTarget(target, { ...context, config: own });
    checkPaired(column, target, first.names);
    if (column.labels?.every((label) => label < 0) === true) throw noClass(output, target);
    heads.push([output, column]);
  }
  const indexOf = Array.from({ length: first.count }, (_, index) =>
    heads.every(([, column]) => (column.indexOf[index] ?? -1) >= 0) ? index : -1,
  );
  return {
    ...{ indexOf, labels: null, classes: null },
    read: async (request) => {
      const read = await Promise.all(
        heads.map(async ([output, column]) => [output, await targetsOf(column, request)] as const),
      );
      return request.indices.map(
        (_, at): Target => ({
          kind: "heads",
          heads: Object.fromEntries(
            read.map(([output, list]) => [output, list[at] ?? { kind: "none" }]),
          ),
        }),
      );
    },
    notes: heads.flatMap(([, column]) => column.notes),
  };
}

function targetsOf(column: TargetColumn, request: TargetRequest): Promise<readonly Target[]> {
  if (column.read !== null) return column.read(request);
  // A sample without a class still is one of a head that has classes.
  const labels = request.indices.map((index) => column.labels?.[index] ?? -1);
  return Promise.resolve(labels.map((label): Target => ({ kind: "class", label })));
}

function noClass(output: string, target: TargetSpec): InputError {
  return new InputError({
    code: "data/no-labels",
    message: `No sample has a class for '${output}'.`,
    where: "path" in target ? target.path : "heads",
    hint: "Give classes to some samples, or leave this head out.",
  });
}

function checkPaired(
  { indexOf }: TargetColumn,
  target: TargetSpec,
  names: readonly string[] | null,
): void {
  if ("unpaired" in target && target.unpaired === "skip") return;
  const missing = indexOf.flatMap((index, sample) => (index < 0 ? [sample] : []));
  const [sample = 0] = missing;
  if (missing.length === 0) return;
  const where = "path" in target ? target.path : "heads";
  throw missingPair(names?.[sample] ?? `row ${sample}`, missing.length, where);
}
