"""
What it takes to go on: weights, the optimizer's state, the average, the scaler, random states, and the place in the run.

One safetensors file, written whole or not at all; the numbers and texts of the state lie in its metadata as JSON.
"""

import json

import torch

from problems import Problem, from_os_error
from safetensors_io import BadFile, load, save

SCHEMA = "mdp-pytorch-checkpoint/1"


def write(path, state, kept):
    """`kept`: what is safe where this fails, for the message."""
    tensors = {}
    tree = json.dumps(taken_apart(state, "", tensors))
    try:
        save(path, tensors, {"schema": SCHEMA, "state": tree})
    except OSError as error:
        raise from_os_error(error, path, kept) from error


def read(path):
    try:
        tensors, metadata = load(path)
        if metadata.get("schema") != SCHEMA:
            raise BadFile(f"'{path}' is no checkpoint of this script")
        return put_together(json.loads(metadata["state"]), tensors)
    except (BadFile, KeyError, ValueError) as error:
        raise Problem(f"the checkpoint can't be read: {error}.", "Start again with --restart, or put a whole copy of it there.") from error
    except OSError as error:
        raise Problem(f"the checkpoint '{path}' can't be read: {error.strerror or error}.", "Start again with --restart.") from error


def taken_apart(value, name, tensors):
    """The value as JSON, its tensors moved into `tensors`. Keys that are numbers (the optimizer has them) keep being numbers."""
    if isinstance(value, torch.Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {"pairs": [[key, taken_apart(part, f"{name}/{key}", tensors)] for key, part in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [taken_apart(part, f"{name}/{at}", tensors) for at, part in enumerate(value)]}
    return {"value": value}


def put_together(tree, tensors):
    if "tensor" in tree:
        return tensors[tree["tensor"]]
    if "pairs" in tree:
        return {key: put_together(part, tensors) for key, part in tree["pairs"]}
    if "list" in tree:
        return [put_together(part, tensors) for part in tree["list"]]
    return tree["value"]


def random_state(device):
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(states, world):
    """Each process gets its own state; a process that the checkpoint knows nothing of keeps what its seed gave it."""
    if world.rank >= len(states):
        return
    state = states[world.rank]
    torch.set_rng_state(state["cpu"])
    if world.device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], world.device)
