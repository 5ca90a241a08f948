/** PIDNet small (Xu et al., 2206.02066): three branches for detail, context and edges. */
import { type Maker, type Map2d, maker, type Published } from "./maker.ts";

/** Normalisation and activation come before the convolution here; the scale is one kernel with the activation. */
function before(m: Maker, x: Map2d): Map2d {
  const shift = m.weight([1, x.channels, 1, 1]);
  const scaled = m.binary("Mul", x, { ...x, name: shift });
  return m.act(m.binary("Add", scaled, { ...x, name: m.weight([1, x.channels, 1, 1]) }), "relu");
}

function basic(m: Maker, x: Map2d, to: number, stride = 1): Map2d {
  const inner = m.conv(x, to, { kernel: 3, stride, act: "relu" });
  return added(m, x, m.conv(inner, to, { kernel: 3 }), stride);
}

function bottleneck(m: Maker, x: Map2d, width: number, stride = 1): Map2d {
  const inner = m.conv(m.conv(x, width, { act: "relu" }), width, {
    kernel: 3,
    stride,
    act: "relu",
  });
  return added(m, x, m.conv(inner, 2 * width), stride);
}

function added(m: Maker, x: Map2d, branch: Map2d, stride: number): Map2d {
  const changes = stride !== 1 || x.channels !== branch.channels;
  return m.binary("Add", branch, changes ? m.conv(x, branch.channels, { stride }) : x);
}

/** Blocks one behind the other; an activation between them, none behind the last. */
function chain(m: Maker, x: Map2d, to: number, count: number, stride = 1): Map2d {
  let y = x;
  for (let at = 0; at < count; at += 1) {
    y = basic(m, at === 0 ? y : m.act(y, "relu"), to, at === 0 ? stride : 1);
  }
  return y;
}

/** Detail takes context over where both agree. */
function guided(m: Maker, detail: Map2d, context: Map2d): Map2d {
  const own = m.conv(detail, 32);
  const other = m.up(m.conv(context, 32), detail.height, detail.width, "linear");
  const product = m.binary("Mul", own, other);
  const shape = { channels: 1, height: detail.height, width: detail.width };
  const sum = m.map("ReduceSum", [product.name, m.ints([1])], shape, { keepdims: 1 });
  const share = m.map("Sigmoid", [sum.name], shape);
  const rest = m.map("Sub", [m.floats([1]), share.name], shape);
  const large = m.up(context, detail.height, detail.width, "linear");
  return m.binary("Add", m.binary("Mul", detail, rest), m.binary("Mul", large, share));
}

/** Context at five sizes. */
function pyramid(m: Maker, x: Map2d): Map2d {
  const own = m.conv(before(m, x), 96);
  const windows = [
    [5, 2],
    [9, 4],
    [17, 8],
  ] as const;
  const pooled = [
    ...windows.map(([kernel, stride]) =>
      m.pool(x, kernel, stride, { padding: kernel >> 1, average: true }),
    ),
    m.globalPool(x),
  ];
  const scales = pooled.map((small) => {
    const made = m.conv(before(m, small), 96);
    return m.binary("Add", m.up(made, x.height, x.width, "linear"), own);
  });
  const together = m.conv(before(m, m.concat(...scales)), 4 * 96, { kernel: 3, groups: 4 });
  const narrowed = m.conv(before(m, m.concat(own, together)), 128);
  return m.binary("Add", narrowed, m.conv(before(m, x), 128));
}

export function pidnetSmall(side = 512, classes = 19): Published {
  const m = maker("pidnet-s", side);
  const relu = (x: Map2d): Map2d => m.act(x, "relu");
  const stem = m.conv(m.input, 32, { kernel: 3, stride: 2, act: "relu" });
  let x = relu(chain(m, m.conv(stem, 32, { kernel: 3, stride: 2, act: "relu" }), 32, 2));
  x = relu(chain(m, x, 64, 2, 2));
  const { height, width } = x;
  let detail = chain(m, x, 64, 2);
  let edge = basic(m, x, 32);
  x = relu(chain(m, x, 128, 3, 2));
  detail = guided(m, detail, m.conv(x, 64));
  edge = m.binary("Add", edge, m.up(m.conv(x, 32, { kernel: 3 }), height, width, "linear"));
  x = relu(chain(m, x, 256, 3, 2));
  detail = chain(m, relu(detail), 64, 2);
  edge = bottleneck(m, relu(edge), 32);
  detail = guided(m, detail, m.conv(x, 64));
  edge = m.binary("Add", edge, m.up(m.conv(x, 64, { kernel: 3 }), height, width, "linear"));
  detail = bottleneck(m, relu(detail), 64);
  edge = bottleneck(m, relu(edge), 64);
  x = bottleneck(m, relu(bottleneck(m, x, 256, 2)), 256);
  const context = m.up(pyramid(m, x), height, width, "linear");
  const scores = head(m, mixed(m, detail, context, edge), classes);
  return m.finish(m.up(scores, side, side, "linear").name);
}

function mixed(m: Maker, detail: Map2d, context: Map2d, edge: Map2d): Map2d {
  const share = m.map("Sigmoid", [edge.name], edge);
  const rest = m.map("Sub", [m.floats([1]), share.name], edge);
  const first = m.conv(m.binary("Add", m.binary("Mul", rest, context), detail), 128);
  const second = m.conv(m.binary("Add", context, m.binary("Mul", share, detail)), 128);
  return m.binary("Add", first, second);
}

function head(m: Maker, x: Map2d, classes: number): Map2d {
  const inner = m.conv(before(m, x), 128, { kernel: 3, act: "relu" });
  return m.conv(inner, classes, { norm: false });
}
