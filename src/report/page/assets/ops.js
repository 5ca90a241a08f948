/** As large as the boxes that were placed (src/report/page/op-drawing.ts). */
const BOX = { width: 132, height: 34 };

/** A name that fits into a box, without its middle. */
const shortName = (name) => (name.length <= 20 ? name : `${name.slice(0, 7)}…${name.slice(-12)}`);
const drawOps = (details) => {
  const place = details.querySelector(".drawing");
  const drawings = subjectOf(details)?.drawings ?? {};
  // A block may be called `constructor`.
  const drawing = Object.hasOwn(drawings, details.dataset.ops)
    ? drawings[details.dataset.ops]
    : undefined;
  if (place.firstChild !== null) return;
  if (drawing === undefined) {
    place.textContent = "Too many operations to draw.";
    return;
  }
  const figure = figureOf(
    drawing.width,
    drawing.height,
    `${drawing.ops.length} operations and what they read`,
  );
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
    group.append(
      drawn("title", {}, `${op.kind} ${op.name}${op.isGone ? " (dropped)" : ""}`),
      drawn("rect", { x: left, y: top, width: BOX.width, height: BOX.height, rx: 6 }),
      drawn(
        "text",
        { x: op.x, y: op.y - 3, "text-anchor": "middle", class: "kind" },
        shortName(op.kind),
      ),
      drawn(
        "text",
        { x: op.x, y: op.y + 11, "text-anchor": "middle", class: "small" },
        shortName(op.name),
      ),
    );
    if (op.isGone) {
      group.append(drawn("path", { d: `M${left} ${op.y}H${left + BOX.width}`, class: "strike" }));
    }
    figure.append(group);
  }
  place.append(figure);
};
