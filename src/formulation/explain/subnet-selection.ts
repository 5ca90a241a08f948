import { InputError } from "../../core/errors.ts";
import { elementCount } from "../../graph/tensor.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import { selectedSubnet } from "../network/selected-subnet.ts";
import type { Selection } from "../problem/problem.ts";

/** A subnet as a selection of a network's program. */
export interface SubnetSelection {
  readonly selection: Selection;
  /** Whether the subnet keeps, of every dim, the units that this importance ranks best. */
  readonly keepsBest: boolean;
}

/**
 * The selection that keeps as many units of each dim as a subnet, and drops the same blocks and layers.
 * @param densities share of elements that stays of each weight, where the program chooses that too
 * @throws InputError `formulation/subnet-not-a-choice`: the program offers no such width, or may not drop what the subnet drops
 */
export function subnetSelection(
  network: NetworkProblem,
  subnet: Subnet,
  densities: Readonly<Record<string, number>> = {},
): SubnetSelection {
  const { problem, structure, layerIndices } = network;
  const droppedBlocks = new Set(subnet.droppedBlocks);
  for (const block of droppedBlocks) {
    if (problem.blocks[block] === undefined) {
      throw notAChoice(
        `drops block '${structure.blocks[block]?.name}'`,
        "Allow that: without --no-blocks.",
      );
    }
  }
  const droppedLayers = new Set<number>();
  for (const index of subnet.droppedLayers) {
    const layer = layerIndices.indexOf(index);
    if (layer < 0) {
      throw notAChoice(
        `drops layer '${structure.layers[index]?.name}'`,
        "Allow that: without --no-layers, and with one step for the dims on its two sides.",
      );
    }
    droppedLayers.add(layer);
  }
  const sparse = new Map((network.sparsity?.dims ?? []).map((each) => [each.dim, each.weight]));
  const options = problem.dims.map(({ name, counts, block }, dim) => {
    if (block !== null && droppedBlocks.has(block)) return -1;
    const weight = sparse.get(dim);
    if (weight !== undefined) {
      const whole = elementCount(weight.tensor.shape);
      const density = densities[weight.name] ?? 1;
      const option = counts.findIndex((count) => Math.abs(count - density * whole) < 0.5);
      if (option < 0) throw notADensity(name, density);
      return option;
    }
    const kept = subnet.kept[dim]?.length ?? 0;
    const option = counts.indexOf(kept);
    if (option < 0) {
      throw notAChoice(
        `keeps ${kept} units of dim '${name}', which may keep ${counts.join(", ")}`,
        "Give the --step, --multiple-of, --max-prune and --protect that it was solved with.",
      );
    }
    return option;
  });
  const selection = { options, droppedBlocks, droppedLayers };
  const best = selectedSubnet(network, selection);
  const keepsBest = best.kept.every((units, dim) => units.join() === subnet.kept[dim]?.join());
  return { selection, keepsBest };
}

function notADensity(name: string, density: number): InputError {
  return notAChoice(
    `has a ${name} of ${density}, which the damages don't offer`,
    "Give the --damages that it was solved with.",
  );
}

function notAChoice(what: string, hint: string): InputError {
  return new InputError({
    code: "formulation/subnet-not-a-choice",
    message: `The subnet is no answer to the program with these options: it ${what}.`,
    hint,
  });
}
