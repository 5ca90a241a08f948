"""Runs written modules on inputs: reads the names of folders from stdin, a line each; answers each with a line of JSON.

A folder holds network.py, weights.bin with weights.json, and input files with their shapes in inputs.json. Outputs are written
beside them as output0.bin, ... A backward pass shows which parameters get no gradient.
"""

import importlib.util
import json
import os
import sys

import numpy
import torch

torch.set_num_threads(1)


def tensors(folder, listing, data):
    raw = numpy.fromfile(os.path.join(folder, data), dtype=numpy.uint8)
    found, offset = {}, 0
    for entry in listing:
        dtype = numpy.dtype(entry["type"])
        size = dtype.itemsize * int(numpy.prod(entry["shape"], dtype=numpy.int64))
        part = raw[offset : offset + size].view(dtype).reshape(entry["shape"])
        found[entry["name"]] = torch.from_numpy(part.copy())
        offset += size
    return found


def run(folder):
    with open(os.path.join(folder, "run.json")) as file:
        listing = json.load(file)
    spec = importlib.util.spec_from_file_location("network", os.path.join(folder, "network.py"))
    network = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(network)
    module = network.build()
    weights = tensors(folder, listing["weights"], "weights.bin")
    state = module.state_dict()
    # What BatchNorm counts isn't in the network.
    expected = {key for key in state if not key.endswith("num_batches_tracked")}
    missing = sorted(expected - set(weights))
    unexpected = sorted(set(weights) - expected)
    module.load_state_dict(weights, strict=False)
    inputs = list(tensors(folder, listing["inputs"], "inputs.bin").values())
    names = {name for name, _ in module.named_modules()}
    module.eval()
    with torch.no_grad():
        outputs = module(*inputs)
        more = [torch.cat([value, value[:1]]) for value in inputs]
        batch = [len(value) for value in as_tuple(module(*more))]
    for index, value in enumerate(as_tuple(outputs)):
        value.contiguous().numpy().tofile(os.path.join(folder, "output%d.bin" % index))
    result = {
        "missing": missing,
        "unexpected": unexpected,
        "features": [name for name in network.FEATURES if name not in names],
        "shapes": [list(value.shape) for value in as_tuple(outputs)],
        "batch": batch,
        "idle": [],
    }
    if listing["backward"]:
        module.train()
        sum(value.square().mean() for value in as_tuple(module(*inputs))).backward()
        result["idle"] = [name for name, value in module.named_parameters() if value.grad is None]
    return result


def as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


for line in sys.stdin:
    folder = line.strip()
    try:
        print(json.dumps(run(folder)), flush=True)
    except Exception as error:
        print(json.dumps({"error": "%s: %s" % (type(error).__name__, error)}), flush=True)
