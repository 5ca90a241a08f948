/**
 * Networks of ../shared whose dims are understood and that every random subnet has to be proven on. `everyday`: how many
 * random subnets the heavy test draws; scripts/prove-all.ts draws 20 of each.
 */
export const ARCHITECTURES = [
  { name: "ResNet-18", path: "graphs/resnet18_op13_bn.onnx.br", everyday: 2 },
  { name: "ResNet-50", path: "graphs/resnet50_op13_bn.onnx.br", everyday: 1 },
  { name: "CIFAR ResNet-20", path: "models/cifar10_resnet20_op13_bn.onnx", everyday: 3 },
  {
    name: "CIFAR ResNet-20 folded",
    path: "models/cifar10_resnet20_op13_folded.onnx",
    everyday: 3,
  },
  { name: "CIFAR ResNet-56", path: "models/cifar10_resnet56_op13_bn.onnx", everyday: 2 },
  {
    name: "CIFAR ResNet-56 folded",
    path: "models/cifar10_resnet56_op13_folded.onnx",
    everyday: 10,
  },
  { name: "MobileNetV2", path: "graphs/mobilenet_v2_op13_bn.onnx.br", everyday: 3 },
  { name: "MobileNetV2 folded", path: "models/mobilenet_v2_1.0_224_dequant.onnx", everyday: 2 },
  { name: "ProxylessNAS", path: "models/imagenet_proxyless-w0.3-r176_op13_bn.onnx", everyday: 2 },
  { name: "MobileNetV3", path: "graphs/mobilenet_v3_small_op13_bn.onnx.br", everyday: 2 },
  { name: "EfficientNet-B0", path: "graphs/efficientnet_b0_op13_bn.onnx.br", everyday: 3 },
  { name: "SqueezeNet", path: "models/squeezenet1.1_imagenet.onnx", everyday: 2 },
  { name: "GoogLeNet", path: "graphs/googlenet_op13_bn.onnx.br", everyday: 3 },
  { name: "DenseNet-121", path: "graphs/densenet121_op13_bn.onnx.br", everyday: 2 },
  { name: "VGG-11", path: "graphs/vgg11_bn_op13_bn.onnx.br", everyday: 1 },
  { name: "RegNetX-400MF", path: "graphs/regnet_x_400mf_op13_bn.onnx.br", everyday: 3 },
  { name: "ShuffleNetV2", path: "graphs/shufflenet_v2_x1_0_op13_bn.onnx.br", everyday: 3 },
  { name: "FCN-ResNet-50", path: "graphs/fcn_resnet50_op13_bn.onnx.br", everyday: 1 },
  { name: "ConvNeXt-tiny", path: "graphs/convnext_tiny_op17_bn.onnx.br", everyday: 1 },
  { name: "small ViT", path: "models/mnist_vit_mlde_op17.onnx", everyday: 3 },
  { name: "CIFAR ViT", path: "models/cifar10_vit_smmk47_op17.onnx", everyday: 3 },
  { name: "ViT-B/16", path: "graphs/vit_b_16_op17_bn.onnx.br", everyday: 1 },
  { name: "Swin-T", path: "graphs/swin_t_op17_bn.onnx.br", everyday: 1 },
] as const;

/** Random subnets of each that scripts/prove-all.ts proves where no other number is given. */
export const DRAWS = 20;

/** Those that are proven within seconds: part of every run of the tests. */
export const SMALL_ARCHITECTURES = ["CIFAR ResNet-20", "CIFAR ResNet-20 folded", "small ViT"];
