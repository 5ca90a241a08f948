// A stand-in for onnxruntime_perf_test: runs nothing. Takes its options and writes its two files in the formats of
// onnxruntime/test/perftest: a line per run, and a recording whose name bears a date.
import { appendFileSync, existsSync, writeFileSync } from "node:fs";

const words = process.argv.slice(2);
const value = (flag) => words[words.indexOf(flag) + 1];
const [network, results] = words.slice(-2);
if (!existsSync(network) || !words.includes("-I") || value("-m") !== "times") process.exit(1);
const runs = Number(value("-r"));
for (let run = 0; run < runs; run += 1) {
  appendFileSync(results, `${network},0.002,1000000,99,${run}\n`);
}
if (words.includes("-p")) {
  const event = (cat, name, dur, op) => ({ cat, name, dur, args: { op_name: op } });
  const recorded = Array.from({ length: runs + 1 }, () => [
    event("Node", "conv_kernel_time", 1900, "Conv"),
    event("Session", "model_run", 2000),
  ]);
  writeFileSync(`${value("-p")}_2026-01-01_00-00-00.json`, JSON.stringify(recorded.flat()));
}
