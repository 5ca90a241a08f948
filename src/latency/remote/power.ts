import { sha256 } from "../../core/files.ts";
import { readingOf } from "../energy/tegrastats.ts";
import type { Measurement } from "../measure/measurer.ts";
import { boardFile } from "./assets.ts";
import type { Board } from "./board.ts";
import { measuringJob } from "./runners/ort-script.ts";
import { type BoardNetwork, BUSY_MS, type Runner } from "./runners/runner.ts";

/** What a network takes besides time; without what the board doesn't tell. */
export type Consumption = Pick<Measurement, "energyMj" | "memoryBytes">;

/** Tells what a network takes, by running it without a pause while a meter watches. */
export type PowerMeter = (network: BoardNetwork, runMs: number) => Promise<Consumption>;

/** As power.sh asks tegrastats for them. */
const INTERVAL_MS = 100;
/** However long the program takes to load: the last lines are of a network that runs, but for a few while it ends. */
const ENDING = 3;
const BUSY_LINES = Math.floor((0.8 * BUSY_MS) / INTERVAL_MS);
const LIMIT_SECONDS = 1800;

/**
 * A meter that reads tegrastats.
 * @param tegrastats its path on the board
 * @throws InputError as `Board.put`; the meter as `Board.exec`
 */
export async function tegrastatsMeter(
  board: Board,
  runner: Runner,
  tegrastats: string,
): Promise<PowerMeter> {
  const source = boardFile("power.sh");
  const script = `p${sha256(source).slice(0, 16)}.sh`;
  if (!(await board.has(script))) await board.put(script, Buffer.from(source));
  const linesOf = async (name: string): Promise<string[]> =>
    ((await board.get(name))?.toString("utf8") ?? "").split("\n");
  return async (network, runMs) => {
    const argv = await runner.busy(network, runMs);
    const name = measuringJob(network, sha256(JSON.stringify([script, tegrastats, argv])));
    await board.exec({
      name,
      argv: ["sh", script, tegrastats, name, ...argv],
      limitSeconds: LIMIT_SECONDS,
    });
    const running = await linesOf(`${name}.running`);
    const busy = running.slice(-(BUSY_LINES + ENDING), -ENDING);
    const { energyMj, memoryBytes } = readingOf(await linesOf(`${name}.idle`), busy, runMs);
    return {
      ...(energyMj === null ? {} : { energyMj }),
      ...(memoryBytes === null ? {} : { memoryBytes: Math.round(memoryBytes) }),
    };
  };
}
