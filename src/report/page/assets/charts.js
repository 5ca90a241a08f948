/** Bars of a dim's scores, from the first to stay to the first to go: kept and cut. */
const scoreFigure = ({ scores, units, hasOrder }) => {
  const [width, height, foot] = [640, 110, 18];
  const most = Math.max(...scores.map(([score]) => score), 1e-12);
  const keptCount = scores.filter(([, isKept]) => isKept).length;
  const figure = figureOf(
    width,
    height + foot,
    `Scores of ${units} units, from the first to stay to the first to go: ${keptCount} of the ${scores.length} bars are kept, the pale ones were cut; the first has ${short(scores[0][0])}, the last ${short(scores.at(-1)[0])}`,
  );
  const step = width / scores.length;
  for (const [at, [score, isKept]] of scores.entries()) {
    const tall = Math.max(1, (height * Math.max(0, score)) / most);
    figure.append(
      drawn("rect", {
        x: (at * step).toFixed(2),
        y: (height - tall).toFixed(2),
        width: Math.max(0.5, step * 0.86).toFixed(2),
        height: tall.toFixed(2),
        class: isKept ? "score kept" : "score cut",
      }),
    );
  }
  figure.append(
    drawn(
      "text",
      { x: 0, y: height + 14, class: "faint" },
      hasOrder ? `first to stay; best score ${short(most)}` : `best unit: ${short(scores[0][0])}`,
    ),
    drawn(
      "text",
      { x: width, y: height + 14, class: "faint", "text-anchor": "end" },
      hasOrder ? "first to go, in the measured order" : `worst: ${short(scores.at(-1)[0])}`,
    ),
  );
  return figure;
};

const short = (value) => String(Number(Number(value).toPrecision(3)));

/** A colour of the ramp for a share from 0 to 1, as three numbers. */
const rampColour = (share) => {
  const stops = state.cells.ramp.map((hex) =>
    [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)),
  );
  const place = Math.min(0.9999, Math.max(0, share)) * (stops.length - 1);
  const [low, high] = [stops[Math.floor(place)], stops[Math.floor(place) + 1]];
  const part = place - Math.floor(place);
  return low.map((value, at) => Math.round(value + part * (high[at] - value)));
};

/** About so many places of a list, evenly, the first and the last among them. */
const spread = (length, most) => {
  if (length <= most) return Array.from({ length }, (_, at) => at);
  return Array.from({ length: most }, (_, at) => Math.round((at * (length - 1)) / (most - 1)));
};

/** Where a count lies on an axis of counts, between two of them if need be. */
const placeOn = (counts, count) => {
  const above = counts.findIndex((each) => each >= count);
  if (above <= 0) return above < 0 ? counts.length - 1 : 0;
  const [low, high] = [counts[above - 1], counts[above]];
  return above - 1 + (count - low) / (high - low);
};

/** Times over two widths: a colour per cell, the chosen and the dense one framed. */
const mapFigure = ({ rows, columns, ms, origins }, op) => {
  const box = { left: 64, top: 10, width: 470, height: 330 };
  const [low, high] = [Math.min(...ms), Math.max(...ms)];
  const [denseRow = 0, denseColumn = 0] = op.dense.slice(-2);
  const figure = figureOf(
    640,
    392,
    `Times over channels read (${rows[0]} to ${rows.at(-1)}) and written (${columns[0]} to ${columns.at(-1)}), from ${short(low)} to ${short(high)} ms; ${markText(op)}`,
  );
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns.length, rows.length];
  const pixels = new ImageData(columns.length, rows.length);
  ms.forEach((value, cell) => {
    const row = rows.length - 1 - Math.floor(cell / columns.length);
    const at = 4 * (row * columns.length + (cell % columns.length));
    pixels.data.set([...rampColour((value - low) / Math.max(1e-12, high - low)), 255], at);
  });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  figure.append(
    drawn("image", {
      href: canvas.toDataURL(),
      x: box.left,
      y: box.top,
      width: box.width,
      height: box.height,
      preserveAspectRatio: "none",
      style: "image-rendering:pixelated",
    }),
  );
  const [wide, tall] = [box.width / columns.length, box.height / rows.length];
  const middle = (row, column) => [
    box.left + (placeOn(columns, column) + 0.5) * wide,
    box.top + (rows.length - 0.5 - placeOn(rows, row)) * tall,
  ];
  for (const at of spread(columns.length, 9)) {
    const x = box.left + (at + 0.5) * wide;
    const y = box.top + box.height + 16;
    figure.append(drawn("text", { x, y, "text-anchor": "middle", class: "faint" }, columns[at]));
  }
  for (const at of spread(rows.length, 9)) {
    const y = box.top + (rows.length - 0.5 - at) * tall + 4;
    figure.append(
      drawn("text", { x: box.left - 8, y, "text-anchor": "end", class: "faint" }, rows[at]),
    );
  }
  axisNames(figure, box, "channels written", "channels read");
  if (origins.includes("m") && ms.length <= 1024 && /[ip]/.test(origins)) {
    [...origins].forEach((letter, cell) => {
      if (letter !== "m") return;
      const [cx, cy] = middle(
        rows[Math.floor(cell / columns.length)],
        columns[cell % columns.length],
      );
      figure.append(drawn("circle", { cx, cy, r: 2.5, class: "measured-dot" }));
    });
  }
  const frame = (row, column, kind) => {
    const [x, y] = middle(row, column);
    const [w, h] = [Math.max(wide, 12), Math.max(tall, 12)];
    for (const part of ["under", "over"]) {
      figure.append(
        drawn("rect", {
          x: x - w / 2,
          y: y - h / 2,
          width: w,
          height: h,
          class: `frame ${kind} ${part}`,
        }),
      );
    }
  };
  frame(denseRow, denseColumn, "dense");
  if (op.chosen !== null) frame(...op.chosen.slice(-2), "chosen");
  // The ramp.
  for (let step = 0; step < 40; step += 1) {
    const y = box.top + 70 + (39 - step) * 5;
    const fill = `rgb(${rampColour(step / 39).join(",")})`;
    figure.append(drawn("rect", { x: 552, y, width: 16, height: 5.5, fill }));
  }
  figure.append(
    drawn("text", { x: 574, y: box.top + 80, class: "faint" }, `${short(high)} ms`),
    drawn("text", { x: 574, y: box.top + 270, class: "faint" }, `${short(low)} ms`),
  );
  return figure;
};

const axisNames = (figure, box, across, up) => {
  const middle = box.top + box.height / 2;
  figure.append(
    drawn(
      "text",
      { x: box.left + box.width / 2, y: box.top + box.height + 38, "text-anchor": "middle" },
      across,
    ),
    drawn(
      "text",
      { x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` },
      up,
    ),
  );
};

/** Times over one width, as they are: stairs where the device has them. */
const stairsFigure = ({ columns, ms, origins }, op) => {
  const box = { left: 76, top: 14, width: 540, height: 260 };
  const high = Math.max(...ms) * 1.05;
  const [first, last] = [columns[0], columns.at(-1)];
  const figure = figureOf(
    640,
    326,
    `Times over channels, ${first} to ${last}, up to ${short(Math.max(...ms))} ms; ${markText(op)}`,
  );
  const xOf = (count) => box.left + (box.width * (count - first)) / Math.max(1, last - first);
  const yOf = (value) => box.top + box.height * (1 - value / Math.max(1e-12, high));
  for (let step = 0; step <= 4; step += 1) {
    const value = (high * step) / 4;
    const y = yOf(value);
    figure.append(
      drawn("path", { d: `M${box.left} ${y}H${box.left + box.width}`, class: "grid" }),
      drawn(
        "text",
        { x: box.left - 8, y: y + 4, "text-anchor": "end", class: "faint" },
        short(value),
      ),
    );
  }
  for (const at of spread(columns.length, 8)) {
    const [x, y] = [xOf(columns[at]), box.top + box.height + 16];
    figure.append(drawn("text", { x, y, "text-anchor": "middle", class: "faint" }, columns[at]));
  }
  axisNames(figure, box, "channels", "ms");
  const points = columns.map((count, at) => `${xOf(count).toFixed(1)},${yOf(ms[at]).toFixed(1)}`);
  figure.append(drawn("polyline", { points: points.join(" "), class: "line" }));
  if (columns.length <= 128) {
    columns.forEach((count, at) => {
      const letter = origins.length === 1 ? origins : origins[at];
      const kind = letter === "m" ? "dot" : "dot hollow";
      figure.append(drawn("circle", { cx: xOf(count), cy: yOf(ms[at]), r: 2.5, class: kind }));
    });
  }
  const mark = (count, value, kind) =>
    figure.append(
      drawn("rect", {
        x: xOf(count) - 6,
        y: yOf(value) - 6,
        width: 12,
        height: 12,
        class: `frame ${kind} over`,
      }),
    );
  mark(op.dense.at(-1), op.denseMs, "dense");
  if (op.chosen !== null) mark(op.chosen.at(-1), op.chosenMs, "chosen");
  return figure;
};

const markText = ({ dense, chosen, denseMs, chosenMs, isGone }) =>
  `dense ${dense.join(" x ")}: ${short(denseMs)} ms${
    chosen === null
      ? isGone
        ? "; dropped in the chosen network"
        : ""
      : `; chosen ${chosen.join(" x ")}: ${short(chosenMs)} ms`
  }`;

/** Of a table over three widths, the slice that the chosen network lies in. */
const sliceOf = ({ counts, ms, origin }, op) => {
  const [rows = [1], columns = [1]] = counts.length > 1 ? counts.slice(-2) : [[1], counts[0] ?? []];
  const size = rows.length * columns.length;
  const first = counts.length > 2 ? (op.chosen ?? op.dense)[0] : 0;
  const at = counts.length > 2 ? Math.round(placeOn(counts[0], first)) : 0;
  return {
    ...{ rows, columns, slice: counts.length > 2 ? counts[0][at] : null },
    ms: ms.slice(at * size, (at + 1) * size),
    origins: origin.length === 1 ? origin : origin.slice(at * size, (at + 1) * size),
  };
};
