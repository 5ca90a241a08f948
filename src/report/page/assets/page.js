// The script of a report page. It reads the JSON of the page and changes what is shown; it asks nothing of any host.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const isDark =
      root.dataset.theme === "dark" ||
      (root.dataset.theme === undefined && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = isDark ? "light" : "dark";
  });

  // Tables sort by a click on a heading; a second click turns the order.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.querySelectorAll("th")];
    for (const [at, head] of heads.entries()) {
      head.querySelector("button").addEventListener("click", () => {
        const isUp = head.getAttribute("aria-sort") === "ascending";
        for (const each of heads) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", isUp ? "descending" : "ascending");
        const key = (row) => {
          const cell = row.cells[at];
          const text = cell.dataset.sort || cell.textContent;
          const number = Number(text);
          return text === "" || Number.isNaN(number) ? text : number;
        };
        const rows = [...table.tBodies[0].rows].sort((one, other) => {
          const [a, b] = [key(one), key(other)];
          const order =
            typeof a === "number" && typeof b === "number"
              ? a - b
              : String(a).localeCompare(String(b));
          return isUp ? -order : order;
        });
        table.tBodies[0].append(...rows);
      });
    }
  }

  const element = (tag, text, className) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className !== undefined) made.className = className;
    return made;
  };

  /** Bars of a dim's scores, best first: kept and cut. */
  const scoreFigure = (scores) => {
    const space = "http://www.w3.org/2000/svg";
    const width = 640;
    const height = 90;
    const most = Math.max(...scores.map(([score]) => score), 1e-12);
    const figure = document.createElementNS(space, "svg");
    figure.setAttribute("viewBox", `0 0 ${width} ${height}`);
    figure.setAttribute("role", "img");
    figure.setAttribute("aria-label", "Scores of the units, best first; light bars were cut");
    figure.style.maxWidth = "100%";
    const step = width / scores.length;
    for (const [at, [score, isKept]] of scores.entries()) {
      const bar = document.createElementNS(space, "rect");
      const tall = Math.max(1, (height * score) / most);
      bar.setAttribute("x", String(at * step));
      bar.setAttribute("y", String(height - tall));
      bar.setAttribute("width", String(Math.max(0.5, step * 0.9)));
      bar.setAttribute("height", String(tall));
      bar.setAttribute("fill", isKept ? "var(--kept)" : "var(--gone)");
      figure.append(bar);
    }
    return figure;
  };

  for (const article of document.querySelectorAll("article")) {
    const subject = data.subjects[Number(article.dataset.subject)];
    const detail = article.querySelector(".detail");
    for (const button of article.querySelectorAll("[data-dim]")) {
      button.addEventListener("click", () => {
        const dim = subject.dims[Number(button.dataset.dim)];
        if (dim === undefined || detail === null) return;
        detail.replaceChildren(
          element("strong", dim.name, "name"),
          element("p", `${dim.kept} of ${dim.total} channels kept. ${dim.why}`),
        );
        if (dim.scores.length > 0) detail.append(scoreFigure(dim.scores));
        const close = element("button", "Close");
        close.type = "button";
        close.addEventListener("click", () => {
          detail.hidden = true;
          button.focus();
        });
        detail.append(close);
        detail.hidden = false;
      });
    }
    const slider = article.querySelector("input.point");
    if (slider === null) continue;
    const text = article.querySelector(".point-text");
    const widths = article.querySelector(".widths");
    const show = () => {
      const point = subject.points[Number(slider.value)];
      if (point === undefined) return;
      text.textContent = point.text;
      slider.setAttribute("aria-valuetext", point.text);
      const rows = point.widths.map(([name, kept, units]) => {
        const row = element("div");
        row.append(element("span", `${name}: ${kept} of ${units}`, "name"));
        const bar = element("span", undefined, "bar");
        const inside = element("span", undefined, "kept");
        inside.style.width = `${(100 * kept) / Math.max(1, units)}%`;
        bar.append(inside);
        row.append(bar);
        return row;
      });
      if (point.dropped.length > 0) {
        rows.unshift(element("div", `Dropped: ${point.dropped.join(", ")}`, "name"));
      }
      widths.replaceChildren(...rows);
    };
    slider.addEventListener("input", show);
    show();
  }
})();
