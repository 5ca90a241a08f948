/** The page of `mdp explore`: controls, the worker behind them, and the report's sections for each answer. */

import type { ExplorerData } from "../../pipeline/explore/explorer-data.ts";
import { milliseconds, percent } from "../../report/amounts.ts";
import { pageData, sectionsMarkup } from "../../report/page/page.ts";
import { EMPTY_SUBJECT, type Subject } from "../../report/page/subject.ts";
import type { SubnetFile } from "../../subnet/subnet-file.ts";
import type { Reply, TextError } from "../messages.ts";
import type { SessionAnswer } from "../session.ts";
import { commandText } from "./command-text.ts";
import { lossesText } from "./losses-text.ts";
import { type Chip, chipsMarkup, panelMarkup } from "./panel.ts";
import { type Controls, settingsOf } from "./settings.ts";
import { unpacked } from "./unpack.ts";

type Structure = NonNullable<Subject["structure"]>;

function element<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element '${id}'.`);
  // The page's own markup gives each of these names to one kind of element.
  return found as Kind;
}

/** Everything that changes while the page is looked at. */
interface State {
  readonly data: ExplorerData;
  readonly code: string;
  readonly wasm: ArrayBuffer;
  worker: Worker | null;
  structure: Structure | null;
  table: Subject["table"];
  answer: SessionAnswer | null;
  controls: Controls;
  /** The number of the last question; answers to former ones are passed over. */
  asked: number;
  isBusy: boolean;
  isWaiting: boolean;
  isFresh: boolean;
}

async function start(): Promise<void> {
  const [text, code, wasm] = await Promise.all([
    unpacked("explorer-data"),
    unpacked("explorer-worker"),
    unpacked("explorer-wasm"),
  ]);
  const decoder = new TextDecoder();
  const data = JSON.parse(decoder.decode(text)) as ExplorerData;
  element("explorer").innerHTML = panelMarkup(data).markup;
  const state: State = {
    data,
    code: decoder.decode(code),
    wasm,
    worker: null,
    structure: null,
    table: null,
    answer: null,
    controls: {
      device: 0,
      budget: data.settings.budget ?? "50%",
      limits: data.settings.limit,
      protectedDims: [],
      droppedBlocks: [],
    },
    asked: 0,
    isBusy: false,
    isWaiting: false,
    isFresh: true,
  };
  listen(state);
  launch(state);
}

/** A worker with the program, which starts by finding the structure. */
function launch(state: State): void {
  const url = URL.createObjectURL(new Blob([state.code], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onmessage = ({ data }: MessageEvent<Reply>) => hear(state, data);
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
  state.worker = worker;
  state.isFresh = true;
}

function hear(state: State, reply: Reply): void {
  switch (reply.kind) {
    case "ready":
      state.structure = reply.structure;
      ask(state);
      return;
    case "solved":
      if (reply.table !== null) state.table = reply.table;
      state.isBusy = false;
      if (reply.id === state.asked) show(state, reply.answer, reply.seconds);
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
function ask(state: State): void {
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
  const settings = settingsOf(state.data.settings, state.controls);
  const { device } = state.controls;
  state.worker?.postMessage({ kind: "solve", id: state.asked, device, settings });
}

function askWaiting(state: State): void {
  element<HTMLButtonElement>("stop").disabled = true;
  delete element("status").dataset["state"];
  if (!state.isWaiting) return;
  state.isWaiting = false;
  ask(state);
}

function show(state: State, answer: SessionAnswer, seconds: number): void {
  state.answer = answer;
  element("limit-error").hidden = true;
  element("status").textContent = statusText(answer, seconds);
  element("status").dataset["seconds"] = seconds.toFixed(3);
  element<HTMLButtonElement>("download").disabled = false;
  const { data } = state;
  const subject: Subject = {
    ...EMPTY_SUBJECT,
    title: data.network.name,
    solve: answer.report,
    structure: state.structure,
    subnet: answer.subnet as SubnetFile,
    importance: data.importance as Subject["importance"],
    table: state.table,
  };
  element("data").textContent = JSON.stringify(
    pageData([subject], [data.places === null ? null : new Map(data.places)]),
  );
  // What other programs, and the tests, read.
  element("answer").textContent = JSON.stringify(answer.report);
  element("report").innerHTML = sectionsMarkup(subject, null).markup;
  document.dispatchEvent(new CustomEvent("mdp:changed"));
}

function statusText({ report }: SessionAnswer, seconds: number): string {
  const { answer, latencyMs, importanceKept } = report;
  const proof =
    answer.status === "optimal" && answer.gap === 0
      ? "Proven optimal, gap 0"
      : `${answer.status}, bound ${answer.bound?.toPrecision(6) ?? "unknown"}, gap ${answer.gap === null ? "unknown" : percent(answer.gap)}`;
  return (
    `${proof}: ${milliseconds(latencyMs.chosen)} of ${milliseconds(latencyMs.dense)}` +
    ` (${percent(latencyMs.chosen / latencyMs.dense)}), importance ${percent(importanceKept.chosen / importanceKept.dense)}` +
    `; solved in ${seconds.toFixed(2)} s.`
  );
}

function showError({ message, where, hint }: TextError): void {
  const box = element("limit-error");
  box.textContent = [
    message,
    where === null ? "" : `where: ${where}`,
    hint === null ? "" : `fix: ${hint}`,
  ]
    .filter((line) => line !== "")
    .join("\n");
  box.hidden = false;
  element("status").textContent = "No answer: see above. The last answer is still shown.";
}

function chipsOf({ limits, protectedDims, droppedBlocks }: Controls): Chip[] {
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

function change(state: State, changes: Partial<Controls>): void {
  state.controls = { ...state.controls, ...changes };
  ask(state);
}

function without(list: readonly string[], text: string): readonly string[] {
  return list.filter((each) => each !== text);
}

function takeBack(state: State, at: number): void {
  const { controls } = state;
  const chip = chipsOf(controls)[at];
  if (chip === undefined) return;
  const { text } = chip;
  if (chip.kind === "limit") change(state, { limits: without(controls.limits, text) });
  else if (chip.kind === "protected")
    change(state, { protectedDims: without(controls.protectedDims, text) });
  else change(state, { droppedBlocks: without(controls.droppedBlocks, text) });
  element("limit").focus();
}

function addLimit(state: State): void {
  const field = element<HTMLInputElement>("limit");
  const text = field.value.trim();
  if (text === "") return;
  field.value = "";
  change(state, { limits: [...without(state.controls.limits, text), text] });
}

function listen(state: State): void {
  const range = element<HTMLInputElement>("budget-range");
  const budget = element<HTMLInputElement>("budget");
  range.addEventListener("input", () => {
    budget.value = `${range.value}%`;
    range.setAttribute("aria-valuetext", budget.value);
    change(state, { budget: budget.value });
  });
  budget.addEventListener("change", () => change(state, { budget: budget.value }));
  const device = element<HTMLSelectElement>("device");
  device.addEventListener("change", () => change(state, { device: Number(device.value) }));
  document.querySelector(".controls")?.addEventListener("submit", (event) => {
    event.preventDefault();
    addLimit(state);
  });
  element("chips").addEventListener("click", ({ target }) => {
    const at = target instanceof HTMLElement ? target.dataset["chip"] : undefined;
    if (at !== undefined) takeBack(state, Number(at));
  });
  element("stop").addEventListener("click", () => stop(state));
  element("copy").addEventListener("click", () => void copyCommand());
  element("download").addEventListener("click", () => download(state));
  // The report's script says which dim or block is meant.
  document.addEventListener("mdp:act", (event) => act(state, event as CustomEvent<Action>));
}

interface Action {
  readonly kind: "protect" | "drop" | "steps";
  readonly name: string;
}

function act(state: State, { detail: { kind, name } }: CustomEvent<Action>): void {
  const { protectedDims, droppedBlocks } = state.controls;
  if (kind === "protect") change(state, { protectedDims: [...without(protectedDims, name), name] });
  else if (kind === "drop")
    change(state, { droppedBlocks: [...without(droppedBlocks, name), name] });
  else state.worker?.postMessage({ kind: "steps", id: state.asked, dim: name });
}

/** The program in the worker can't be asked to stop: the worker is ended, and another begins. */
function stop(state: State): void {
  state.worker?.terminate();
  state.isBusy = false;
  state.isWaiting = false;
  state.structure = null;
  element<HTMLButtonElement>("stop").disabled = true;
  element("status").textContent = "Stopped. The program starts again.";
  launch(state);
}

async function copyCommand(): Promise<void> {
  const text = element("command").textContent ?? "";
  const said = element("copied");
  try {
    await navigator.clipboard.writeText(text);
    said.textContent = "Copied.";
  } catch {
    // Pages that were opened from disk may not be allowed to: the text is selected instead.
    getSelection()?.selectAllChildren(element("command"));
    said.textContent = "Press Ctrl-C to copy the selected command.";
  }
}

function download({ answer }: State): void {
  if (answer === null) return;
  const text = `${JSON.stringify(answer.subnet, null, 1)}\n`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "subnet.json";
  link.click();
  URL.revokeObjectURL(link.href);
}

start().catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  const place = document.getElementById("explorer");
  if (place !== null) place.textContent = `The explorer could not start: ${text}`;
});
