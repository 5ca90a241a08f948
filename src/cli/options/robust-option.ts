import type { Argv } from "yargs";

/** The option of `solve` and `prune`. */
export function robustOption<Options>(
  yargs: Argv<Options>,
): Argv<Options & { readonly robust: string | undefined }> {
  return yargs.option("robust", {
    type: "string",
    requiresArg: true,
    describe: "Keep the budget with this probability, given the table's errors: 90%",
  });
}
