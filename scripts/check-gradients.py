"""Evaluates a network that scripts/check-gradients.ts wrote down, and its gradients, with PyTorch in float32 and float64.

Usage: python3 check-gradients.py FOLDER
FOLDER holds graph.json (nodes, inputs, initializers with offsets into data.bin, loss, names). Writes gradients.bin: for each
name the gradient in float64, then the one that PyTorch computes in float32, one after the other as float64 numbers.
"""

import json
import sys
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F

TYPES = {"float32": numpy.float32, "int64": numpy.int64, "bool": numpy.bool_, "float64": numpy.float64}


def ints(value):
    return [int(number) for number in value.flatten().tolist()]


def pads_of(node, x, rank):
    kernel = node["a"].get("kernel_shape")
    auto = node["a"].get("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID"):
        return node["a"].get("pads", [0] * (2 * rank)) if auto == "NOTSET" else [0] * (2 * rank)
    strides = node["a"].get("strides", [1] * rank)
    totals = []
    for axis in range(rank):
        extent = x.shape[axis + 2]
        out = -(-extent // strides[axis])
        totals.append(max((out - 1) * strides[axis] + kernel[axis] - extent, 0))
    less = [total // 2 for total in totals]
    more = [total - small for total, small in zip(totals, less)]
    return less + more if auto == "SAME_UPPER" else more + less


def padded(x, pads, value=0.0):
    rank = len(pads) // 2
    if all(pad == 0 for pad in pads):
        return x
    flat = []
    for axis in reversed(range(rank)):
        flat += [pads[axis], pads[axis + rank]]
    return F.pad(x, flat, value=value)


def convolution(node, x, w, bias=None):
    rank = w.dim() - 2
    node["a"].setdefault("kernel_shape", list(w.shape[2:]))
    run = [F.conv1d, F.conv2d, F.conv3d][rank - 1]
    options = {"stride": node["a"].get("strides", 1), "dilation": node["a"].get("dilations", 1)}
    return run(padded(x, pads_of(node, x, rank)), w, bias, groups=node["a"].get("group", 1), **options)


def pool(node, x):
    a = node["a"]
    pads = pads_of(node, x, 2)
    options = {"stride": a.get("strides", [1, 1]), "ceil_mode": bool(a.get("ceil_mode", 0))}
    if node["op"] == "MaxPool":
        return F.max_pool2d(padded(x, pads, -numpy.inf), a["kernel_shape"], **options)
    assert all(pad == 0 for pad in pads) or a.get("count_include_pad", 0) == 1
    return F.avg_pool2d(padded(x, pads), a["kernel_shape"], **options)


def batch_norm(node, x, scale, bias, mean, variance):
    training = bool(node["a"].get("training_mode", 0))
    return F.batch_norm(x, None if training else mean, None if training else variance, scale, bias, training, 0.0, node["a"].get("epsilon", 1e-5))


def gemm(node, a, b, c=None):
    attributes = node["a"]
    left = a.T if attributes.get("transA", 0) else a
    right = b.T if attributes.get("transB", 0) else b
    result = attributes.get("alpha", 1.0) * (left @ right)
    return result if c is None else result + attributes.get("beta", 1.0) * c


def sliced(node, x, starts, ends, axes=None, steps=None):
    axes = list(range(x.dim())) if axes is None else ints(axes)
    steps = [1] * len(axes) if steps is None else ints(steps)
    for axis, start, end, step in zip(axes, ints(starts), ints(ends), steps):
        chosen = range(x.shape[axis])[slice(start, end if abs(end) < 2**31 - 1 or step > 0 else None, step)]
        x = x.index_select(axis, torch.tensor(list(chosen), dtype=torch.int64))
    return x


def reshaped(node, x, shape):
    target = [x.shape[axis] if size == 0 else size for axis, size in enumerate(ints(shape))]
    return x.reshape(target)


def reduced(node, x, axes=None):
    chosen = node["a"].get("axes") if axes is None else ints(axes)
    chosen = list(range(x.dim())) if chosen is None else chosen
    keep = bool(node["a"].get("keepdims", 1))
    return x.mean(chosen, keep) if node["op"] == "ReduceMean" else x.sum(chosen, keep)


def gathered(node, x, indices):
    axis = node["a"].get("axis", 0) % x.dim()
    flat = indices.flatten() % x.shape[axis]
    picked = x.index_select(axis, flat)
    return picked.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def cast(node, x):
    code = node["a"]["to"]
    return x.to({1: x.dtype if x.is_floating_point() else FLOAT, 7: torch.int64, 9: torch.bool, 6: torch.int64}[code])


def split(node, x, sizes=None):
    axis = node["a"].get("axis", 0)
    count = len(node["outputs"])
    parts = [x.shape[axis] // count] * count if sizes is None else ints(sizes)
    return torch.split(x, parts, axis)


def unsqueezed(node, x, axes):
    rank = x.dim() + axes.numel()
    for axis in sorted(axis % rank for axis in ints(axes)):
        x = x.unsqueeze(axis)
    return x


def clip(node, x, low=None, high=None):
    # As ReLU6: nothing comes through where the input lies on a bound, which happens in channels that are all zero.
    if low is not None and high is not None:
        return F.hardtanh(x, low.item(), high.item())
    return x.clamp(None if low is None else low.item(), None if high is None else high.item())


def gelu(node, x):
    return F.gelu(x, approximate=node["a"].get("approximate", "none"))


OPS = {
    "Conv": convolution,
    "BatchNormalization": batch_norm,
    "MaxPool": pool,
    "AveragePool": pool,
    "GlobalAveragePool": lambda n, x: x.mean(list(range(2, x.dim())), True),
    "Gemm": gemm,
    "MatMul": lambda n, a, b: a @ b,
    "LayerNormalization": lambda n, x, w, b: F.layer_norm(x, w.shape, w, b, n["a"].get("epsilon", 1e-5)),
    "Relu": lambda n, x: F.relu(x),
    "Clip": clip,
    "Sigmoid": lambda n, x: x.sigmoid(),
    "HardSigmoid": lambda n, x: (x * n["a"].get("alpha", 0.2) + n["a"].get("beta", 0.5)).clamp(0, 1),
    "Softplus": lambda n, x: F.softplus(x),
    "Tanh": lambda n, x: x.tanh(),
    "Erf": lambda n, x: x.erf(),
    "Gelu": gelu,
    "Exp": lambda n, x: x.exp(),
    "Sqrt": lambda n, x: x.sqrt(),
    "Softmax": lambda n, x: x.softmax(n["a"].get("axis", -1)),
    "LogSoftmax": lambda n, x: x.log_softmax(n["a"].get("axis", -1)),
    "Add": lambda n, a, b: a + b,
    "Sub": lambda n, a, b: a - b,
    "Mul": lambda n, a, b: a * b,
    "Div": lambda n, a, b: a / b,
    "Pow": lambda n, a, b: a**b,
    "Equal": lambda n, a, b: a == b,
    "Where": lambda n, c, a, b: torch.where(c, a, b),
    "Identity": lambda n, x: x,
    "Dropout": lambda n, x, *rest: x,
    "Cast": cast,
    "Concat": lambda n, *parts: torch.cat(parts, n["a"]["axis"]),
    "Split": split,
    "Slice": sliced,
    "Pad": lambda n, x, pads, value=None: padded(x, ints(pads), 0.0 if value is None else value.item()),
    "Transpose": lambda n, x: x.permute(n["a"]["perm"]),
    "Reshape": reshaped,
    "Flatten": lambda n, x: x.reshape(int(numpy.prod(x.shape[: n["a"].get("axis", 1)])), -1),
    "Squeeze": lambda n, x, axes: x.squeeze(ints(axes)[0]),
    "Unsqueeze": unsqueezed,
    "Expand": lambda n, x, shape: x.expand(torch.broadcast_shapes(x.shape, tuple(ints(shape)))),
    "Gather": gathered,
    "ReduceMean": reduced,
    "ReduceSum": reduced,
    "Shape": lambda n, x: torch.tensor(x.shape),
}

FLOAT = torch.float64


def gradients(description, data, float_type):
    global FLOAT
    FLOAT = float_type
    values = {}
    for name, entry in description["tensors"].items():
        kind = TYPES[entry["type"]]
        count = int(numpy.prod(entry["shape"]))
        array = numpy.frombuffer(data, kind, count, entry["offset"]).reshape(entry["shape"]).copy()
        tensor = torch.from_numpy(array)
        values[name] = tensor.to(float_type) if tensor.is_floating_point() else tensor
    for name in description["names"]:
        values[name].requires_grad_(True)
    for node in description["nodes"]:
        given = [values[name] if name else None for name in node["inputs"]]
        while given and given[-1] is None:
            given.pop()
        result = OPS[node["op"]](node, *given)
        results = result if isinstance(result, tuple) else (result,)
        for name, value in zip(node["outputs"], results):
            values[name] = value
    loss = values[description["loss"]]
    found = torch.autograd.grad(loss, [values[name] for name in description["names"]])
    return float(loss), [gradient.double().numpy() for gradient in found]


def main():
    folder = Path(sys.argv[1])
    torch.set_num_threads(2)
    description = json.loads((folder / "graph.json").read_text())
    data = (folder / "data.bin").read_bytes()
    loss, exact = gradients(description, data, torch.float64)
    _, single = gradients(description, data, torch.float32)
    with open(folder / "gradients.bin", "wb") as out:
        out.write(numpy.float64(loss).tobytes())
        for gradient in exact + single:
            out.write(numpy.ascontiguousarray(gradient).tobytes())


main()
