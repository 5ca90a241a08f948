import type { Graph } from "../../src/graph/graph.ts";
import { relu } from "../../src/networks/layers.ts";
import { type NetworkWriter, networkWriter } from "../../src/networks/writer.ts";
import { type Channels, concat, pool, unit } from "./parts.ts";

/**
 * DeepLabV3 on a ResNet-50 of output stride 8 (Chen et al., 1706.05587), 520 pixels, 21 classes: five paths of the pyramid are
 * joined, one of them the mean of the picture. Random weights.
 */
export function deepLabV3(): Graph {
  const w = networkWriter("deeplabv3_resnet50", 1);
  const image: Channels = { value: w.input("image", [1, 3, 520, 520]), count: 3 };
  let x = unit(w, "stem", image, { to: 64, kernel: 7, stride: 2 });
  x = pool(w, "stem.pool", x, "MaxPool", [3, 2, 1]);
  const stages = [
    { width: 64, blocks: 3, stride: 1, dilation: 1 },
    { width: 128, blocks: 4, stride: 2, dilation: 1 },
    { width: 256, blocks: 6, stride: 1, dilation: 2 },
    { width: 512, blocks: 3, stride: 1, dilation: 4 },
  ];
  for (const [stage, { width, blocks, stride, dilation }] of stages.entries())
    for (let block = 0; block < blocks; block += 1) {
      const shape = { width, stride: block === 0 ? stride : 1, dilation, widens: block === 0 };
      x = bottleneck(w, `layer${stage + 1}.${block}`, x, shape);
    }
  const pyramid = [
    unit(w, "aspp.0", x, { to: 256, kernel: 1 }),
    ...[12, 24, 36].map((dilation, index) =>
      unit(w, `aspp.${index + 1}`, x, { to: 256, kernel: 3, dilation }),
    ),
    imageMean(w, x),
  ];
  const projected = unit(w, "aspp.project", concat(w, "aspp", pyramid), { to: 256, kernel: 1 });
  const head = unit(w, "head", projected, { to: 256, kernel: 3 });
  const classes = w.weights("classes.weight", [21, head.count, 1, 1], 0.05);
  const coarse = w.node("classes", "Conv", [head.value, classes], { kernel_shape: [1, 1] });
  w.output("scores", resize(w, "scores.resize", coarse, 8), [1, 21, 520, 520]);
  return w.graph();
}

function bottleneck(
  w: NetworkWriter,
  path: string,
  x: Channels,
  shape: { width: number; stride: number; dilation: number; widens: boolean },
): Channels {
  const { width, stride, dilation, widens } = shape;
  const to = 4 * width;
  const first = unit(w, `${path}.conv1`, x, { to: width, kernel: 1 });
  const second = unit(w, `${path}.conv2`, first, { to: width, kernel: 3, stride, dilation });
  const third = unit(w, `${path}.conv3`, second, { to, kernel: 1 }, false);
  const shortcut = widens ? unit(w, `${path}.down`, x, { to, kernel: 1, stride }, false) : x;
  const sum = w.node(`${path}.add`, "Add", [third.value, shortcut.value]);
  return { value: relu(w, `${path}.out`, sum), count: to };
}

function imageMean(w: NetworkWriter, x: Channels): Channels {
  const mean = w.node("aspp.mean", "GlobalAveragePool", [x.value]);
  const narrow = unit(w, "aspp.4", { value: mean, count: x.count }, { to: 256, kernel: 1 });
  return { value: resize(w, "aspp.4.resize", narrow.value, 65), count: 256 };
}

function resize(w: NetworkWriter, path: string, x: string, times: number): string {
  return w.node(path, "Resize", [x, "", w.floats(`${path}.scales`, [1, 1, times, times])], {
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  });
}
