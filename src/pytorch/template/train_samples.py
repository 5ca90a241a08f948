#!/usr/bin/env python3
"""
Trains a network that is no plain classifier: several inputs, several outputs, masks, numbers or pictures as targets. The same command
goes on where a run was ended, behind the last whole epoch. One process; train.py trains classifiers on many.

    python3 train_samples.py --data dataset.json --epochs 3 --lr 0.001
    python3 train_samples.py --data dataset.json --target-weight 0      # by the original's outputs alone, without targets

DATA is a dataset.json of version 2 (docs/datasets.md of mdp). Loss: the targets' own (cross entropy of classes and of pixels, mean square
of numbers), and the distance of all float outputs to the original network's as a share of its mean square. Results lie in --out:
last.safetensors, checkpoint.safetensors, metrics.csv. `mdp import-weights` takes the weights back into ONNX.

Exit codes: 0 done, 2 usage, 3 bad or missing input, 130 interrupted (the last whole epoch is kept).
"""

import argparse
import os
import sys

from problems import INTERRUPTED, USAGE, Problem, go_on, require_torch
from recipes import choose

HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = ("epoch", "lr", "loss", "targets", "outputs")
CHECKED = 4


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", required=True, help="dataset.json of version 2")
    add("--split", default="train", help="[train]")
    add("--limit", type=int, help="only the first so many samples")
    add("--epochs", type=int, default=3, help="[3]")
    add("--batch", type=int, default=32, help="[32]")
    add("--lr", type=float, default=0.001, help="[0.001]")
    add("--optimizer", choices=("sgd", "adamw"), default="adamw", help="[adamw]")
    add("--weight-decay", type=float, default=0.01, help="[0.01]")
    add("--target-weight", type=float, default=0.5, help="of the targets' losses [0.5]")
    add("--output-weight", type=float, default=0.5, help="of the distance to the original's outputs [0.5]")
    add("--clip", type=float, default=1.0, help="largest norm of the gradients [1]")
    add("--norms", choices=("batch", "frozen"), default="batch", help="statistics of each batch, or the running ones [batch]")
    add("--seed", type=int, default=1, help="[1]")
    add("--device", choices=("auto", "cuda", "cpu"), default="auto")
    add("--threads", type=int, help="CPU threads")
    add("--out", default=os.path.join(HERE, "run"), help="run folder [run]")
    add("--restart", action="store_true", help="start again")
    return parser.parse_args()


def target_loss(output, target):
    """Cross entropy where the target is whole numbers (-1 counts for nothing), mean square otherwise."""
    import torch
    from samples import nearest

    functional = torch.nn.functional
    if target.dtype != torch.int64:
        if output.shape != target.shape:
            raise Problem(f"the network gives {list(output.shape)}, the targets are {list(target.shape)}.", "Check 'reshape' and 'output' in the config.")
        return functional.mse_loss(output, target)
    classes = output.shape[1]
    if target.numel() and int(target.max()) >= classes:
        raise Problem(f"the data has the class {int(target.max())}, the network {classes} classes.", "Check 'classes' in the config.")
    if target.dim() == 1:
        output = output.flatten(2).mean(2) if output.dim() > 2 else output
    elif output.shape[2:] != target.shape[1:]:
        # The output is coarser than the masks: every position takes the class under its middle.
        masks = target.cpu().numpy()
        target = torch.stack([torch.from_numpy(nearest(mask, *output.shape[2:])) for mask in masks]).to(output.device)
    if not bool((target >= 0).any()):
        return output.sum() * 0
    return functional.cross_entropy(output, target, ignore_index=-1)


def output_distance(outputs, wanted):
    """Mean over the outputs of the squared distance, as a share of the original's mean square."""
    parts = [((own - other) ** 2).sum() / ((other**2).sum() + 1e-12) for own, other in zip(outputs, wanted) if own.is_floating_point()]
    if not parts:
        raise Problem("the network has no float outputs to compare.", "Give --output-weight 0.")
    return sum(parts) / len(parts)


def listed(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


class Run:
    def __init__(self, options):
        import numpy
        import torch
        from distributed import World
        from optimizers import make_optimizer
        from project import Project
        from samples import Samples

        self.options = options
        self.recipe = choose("repair", {key: getattr(options, key) for key in ("epochs", "batch", "lr", "optimizer", "weight_decay", "clip", "seed", "norms")})
        world = World(options.device)
        if world.size > 1:
            raise Problem("train_samples.py runs in one process.", "Start it with python3 instead of torchrun.", USAGE)
        self.device, self.project = world.device, Project(HERE, classifies=False)
        about = self.project.about
        inputs, outputs = about.get("inputs") or [about["input"]], about.get("outputs") or [about["output"]]
        self.outputs = [each["name"] for each in outputs]
        self.samples = Samples(options.data, options.split, [each["name"] for each in inputs], [each["shape"] for each in inputs], self.outputs)
        self.count = min(len(self.samples), options.limit or len(self.samples))
        if self.count < options.batch:
            raise Problem(f"there are {self.count} samples, fewer than one batch of {options.batch}.", f"Give --batch {max(1, self.count)} or less.")
        if options.target_weight > 0 and not self.samples.targets:
            raise Problem("the data has no targets.", "Give --target-weight 0: the original's outputs teach alone.")
        if options.target_weight <= 0 and options.output_weight <= 0:
            raise Problem("all parts of the loss have weight 0.", "Give --target-weight or --output-weight.", USAGE)
        torch.manual_seed(options.seed)
        self.model = self.project.build("network", "weights.safetensors").to(self.device)
        self.teacher = None
        if options.output_weight > 0:
            self.teacher = self.project.build("teacher", "teacher.safetensors").to(self.device).eval()
        self.optimizer = make_optimizer(self.model, self.recipe)
        self.order = lambda epoch: numpy.random.Generator(numpy.random.Philox(key=[options.seed, epoch])).permutation(self.count)
        self.rows, self.epoch = [], 0
        os.makedirs(options.out, exist_ok=True)
        self.checkpoint = os.path.join(options.out, "checkpoint.safetensors")

    def kept(self):
        return f"epoch {self.epoch} is safe." if self.epoch else "nothing was trained yet."

    def take_up(self):
        import checkpoint

        if self.options.restart or not os.path.exists(self.checkpoint):
            return
        state = checkpoint.read(self.checkpoint)
        if state["settings"] != self.settings():
            raise Problem("the run folder holds a run with other options.", "Give the same command, another --out, or --restart.")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.rows = state["epoch"], state["rows"]

    def settings(self):
        import json

        left_out = ("out", "restart", "device", "threads")
        chosen = {key: value for key, value in vars(self.options).items() if key not in left_out}
        return json.dumps([self.project.network_hash, chosen], sort_keys=True)

    def step(self, indices):
        """The loss and its parts on some samples; gradients are left in the parameters."""
        import torch

        given, targets = self.samples.batch(list(indices))
        given = [each.to(self.device) for each in given]
        outputs = listed(self.model(*given))
        parts = {"targets": 0.0, "outputs": 0.0}
        if self.options.target_weight > 0:
            by_name = dict(zip(self.outputs, outputs))
            parts["targets"] = sum(
                self.samples.targets[name][2] * target_loss(by_name[name], target.to(self.device)) for name, target in targets.items()
            )
        if self.teacher is not None:
            with torch.no_grad():
                wanted = listed(self.teacher(*given))
            parts["outputs"] = output_distance(outputs, wanted)
        loss = self.options.target_weight * parts["targets"] + self.options.output_weight * parts["outputs"]
        if not bool(torch.isfinite(loss)):
            raise Problem("the loss is no number.", "Give a smaller --lr.")
        self.optimizer.zero_grad()
        loss.backward()
        number = lambda value: float(value.detach()) if isinstance(value, torch.Tensor) else value
        return {"loss": number(loss), **{name: number(part) for name, part in parts.items()}}

    def train_epoch(self):
        import torch
        from optimizers import rate_at, set_rate

        self.model.train()
        if self.options.norms == "frozen":
            for module in self.model.modules():
                if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                    module.eval()
        steps = self.count // self.options.batch
        order, sums = self.order(self.epoch), {}
        for step in range(steps):
            rate = rate_at(self.recipe, self.epoch * steps + step, steps * self.recipe.epochs, steps)
            set_rate(self.optimizer, rate)
            found = self.step(order[step * self.options.batch : (step + 1) * self.options.batch])
            if self.options.clip > 0:
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip)
            self.optimizer.step()
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + value / steps
        self.epoch += 1
        self.rows.append([self.epoch, rate, sums["loss"], sums["targets"], sums["outputs"]])

    def save(self):
        import checkpoint
        from project import save_weights

        state = {"settings": self.settings(), "epoch": self.epoch, "rows": self.rows, "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        checkpoint.write(self.checkpoint, state, self.kept())
        inputs, _ = self.samples.batch(range(min(CHECKED, self.count)))
        save_weights(os.path.join(self.options.out, "last.safetensors"), self.project, self.model, {"epoch": self.epoch}, inputs)
        table = os.path.join(self.options.out, "metrics.csv")
        with open(f"{table}.part", "w", encoding="utf-8") as file:
            file.writelines(",".join(str(cell) for cell in row) + "\n" for row in [COLUMNS, *self.rows])
        os.replace(f"{table}.part", table)

    def run(self):
        self.take_up()
        while self.epoch < self.recipe.epochs:
            self.train_epoch()
            self.save()
            _, _, loss, targets, outputs = self.rows[-1]
            print(f"epoch {self.epoch}/{self.recipe.epochs} done  loss {loss:.5f} (targets {targets:.5f}, outputs {outputs:.5f})", file=sys.stderr)


def main():
    options = parse_arguments()
    for name in ("epochs", "batch"):
        if getattr(options, name) < 1:
            raise Problem(f"--{name} is {getattr(options, name)}; at least 1 is needed.", "", USAGE)
    require_torch(images=True)
    import torch

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    run = None
    try:
        run = Run(options)
        run.run()
    except KeyboardInterrupt:
        raise Problem("stopped.", go_on("nothing was trained yet." if run is None else run.kept()), INTERRUPTED) from None


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        problem.tell()
        sys.exit(problem.code)
