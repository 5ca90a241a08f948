"""Writes instances as pickles in the layouts of the MDP authors' solver inputs, to try `mdp import` on:

    python3 scripts/make-pickles.py OUT_DIR INSTANCE.json... [--protocol 3]

Instances with importances per layer become the layout of 13 items (with blocks), those with importances per group the one of
6 items. Needs numpy; nothing in the package uses it.
"""
import argparse
import json
import os
import pickle

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("instances", nargs="+")
parser.add_argument("--protocol", type=int, default=3)
arguments = parser.parse_args()


def solver_inputs(instance):
    groups = {
        group["id"]: tuple("module." + layer for layer in group["layers"])
        for group in instance["groups"]
    }
    by_layer = "importance" in instance["layers"][0]
    latencies, importances, blocks, layer_groups = {}, {}, {}, {}
    for layer in instance["layers"]:
        name = "module." + layer["name"]
        before = layer["inputGroup"]
        latencies[name] = (
            None if before is None else groups[before],
            np.array(layer["latency"], dtype=np.float64),
        )
        layer_groups[name] = groups[layer["group"]]
        if by_layer:
            importances[name] = layer["importance"]
            blocks[name] = layer["block"]
    if not by_layer:
        scores = {groups[group["id"]]: group["importance"] for group in instance["groups"]}
        return [latencies, scores, instance["budget"], 0, None, "runs"]
    counts = {groups[group["id"]]: group["options"] for group in instance["groups"]}
    names = list(groups.values())
    return [
        latencies, importances, [], [], [], layer_groups, blocks, counts, names,
        instance["budget"], 0, None, "runs",
    ]


os.makedirs(arguments.out, exist_ok=True)
for path in arguments.instances:
    with open(path, encoding="utf8") as file:
        instance = json.load(file)
    name = os.path.splitext(os.path.basename(path))[0] + ".pkl"
    with open(os.path.join(arguments.out, name), "wb") as file:
        pickle.dump(solver_inputs(instance), file, protocol=arguments.protocol)
