import { EXIT } from "../../core/errors.ts";
import { checkWritable } from "../../core/files.ts";
import { METHOD_NAMES } from "../../formulation/baselines/method.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { methodFor, solveNetworkBy } from "../../pipeline/solve/solve-method.ts";
import { checkSolveOptions, solveNetworkOptions } from "../../pipeline/solve/solve-settings.ts";
import { reportOf, writeSubnet } from "../../pipeline/solve/solved-report.ts";
import { tableFor } from "../../pipeline/tables/table-source.ts";
import { painter } from "../../report/painter.ts";
import { solveText } from "../../report/solve-report.ts";
import { type Command, command } from "../command.ts";
import { REPEATABLE_LIMITS } from "../options/limit-options.ts";
import { robustOption } from "../options/robust-option.ts";
import { solvedModelOptions } from "../options/solve-options.ts";
import { solveInstanceCommand } from "../solve-instance.ts";

export const solveCommand: Command = command({
  name: "solve [model]",
  describe: "Find the best subnet within a latency budget",
  examples: [
    ["mdp solve --device jetson", "the embedded default network at half its latency"],
    ["mdp solve net.onnx --table t.json --budget 12ms --out subnet.json", "your own"],
    [
      'mdp solve net.onnx --device jetson-xavier --budget 12ms --limit "params <= 50%" --limit "latency(\'jetson-nano\') <= 40 ms"',
      "two devices and the parameters at once",
    ],
    [
      'mdp solve net.onnx --device jetson --minimize latency --limit "importance >= 95%"',
      "as fast as it can be at that importance",
    ],
    [
      "mdp solve net.onnx --device jetson --budget 12ms --robust 90%",
      "within 12 ms with that probability, although the table is a prediction",
    ],
    ["mdp solve --instance FILE.json", "a published instance of the program"],
  ],
  repeatable: REPEATABLE_LIMITS,
  options: (yargs) =>
    robustOption(solvedModelOptions(yargs))
      .option("method", {
        type: "string",
        requiresArg: true,
        default: "mdp",
        describe: `Method that chooses the subnet: ${METHOD_NAMES.join(", ")}; linear-latency:30 takes 30 steps`,
      })
      .option("write-lp", {
        type: "string",
        requiresArg: true,
        describe: "Write the program as an LP file",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        describe: "Write the subnet to this file",
      })
      .option("instance", {
        type: "string",
        requiresArg: true,
        describe: "Published instance to solve instead of a network",
      })
      .conflicts("instance", ["model", "device", "table", "importance", "robust"])
      .conflicts("instance", ["limit", "soft", "penalty", "minimize", "component"]),
  run: async (options, context) => {
    await checkSolveOptions(options);
    for (const path of [options.out, options.writeLp]) if (path !== undefined) checkWritable(path);
    const method = methodFor(options.method, options.writeLp);
    if (options.instance !== undefined) {
      return solveInstanceCommand(options.instance, { ...options, method }, context);
    }
    const started = performance.now();
    const open = await openNetwork(options.model, context);
    const source = tableFor(open, { ...options, commandLine: context.commandLine });
    const read = (performance.now() - started) / 1000;
    const wanted = {
      ...solveNetworkOptions(options, source.table.step),
      writeLp: options.writeLp,
    };
    const solved = await solveNetworkBy(method, open, source, wanted, context);
    const total = (performance.now() - started) / 1000;
    const report = reportOf({ open, source, wanted, solved, read, total });
    if (options.out !== undefined) writeSubnet(options.out, open, solved, report);
    context.json(report);
    context.print(solveText(report, painter(process.stdout.isTTY)));
    if (options.out !== undefined) context.print(`\nSubnet written to ${options.out}`);
    return solved.answer.status !== "optimal" && context.signal.aborted
      ? EXIT.interrupted
      : EXIT.done;
  },
});
