/** The points of a frontier: what is shown for each is made once, and then only changed. */
const showPoint = (slider) => {
  const section = slider.closest("section");
  const point = subjectOf(slider)?.points[Number(slider.value)];
  if (point === undefined) return;
  section.querySelector(".point-text").textContent = point.text;
  slider.setAttribute("aria-valuetext", point.text);
  const place = section.querySelector(".widths");
  const dropped = section.querySelector(".dropped");
  dropped.textContent = point.dropped.length === 0 ? "" : `Dropped: ${point.dropped.join(", ")}`;
  if (place.children.length !== point.widths.length) {
    place.replaceChildren(
      ...point.widths.map(() => {
        const row = element("div");
        const bar = element("span", undefined, "bar");
        bar.append(element("span", undefined, "kept"));
        row.append(element("span", "", "name"), bar);
        return row;
      }),
    );
  }
  for (const [at, [name, kept, units]] of point.widths.entries()) {
    const [label, bar] = place.children[at].children;
    label.textContent = `${name}: ${kept} of ${units}`;
    bar.firstChild.style.width = `${(100 * kept) / Math.max(1, units)}%`;
  }
  const marks = section.querySelectorAll("[data-point]");
  for (const mark of marks) {
    mark.closest("tr").classList.toggle("now", mark.dataset.point === slider.value);
  }
};
