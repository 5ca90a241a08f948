import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../core/files.ts";

/** Files of ours that run on the board. */
export type BoardFile = "board.sh" | "power.sh" | "probe.sh" | "runner.mjs" | "runner.py";

/** They lie in the package as they are; nothing of them is made up while running. */
export function boardFile(name: BoardFile): string {
  return readFileSync(join(packageRoot(), "src/latency/remote/board", name), "utf8");
}
