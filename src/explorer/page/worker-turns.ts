import type { Question, Reply } from "../messages.ts";
import { commandText } from "./command-text.ts";
import { lossesText } from "./losses-text.ts";
import { type Chip, chipsMarkup } from "./panel.ts";
import { type Controls, settingsOf } from "./settings.ts";
import { lacksCertificate, show, showCertified, showError } from "./show-answer.ts";
import { element, type State } from "./state.ts";

/** How long nothing is asked before the last answer is certified. */
const QUIET_MILLISECONDS = 300;

/** A worker that answers what the controls ask. */
export function launch(state: State): void {
  state.worker = workerOf(state, (reply) => hear(state, reply));
  state.isFresh = true;
}

/** A worker with the program, which starts by finding the structure. */
function workerOf(state: State, listen: (reply: Reply) => void): Worker {
  const url = URL.createObjectURL(new Blob([state.code], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onmessage = ({ data }: MessageEvent<Reply>) => listen(data);
  worker.onerror = ({ message }) => {
    showError({
      code: "internal",
      message: `The worker ended: ${message}`,
      where: null,
      hint: null,
    });
  };
  // The compiled program is kept, so that a worker that was stopped can be followed by another.
  worker.postMessage({ kind: "start", data: state.data, wasm: state.wasm });
  URL.revokeObjectURL(url);
  return worker;
}

/** Lets a solver certify an answer that the presolve proved, once nothing more is asked for a moment. */
function certifyLater(state: State, id: number): void {
  setTimeout(() => {
    if (id !== state.asked || state.isBusy) return;
    if (state.certifier === null) {
      const worker = workerOf(state, (reply) => hearCertifier(state, reply));
      state.certifier = { worker, isFree: false };
    } else if (state.certifier.isFree) askCertifier(state);
  }, QUIET_MILLISECONDS);
}

function askCertifier(state: State): void {
  const { certifier, answer, isBusy } = state;
  if (certifier === null || isBusy || answer === null || !lacksCertificate(answer)) return;
  certifier.isFree = false;
  certifier.worker.postMessage(questionOf(state, true));
}

/** Its answer counts where nothing was asked since. */
function hearCertifier(state: State, reply: Reply): void {
  if (state.certifier !== null) state.certifier.isFree = true;
  const isLast = "id" in reply && reply.id === state.asked && !state.isBusy;
  if (reply.kind === "solved" && isLast) showCertified(state, reply.answer);
  else if (reply.kind === "failed" && isLast) showError(reply.error);
  else askCertifier(state);
}

function questionOf(state: State, certify: boolean): Question {
  const settings = settingsOf(state.data.settings, state.controls);
  const { device } = state.controls;
  return { kind: "solve", id: state.asked, device, settings, certify };
}

function hear(state: State, reply: Reply): void {
  switch (reply.kind) {
    case "ready":
      state.structure = reply.structure;
      ask(state);
      return;
    case "solved":
      if (reply.table !== null) {
        state.table = reply.table;
        state.hasNewTable = true;
      }
      state.isBusy = false;
      if (reply.id === state.asked) {
        show(state, reply.answer, reply.seconds);
        if (lacksCertificate(reply.answer)) certifyLater(state, reply.id);
      }
      askWaiting(state);
      return;
    case "steps":
      document.dispatchEvent(
        new CustomEvent("mdp:steps", {
          detail: { dim: reply.dim, text: lossesText(reply.losses, denseImportance(state)) },
        }),
      );
      return;
    case "failed":
      state.isBusy = false;
      if (reply.id === null || reply.id === state.asked) showError(reply.error);
      askWaiting(state);
      return;
    default:
      reply satisfies never;
  }
}

function denseImportance({ answer }: State): number {
  return answer?.report.importanceKept.dense ?? 1;
}

/** Asks what the controls say; while an answer is awaited, the last wish waits for its turn. */
export function ask(state: State): void {
  showControls(state);
  if (state.structure === null) return;
  if (state.isBusy) {
    state.isWaiting = true;
    return;
  }
  state.asked += 1;
  state.isBusy = true;
  element("limit-error").hidden = true;
  element<HTMLButtonElement>("stop").disabled = false;
  if (state.isFresh)
    element("status").textContent = "Building the program: the first answer takes longest.";
  else element("status").dataset["state"] = "busy";
  state.isFresh = false;
  state.worker?.postMessage(questionOf(state, false));
}

function askWaiting(state: State): void {
  element<HTMLButtonElement>("stop").disabled = true;
  delete element("status").dataset["state"];
  if (!state.isWaiting) return;
  state.isWaiting = false;
  ask(state);
}

/** The program in the worker can't be asked to stop: the worker is ended, and another begins. */
export function stop(state: State): void {
  state.worker?.terminate();
  state.isBusy = false;
  state.isWaiting = false;
  state.structure = null;
  element<HTMLButtonElement>("stop").disabled = true;
  element("status").textContent = "Stopped. The program starts again.";
  launch(state);
}

/** What was asked for besides the budget, in the order that it is shown. */
export function chipsOf({ limits, protectedDims, droppedBlocks }: Controls): Chip[] {
  return [
    ...limits.map((text): Chip => ({ kind: "limit", text })),
    ...protectedDims.map((text): Chip => ({ kind: "protected", text })),
    ...droppedBlocks.map((text): Chip => ({ kind: "dropped", text })),
  ];
}

function showControls(state: State): void {
  const { controls, data } = state;
  element("chips").innerHTML = chipsMarkup(chipsOf(controls)).markup;
  const device = data.devices[controls.device] ?? data.devices[0];
  if (device === undefined) return;
  const settings = settingsOf(data.settings, controls);
  element("command").textContent = commandText(data.command, device, settings);
}
