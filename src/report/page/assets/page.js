// The script of a report page. It reads the JSON of the page and changes what is shown; it asks nothing of any host. Sections may be
// made again while the page is open (mdp explore), so that it listens to the whole document.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const BOX = { width: 132, height: 34 };
  const isExplorer = document.getElementById("explorer") !== null;
  let data = JSON.parse(document.getElementById("data").textContent);

  const element = (tag, text, className) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className !== undefined) made.className = className;
    return made;
  };
  const button = (text, act) => {
    const made = element("button", text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  };
  const drawn = (tag, attributes) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
    return made;
  };
  const subjectOf = (inside) =>
    data.subjects[Number(inside.closest("article")?.dataset.subject)] ?? null;

  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const isDark =
      root.dataset.theme === "dark" ||
      (root.dataset.theme === undefined && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = isDark ? "light" : "dark";
  });

  // Tables sort by a click on a heading; a second click turns the order.
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

  const saveAs = (name, blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  /** Colours of the page are written into the figure, which stands alone in its file. */
  const standAlone = (figure) => {
    const copy = figure.cloneNode(true);
    const originals = [figure, ...figure.querySelectorAll("*")];
    for (const [at, each] of [copy, ...copy.querySelectorAll("*")].entries()) {
      const style = getComputedStyle(originals[at]);
      for (const name of ["fill", "stroke"]) {
        if (each.hasAttribute(name) || each.classList.length > 0)
          each.setAttribute(name, style.getPropertyValue(name));
      }
      if (each.tagName === "text") {
        each.setAttribute("font-family", "Helvetica, Arial, sans-serif");
        each.setAttribute("font-size", style.fontSize);
      }
    }
    const { width, height } = figure.viewBox.baseVal;
    copy.setAttribute("xmlns", SVG);
    copy.setAttribute("width", String(width));
    copy.setAttribute("height", String(height));
    const paper = drawn("rect", { width, height });
    paper.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
    copy.prepend(paper);
    return { text: new XMLSerializer().serializeToString(copy), width, height };
  };
  const saveFigure = (figure, kind) => {
    const { text, width, height } = standAlone(figure);
    const svg = new Blob([text], { type: "image/svg+xml" });
    if (kind === "svg") return saveAs("figure.svg", svg);
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = 2 * width;
      canvas.height = 2 * height;
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => blob !== null && saveAs("figure.png", blob), "image/png");
    };
    image.src = `data:image/svg+xml;base64,${btoa(unescape(encodeURIComponent(text)))}`;
    return undefined;
  };

  /** Bars of a dim's scores, best first: kept and cut. */
  const scoreFigure = (scores) => {
    const [width, height] = [640, 90];
    const most = Math.max(...scores.map(([score]) => score), 1e-12);
    const keptCount = scores.filter(([, isKept]) => isKept).length;
    const figure = drawn("svg", {
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `Scores of the units, best first: ${keptCount} of the ${scores.length} bars are kept, the light ones were cut`,
    });
    figure.style.maxWidth = "100%";
    const step = width / scores.length;
    for (const [at, [score, isKept]] of scores.entries()) {
      const tall = Math.max(1, (height * score) / most);
      figure.append(
        drawn("rect", {
          x: at * step,
          y: height - tall,
          width: Math.max(0.5, step * 0.9),
          height: tall,
          class: isKept ? "score kept" : "score cut",
        }),
      );
    }
    return figure;
  };

  const act = (kind, name) =>
    document.dispatchEvent(new CustomEvent("mdp:act", { detail: { kind, name } }));

  let openDim = null;
  const showDim = (from) => {
    const detail = from.closest("section").querySelector(".detail");
    const dim = subjectOf(from)?.dims[Number(from.dataset.dim)];
    if (dim === undefined || detail === null) return;
    openDim = dim.name;
    const steps = element("p", "", "steps");
    steps.setAttribute("role", "status");
    detail.replaceChildren(
      element("strong", dim.name, "name"),
      element("p", `${dim.kept} of ${dim.total} channels kept. ${dim.why}`),
    );
    if (dim.scores.length > 0) detail.append(scoreFigure(dim.scores));
    detail.append(steps);
    const row = element("p", undefined, "actions");
    if (isExplorer) {
      row.append(
        button("Keep it whole", () => act("protect", dim.name)),
        button("What would one step cost?", () => {
          steps.textContent = "Each step is solved again; this takes a few seconds.";
          act("steps", dim.name);
        }),
      );
    }
    row.append(
      button("Close", () => {
        detail.hidden = true;
        openDim = null;
        from.focus();
      }),
    );
    detail.append(row);
    detail.hidden = false;
  };
  document.addEventListener("mdp:steps", ({ detail: { dim, text } }) => {
    const place = document.querySelector(".detail .steps");
    if (place !== null && dim === openDim) place.textContent = text;
  });

  /** A name that fits into a box, without its middle. */
  const shortName = (name) => (name.length <= 20 ? name : `${name.slice(0, 7)}…${name.slice(-12)}`);
  const drawOps = (details) => {
    const place = details.querySelector(".drawing");
    const drawing = subjectOf(details)?.drawings[details.dataset.ops];
    if (place.firstChild !== null) return;
    if (drawing === undefined) {
      place.textContent = "Too many operations to draw.";
      return;
    }
    const figure = drawn("svg", {
      viewBox: `0 0 ${drawing.width} ${drawing.height}`,
      width: drawing.width,
      height: drawing.height,
      role: "img",
      "aria-label": `${drawing.ops.length} operations and what they read`,
    });
    for (const points of drawing.arrows) {
      figure.append(drawn("polyline", { points: points.join(" "), class: "arrow" }));
      const [x, y] = points.at(-1);
      figure.append(
        drawn("path", { d: `M${x - 3.5} ${y - 6}L${x} ${y}L${x + 3.5} ${y - 6}Z`, class: "tip" }),
      );
    }
    for (const op of drawing.ops) {
      const group = drawn("g", {
        class: `op${op.isLayer ? " layer" : ""}${op.isGone ? " gone" : ""}`,
      });
      const [left, top] = [op.x - BOX.width / 2, op.y - BOX.height / 2];
      const title = drawn("title", {});
      title.textContent = `${op.kind} ${op.name}${op.isGone ? " (dropped)" : ""}`;
      const kind = drawn("text", { x: op.x, y: op.y - 3, "text-anchor": "middle", class: "kind" });
      kind.textContent = op.kind;
      const label = drawn("text", {
        x: op.x,
        y: op.y + 11,
        "text-anchor": "middle",
        class: "small",
      });
      label.textContent = shortName(op.name);
      group.append(
        title,
        drawn("rect", { x: left, y: top, width: BOX.width, height: BOX.height, rx: 6 }),
        kind,
        label,
      );
      if (op.isGone) {
        group.append(drawn("path", { d: `M${left} ${op.y}H${left + BOX.width}`, class: "strike" }));
      }
      figure.append(group);
    }
    place.append(figure);
  };

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
    for (const mark of marks) mark.classList.toggle("now", mark.dataset.point === slider.value);
  };

  document.addEventListener("click", ({ target }) => {
    const at = target.closest?.("button");
    if (!at) return;
    if (at.dataset.dim !== undefined) showDim(at);
    else if (at.dataset.drop !== undefined) act("drop", at.dataset.drop);
    else if (at.dataset.copy !== undefined) {
      void copyTable(at.closest(".scroll").querySelector("table"), at);
    } else if (at.dataset.save !== undefined) {
      saveFigure(at.closest("figure").querySelector("svg"), at.dataset.save);
    } else if (at.parentElement?.tagName === "TH") sortBy(at.parentElement);
  });
  document.addEventListener("input", ({ target }) => {
    if (target.classList?.contains("point")) showPoint(target);
    if (target.classList?.contains("find")) {
      const wanted = target.value.toLowerCase();
      for (const row of target.closest("section").querySelectorAll("tbody tr")) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
      }
    }
  });
  document.addEventListener(
    "toggle",
    ({ target }) => {
      if (target.open && target.dataset?.ops !== undefined) drawOps(target);
    },
    true,
  );

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
  document.addEventListener("mdp:changed", () => {
    data = JSON.parse(document.getElementById("data").textContent);
    complete();
    if (openDim === null) return;
    const again = document.querySelectorAll("button[data-dim]");
    const at = data.subjects[0].dims.findIndex(({ name }) => name === openDim);
    for (const each of again) if (Number(each.dataset.dim) === at) showDim(each);
  });
  complete();
})();
