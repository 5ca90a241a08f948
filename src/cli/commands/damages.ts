import { checkWritable } from "../../core/files.ts";
import { DAMAGES } from "../../documents/damages.ts";
import { writeDocument } from "../../documents/document.ts";
import { carrying } from "../../pipeline/open/images.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { measureDamages } from "../../pipeline/sparsify/measure-damages.ts";
import { damagesText } from "../../report/damages-report.ts";
import { type Command, command } from "../command.ts";
import { sparseOptions, sparseRequest } from "../options/sparse-options.ts";

export const damagesCommand: Command = command({
  name: "damages [model]",
  describe: "Measure what a network loses where single weights of a layer go",
  examples: [
    [
      "mdp damages net.onnx --data photos --out damages.json",
      "each layer at ten densities, fitted on photos without labels",
    ],
    [
      "mdp sweep net.onnx --damages damages.json --from 50% --to 10%",
      "then: zeros against damage, proven at each point",
    ],
    [
      'mdp solve net.onnx --importance i.json --damages damages.json --device jetson --limit "bytes <= 15%" --out subnet.json',
      "channels and zeros in one program",
    ],
  ],
  options: (yargs) =>
    sparseOptions(yargs)
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .option("sparsity", {
        type: "string",
        requiresArg: true,
        describe: "Measure only densities near this share of zeros: 80%",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        default: "damages.json",
        describe: "File to write",
      }),
  run: async (options, context) => {
    const chosen = sparseRequest(options);
    checkWritable(options.out);
    const open = carrying(await openNetwork(options.model), options);
    const report = await measureDamages(
      open,
      {
        ...{ ...options, ...chosen },
        limits: { limit: [], soft: [], penalty: [], minimize: null },
        ...{ components: new Map(), rates: "program", format: "zeros" },
        ...{ looks: 1, passes: 1, refine: 0, memory: 2 },
      },
      context,
    );
    writeDocument(DAMAGES, options.out, report);
    context.json(report);
    context.print(damagesText(report));
    context.print(`\nWritten to ${options.out}`);
    return undefined;
  },
});
