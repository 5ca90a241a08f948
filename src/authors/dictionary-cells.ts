import { InputError } from "../core/errors.ts";
import type { ConvDictionary } from "./conv-dictionary.ts";

/** A convolution but for its channels. */
export interface ConvKind {
  readonly batch: number;
  readonly fmap: number;
  readonly kernel: number;
  readonly stride: number;
  /** Input channels of one group; null for a convolution over all channels. 1 is depthwise. */
  readonly groupChannels: number | null;
}

export interface CellTime {
  readonly ms: number;
  readonly isMeasured: boolean;
}

interface Corner {
  readonly channels: number;
  readonly weight: number;
}

/**
 * Times of one convolution by its channels: as measured, or linear between the measured channels around.
 * @throws InputError `formulation/dictionary-cell` beyond the measured channels, or where a neighbour is missing too
 */
export function cellTimes(
  dictionary: ConvDictionary,
  kind: ConvKind,
  at: { readonly label: string; readonly where: string },
): (cin: number, cout: number) => CellTime {
  const { groupChannels } = kind;
  const groupsAt = (cin: number): number =>
    groupChannels === null ? 1 : Math.max(1, Math.round(cin / groupChannels));
  const exact = (cin: number, cout: number): number | undefined =>
    groupChannels !== null && !dictionary.hasGroups
      ? undefined
      : dictionary.ms({ ...kind, cin, cout, groups: groupsAt(cin) });
  const isDepthwise = groupChannels === 1;
  const dense = groupChannels === null ? dictionary.channels({ ...kind, groups: 1 }) : null;
  const depthwise = isDepthwise ? dictionary.depthwise(kind) : [];
  const corners = (cin: number, cout: number): readonly (readonly [number, number, number])[] => {
    if (isDepthwise) {
      return around(depthwise, cin).map(({ channels, weight }) => [channels, channels, weight]);
    }
    const outputs = around(dense?.cout ?? [], cout);
    return around(dense?.cin ?? [], cin).flatMap((left) =>
      outputs.map((right) => [left.channels, right.channels, left.weight * right.weight] as const),
    );
  };
  return (cin, cout) => {
    const measured = exact(cin, cout);
    if (measured !== undefined) return { ms: measured, isMeasured: true };
    const near = corners(cin, cout);
    const ms = near.reduce(
      (sum, [left, right, weight]) => sum + weight * (exact(left, right) ?? Number.NaN),
      0,
    );
    if (near.length > 0 && Number.isFinite(ms)) return { ms, isMeasured: false };
    const { batch, fmap, kernel, stride } = kind;
    const key = [batch, cin, cout, fmap, kernel, stride].join("_");
    const hasNoGroups = groupChannels !== null && !dictionary.hasGroups;
    throw missing(dictionary.hasGroups ? `${key}_${groupsAt(cin)}` : key, hasNoGroups, at);
  };
}

function missing(
  key: string,
  hasNoGroups: boolean,
  at: { readonly label: string; readonly where: string },
): InputError {
  return new InputError({
    code: "formulation/dictionary-cell",
    message: `Conv '${at.label}': the dictionary has no latency for ${key} and none around it to interpolate between.`,
    where: at.where,
    hint: hasNoGroups
      ? "Its keys don't say groups, so that it has no grouped or depthwise convolutions."
      : "Give a --step whose multiples are in it, or the --batch that it was measured at. Is it for this network and its input size?",
  });
}

/** The measured channels on both sides, weighted by nearness; one where it was measured itself, none beyond them. */
function around(measured: readonly number[], channels: number): readonly Corner[] {
  const above = measured.findIndex((value) => value >= channels);
  const high = measured[above];
  if (high === undefined) return [];
  if (high === channels) return [{ channels: high, weight: 1 }];
  const low = measured[above - 1];
  if (low === undefined) return [];
  const part = (channels - low) / (high - low);
  return [
    { channels: low, weight: 1 - part },
    { channels: high, weight: part },
  ];
}
