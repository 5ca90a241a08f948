import type { Graph } from "../../src/graph/graph.ts";
import { networkBuilder } from "./networks.ts";
import {
  channelsLast,
  facePyramid,
  loopedFaces,
  nonMaxSuppression,
  topCentres,
} from "./task-detectors.ts";
import { attributes, backbone } from "./task-parts.ts";

/**
 * Networks as their users export them, small: detectors with post-processing inside, landmarks as several regressions, a DeepLab that
 * resizes its scores to the picture, two pictures through one backbone.
 */
export const TASK_NETWORKS = {
  nonMaxSuppression,
  topCentres,
  loopedFaces,
  landmarks,
  deepLab,
  twoPictures,
  facePyramid,
  channelsLast,
} as const satisfies Readonly<Record<string, () => Graph>>;

/** Points and three angles by Gemm, eyes by a second branch; one output puts shape and pose side by side. */
function landmarks(): Graph {
  const b = networkBuilder(15);
  const features = backbone(b, b.input("face", ["batch", 3, 32, 32]));
  const inner = b.relu(b.conv("tail", features, { from: 16, to: 24, stride: 2 }));
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [inner])]);
  const flat = b.node("Flatten", [
    b.node("MaxPool", [inner], attributes({ kernel_shape: [2, 2], strides: [2, 2] })),
  ]);
  const points = b.gemm("points", flat, 96, 20);
  const hidden = b.relu(b.gemm("pose.hidden", pooled, 24, 16));
  const pose = b.gemm("pose.out", hidden, 16, 3);
  b.node("Identity", [points], { outputs: ["points68"] });
  b.node("Tanh", [b.gemm("eyes", pooled, 24, 4)], { outputs: ["eyes_open"] });
  b.node("Concat", [b.gemm("shape", pooled, 24, 12), pose], {
    outputs: ["params"],
    ...attributes({ axis: 1 }),
  });
  b.output("points68", ["batch", 20]);
  b.output("eyes_open", ["batch", 4]);
  b.output("params", ["batch", 15]);
  return b.graph();
}

/** Atrous pyramid with picture pooling, a skip, and scores resized to the picture's own size, which Shape reads. */
function deepLab(): Graph {
  const b = networkBuilder(16);
  const image = b.input("image", ["batch", 3, 32, 32]);
  const low = b.relu(b.conv("low", image, { from: 3, to: 8, stride: 2 }));
  const high = b.relu(b.conv("high", low, { from: 8, to: 16, stride: 2 }));
  const branch = (rate: number): string =>
    b.relu(
      b.norm(
        `aspp.${rate}.bn`,
        b.node("Conv", [high, b.weight(`aspp.${rate}.weight`, [12, 16, 3, 3])], {
          ...attributes({
            kernel_shape: [3, 3],
            dilations: [rate, rate],
            pads: [rate, rate, rate, rate],
          }),
        }),
        12,
      ),
    );
  const sizeOf = (value: string, name: string): string =>
    b.node("Slice", [
      b.node("Shape", [value]),
      b.ints(`${name}.from`, [2]),
      b.ints(`${name}.to`, [4]),
      b.ints(`${name}.axis`, [0]),
    ]);
  const resized = (value: string, like: string, name: string): string => {
    const begin = b.node("Slice", [
      b.node("Shape", [value]),
      b.ints(`${name}.begin`, [0]),
      b.ints(`${name}.end`, [2]),
      b.ints(`${name}.zero`, [0]),
    ]);
    const sizes = b.node("Concat", [begin, sizeOf(like, name)], attributes({ axis: 0 }));
    return b.node("Resize", [value, "", "", sizes], {
      ...attributes({ mode: "linear", coordinate_transformation_mode: "pytorch_half_pixel" }),
    });
  };
  const pooled = b.relu(
    b.conv("aspp.pool", b.node("GlobalAveragePool", [high]), { from: 16, to: 12, kernel: 1 }),
  );
  const parts = [
    b.relu(b.conv("aspp.0", high, { from: 16, to: 12, kernel: 1 })),
    branch(2),
    branch(3),
  ];
  const all = b.node("Concat", [...parts, resized(pooled, high, "pool")], attributes({ axis: 1 }));
  const projected = b.relu(b.conv("project", all, { from: 48, to: 16, kernel: 1 }));
  const skip = b.relu(b.conv("skip", low, { from: 8, to: 6, kernel: 1 }));
  const joined = b.node("Concat", [resized(projected, low, "up"), skip], attributes({ axis: 1 }));
  const last = b.relu(b.conv("decode", joined, { from: 22, to: 16 }));
  const scores = b.conv("scores", last, { from: 16, to: 5, kernel: 1, bn: false });
  b.node("Identity", [resized(scores, image, "end")], { outputs: ["out"] });
  b.output("out", ["batch", 5, 32, 32]);
  return b.graph();
}

/** One backbone over two pictures; their difference finds what changed, their features stay as an output each. */
function twoPictures(): Graph {
  const b = networkBuilder(17);
  const pictures = ["before", "after"].map((name) => b.input(name, ["batch", 3, 32, 32]));
  const weights = {
    first: b.weight("shared.0.weight", [8, 3, 3, 3]),
    second: b.weight("shared.1.weight", [16, 8, 3, 3]),
  };
  const same = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  const [left = "", right = ""] = pictures.map((picture) => {
    const first = b.relu(
      b.node("Conv", [picture, weights.first], attributes({ ...same, strides: [2, 2] })),
    );
    return b.relu(
      b.node("Conv", [first, weights.second], attributes({ ...same, strides: [2, 2] })),
    );
  });
  const apart = b.node("Abs", [b.node("Sub", [left, right])]);
  const joined = b.node("Concat", [left, right, apart], attributes({ axis: 1 }));
  const inner = b.relu(b.conv("change.0", joined, { from: 48, to: 16 }));
  const change = b.conv("change.1", inner, { from: 16, to: 1, kernel: 1, bn: false });
  b.node("Sigmoid", [change], { outputs: ["change"] });
  b.node("Flatten", [b.node("GlobalAveragePool", [left])], { outputs: ["embedding"] });
  b.output("change", ["batch", 1, 8, 8]);
  b.output("embedding", ["batch", 16]);
  return b.graph();
}
