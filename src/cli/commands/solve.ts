import { EXIT } from "../../core/errors.ts";
import { checkWritable } from "../../core/files.ts";
import { METHOD_NAMES } from "../../formulation/baselines/method.ts";
import { methodFor } from "../../pipeline/solve/solve-method.ts";
import { solveModel } from "../../pipeline/solve/solve-model.ts";
import { checkSolveOptions } from "../../pipeline/solve/solve-settings.ts";
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
    ["mdp solve net.onnx --table t.json --budget 12ms --out subnet.json", "a network of your own"],
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
    if (options.instance !== undefined) {
      await checkSolveOptions(options);
      if (options.writeLp !== undefined) checkWritable(options.writeLp);
      const method = methodFor(options.method, options.writeLp);
      return solveInstanceCommand(options.instance, { ...options, method }, context);
    }
    const { solved, report } = await solveModel(options, context);
    context.json(report);
    context.print(solveText(report, painter(process.stdout.isTTY)));
    if (options.out !== undefined) context.print(`\nSubnet written to ${options.out}`);
    return solved.answer.status !== "optimal" && context.signal.aborted
      ? EXIT.interrupted
      : EXIT.done;
  },
});
