/** The program of a page of `mdp explore`: it runs in a worker of the page, and asks nothing of any host. */
import loadHighs from "highs";
import { highsInPlace } from "../../solvers/in-place.ts";
import { MdpError } from "../core/errors.ts";
import type { Solver } from "../mip/solver.ts";
import type { Question, Reply, TextError } from "./messages.ts";
import { type Session, startSession } from "./session.ts";

/** Of a worker's global object, what is used here. */
interface WorkerScope {
  onmessage: ((event: { readonly data: Question }) => void) | null;
  readonly postMessage: (reply: Reply) => void;
}

const scope = globalThis as unknown as WorkerScope;
const STEP_SECONDS = 10;
let session: Session | null = null;
let shownDevice: number | null = null;
/** One question after the other. */
let turn: Promise<void> = Promise.resolve();

scope.onmessage = ({ data: question }) => {
  turn = turn.then(() => answer(question));
};

async function answer(question: Question): Promise<void> {
  const id = question.kind === "start" ? null : question.id;
  try {
    scope.postMessage(await replyTo(question));
  } catch (error) {
    scope.postMessage({ kind: "failed", id, error: textOf(error) });
  }
}

async function replyTo(question: Question): Promise<Reply> {
  if (question.kind === "start") {
    session = startSession(question.data, [highsOf(question.wasm)]);
    return { kind: "ready", structure: session.structure as never };
  }
  if (session === null) throw new Error("The worker was asked before it was started.");
  const { id } = question;
  if (question.kind === "steps") {
    const { dim } = question;
    return { kind: "steps", id, dim, losses: await session.stepsOf(dim, STEP_SECONDS) };
  }
  const { device, settings, certify } = question;
  const began = performance.now();
  const solved = await session.solve(device, settings, certify);
  const seconds = (performance.now() - began) / 1000;
  const table = device === shownDevice ? null : session.table(device);
  shownDevice = device;
  return { kind: "solved", id, answer: solved, seconds, table };
}

/** What the package's loader takes; its own types name options that this build of it doesn't read. */
type Load = (options: {
  readonly instantiateWasm: (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance) => void,
  ) => Readonly<Record<string, never>>;
}) => Promise<unknown>;

function highsOf(wasm: ArrayBuffer): Solver {
  // The package types itself as CommonJS, whose default export is the loader.
  const load = loadHighs as unknown as Load;
  let compiled: Promise<WebAssembly.Module> | null = null;
  return highsInPlace(async () => {
    compiled ??= WebAssembly.compile(wasm);
    const program = await compiled;
    return {
      default: () =>
        load({
          instantiateWasm: (imports, done) => {
            done(new WebAssembly.Instance(program, imports));
            return {};
          },
        }),
    };
  });
}

function textOf(error: unknown): TextError {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof MdpError)) return { code: "internal", message, where: null, hint: null };
  const { code, where = null, hint = null } = error;
  return { code, message, where, hint };
}
