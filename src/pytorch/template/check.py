"""
Says whether network.py and teacher.py give on this machine what their ONNX files gave in onnxruntime: the same random input,
outputs within 1e-5 of the largest.

    python3 check.py
    python3 check.py --weights run/best.safetensors --write run/best.check.safetensors
"""

import argparse
import hashlib
import importlib
import json
import os
import sys

from problems import Problem, require_torch

HERE = os.path.dirname(os.path.abspath(__file__))
DIFFERENT = 6


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, default=1e-5, help="largest relative difference that passes [1e-5]")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--weights", help="weights of network.py to run instead, with --write")
    parser.add_argument("--write", help="file for the input and the outputs with those weights")
    arguments = parser.parse_args()
    if (arguments.weights is None) != (arguments.write is None):
        parser.error("--weights and --write belong together")
    return arguments


def load_network(name, weights):
    """The network of a module file in eval mode with the given weights."""
    import safetensors_io

    network = importlib.import_module(name).build()
    tensors, metadata = safetensors_io.load(weights)
    missing, unexpected = network.load_state_dict(tensors, strict=False)
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unexpected:
        difference = f"lacks '{missing[0]}'" if missing else f"has '{unexpected[0]}', which {name}.py has not"
        raise Problem(f"'{weights}' {difference}.", "Use the weights that belong to this folder.")
    return network.eval(), metadata


def numbered(tensors, role):
    """The tensors called `input`, `input.1`, ... in their order."""
    found = []
    while (name := f"{role}.{len(found)}" if found else role) in tensors:
        found.append(tensors[name])
    return found


def run(network, inputs):
    import torch

    with torch.no_grad():
        outputs = network(*inputs)
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def relative_difference(expected, found):
    if expected.shape != found.shape:
        return float("inf")
    apart = (expected.double() - found.double()).abs().max().item() if expected.numel() else 0.0
    largest = expected.double().abs().max().item() if expected.numel() else 0.0
    if apart == 0:
        return 0.0
    # A NaN is as far away as can be.
    return apart / largest if largest > 0 and apart == apart else float("inf")


def compare(name, stem):
    """Largest relative difference over the outputs of a module and what the ONNX gave."""
    import safetensors_io

    network, _ = load_network(name, os.path.join(HERE, f"{stem}.safetensors"))
    expected, _ = safetensors_io.load(os.path.join(HERE, f"{stem}.check.safetensors"))
    wanted, found = numbered(expected, "output"), run(network, numbered(expected, "input"))
    if len(wanted) != len(found):
        return float("inf")
    return max(relative_difference(*pair) for pair in zip(wanted, found))


def write_outputs(weights, path):
    import safetensors_io

    network, _ = load_network("network", weights)
    expected, _ = safetensors_io.load(os.path.join(HERE, "weights.check.safetensors"))
    inputs = numbered(expected, "input")
    named = {"input" if i == 0 else f"input.{i}": tensor for i, tensor in enumerate(inputs)}
    for i, tensor in enumerate(run(network, inputs)):
        named["output" if i == 0 else f"output.{i}"] = tensor.contiguous()
    with open(weights, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    safetensors_io.save(path, named, {"schema": "mdp-check/1", "weights": digest})


def main():
    arguments = parse_arguments()
    require_torch()
    import safetensors_io
    import torch

    torch.set_num_threads(min(4, os.cpu_count() or 1))
    try:
        if arguments.write is not None:
            write_outputs(arguments.weights, arguments.write)
            return 0
        pairs = (("network", "weights"), ("teacher", "teacher"))
        differences = {name: compare(name, stem) for name, stem in pairs}
    except (OSError, safetensors_io.BadFile) as error:
        raise Problem(f"{error}.", "The folder is not complete: copy or export it again.") from error
    good = all(difference <= arguments.limit for difference in differences.values())
    if arguments.json:
        finite = {name: value if value < float("inf") else None for name, value in differences.items()}
        print(json.dumps({"torch": torch.__version__, "limit": arguments.limit, "good": good, "differences": finite}))
    else:
        for name, difference in differences.items():
            print(f"{name}.py  {difference:.1e} of the largest output apart from the ONNX (limit {arguments.limit:g})")
    return 0 if good else DIFFERENT


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    try:
        sys.exit(main())
    except Problem as problem:
        problem.tell()
        sys.exit(problem.code)
