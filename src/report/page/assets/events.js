document.getElementById("theme").addEventListener("click", turnTheme);
document.addEventListener("click", ({ target }) => {
  const at = target.closest?.("button");
  if (!at) return;
  if (at.dataset.dim !== undefined) showDim(at);
  else if (at.dataset.op !== undefined) showOp(at);
  else if (at.dataset.drop !== undefined) act("drop", at.dataset.drop);
  else if (at.dataset.copy !== undefined) {
    void copyTable(at.closest(".box").querySelector("table"), at);
  } else if (at.dataset.save !== undefined) {
    saveFigure(at.closest("figure").querySelector("svg"), at.dataset.save);
  } else if (at.parentElement?.tagName === "TH") sortBy(at.parentElement);
});
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  for (const detail of document.querySelectorAll(".detail:not([hidden])")) {
    [...detail.querySelectorAll("button")].at(-1)?.click();
  }
});
document.addEventListener("input", ({ target }) => {
  if (target.classList?.contains("point")) showPoint(target);
  if (target.classList?.contains("find")) filterRows(target);
});
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (target.open && target.dataset?.ops !== undefined) drawOps(target);
  },
  true,
);
document.addEventListener("mdp:steps", ({ detail: { dim, text } }) => {
  const place = document.querySelector(".detail .steps");
  if (place !== null && dim === state.openDim) place.textContent = text;
});

/** After sections were made: what only the script can add. */
const complete = () => {
  for (const slider of document.querySelectorAll("input.point")) showPoint(slider);
  if (!isExplorer) return;
  for (const block of document.querySelectorAll(".block:not(.gone)")) {
    const { block: name } = block.dataset;
    if (name === "") continue;
    const drop = button("Drop this block", () => {});
    drop.dataset.drop = name;
    drop.setAttribute("aria-label", `Drop this block: ${name.slice(0, 100)}`);
    block.querySelector("h3").append(" ", drop);
  }
};
/** The sections were made again: what was open is opened again. */
document.addEventListener("mdp:changed", ({ detail }) => {
  state.data = JSON.parse(document.getElementById("data").textContent);
  if (detail?.hasNewCells) state.cells = null;
  const [dim, op] = [state.openDim, state.openOp];
  complete();
  const at = state.data.subjects[0].dims.findIndex(({ name }) => name === dim);
  for (const each of document.querySelectorAll(`button[data-dim="${at}"]`)) showDim(each);
  for (const each of document.querySelectorAll(`button[data-op="${op}"]`)) showOp(each);
});
complete();
