/** The page of `mdp explore`: controls, the worker behind them, and the report's sections for each answer. */

import type { ExplorerData } from "../../pipeline/explore/explorer-data.ts";
import { panelMarkup } from "./panel.ts";
import type { Controls } from "./settings.ts";
import { element, type State } from "./state.ts";
import { unpacked } from "./unpack.ts";
import { ask, chipsOf, launch, stop } from "./worker-turns.ts";

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
    certifier: null,
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
    hasNewTable: false,
  };
  listen(state);
  launch(state);
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
  budget.addEventListener("change", () => {
    // Leaving the field says so again: an answer drawn meanwhile would take the button away that is being pressed.
    const isSaid = budget.value === state.controls.budget && element("limit-error").hidden;
    if (!isSaid) change(state, { budget: budget.value });
  });
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
