import type { Graph } from "../../src/graph/graph.ts";
import { dense } from "../../src/networks/layers.ts";
import { type NetworkWriter, networkWriter } from "../../src/networks/writer.ts";
import { type Channels, concat, pool, type UnitShape, unit } from "./parts.ts";

/** A path of an inception block: convolutions one after the other. */
type Path = readonly UnitShape[];

/** Inception v3 (Szegedy et al., 1512.00567) at 299 pixels without the auxiliary head: 24 million parameters, random weights. */
export function inceptionV3(): Graph {
  const w = networkWriter("inception_v3", 1);
  const image: Channels = { value: w.input("image", [1, 3, 299, 299]), count: 3 };
  let x = chain(w, "stem", image, [
    { to: 32, kernel: 3, stride: 2, padding: 0 },
    { to: 32, kernel: 3, padding: 0 },
    { to: 64, kernel: 3 },
  ]);
  x = pool(w, "stem.pool1", x, "MaxPool", [3, 2, 0]);
  x = chain(w, "stem.b", x, [
    { to: 80, kernel: 1 },
    { to: 192, kernel: 3, padding: 0 },
  ]);
  x = pool(w, "stem.pool2", x, "MaxPool", [3, 2, 0]);
  for (const [index, pooled] of [32, 64, 64].entries()) x = blockA(w, `a${index}`, x, pooled);
  x = reduction(w, "b", x, [
    [{ to: 384, kernel: 3, stride: 2, padding: 0 }],
    [
      { to: 64, kernel: 1 },
      { to: 96, kernel: 3 },
      { to: 96, kernel: 3, stride: 2, padding: 0 },
    ],
  ]);
  for (const [index, inner] of [128, 160, 160, 192].entries()) x = blockC(w, `c${index}`, x, inner);
  x = reduction(w, "d", x, [
    [
      { to: 192, kernel: 1 },
      { to: 320, kernel: 3, stride: 2, padding: 0 },
    ],
    [
      { to: 192, kernel: 1 },
      { to: 192, kernel: [1, 7] },
      { to: 192, kernel: [7, 1] },
      { to: 192, kernel: 3, stride: 2, padding: 0 },
    ],
  ]);
  for (const name of ["e0", "e1"]) x = blockE(w, name, x);
  const mean = w.node("mean", "GlobalAveragePool", [x.value]);
  const flat = w.node("flat", "Flatten", [mean], { axis: 1 });
  w.output("logits", dense(w, "fc", flat, [x.count, 1000]), [1, 1000]);
  return w.graph();
}

function chain(w: NetworkWriter, path: string, from: Channels, units: Path): Channels {
  return units.reduce((x, shape, index) => unit(w, `${path}.${index}`, x, shape), from);
}

function branches(w: NetworkWriter, path: string, x: Channels, paths: readonly Path[]): Channels[] {
  return paths.map((units, index) => chain(w, `${path}.${index}`, x, units));
}

function pooled(w: NetworkWriter, path: string, x: Channels, to: number): Channels {
  const mean = pool(w, `${path}.mean`, x, "AveragePool", [3, 1, 1]);
  return unit(w, `${path}.pool`, mean, { to, kernel: 1 });
}

function blockA(w: NetworkWriter, path: string, x: Channels, to: number): Channels {
  const paths: readonly Path[] = [
    [{ to: 64, kernel: 1 }],
    [
      { to: 48, kernel: 1 },
      { to: 64, kernel: 5 },
    ],
    [
      { to: 64, kernel: 1 },
      { to: 96, kernel: 3 },
      { to: 96, kernel: 3 },
    ],
  ];
  return concat(w, path, [...branches(w, path, x, paths), pooled(w, path, x, to)]);
}

function reduction(w: NetworkWriter, path: string, x: Channels, paths: readonly Path[]): Channels {
  const largest = pool(w, `${path}.max`, x, "MaxPool", [3, 2, 0]);
  return concat(w, path, [...branches(w, path, x, paths), largest]);
}

function blockC(w: NetworkWriter, path: string, x: Channels, inner: number): Channels {
  const paths: readonly Path[] = [
    [{ to: 192, kernel: 1 }],
    [
      { to: inner, kernel: 1 },
      { to: inner, kernel: [1, 7] },
      { to: 192, kernel: [7, 1] },
    ],
    [
      { to: inner, kernel: 1 },
      { to: inner, kernel: [7, 1] },
      { to: inner, kernel: [1, 7] },
      { to: inner, kernel: [7, 1] },
      { to: 192, kernel: [1, 7] },
    ],
  ];
  return concat(w, path, [...branches(w, path, x, paths), pooled(w, path, x, 192)]);
}

function blockE(w: NetworkWriter, path: string, x: Channels): Channels {
  const fork = (name: string, from: Channels): Channels[] =>
    branches(w, name, from, [[{ to: 384, kernel: [1, 3] }], [{ to: 384, kernel: [3, 1] }]]);
  const straight = unit(w, `${path}.0`, x, { to: 320, kernel: 1 });
  const second = fork(`${path}.1.fork`, unit(w, `${path}.1`, x, { to: 384, kernel: 1 }));
  const third = chain(w, `${path}.2`, x, [
    { to: 448, kernel: 1 },
    { to: 384, kernel: 3 },
  ]);
  const parts = [straight, ...second, ...fork(`${path}.2.fork`, third), pooled(w, path, x, 192)];
  return concat(w, path, parts);
}
