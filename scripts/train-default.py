#!/usr/bin/env python3
"""Trains the embedded default network on the drawn set and writes it as ONNX.

    npx mdp data shapes --out runs/shapes
    /usr/bin/python3 scripts/train-default.py --data runs/shapes --out runs/half --half 16 --epochs 27 --stop 16
    /usr/bin/python3 scripts/train-default.py --data runs/shapes --out runs/full --resume runs/half --half 0 --epochs 6 --rate 5e-4

The first call trains on pictures of half the size, four times as fast; the second one goes on with whole ones.

Needs PyTorch 1.13 or later (Debian: python3-torch) and NumPy. The network is a small ResNet in ResNet-50's shape: bottlenecks
with expansion 4, four stages, a convolution on the shortcut of each stage's first block, BatchNorm behind every convolution.
Writes shapes-resnet.onnx (opset 17, BatchNorm kept, symbolic batch) and training.json (settings and accuracy per epoch).
"""
import argparse
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

STAGES = [(16, 3), (24, 3), (40, 4), (64, 2)]  # inner width and number of blocks
EXPANSION = 4
STEM = 16


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        outputs = width * EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + shortcut)


class ShapesResNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, STEM, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM)
        self.relu = nn.ReLU()
        inputs = STEM
        for stage, (width, blocks) in enumerate(STAGES, start=1):
            layers = []
            for block in range(blocks):
                stride = 2 if block == 0 and stage > 1 else 1
                layers.append(Bottleneck(inputs, width, stride))
                inputs = width * EXPANSION
            setattr(self, f"layer{stage}", nn.Sequential(*layers))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for module in self.modules():
            if isinstance(module, Bottleneck):
                nn.init.constant_(module.bn3.weight, 0.2)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def read_split(folder, config, split):
    record = config["record"]
    shape = (record["channels"], record["height"], record["width"])
    raw = np.fromfile(os.path.join(folder, config["splits"][split]), np.uint8).reshape(-1, 1 + int(np.prod(shape)))
    return torch.from_numpy(raw[:, 1:].reshape(-1, *shape).copy()), torch.from_numpy(raw[:, 0].astype(np.int64))


def augment(images):
    """Flips, quarter turns and shifts of up to four pixels: all keep the class."""
    if torch.rand(1) < 0.5:
        images = images.flip(3)
    if torch.rand(1) < 0.5:
        images = images.transpose(2, 3)
    if torch.rand(1) < 0.5:
        images = images.flip(2)
    size = images.shape[-1]
    padded = F.pad(images, (4, 4, 4, 4), mode="replicate")
    rows = torch.randint(0, 9, (4,))
    columns = torch.randint(0, 9, (4,))
    parts = padded.chunk(4)
    return torch.cat([part[:, :, r : r + size, c : c + size] for part, r, c in zip(parts, rows, columns)])


def accuracy(network, prepare, images, labels):
    network.eval()
    hits = 0
    with torch.no_grad():
        for start in range(0, len(images), 250):
            hits += (network(prepare(images[start : start + 250])).argmax(1) == labels[start : start + 250]).sum().item()
    network.train()
    return hits / len(images)


def export(network, size, path):
    network.eval()
    torch.onnx.export(
        network,
        torch.zeros(1, 3, size, size),
        path,
        opset_version=17,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        input_names=["images"],
        output_names=["logits"],
        dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
    )
    network.train()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder written by: mdp data shapes")
    parser.add_argument("--out", required=True)
    parser.add_argument("--epochs", type=int, default=22)
    parser.add_argument("--half", type=int, default=0, help="first epochs, on images of half the size")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stop", type=int, default=0, help="end after this epoch, whatever --epochs plans for the rate")
    parser.add_argument("--max-steps", type=int, default=0, help="stop early, to measure the speed")
    parser.add_argument("--resume", help="--out folder of an earlier run to start from")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    with open(os.path.join(options.data, "dataset.json")) as file:
        config = json.load(file)
    mean = torch.tensor(config["mean"]).view(1, 3, 1, 1)
    std = torch.tensor(config["std"]).view(1, 3, 1, 1)
    prepare = lambda images: (images.float() * config["scale"] - mean) / std
    images, labels = read_split(options.data, config, "train")
    test_images, test_labels = read_split(options.data, config, "test")
    shrunk = lambda images, epoch: F.avg_pool2d(images, 2) if epoch < options.half else images
    os.makedirs(options.out, exist_ok=True)

    network = ShapesResNet(len(config["classes"]))
    if options.resume:
        network.load_state_dict(torch.load(os.path.join(options.resume, "state.pt")))
    parameters = sum(p.numel() for p in network.parameters())
    print(f"{parameters} parameters, {len(images)} training and {len(test_images)} test images", flush=True)
    decayed = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0}], lr=options.rate)
    steps_per_epoch = len(images) // options.batch
    total = steps_per_epoch * options.epochs
    settings = {key: value for key, value in vars(options).items() if key not in ("data", "out", "resume", "max_steps")}
    stage = {"settings": settings, "images": len(images), "epochs": []}
    log = {"parameters": parameters, "stages": [stage]}
    if options.resume:
        with open(os.path.join(options.resume, "training.json")) as file:
            log["stages"] = json.load(file)["stages"] + [stage]
    start = time.time()
    step = 0
    for epoch in range(options.epochs):
        order = torch.randperm(len(images))
        losses = []
        for index in range(steps_per_epoch):
            for group in optimiser.param_groups:
                warm = min(1.0, (step + 1) / 200)
                group["lr"] = options.rate * warm * 0.5 * (1 + math.cos(math.pi * step / total))
            picked = order[index * options.batch : (index + 1) * options.batch]
            batch = augment(shrunk(prepare(images[picked]), epoch))
            loss = F.cross_entropy(network(batch), labels[picked], label_smoothing=0.05)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            step += 1
            if step == options.max_steps:
                print(f"{step * options.batch / (time.time() - start):.0f} images/s", flush=True)
                export(network, images.shape[-1], os.path.join(options.out, "shapes-resnet.onnx"))
                return
        top1 = accuracy(network, lambda part: shrunk(prepare(part), epoch), test_images, test_labels)
        stage["epochs"].append({"loss": round(float(np.mean(losses)), 4), "testTop1": round(top1, 4)})
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, test {top1:.4f}, {time.time() - start:.0f} s", flush=True)
        torch.save(network.state_dict(), os.path.join(options.out, "state.pt"))
        export(network, images.shape[-1], os.path.join(options.out, "shapes-resnet.onnx"))
        log["testTop1"] = round(top1, 4)
        with open(os.path.join(options.out, "training.json"), "w") as file:
            json.dump(log, file, indent=1)
            file.write("\n")
        if epoch + 1 == options.stop:
            break
    print(f"top-1 on {len(test_images)} test images: {log['testTop1']:.4f}")


if __name__ == "__main__":
    main()
