import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { floatTensor, intTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import { networkBuilder } from "./networks.ts";
import { attributes, backbone, rows } from "./task-parts.ts";

/** Detectors as their users export them, small, with post-processing inside or heads on several levels. */

const scalar = (value: number): Tensor => intTensor([], [value]);

/** Boxes and scores of one picture, suppressed and gathered inside, as exporters of YOLO and SSD write it. */
export function nonMaxSuppression(): Graph {
  const b = networkBuilder(11);
  const features = backbone(b, b.input("images", [1, 3, 32, 32]));
  const offsets = rows(b, b.conv("box", features, { from: 16, to: 4, bn: false }), 4, "box");
  const positive = b.node("Exp", [offsets]);
  const scores = b.node("Sigmoid", [
    rows(b, b.conv("cls", features, { from: 16, to: 3, bn: false }), 3, "cls"),
  ]);
  const perClass = b.node("Transpose", [scores], attributes({ perm: [0, 2, 1] }));
  const limits = [
    b.tensor("most", scalar(5)),
    b.tensor("overlap", floatTensor([], [0.5])),
    b.tensor("least", floatTensor([], [0.1])),
  ];
  const chosen = b.node("NonMaxSuppression", [positive, perClass, ...limits]);
  const column = (name: string, at: number): string =>
    b.node("Gather", [chosen, b.tensor(name, scalar(at))], attributes({ axis: 1 }));
  const box = column("column.box", 2);
  const flat = (value: string, width: number, name: string): string =>
    b.node("Reshape", [value, b.ints(name, [-1, width])]);
  b.output(b.node("Gather", [flat(positive, 4, "flat.boxes"), box], { outputs: ["boxes"] }), [
    "found",
    4,
  ]);
  b.output(b.node("Gather", [flat(scores, 3, "flat.scores"), box], { outputs: ["scores"] }), [
    "found",
    3,
  ]);
  b.node("Identity", [column("column.class", 1)], { outputs: ["labels"] });
  b.output("labels", ["found"], "int64");
  return b.graph();
}

/** CenterNet's decoder: peaks of the heat map by MaxPool, the best of them by TopK, their offsets by GatherElements. */
export function topCentres(): Graph {
  const b = networkBuilder(12);
  const features = backbone(b, b.input("image", ["batch", 3, 32, 32]));
  const heat = b.node("Sigmoid", [b.conv("heat", features, { from: 16, to: 2, bn: false })]);
  const pool = attributes({ kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] });
  const same = b.node("Equal", [heat, b.node("MaxPool", [heat], pool)]);
  const peaks = b.node("Mul", [heat, b.node("Cast", [same], attributes({ to: 1 }))]);
  const flat = b.node("Reshape", [peaks, b.ints("flat", [0, -1])]);
  b.node("TopK", [flat, b.ints("k", [10])], {
    outputs: ["scores", "places"],
    ...attributes({ axis: 1 }),
  });
  const cells = b.node("Mod", ["places", b.ints("cells", [64])]);
  const sides = rows(
    b,
    b.relu(b.conv("sides", features, { from: 16, to: 4, bn: false })),
    4,
    "sides",
  );
  const index = b.node("Expand", [
    b.node("Unsqueeze", [cells, b.ints("last", [2])]),
    b.ints("four", [1, 1, 4]),
  ]);
  b.node("GatherElements", [sides, index], { outputs: ["boxes"], ...attributes({ axis: 1 }) });
  b.output("scores", ["batch", 10]);
  b.output("boxes", ["batch", 10, 4]);
  b.output("places", ["batch", 10], "int64");
  return b.graph();
}

/** A face detector whose candidates go through a Loop, one at a time; scores by Softmax. */
export function loopedFaces(): Graph {
  const b = networkBuilder(13);
  const features = backbone(b, b.input("input", [1, 3, 32, 32]));
  const scores = b.node(
    "Softmax",
    [rows(b, b.conv("score", features, { from: 16, to: 2, bn: false }), 2, "score")],
    attributes({ axis: -1 }),
  );
  const boxes = rows(b, b.conv("box", features, { from: 16, to: 4, bn: false }), 4, "box");
  const body = networkBuilder(14);
  body.input("step", [], "int64");
  body.input("going", [], "bool");
  body.input(boxes, null);
  body.node("Identity", ["going"], { outputs: ["goes"] });
  body.node("Gather", [boxes, "step"], { outputs: ["row"], ...attributes({ axis: 1 }) });
  body.output("goes", [], "bool");
  body.output("row", [1, 4]);
  const whole = body.graph();
  // The boxes are read from around the body.
  const inner = { ...whole, inputs: whole.inputs.filter(({ name }) => name !== boxes) };
  b.node(
    "Loop",
    [b.tensor("steps", scalar(6)), b.tensor("on", tensorFromBytes("bool", [], Uint8Array.of(1)))],
    {
      outputs: ["listed"],
      attributes: { body: { graph: inner } },
    },
  );
  b.output(scores, [1, 64, 2]);
  b.output("listed", [6, 1, 4]);
  return b.graph();
}

/** RetinaFace's shape: two levels, heads of boxes, faces and points, joined over the levels; depthwise convolutions. */
export function facePyramid(): Graph {
  const b = networkBuilder(18);
  const fine = backbone(b, b.input("input", ["batch", 3, 32, 32]));
  const depth = b.relu(b.conv("depth", fine, { from: 16, to: 16, stride: 2, groups: 16 }));
  const coarse = b.relu(b.conv("point", depth, { from: 16, to: 24, kernel: 1 }));
  const top = b.relu(b.conv("fpn.1", coarse, { from: 24, to: 16, kernel: 1 }));
  const scales = b.tensor("scales", floatTensor([4], [1, 1, 2, 2]));
  const up = b.node("Resize", [top, "", scales], attributes({ mode: "nearest" }));
  const merged = b.relu(
    b.conv(
      "fpn.merge",
      b.add("fpn", b.relu(b.conv("fpn.0", fine, { from: 16, to: 16, kernel: 1 })), up),
      {
        ...{ from: 16, to: 16 },
      },
    ),
  );
  const joined = (name: string, width: number): string =>
    b.node(
      "Concat",
      [merged, top].map((level, at) =>
        rows(
          b,
          b.conv(`${name}.${at}`, level, { from: 16, to: 2 * width, kernel: 1, bn: false }),
          width,
          `${name}.${at}`,
        ),
      ),
      attributes({ axis: 1 }),
    );
  b.node("Identity", [joined("bbox", 4)], { outputs: ["boxes"] });
  b.node("Softmax", [joined("class", 2)], { outputs: ["faces"], ...attributes({ axis: -1 }) });
  b.node("Identity", [joined("landmark", 10)], { outputs: ["points"] });
  b.output("boxes", ["batch", "anchors", 4]);
  b.output("faces", ["batch", "anchors", 2]);
  b.output("points", ["batch", "anchors", 10]);
  return b.graph();
}

/** Bytes with channels last in, as converters from TensorFlow write it; PRelu; regressions and a flag out. */
export function channelsLast(): Graph {
  const b = networkBuilder(19);
  const bytes = b.input("image", [1, 32, 32, 3], "uint8");
  const floats = b.node("Cast", [bytes], attributes({ to: 1 }));
  const scaled = b.node("Mul", [floats, b.tensor("scale", floatTensor([], [1 / 128]))]);
  const image = b.node("Transpose", [scaled], attributes({ perm: [0, 3, 1, 2] }));
  const slope = (name: string, channels: number): string => b.weight(name, [channels, 1, 1]);
  const first = b.node("PRelu", [
    b.conv("conv1", image, { from: 3, to: 8, stride: 2 }),
    slope("slope1", 8),
  ]);
  const second = b.node("PRelu", [
    b.conv("conv2", first, { from: 8, to: 16, stride: 2 }),
    slope("slope2", 16),
  ]);
  const third = b.relu(b.conv("conv3", second, { from: 16, to: 16 }));
  const flat = (value: string, width: number, name: string): string => {
    const last = b.node("Transpose", [value], attributes({ perm: [0, 2, 3, 1] }));
    return b.node("Reshape", [last, b.ints(name, [1, 64 * 2, width])]);
  };
  b.node(
    "Identity",
    [
      flat(
        b.conv("regress", third, { from: 16, to: 16 * 2, kernel: 1, bn: false }),
        16,
        "regress.shape",
      ),
    ],
    {
      outputs: ["regressors"],
    },
  );
  b.node(
    "Identity",
    [
      flat(
        b.conv("classify", third, { from: 16, to: 2, kernel: 1, bn: false }),
        1,
        "classify.shape",
      ),
    ],
    {
      outputs: ["classificators"],
    },
  );
  b.output("regressors", [1, 128, 16]);
  b.output("classificators", [1, 128, 1]);
  return b.graph();
}
