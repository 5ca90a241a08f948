"""The project's folder: the network, its teacher, and what project.json says of them."""

import hashlib
import importlib.util
import json
import os
import sys

import torch

from problems import Problem
from safetensors_io import BadFile, load, save


class Project:
    def __init__(self, folder, classifies=True):
        """`classifies`: whether it must be a classifier."""
        self.folder = folder
        path = os.path.join(folder, "project.json")
        try:
            with open(path, encoding="utf-8") as file:
                self.about = json.load(file)
        except (OSError, ValueError) as error:
            raise Problem(f"can't read '{path}': {error}.", "Write the project with `mdp export --to pytorch`.") from error
        if self.about.get("schema") != "mdp-pytorch/1":
            raise Problem(f"'{path}' has the schema '{self.about.get('schema')}', not 'mdp-pytorch/1'.", "Write the project again with this version of mdp.")
        self.network_hash = self.about["hashes"]["onnx"]
        self.classes, self.shape = self.about.get("classes"), self.about["input"]["shape"]
        if classifies and (self.about.get("task") != "classification" or not self.classes):
            raise Problem(
                f"this script trains classifiers; '{self.about.get('name')}' gives {self.about.get('output', {}).get('shape')}, not [N, classes].",
                "train_samples.py trains all other networks, by a dataset.json of version 2 or by the original network's outputs.",
            )

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, module, weights):
        """The module that `module`.py builds, with the weights of a safetensors file."""
        path = self.path(f"{module}.py")
        name = f"{module}_{hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:8]}"
        try:
            spec = importlib.util.spec_from_file_location(name, path)
            loaded = importlib.util.module_from_spec(spec)
            sys.modules[name] = loaded
            spec.loader.exec_module(loaded)
        except (OSError, SyntaxError) as error:
            raise Problem(f"can't read '{path}': {error}.", "Write the project again with `mdp export --to pytorch`.") from error
        network = loaded.build()
        load_weights(network, self.path(weights))
        return network


def load_weights(network, path):
    try:
        tensors, _ = load(path)
    except (OSError, BadFile) as error:
        raise Problem(f"can't read the weights: {error}.", "Write the project again with `mdp export --to pytorch`.") from error
    try:
        missing, unknown = network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise Problem(f"'{path}' holds weights of another network: {str(error).splitlines()[-1].strip()}") from error
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unknown:
        what = f"'{missing[0]}' is missing" if missing else f"'{unknown[0]}' is unknown"
        raise Problem(f"'{path}' holds weights of another network: {what}.", "Name the project's own weights.")


def state_of(network):
    """The state_dict as `mdp import-weights` takes it."""
    return {
        key: (value.detach().float() if value.is_floating_point() else value.detach()).cpu()
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }


def save_weights(path, project, network, figures, images):
    """
    The weights as they were evaluated, and beside them a batch with the outputs they give, by which `mdp import-weights` checks.
    The outputs are computed on the CPU from the weights that were written: GPUs round products of float32 to fewer bits (TF32).
    `images`: prepared input; a list where the network has several, and then all outputs are kept.
    """
    metadata = {"schema": "mdp-weights/1", "network": project.network_hash, **figures}
    digest = save(path, state_of(network), metadata)
    written = project.build("network", os.path.abspath(path)).eval()
    several = isinstance(images, (list, tuple))
    inputs = [each.detach().cpu() for each in (images if several else [images])]
    inputs = [(each.float() if each.is_floating_point() else each).contiguous() for each in inputs]
    with torch.no_grad():
        outputs = written(*inputs)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    outputs = outputs if several else outputs[:1]
    named = {}
    for role, tensors in (("input", inputs), ("output", outputs)):
        for at, tensor in enumerate(tensors):
            named[role if at == 0 else f"{role}.{at}"] = tensor.contiguous()
    check = f"{path[: -len('.safetensors')]}.check.safetensors"
    save(check, named, {"schema": "mdp-check/1", "weights": digest})
