"""
Pruning while training: every few epochs `mdp solve` chooses a smaller network by scores that the training itself gathers.

The score of a unit is |gamma dL/dgamma + beta dL/dbeta| of the norm behind it, of every step's mean loss, averaged over the steps
since the last cut (HALP 2110.10811, MDP 2406.12079). A cut writes the weights back into ONNX, solves, exports the smaller network
beside it, and training goes on with that: fresh momentum, the same schedule.
"""

import glob
import json
import os
import shlex
import shutil
import subprocess

import torch

from problems import USAGE, Problem, from_os_error
from project import Project, state_of
from safetensors_io import save, write_whole


class Pruning:
    def __init__(self, trainer, options):
        self.options, self.done, self.dense_ms = options, 0, None
        if options.prune_device is None:
            raise Problem("pruning needs the device whose latencies count.", "Name it with --prune-device: `mdp devices` lists them.", USAGE)
        self.target = parse_budget(options.prune_budget)
        if options.prune_steps < 1 or options.prune_every < 1:
            raise Problem("--prune-steps and --prune-every are 1 at least.", "", USAGE)
        last = options.prune_steps * options.prune_every
        if last >= trainer.recipe.epochs:
            raise Problem(
                f"the last of {options.prune_steps} cuts would come after epoch {last} of {trainer.recipe.epochs}; none is left to train.",
                "Give fewer --prune-steps, a smaller --prune-every or more --epochs.",
                USAGE,
            )
        trainer.world.only_first(lambda: require_mdp(options.mdp))
        self.begin(trainer)

    def begin(self, trainer):
        """Fresh sums for the network that is trained now."""
        with open(trainer.project.path("scored.json"), encoding="utf-8") as file:
            self.scored = json.load(file)
        if not self.scored["layers"]:
            raise Problem(
                "no layer of the network has a BatchNormalization that could be scored.",
                "Prune at once instead: `mdp solve`, then train what it chose.",
                USAGE,
            )
        sizes = {entry["dim"]: entry["units"] for entry in self.scored["dims"]}
        device = trainer.world.device
        self.parts = []
        for number, layer in enumerate(self.scored["layers"]):
            for part in layer["parts"]:
                units = None
                if part["units"] is not None:
                    channels = [at for at, unit in enumerate(part["units"]) if unit >= 0]
                    units = tuple(torch.tensor(ints, device=device) for ints in (channels, [part["units"][at] for at in channels]))
                self.parts.append((number, part["dim"], units, torch.zeros(sizes[part["dim"]], device=device)))
        self.batches = torch.zeros((), dtype=torch.int64, device=device)

    @torch.no_grad()
    def add(self, model):
        """Scores of the step whose gradients the model holds."""
        weights = dict(model.named_parameters())
        derivatives, finite = [], []
        for layer in self.scored["layers"]:
            gamma, beta = weights[layer["scale"]], weights[layer["shift"]]
            if gamma.grad is None or beta.grad is None:
                return
            derivatives.append(gamma * gamma.grad + beta * beta.grad)
            finite.append(derivatives[-1].isfinite().all())
        # A step whose gradients left the range of fp16, which the optimizer leaves out too.
        counts = torch.stack(finite).all()
        for number, _, units, sums in self.parts:
            of_channel = derivatives[number].float()
            if units is None:
                scores = of_channel.abs()
            else:
                channels, indices = units
                scores = torch.zeros_like(sums).index_add_(0, indices, of_channel[channels]).abs()
            sums += torch.where(counts, scores, torch.zeros_like(scores))
        self.batches += counts

    def importance(self):
        """The scores as `mdp solve` reads them, each layer's part apart."""
        dims = {entry["dim"]: {"dim": entry["dim"], "units": entry["units"], "layers": []} for entry in self.scored["dims"]}
        batches = max(1, self.batches.item())
        for number, dim, _, sums in self.parts:
            layer = self.scored["layers"][number]
            scores = [float(f"{score / batches:.7g}") for score in sums.tolist()]
            dims[dim]["layers"].append({"layer": layer["layer"], "block": layer["block"], "scores": scores})
        about = {"method": "taylor-bn", "normalisation": "none", "networkHash": None, "seed": None}
        return {"schema": "mdp-importance/1", **about, "dims": list(dims.values())}

    # Cuts

    def prune_if_due(self, trainer):
        """Between two epochs: cuts the network if it is time, and lets the trainer go on with the smaller one."""
        if self.done == self.options.prune_steps or trainer.epoch % self.options.prune_every:
            return
        number = self.done + 1
        trainer.progress.say(f"cut {number} of {self.options.prune_steps}: asking {self.options.mdp}")
        network = trainer.evaluated()
        folder, chosen = trainer.world.told_by_first(trainer.world.only_first(lambda: self.cut(trainer, network, number)))
        self.done, self.dense_ms = number, chosen["dense"]
        if trainer.features is not None:
            trainer.features.close()
        trainer.use(Project(folder))
        self.begin(trainer)
        trainer.best = None
        trainer.progress.say(f"cut {number}: {chosen['before']:.4g} ms to {chosen['after']:.4g} ms (limit {chosen['limit']:.4g} ms), going on with '{folder}'")

    def cut(self, trainer, network, number):
        """Solves, exports; the smaller network's folder and its latencies. Leaves an earlier attempt's files behind nowhere."""
        work = os.path.join(trainer.out, f"cut-{number}")
        folder = os.path.join(trainer.out, f"pruned-{number}")
        for path in (work, folder):
            shutil.rmtree(path, ignore_errors=True)
        place = {name: os.path.join(work, name) for name in ("weights.safetensors", "importance.json", "subnet.json", "data.json")}
        # The project is named for its network's file.
        name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in trainer.project.about["name"])
        onnx = os.path.join(work, f"{name}.onnx")
        try:
            os.makedirs(work)
            save(place["weights.safetensors"], state_of(network), {"schema": "mdp-weights/1", "network": trainer.project.network_hash})
            write_json(place["importance.json"], self.importance())
            if trainer.project.about.get("data") is not None:
                write_json(place["data.json"], trainer.project.about["data"])
        except OSError as error:
            raise from_os_error(error, work, trainer.kept()) from error
        self.mdp("import-weights", trainer.project.folder, "--weights", place["weights.safetensors"], "--out", onnx)
        solve = ["solve", onnx, "--importance", place["importance.json"], *self.latencies(work, onnx)]
        solve += [*shlex.split(self.options.prune_options), "--json", "--quiet"]
        before = json.loads(self.mdp(*solve, "--budget", "none"))["latencyMs"]["dense"]
        dense = self.dense_ms if self.dense_ms is not None else before
        kind, amount = self.target
        goal = dense * amount if kind == "share" else amount
        limit = dense * (min(goal, dense) / dense) ** (number / self.options.prune_steps)
        report = json.loads(self.mdp(*solve, "--budget", f"{limit:.9g}ms", "--out", place["subnet.json"]))
        config = ["--data-config", place["data.json"]] if os.path.exists(place["data.json"]) else []
        self.mdp("export", onnx, "--subnet", place["subnet.json"], "--to", "pytorch", "--out", folder, *config, "--quiet")
        compose_features(trainer.project, folder)
        return folder, {"dense": dense, "before": before, "after": report["latencyMs"]["chosen"], "limit": limit}

    def latencies(self, work, network):
        """Options by which `mdp solve` finds latencies of the network as it is now."""
        if self.options.prune_device != "local":
            return ["--device", self.options.prune_device]
        self.mdp("profile", network, "--device", "local", "--out", os.path.join(work, "latency-tables"), "--quiet")
        tables = [path for path in glob.glob(os.path.join(work, "latency-tables", "*", "*.json")) if not path.endswith("device.json")]
        return ["--table", tables[0]]

    def mdp(self, *words):
        command = [*shlex.split(self.options.mdp), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = "\n  ".join(done.stderr.strip().splitlines()[-6:])
            raise Problem(f"{shlex.join(command)}\n  ended with exit code {done.returncode}: {said}", "Mend it, then give the same command again.")
        return done.stdout

    # Checkpoints

    def state(self):
        return {"done": self.done, "dense_ms": self.dense_ms, "batches": self.batches.item(), "sums": [sums for *_, sums in self.parts]}

    def take_up(self, trainer, folder, state):
        if os.path.abspath(folder) != os.path.abspath(trainer.project.folder):
            trainer.use(Project(folder))
            self.begin(trainer)
        self.done, self.dense_ms = state["done"], state["dense_ms"]
        self.batches.fill_(state["batches"])
        for (*_, sums), saved in zip(self.parts, state["sums"]):
            sums.copy_(saved)


def parse_budget(text):
    """("share", 0.5) or ("ms", 12.0)."""
    try:
        if text.endswith("%"):
            share = float(text[:-1]) / 100
            if 0 < share <= 1:
                return "share", share
        elif text.endswith("ms") and float(text[:-2]) > 0:
            return "ms", float(text[:-2])
    except ValueError:
        pass
    raise Problem(f"the budget '{text}' is no latency.", "Write it as 50% of the network's, or as 12ms.", USAGE)


def require_mdp(command):
    program = shlex.split(command)[0] if command.strip() else ""
    if shutil.which(program) is None:
        raise Problem(
            f"pruning while training asks `mdp solve`, and there is no program '{program}' here.",
            'Install mdp (npm install -g), or name it: --mdp "npx mdp".',
        )


def compose_features(before, folder):
    """The new project's kept channels are counted from the network before the cut; the teacher is the first one."""
    path = os.path.join(folder, "project.json")
    with open(path, encoding="utf-8") as file:
        about = json.load(file)
    earlier = {entry["name"]: entry["kept"] for entry in before.about.get("features") or []}
    for entry in about["features"]:
        outer, inner = earlier.get(entry["name"]), entry["kept"]
        if outer is not None:
            entry["kept"] = outer if inner is None else [outer[at] for at in inner]
    write_json(path, about)


def write_json(path, content):
    write_whole(path, lambda file: file.write(f"{json.dumps(content, indent=1)}\n".encode()))
