import type { Argv } from "yargs";
import type { Command, CommonOptions } from "../command.ts";
import { initMetricsCommand } from "./metrics/init.ts";
import { suggestMetricsCommand } from "./metrics/suggest.ts";

const ACTIONS: readonly Command[] = [initMetricsCommand, suggestMetricsCommand];

/** `mdp metrics <action>`: what a network must still do, as a file. */
export const metricsCommand: Command = (parser) => {
  parser.command(
    "metrics <action>",
    "Write metrics.json, and see what can be measured",
    (yargs: Argv<CommonOptions>) => {
      for (const add of ACTIONS) add(yargs);
      return yargs
        .example(
          "mdp metrics init net.onnx --data parts --out metrics.json",
          "a commented file to edit",
        )
        .example(
          "mdp metrics suggest net.onnx --data parts",
          "what can be measured, and how early it reacts",
        )
        .demandCommand(1, "What is to be done with metrics?");
    },
    () => {},
  );
};
