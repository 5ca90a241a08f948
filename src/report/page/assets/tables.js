/** Tables sort by a click on a heading; a second click turns the order. */
const sortBy = (head) => {
  const table = head.closest("table");
  const at = head.cellIndex;
  const isUp = head.getAttribute("aria-sort") === "ascending";
  for (const each of table.querySelectorAll("th")) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", isUp ? "descending" : "ascending");
  const keyOf = (row) => {
    const cell = row.cells[at];
    const text = cell.dataset.sort || cell.textContent;
    const number = Number(text);
    return text === "" || Number.isNaN(number) ? text : number;
  };
  const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row), row]);
  rows.sort(([a], [b]) => {
    const order =
      typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return isUp ? -order : order;
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
};

/** The table as text with tabs between the cells, as spreadsheets take it. */
const copyTable = async (table, said) => {
  const lines = [...table.rows].map((row) =>
    [...row.cells].map((cell) => cell.textContent.trim().replaceAll(/\s+/g, " ")).join("\t"),
  );
  try {
    await navigator.clipboard.writeText(lines.join("\n"));
    said.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(table);
    said.textContent = "Press Ctrl-C";
  }
};

const filterRows = (field) => {
  const wanted = field.value.toLowerCase();
  for (const row of field.closest("section").querySelectorAll("tbody tr")) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
  }
};
