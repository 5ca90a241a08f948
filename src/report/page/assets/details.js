/** Shows what was selected in the section's own place; Close goes back to where it was selected. */
const openDetail = (from, title, parts, actions = []) => {
  const detail = from.closest("section").querySelector(".detail");
  const row = element("p", undefined, "actions");
  row.append(
    ...actions,
    button("Close", () => {
      detail.hidden = true;
      [state.openDim, state.openOp] = [null, null];
      from.focus();
    }),
  );
  detail.replaceChildren(element("h3", title, "name"), ...parts, row);
  detail.hidden = false;
};

const showDim = (from) => {
  const dim = subjectOf(from)?.dims[Number(from.dataset.dim)];
  if (dim === undefined) return;
  state.openDim = dim.name;
  const steps = element("p", "", "steps");
  steps.setAttribute("role", "status");
  const parts = [element("p", `${dim.kept} of ${dim.total} kept.`)];
  if (dim.why.length > 0) {
    const list = element("ul");
    list.append(...dim.why.map((text) => element("li", text)));
    parts.push(list);
  } else if (!isExplorer) {
    parts.push(
      element(
        "p",
        "Why it is so wide: the same mdp prune again adds explain.json to the folder of an older run; then write the report again.",
        "faint-text",
      ),
    );
  }
  if (dim.scores.length > 0) parts.push(scoreFigure(dim));
  const actions = isExplorer
    ? [
        button("Keep it whole", () => act("protect", dim.name)),
        button("What would one step cost?", () => {
          steps.textContent = "Each step is solved again; this takes a few seconds.";
          act("steps", dim.name);
        }),
      ]
    : [];
  openDetail(from, dim.name, [...parts, steps], actions);
};

const ORIGINS = { m: "measured", i: "interpolated", p: "predicted" };

const originText = (letters) => {
  const share = (letter) => [...letters].filter((each) => each === letter).length / letters.length;
  return Object.entries(ORIGINS)
    .filter(([letter]) => share(letter) > 0)
    .map(([letter, word]) => `${Math.round(100 * share(letter))} % ${word}`)
    .join(", ");
};

/** The table behind an operation, with the chosen cell framed. */
const showOp = (from) => {
  const at = Number(from.dataset.op);
  const op = subjectOf(from)?.ops[at];
  if (op === undefined) return;
  state.cells ??= JSON.parse(document.getElementById("cells").textContent);
  const table = state.cells.tables[subjectAt(from)];
  const found = table?.cells[table.of[at]];
  state.openOp = at;
  // What the row says of it.
  const [label, kind] = [from.textContent, from.closest("tr").cells[1].textContent];
  if (found === undefined || found.counts.length === 0) {
    openDetail(from, label, [
      element("p", `${kind}: ${markText(op)}. No choice changes its widths.`),
    ]);
    return;
  }
  const part = sliceOf(found, op);
  const figure = element("figure", undefined, "chart");
  figure.append(
    found.counts.length === 1 ? stairsFigure(part, op) : mapFigure(part, op),
    saveButtons(),
  );
  const slice = part.slice === null ? "" : ` Shown for ${part.slice} on the first of its widths.`;
  openDetail(from, label, [
    element(
      "p",
      `${kind}: ${markText(op)}. Framed: ${op.chosen === null ? "" : "chosen (solid) and "}dense (dashed). Cells: ${originText(found.origin)}.${slice}`,
    ),
    figure,
  ]);
};
