/**
 * How long finding the structure of every network of ../shared takes, beyond reading it.
 *
 *   tsx scripts/bench-inspect.ts [--json] [PATTERN]
 */
import { readdirSync } from "node:fs";
import { macCount, parameterCount } from "../src/structure/counts.ts";
import { findStructure } from "../src/structure/find-structure.ts";
import { structureHash } from "../src/structure/structure-json.ts";
import { sharedGraph, sharedPath } from "../test/helpers/shared.ts";

interface Row {
  readonly network: string;
  readonly readSeconds: number;
  readonly inspectSeconds: number;
  readonly prunable: number;
  readonly pinned: number;
  readonly blocks: number;
  readonly layers: number;
  readonly droppable: number;
  readonly parameters: number;
  readonly macs: number;
}

function inspect(path: string): Row | null {
  const started = performance.now();
  const model = sharedGraph(path);
  if (model === null) return null;
  const read = performance.now();
  const structure = findStructure(model.graph);
  const parameters = parameterCount(structure);
  structureHash(structure);
  const inspected = performance.now();
  const pinned = structure.dims.filter((dim) => dim.pinned !== null).length;
  return {
    network: path.replace(/^.*\//, ""),
    readSeconds: (read - started) / 1000,
    inspectSeconds: (inspected - read) / 1000,
    prunable: structure.dims.length - pinned,
    pinned,
    blocks: structure.blocks.length,
    layers: structure.layers.length,
    droppable: structure.layers.filter((layer) => layer.drop !== null).length,
    parameters,
    macs: macCount(structure),
  };
}

const words = process.argv.slice(2);
const pattern = new RegExp(words.find((word) => !word.startsWith("--")) ?? "");
const paths = ["graphs", "models"].flatMap((folder) => {
  const at = sharedPath(folder);
  const names = at === null ? [] : readdirSync(at);
  return names.filter((name) => /\.onnx(\.br)?$/.test(name)).map((name) => `${folder}/${name}`);
});
const rows = paths
  .filter((path) => pattern.test(path))
  .flatMap((path) => {
    const row = inspect(path);
    return row === null ? [] : [row];
  });

if (words.includes("--json")) console.log(JSON.stringify(rows, null, 1));
else {
  console.log(
    "network | read s | inspect s | dims | pinned | blocks | layers | droppable | parameters | MMACs",
  );
  console.log("--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---:");
  for (const row of rows) {
    const { network, prunable, pinned, blocks, layers, droppable, parameters } = row;
    const times = [row.readSeconds.toFixed(2), row.inspectSeconds.toFixed(2)];
    const sizes = [prunable, pinned, blocks, layers, droppable, parameters];
    console.log([network, ...times, ...sizes, (row.macs / 1e6).toFixed(1)].join(" | "));
  }
}
if (rows.some((row) => row.inspectSeconds > 3)) process.exitCode = 1;
