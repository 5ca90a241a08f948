/** Tries the inputs of one target in a process that may be killed: `child.ts TARGET SEED FROM END FOLDER MEGABYTES`. */
import { existsSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { SABOTAGED, TARGETS } from "./targets.ts";
import { faultOf, inputAt, smallest } from "./try-input.ts";

/** What the process says to the one that started it. */
export type FromChild =
  | { readonly kind: "ready" }
  | {
      readonly kind: "fault";
      readonly index: number;
      readonly what: string;
      readonly input: string;
    }
  | { readonly kind: "memory"; readonly index: number; readonly megabytes: number };

/** File in the folder that holds the number of the input that is tried, as a float64. */
export const AT = "at";

async function tryInputs(
  name: string,
  seed: number,
  from: number,
  end: number,
  folder: string,
  megabytesMore: number,
): Promise<void> {
  const load = TARGETS[name] ?? SABOTAGED[name];
  if (load === undefined) throw new RangeError(`no target '${name}'`);
  const scratch = join(folder, "scratch");
  mkdirSync(scratch);
  process.chdir(scratch);
  const reader = await (await load()).open(scratch);
  const at = openSync(join(folder, AT), "w");
  const number = new Float64Array(1);
  const say = (message: FromChild): Promise<void> =>
    new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
  let index = from;
  // What is thrown where nobody waits for it belongs to the input that is tried.
  process.on("uncaughtException", (error) => {
    const what = `${error.name}: ${error.message} @ nobody waited for it`;
    void say({ kind: "fault", index, what, input: "" }).finally(() => process.exit(3));
  });
  const most = peakMegabytes() + megabytesMore;
  await say({ kind: "ready" });
  for (; index < end; index += 1) {
    number[0] = index;
    writeSync(at, number, 0, 8, 0);
    const input = inputAt(reader, name, seed, index);
    const what = await faultOf(reader, input);
    if (what !== null) {
      const least = await smallest(reader, input, what);
      await say({ kind: "fault", index, what, input: Buffer.from(least.bytes).toString("base64") });
    }
    const megabytes = peakMegabytes();
    if (megabytes > most) {
      await say({ kind: "memory", index, megabytes });
      process.exit(4);
    }
  }
  number[0] = end;
  writeSync(at, number, 0, 8, 0);
  process.exit(0);
}

/**
 * Most memory that this process has had resident. What the system counts for a process (`maxRSS`) begins with what its parent
 * had when it started it, so that a large parent would hide what is taken here; Linux also tells the peak of this program alone.
 */
function peakMegabytes(): number {
  const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
  const peak = /^VmHWM:\s*(\d+) kB/m.exec(status)?.[1];
  return (peak === undefined ? process.resourceUsage().maxRSS : Number(peak)) / 1024;
}

const [name = "", seed, from, end, folder = "", megabytesMore] = process.argv.slice(2);
if (process.send !== undefined)
  await tryInputs(name, Number(seed), Number(from), Number(end), folder, Number(megabytesMore));
