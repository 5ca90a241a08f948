import type { ExplorerSettings } from "../../pipeline/explore/explorer-data.ts";

/** What the controls of the page say. */
export interface Controls {
  readonly device: number;
  readonly budget: string;
  readonly limits: readonly string[];
  /** Names of dims. */
  readonly protectedDims: readonly string[];
  /** Names of blocks. */
  readonly droppedBlocks: readonly string[];
}

/** The settings of a solve that the controls stand for, on top of those that the page was made with. */
export function settingsOf(given: ExplorerSettings, controls: Controls): ExplorerSettings {
  const { budget, limits, protectedDims, droppedBlocks } = controls;
  const patterns = protectedDims.map((name) => `^${pattern(name)}$`);
  const protect = [given.protect, ...patterns].filter((each) => each !== undefined).join("|");
  return {
    ...given,
    budget: budget.trim() === "" ? undefined : budget,
    protect: protect === "" ? undefined : protect,
    limit: [...limits, ...droppedBlocks.map(dropLimit)],
  };
}

/**
 * A block is dropped by a limit, in the grammar of all limits: by its very name, or, where no quotes can hold that, by a pattern in which
 * a dot stands for every sign that means something in quotes or patterns.
 */
function dropLimit(name: string): string {
  const quote = name.includes("\\") ? undefined : ["'", '"'].find((each) => !name.includes(each));
  const argument =
    quote === undefined
      ? `'^${name.replaceAll(/[\\'"^$.*+?()[\]{}|]/g, ".")}$'`
      : `${quote}${name}${quote}`;
  return `dropped_blocks(${argument}) >= 1`;
}

/** A regular expression that matches the name; `|` would part the option's text. */
function pattern(name: string): string {
  return name.replaceAll("|", ".").replaceAll(/[\\^$*+?()[\]{}]/g, "\\$&");
}
