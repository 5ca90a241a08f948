/** What the rows of a slider's widths show, and which of them are in sight: those follow each step, the others when it rests. */
const rowsOf = new WeakMap();

const makeRows = (place, { names, units }) => {
  const rows = names.map((name, at) => {
    const row = element("div");
    const bar = element("i", undefined, "bar");
    const amount = element("span", "", "amount");
    row.append(element("span", name, "name"), " ", amount, bar);
    return { row, bar, amount, units: units[at], shown: -1, isSeen: at < 40 };
  });
  const byElement = new Map(rows.map((each) => [each.row, each]));
  const made = { rows, wanted: [], rest: 0 };
  const observer = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      const each = byElement.get(target);
      each.isSeen = isIntersecting;
      if (isIntersecting) showRow(each, made.wanted[rows.indexOf(each)]);
    }
  });
  place.replaceChildren(...rows.map(({ row }) => row));
  for (const { row } of rows) observer.observe(row);
  rowsOf.set(place, made);
  return made;
};

const showRow = (each, kept) => {
  if (kept === undefined || each.shown === kept) return;
  each.shown = kept;
  each.amount.textContent = `${kept} of ${each.units}`;
  each.bar.style.setProperty("--k", `${(100 * kept) / Math.max(1, each.units)}%`);
};

/** Moves to the point of a frontier that the slider stands on. */
const showPoint = (slider) => {
  const section = slider.closest("section");
  const { frontier } = subjectOf(slider) ?? {};
  const point = frontier?.points[Number(slider.value)];
  if (point === undefined) return;
  section.querySelector(".point-text").textContent = point.text;
  slider.setAttribute("aria-valuetext", point.text);
  section.querySelector(".dropped").textContent =
    point.dropped.length === 0 ? "" : `Dropped: ${point.dropped.join(", ")}`;
  for (const mark of section.querySelectorAll("tr.now")) mark.classList.remove("now");
  section.querySelector(`[data-point="${slider.value}"]`)?.closest("tr").classList.add("now");
  const place = section.querySelector(".widths");
  place.hidden = point.kept.length === 0;
  if (place.hidden) return;
  const made = rowsOf.get(place) ?? makeRows(place, frontier);
  made.wanted = point.kept;
  for (const [at, each] of made.rows.entries()) if (each.isSeen) showRow(each, point.kept[at]);
  clearTimeout(made.rest);
  made.rest = setTimeout(() => {
    for (const [at, each] of made.rows.entries()) showRow(each, made.wanted[at]);
  }, 250);
};
