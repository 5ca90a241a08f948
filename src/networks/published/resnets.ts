/** Residual networks (He et al., 1512.03385), with the stride of a bottleneck on its 3x3 convolution as torchvision has it. */
import { type Maker, type Map2d, maker, type Published } from "./maker.ts";

interface ResnetShape {
  readonly blocks: readonly number[];
  readonly bottleneck: boolean;
}

const SHAPES = {
  resnet18: { blocks: [2, 2, 2, 2], bottleneck: false },
  resnet34: { blocks: [3, 4, 6, 3], bottleneck: false },
  resnet50: { blocks: [3, 4, 6, 3], bottleneck: true },
  resnet101: { blocks: [3, 4, 23, 3], bottleneck: true },
  resnet152: { blocks: [3, 8, 36, 3], bottleneck: true },
} as const satisfies Record<string, ResnetShape>;

export type ResnetName = keyof typeof SHAPES;

/** @param share of the inner widths that are kept, for networks that were pruned; 1 for the published one */
export function resnet(name: ResnetName, side = 224, classes = 1000, share = 1): Published {
  const { blocks, bottleneck } = SHAPES[name];
  const m = maker(name, side);
  let x = m.conv(m.input, 64, { kernel: 7, stride: 2, act: "relu" });
  x = m.pool(x, 3, 2, { padding: 1 });
  for (const [stage, count] of blocks.entries()) {
    const width = 64 * 2 ** stage;
    for (let block = 0; block < count; block += 1) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const inner = 8 * Math.round((share * width) / 8);
      x = residual(m, x, inner, bottleneck ? 4 * width : width, { bottleneck, stride });
    }
  }
  return classified(m, x, classes);
}

function residual(
  m: Maker,
  x: Map2d,
  inner: number,
  to: number,
  { bottleneck, stride }: { readonly bottleneck: boolean; readonly stride: number },
): Map2d {
  const first = bottleneck
    ? m.conv(m.conv(x, inner, { act: "relu" }), inner, { kernel: 3, stride, act: "relu" })
    : m.conv(x, inner, { kernel: 3, stride, act: "relu" });
  const branch = m.conv(first, to, { kernel: bottleneck ? 1 : 3 });
  const changes = stride !== 1 || x.channels !== to;
  const shortcut = changes ? m.conv(x, to, { stride }) : x;
  return m.act(m.binary("Add", branch, shortcut), "relu");
}

/** A pooled picture and a matrix of scores. */
export function classified(m: Maker, x: Map2d, classes: number): Published {
  const flat = m.node("Flatten", [m.globalPool(x).name]);
  const weight = m.weight([classes, x.channels]);
  return m.finish(m.node("Gemm", [flat, weight, m.weight([classes])], { transB: 1 }));
}
