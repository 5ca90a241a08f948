/**
 * The layers of AlexNet (Krizhevsky et al. 2012, as Caffe's bvlc_alexnet has them: without the second tower, in groups)
 * and SqueezeNet 1.0 and 1.1 (Iandola et al. 2016), by the names that they have in the measurements on a Jetson TX1.
 */

export type LayerKind =
  | "convolution"
  | "dense"
  | "activation"
  | "pool"
  | "concat"
  | "copy"
  | "other";

/** A layer by its name in the measurements. Sides are of square images. */
export interface Tx1Layer {
  readonly name: string;
  readonly kind: LayerKind;
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly groups: number;
  readonly sideIn: number;
  readonly side: number;
}

const PLAIN = { kernel: 1, groups: 1 };

function conv(
  name: string,
  from: number,
  to: number,
  kernel: number,
  sides: readonly [number, number],
  groups = 1,
): Tx1Layer {
  return { name, kind: "convolution", from, to, kernel, groups, sideIn: sides[0], side: sides[1] };
}

function same(kind: LayerKind, name: string, channels: number, side: number): Tx1Layer {
  return { ...PLAIN, name, kind, from: channels, to: channels, sideIn: side, side };
}

function pool(name: string, channels: number, sideIn: number, side: number, kernel = 3): Tx1Layer {
  return { name, kind: "pool", from: channels, to: channels, kernel, groups: 1, sideIn, side };
}

function dense(name: string, from: number, to: number): Tx1Layer {
  return { ...PLAIN, name, kind: "dense", from, to, sideIn: 1, side: 1 };
}

/** Without its normalisation across channels, which SqueezeNet has none of. */
const ALEXNET: readonly Tx1Layer[] = [
  conv("conv1", 3, 96, 11, [227, 55]),
  same("activation", "relu1", 96, 55),
  pool("pool1", 96, 55, 27),
  conv("conv2", 96, 256, 5, [27, 27], 2),
  same("activation", "relu2", 256, 27),
  pool("pool2", 256, 27, 13),
  conv("conv3", 256, 384, 3, [13, 13]),
  same("activation", "relu3", 384, 13),
  conv("conv4", 384, 384, 3, [13, 13], 2),
  same("activation", "relu4", 384, 13),
  conv("conv5", 384, 256, 3, [13, 13], 2),
  same("activation", "relu5", 256, 13),
  pool("pool5", 256, 13, 6),
  dense("fc6", 9216, 4096),
  same("activation", "relu6", 4096, 1),
  same("copy", "drop6", 4096, 1),
  dense("fc7", 4096, 4096),
  same("activation", "relu7", 4096, 1),
  same("copy", "drop7", 4096, 1),
  dense("fc8", 4096, 1000),
  same("other", "prob", 1000, 1),
];

interface SqueezeNetPlan {
  readonly first: Tx1Layer;
  /** Fire modules that a pool stands before, and the side after it. */
  readonly pools: ReadonlyMap<number, readonly [name: string, side: number]>;
}

function squeezenet({ first, pools }: SqueezeNetPlan): readonly Tx1Layer[] {
  const layers: Tx1Layer[] = [first, same("activation", "relu_conv1", first.to, first.side)];
  let [from, side] = [first.to, first.side];
  for (let fire = 2; fire <= 9; fire += 1) {
    const [name, after] = pools.get(fire) ?? ["", side];
    if (name !== "") layers.push(pool(name, from, side, after));
    side = after;
    const squeeze = 16 * Math.floor(fire / 2);
    const expand = 4 * squeeze;
    const sides = [side, side] as const;
    const at = `fire${fire}`;
    layers.push(
      conv(`${at}/squeeze1x1`, from, squeeze, 1, sides),
      same("activation", `${at}/relu_squeeze1x1`, squeeze, side),
      conv(`${at}/expand1x1`, squeeze, expand, 1, sides),
      same("activation", `${at}/relu_expand1x1`, expand, side),
      conv(`${at}/expand3x3`, squeeze, expand, 3, sides),
      same("activation", `${at}/relu_expand3x3`, expand, side),
      same("concat", `${at}/concat`, 2 * expand, side),
    );
    from = 2 * expand;
  }
  return [
    ...layers,
    same("copy", "drop9", from, side),
    conv("conv10", from, 1000, 1, [side, side]),
    same("activation", "relu_conv10", 1000, side),
    pool("pool10", 1000, side, 1, side),
    same("other", "prob", 1000, 1),
  ];
}

export const TX1_NETWORKS: Readonly<Record<string, readonly Tx1Layer[]>> = {
  "bvlc-alexnet": ALEXNET,
  "deepscale-squeezenet-1.0": squeezenet({
    first: conv("conv1", 3, 96, 7, [227, 111]),
    pools: new Map([
      [2, ["pool1", 55]],
      [5, ["pool4", 27]],
      [9, ["pool8", 13]],
    ]),
  }),
  "deepscale-squeezenet-1.1": squeezenet({
    first: conv("conv1", 3, 64, 3, [227, 113]),
    pools: new Map([
      [2, ["pool1", 56]],
      [4, ["pool3", 28]],
      [6, ["pool5", 14]],
    ]),
  }),
};
