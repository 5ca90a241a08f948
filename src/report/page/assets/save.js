const saveAs = (name, blob) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

/** The figure as text that stands alone in a file: colours of the page are written into it. */
const standAlone = (figure) => {
  const copy = figure.cloneNode(true);
  const originals = [figure, ...figure.querySelectorAll("*")];
  for (const [at, each] of [copy, ...copy.querySelectorAll("*")].entries()) {
    const style = getComputedStyle(originals[at]);
    for (const name of ["fill", "stroke"]) {
      if (each.hasAttribute(name) || each.classList.length > 0 || each.tagName === "text")
        each.setAttribute(name, style.getPropertyValue(name));
    }
    if (each.tagName === "text") {
      each.setAttribute("font-family", "Helvetica, Arial, sans-serif");
      each.setAttribute("font-size", style.fontSize);
      each.setAttribute("font-weight", style.fontWeight);
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
  if (kind === "svg") {
    saveAs("figure.svg", svg);
    return;
  }
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = 2 * width;
    canvas.height = 2 * height;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => blob !== null && saveAs("figure.png", blob), "image/png");
    URL.revokeObjectURL(image.src);
  };
  image.src = URL.createObjectURL(svg);
};

const saveButtons = () => {
  const row = element("figcaption");
  for (const kind of ["svg", "png"]) {
    const made = button(`Save as ${kind.toUpperCase()}`, () => {});
    made.dataset.save = kind;
    row.append(made, " ");
  }
  return row;
};
