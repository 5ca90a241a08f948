import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { openModel } from "../../runtime/open-model.ts";
import type { Session } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import { floatForm } from "../float-form.ts";
import { type KeptAxes, keptAxes } from "../kept-axes.ts";
import { maskedGraph } from "../mask.ts";
import type { Subnet } from "../subnet.ts";
import { observed, type Place, placesOf, segmented } from "./places.ts";
import { withWeightsRounded } from "./rounding.ts";

/** The networks of a proof. Each is opened when it is first asked for; `close` closes what was opened. */
export interface Bench {
  readonly model: Model;
  readonly structure: Structure;
  /** Both networks as they are written; what is opened is in float form. */
  readonly masked: Graph;
  readonly cut: Graph;
  readonly threads: number;
  readonly kept: KeptAxes;
  readonly places: readonly Place[];
  /** Names of the network's own outputs. */
  readonly outputs: readonly string[];
  readonly open: (role: Role) => Promise<Session>;
  readonly close: () => Promise<void>;
}

/**
 * `masked`: the masked original with its places as outputs. `whole`: the smaller network. `parts` and `masked-parts`: both in
 * segments. `rounded` and `rounded-parts`: the masked original with weights rounded otherwise. `file` and `prepared`: the whole
 * network as the file has it, and as its structure was found in (src/structure/prepare.ts).
 */
export type Role =
  | "masked"
  | "whole"
  | "parts"
  | "masked-parts"
  | "rounded"
  | "rounded-parts"
  | "file"
  | "prepared";

export interface BenchOptions {
  readonly model: Model;
  readonly structure: Structure;
  readonly subnet: Subnet;
  readonly cut: Graph;
  readonly threads: number;
  readonly layers: boolean;
}

export function makeBench(options: BenchOptions): Bench {
  const { model, structure, subnet, cut, threads, layers } = options;
  const places = layers ? placesOf(structure, cut) : [];
  const asWritten = maskedGraph(structure, subnet);
  const masked = floatForm(asWritten);
  const smaller = floatForm(cut);
  const graphs = {
    masked: () => observed(masked, places),
    whole: () => smaller,
    parts: () => segmented(smaller, places),
    "masked-parts": () => segmented(masked, places),
    rounded: () => withWeightsRounded(masked, ROUNDING_SEED),
    "rounded-parts": () => segmented(withWeightsRounded(masked, ROUNDING_SEED), places),
    file: () => floatForm(structure.given),
    prepared: () => floatForm(structure.graph),
  } as const satisfies Record<Role, () => Graph>;
  const sessions = new Map<Role, Session>();
  return {
    ...{ model, structure, masked: asWritten, cut, threads, places },
    kept: keptAxes(structure, subnet),
    outputs: structure.graph.outputs.map((value) => value.name),
    open: async (role) => {
      const known = sessions.get(role);
      if (known !== undefined) return known;
      const session = await openModel(withGraph(model, graphs[role]()), { threads });
      sessions.set(role, session);
      return session;
    },
    close: async () => {
      for (const session of sessions.values()) await session.close();
    },
  };
}

const ROUNDING_SEED = 1;
