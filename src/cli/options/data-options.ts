/** `--data-config`: the same wherever images are read. */
export const DATA_CONFIG = {
  type: "string",
  requiresArg: true,
  describe: "Pre-processing of the images, as a JSON file (docs/datasets.md)",
} as const;

/** `--split`. @param otherwise the split that is used where none is named */
export function splitOption(otherwise: string): {
  readonly type: "string";
  readonly requiresArg: true;
  readonly describe: string;
} {
  return {
    type: "string",
    requiresArg: true,
    describe: `Split of the data to use [${otherwise}]`,
  };
}
