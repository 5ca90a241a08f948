import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { writeFileAtomic, writeJson } from "../../core/files.ts";
import { writeTable } from "../../latency/table.ts";
import { withGraph } from "../../onnx/model.ts";
import { writeModel } from "../../onnx/write.ts";
import { checkWhole, shareOf } from "../../pipeline/checks.ts";
import { readProofInputs } from "../../pipeline/export/proof-inputs.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { openRunFolder } from "../../pipeline/prune/run-folder.ts";
import { checkSolveOptions, solveNetworkOptions } from "../../pipeline/solve/solve-settings.ts";
import { reportOf, writeSubnet } from "../../pipeline/solve/solved-report.ts";
import { CALIBRATION, calibrateOpened, notMet } from "../../pipeline/tables/calibrate-network.ts";
import { tableFor } from "../../pipeline/tables/table-source.ts";
import { calibrateText } from "../../report/calibrate-report.ts";
import { calibrateSvg } from "../../report/figures/scatter-chart.ts";
import { painter } from "../../report/painter.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { proveCut } from "../../subnet/prove.ts";
import { type Command, command } from "../command.ts";
import { REPEATABLE_LIMITS } from "../options/limit-options.ts";
import { solvedModelOptions } from "../options/solve-options.ts";

export const calibrateCommand: Command = command({
  name: "calibrate [model]",
  describe: "Solve, measure and correct the table until the measured latency meets the budget",
  examples: [
    [
      "mdp calibrate net.onnx --table t.json --budget 50% --out runs/half",
      "at most 50 % of the dense network's time, at least 49 %",
    ],
    [
      "mdp calibrate net.onnx --table t.json --budget 12ms --tolerance 3% --out runs/12ms",
      "as it is at this moment: a machine that slows down meets it with a smaller network",
    ],
  ],
  repeatable: REPEATABLE_LIMITS,
  options: (yargs) =>
    solvedModelOptions(yargs)
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Folder for pruned.onnx, subnet.json, table.json and calibrate.json",
      })
      .option("tolerance", {
        type: "string",
        requiresArg: true,
        default: "2%",
        describe: "Largest distance below the budget that is accepted",
      })
      .option("rounds", {
        type: "number",
        requiresArg: true,
        default: CALIBRATION.rounds,
        describe: "Largest number of table corrections",
      })
      .option("repeats", {
        type: "number",
        requiresArg: true,
        default: CALIBRATION.repeats,
        describe: "Timed runs per session; each network has three sessions",
      })
      .option("proof-inputs", {
        type: "string",
        requiresArg: true,
        describe: "JSON file of inputs to prove the cut on, instead of random ones",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Random seed of the proof's inputs",
      }),
  run: async (options, context) => {
    await checkSolveOptions(options);
    for (const name of ["rounds", "repeats"] as const) checkWhole(options[name], `--${name}`, 1);
    checkWhole(options.seed, "--seed", 0);
    const tolerance = shareOf(options.tolerance, "--tolerance");
    const { rounds, repeats, seed } = options;
    const folder = openRunFolder(options.out);
    try {
      const started = performance.now();
      const open = await openNetwork(options.model, context);
      const source = tableFor(open, { ...options, commandLine: context.commandLine });
      if (source.path === null) throw notMeasured(source.table.device.name);
      const { proofInputs } = options;
      const inputs = proofInputs === undefined ? undefined : readProofInputs(proofInputs, open);
      const read = (performance.now() - started) / 1000;
      const wanted = solveNetworkOptions(options, source.table.step);
      const settings = { tolerance, rounds, repeats, seed };
      const done = await calibrateOpened(open, source, wanted, settings, context);
      const { solved, report, table } = done;
      writeTable(folder.path("table.json"), table);
      // An earlier calibration's network would seem to be what this report is about.
      for (const file of ["pruned.onnx", "subnet.json"].map(folder.path)) {
        if (resolve(file) !== resolve(open.path)) rmSync(file, { force: true });
      }
      writeJson(folder.path("calibrate.json"), report);
      const drawn = await calibrateSvg(report);
      if (drawn !== null) writeFileAtomic(folder.path("calibrate.svg"), drawn);
      context.json(report);
      context.print(calibrateText(report, painter(process.stdout.isTTY)));
      if (report.status === "above") throw notMet(report, options.out);
      const total = (performance.now() - started) / 1000;
      const solveReport = reportOf({ open, source: done.source, wanted, solved, read, total });
      const cut = cutGraph(open.structure, solved.subnet);
      await proveCut(open.model, open.structure, solved.subnet, cut, { seed, inputs });
      writeSubnet(folder.path("subnet.json"), open, solved, solveReport);
      writeModel(withGraph(open.model, cut), folder.path("pruned.onnx"));
      context.print(
        `Written to  ${join(options.out, "pruned.onnx")}, proven; the corrected table and calibrate.svg beside it`,
      );
    } finally {
      folder.close();
    }
    return undefined;
  },
});

function notMeasured(device: string): UsageError {
  return new UsageError({
    code: "cli/calibrate-device",
    message: `The table of '${device}' is predicted: what this machine takes says nothing about it.`,
    where: "--device",
    hint: "Measure one on the device with mdp profile, and calibrate there.",
  });
}
