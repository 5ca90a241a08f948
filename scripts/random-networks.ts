/**
 * Checks what solving and cutting do on networks by chance with an evaluator of its own (test/float64): float64, written from
 * the ONNX specification, without onnxruntime and without the project's shape rules.
 *
 *   npm run random-networks -- [--count 1000] [--seed 1]
 *
 * Each network is solved under limits by chance on a predicted table; the answer and two subnets by chance are cut. Outputs must be
 * those of the masked whole network, and parameters, MACs and peak memory those that are counted on the cut network. Exit
 * code 1 at the first difference, with its seed.
 */
import { parseArgs } from "node:util";
import { createHighs } from "../solvers/highs.ts";
import { checkNetwork } from "../test/float64/check-network.ts";

const { values: options } = parseArgs({
  options: { count: { type: "string", default: "1000" }, seed: { type: "string", default: "1" } },
});
const [count, first] = [Number(options.count), Number(options.seed)];
const solver = createHighs();
const sum = { subnets: 0, droppedBlocks: 0, droppedLayers: 0, infeasible: 0, worst: 0 };
try {
  for (let seed = first; seed < first + count; seed += 1) {
    const checked = await checkNetwork(seed, solver);
    sum.subnets += checked.subnets;
    sum.droppedBlocks += checked.droppedBlocks;
    sum.droppedLayers += checked.droppedLayers;
    sum.infeasible += checked.infeasible;
    sum.worst = Math.max(sum.worst, checked.worst);
    if ((seed - first + 1) % 50 === 0) console.error(`${seed - first + 1} of ${count}`);
  }
  console.log(
    `${count} networks from seed ${first} on, ${sum.subnets} subnets with ${sum.droppedBlocks} dropped blocks and ${sum.droppedLayers} dropped layers, ${sum.infeasible} programs infeasible: no difference; outputs within ${sum.worst.toExponential(1)}`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await solver.close();
}
