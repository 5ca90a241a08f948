// The script of a page, put together from the files of this folder (base, tables, save, charts, details, ops, frontier, events) inside one
// function. It reads the JSON of the page and changes what is shown; it asks nothing of any host. Sections may be made again while the
// page is open (mdp explore), so that it listens to the whole document.
const SVG = "http://www.w3.org/2000/svg";
const isExplorer = document.getElementById("explorer") !== null;
/** What changes while the page is open. */
const state = {
  data: JSON.parse(document.getElementById("data").textContent),
  /** Cells of latency tables: large, and read where the first operation is selected. */
  cells: null,
  /** What is selected: a dim by its name, an operation by its place. */
  openDim: null,
  openOp: null,
};

const element = (tag, text, className) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className !== undefined && className !== "") made.className = className;
  return made;
};
const button = (text, act) => {
  const made = element("button", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
};
/** An element of a figure. */
const drawn = (tag, attributes, text) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
};
const figureOf = (width, height, label) => {
  const figure = drawn("svg", {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    class: "drawn",
    role: "img",
    "aria-label": label,
  });
  return figure;
};
const subjectAt = (inside) => Number(inside.closest("article")?.dataset.subject);
const subjectOf = (inside) => state.data.subjects[subjectAt(inside)] ?? null;
/** What the page of mdp explore is asked to do. */
const act = (kind, name) =>
  document.dispatchEvent(new CustomEvent("mdp:act", { detail: { kind, name } }));

const turnTheme = () => {
  const root = document.documentElement;
  const isDark =
    root.dataset.theme === "dark" ||
    (root.dataset.theme === undefined && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = isDark ? "light" : "dark";
};
