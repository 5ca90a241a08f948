"""Runs parts of the training script by themselves: `training-parts.py TEMPLATE REQUEST.json` prints what they gave as one line of JSON."""

import json
import os
import sys
from types import SimpleNamespace

sys.path.insert(0, sys.argv[1])

import torch

import checkpoint
import data
import distributed
import features
import keep_zeros
import images
import losses
import optimizers
import problems as told
import prune_while_training
import recipes
import safetensors_io
import sources
from problems import Problem
from running_statistics import RunningStatistics

torch.set_num_threads(1)
torch.manual_seed(5)


class World:
    def __init__(self, rank, size):
        self.rank, self.size = rank, size


def rates(cases):
    found = []
    for case in cases:
        recipe = recipes.Recipe(schedule=case["kind"], lr=case["rate"], warmup_epochs=case["warmupEpochs"], final_share=case["finalShare"], epochs=9)
        found.append([optimizers.rate_at(recipe, step, case["total"], case["perEpoch"]) for step in range(case["total"])])
    return found


def prepared(places):
    found = []
    for place in places:
        source = sources.open_source(place["path"], place["config"])
        preparation = images.Preparation(place["config"], place["shape"])
        normalise = images.Normaliser(place["config"], preparation.channels, torch.device("cpu"), False)
        tensors = [preparation.evaluated(source.image(index), source.name(index)) for index in range(len(source))]
        values = normalise(torch.stack(tensors))
        found.append({"labels": source.labels.tolist(), "shape": list(values.shape), "values": values.reshape(-1).tolist()})
    return found


class Counted:
    """A hundred images without pixels."""

    recipe, source, kept = recipes.Recipe(seed=3), None, None

    def __len__(self):
        return 100

    order = data.Images.order


def orders():
    """Indices of every step, by the number of processes."""
    found = {}
    for size in (1, 2, 4):
        steps = [[] for _ in range(6)]
        for rank in range(size):
            chunks = data.Chunks(Counted(), 16, 4, World(rank, size))
            chunks.epoch = 2
            for at, chunk in enumerate(chunks):
                steps[at // chunks.per_step] += [index.item() for _, index in chunk]
        found[size] = steps
    late = data.Chunks(Counted(), 16, 4, World(0, 1))
    late.epoch, late.start_step = 2, 4
    found["late"] = [index.item() for chunk in late for _, index in chunk]
    held = [[index for chunk in data.Shard(10, 3, World(rank, 4)) for _, index in chunk] for rank in range(4)]
    return {"steps": found, "held": held}


def statistics():
    """Running statistics after one step of four chunks, by one process and by two."""
    chunks = torch.randn(4, 8, 3, 5, 5)
    shares = {}
    for size in (1, 2):
        sums = []
        for rank in range(size):
            model = torch.nn.Sequential(torch.nn.BatchNorm2d(3))
            flat = RunningStatistics(model)
            flat.begin_step()
            for chunk in chunks.chunk(size)[rank]:
                model(chunk)
                flat.end_chunk()
            sums.append((model, flat))
        total = sum(flat.sum for _, flat in sums)
        world = World(0, size)
        world.sum = lambda _, total=total: total.clone()
        model, flat = sums[0]
        flat.end_step(4 // size, world)
        shares[size] = [*model[0].running_mean.tolist(), *model[0].running_var.tolist()]
    mean, var = chunks.mean((1, 3, 4)).mean(0), chunks.permute(0, 2, 1, 3, 4).flatten(2).var(2).mean(0)
    return {"one": shares[1], "two": shares[2], "expected": [*(0.1 * mean).tolist(), *(0.9 + 0.1 * var).tolist()]}


class Doubled(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.part = torch.nn.Conv2d(3, channels, 1)

    def forward(self, x):
        return self.part(x)


def distances():
    """Distance of a network to a teacher whose kept channels it has exactly, and to one of unknown channels."""
    teacher, student = Doubled(6), Doubled(2)
    with torch.no_grad():
        student.part.weight.copy_(teacher.part.weight[[4, 1]])
        student.part.bias.copy_(teacher.part.bias[[4, 1]])
    found, x = [], torch.randn(2, 3, 4, 4)
    for kept in ([4, 1], [0, 1], None):
        compared = features.Features(student, teacher, [{"name": "part", "kept": kept}])
        student(x), teacher(x)
        found.append(compared.distance().item())
        compared.close()
    return found


def loss_parts():
    logits, teacher = torch.randn(5, 7), torch.randn(5, 7)
    labels = torch.tensor([0, 6, 3, 3, 1])
    smooth = losses.soft_targets(labels, 7, 0.1)
    ours = -(smooth * torch.log_softmax(logits, 1)).sum(1).mean()
    torchs = torch.nn.CrossEntropyLoss(label_smoothing=0.1)(logits, labels)
    kl = torch.nn.functional.kl_div(torch.log_softmax(logits / 3, 1), torch.softmax(teacher / 3, 1), reduction="batchmean") * 9
    recipe = recipes.Recipe(mixup=0.8, cutmix=1.0, seed=2)
    mixer, pictures = losses.Mixer(recipe), torch.rand(5, 3, 8, 8)
    mixed = [mixer(pictures.clone(), smooth, 1, place)[1].sum(1).tolist() for place in range(6)]
    return {
        "smoothed": [ours.item(), torchs.item()],
        "distilled": [losses.soft_distance(logits, teacher, 3).item(), kl.item()],
        "mixed": [value for row in mixed for value in row],
    }


def kept_state(folder):
    """A checkpoint and what comes back of it; where one that was cut off, or can't be written, leaves things."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(4, 3)).square().sum().backward()
    optimizer.step()
    path = os.path.join(folder, "checkpoint.safetensors")
    state = {"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "none": None, "random": [checkpoint.random_state(torch.device("cpu"))]}
    checkpoint.write(path, state, "")
    back = checkpoint.read(path)
    fresh = torch.optim.AdamW(model.parameters())
    fresh.load_state_dict(back["optimizer"])
    same = all(torch.equal(value, back["model"][key]) for key, value in model.state_dict().items())
    moments = all(torch.equal(fresh.state[p]["exp_avg"], optimizer.state[p]["exp_avg"]) for p in model.parameters())
    with open(path, "rb") as file:
        whole = file.read()
    refused = []
    for part in (whole[:-1], whole[:40], whole + b"x", b"\xff" * 16, whole.replace(b'"F32"', b'"F99"')):
        with open(path, "wb") as file:
            file.write(part)
        try:
            checkpoint.read(path)
        except Problem as problem:
            refused.append(problem.code)
    return {"same": same, "moments": moments, "epoch": back["epoch"], "refused": refused, "left": sorted(os.listdir(folder))}


def all_types(folder):
    """A file of every type that the format has, for another reader."""
    tensors = {str(dtype): torch.arange(6).reshape(2, 3).to(dtype) for dtype in safetensors_io.NAMES}
    tensors["empty"] = torch.zeros(0, 4)
    path = os.path.join(folder, "types.safetensors")
    safetensors_io.save(path, tensors, {"note": "a"})
    back, metadata = safetensors_io.load(path)
    return {"same": all(torch.equal(back[name], tensor) for name, tensor in tensors.items()), "metadata": metadata, "path": path}


def problems(cases):
    """What a person is told of bad input."""
    found = []
    for case in cases:
        try:
            if "recipe" in case:
                recipes.choose(case["recipe"], case.get("changes", {}))
            elif "processes" in case:
                data.check_chunk(recipes.Recipe(batch=case["batch"]), World(0, case["processes"]), case["chunk"])
            else:
                sources.open_source(case["path"], case.get("config", {}))
            found.append(None)
        except Problem as problem:
            found.append([problem.code, problem.message, problem.hint])
    return found


def machines():
    """What is said where there are fewer GPUs than asked for, or an old PyTorch; with stand-ins for both."""
    found, version = [], torch.__version__
    available, count = torch.cuda.is_available, torch.cuda.device_count
    for gpus, wanted, local in ((2, "auto", 4), (0, "cuda", 1), (4, "auto", 4), (0, "auto", 2)):
        torch.cuda.is_available, torch.cuda.device_count = lambda gpus=gpus: gpus > 0, lambda gpus=gpus: gpus
        found.append(attempted(lambda wanted=wanted, local=local: str(distributed.choose_device(wanted, SimpleNamespace(local_size=local, local_rank=1)))))
    torch.cuda.is_available, torch.cuda.device_count = available, count
    for old in ("1.4.0", "1.12.1+cu113", "2.0.0a0+git"):
        torch.__version__ = old
        found.append(attempted(told.require_torch))
    torch.__version__ = version
    return found


def attempted(work):
    try:
        return work()
    except Problem as problem:
        return [problem.code, problem.message, problem.hint]


def decays():
    """Names of the parameters that decay."""
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1), torch.nn.BatchNorm2d(1), torch.nn.Linear(4, 1))
    for name, shape in (("position", (1, 5, 4)), ("scale", (4, 1, 1)), ("product", (4, 6))):
        model.register_parameter(name, torch.nn.Parameter(torch.zeros(shape)))
    groups = optimizers.make_optimizer(model, recipes.RECIPES["deit"]).param_groups
    decayed = {id(parameter) for group in groups if group["weight_decay"] > 0 for parameter in group["params"]}
    return [sum(len(group["params"]) for group in groups), *(name for name, parameter in model.named_parameters() if id(parameter) in decayed)]


def scores():
    """Sums of a step with gradients, and after one whose gradients overflowed."""
    pruning = prune_while_training.Pruning.__new__(prune_while_training.Pruning)
    pruning.scored = {"layers": [{"scale": "0.weight", "shift": "0.bias"}]}
    pruning.parts, pruning.batches = [(0, "dim", None, torch.zeros(2))], torch.zeros((), dtype=torch.int64)
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(2))
    for gradient in (3.0, float("inf"), float("nan")):
        model[0].weight.grad, model[0].bias.grad = torch.tensor([-2.0, gradient]), torch.zeros(2)
        pruning.add(model)
    return [pruning.batches.item(), *pruning.parts[0][3].tolist()]


def zeros():
    """Of three ways to train: zeros that moved, removed weights in the norm, whether the others moved; and what a wrong number says."""
    found = []
    for kind, changes in (("sgd", {}), ("adamw", {"clip": 0.5}), ("none kept", {})):
        model = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.Flatten(), torch.nn.Linear(16, 3))
        mask = torch.rand(model[0].weight.shape) < 0.3
        with torch.no_grad():
            model[0].weight.mul_(mask)
        before = model[0].weight.detach().clone()
        kept = keep_zeros.Zeros(model, [{"key": "0.weight", "zeros": int((before == 0).sum())}]) if kind != "none kept" else None
        recipe = recipes.choose("repair", {"optimizer": "adamw" if kind == "adamw" else "sgd", "weight_decay": 0.1, **changes})
        optimizer, removed = optimizers.make_optimizer(model, recipe), 0.0
        for _ in range(4):
            optimizer.zero_grad()
            model(torch.randn(8, 2, 4, 4)).square().mean().backward()
            removed = max(removed, float(model[0].weight.grad[~mask].abs().max()))
            optimizer.step()
            if kept is not None:
                kept.restore()
        now = model[0].weight.detach()
        found.append([int((now[~mask] != 0).sum()), removed, bool((now[mask] != before[mask]).all())])
    wrong = attempted(lambda: keep_zeros.Zeros(model, [{"key": "0.weight", "zeros": 1}]))
    return {"found": found, "refused": wrong[:2] if isinstance(wrong, list) else None}


def numbered(place):
    """Labels of validation images that lack the first class, and what a network of more classes says of the training images."""
    shape = [None, 3, 32, 32]
    train = data.Images((place, {}), shape, recipes.Recipe())
    held = data.Images((os.path.join(place, "held"), {}), shape, None, None, train.source.classes)
    return {"labels": held.labels.tolist(), "refused": attempted(lambda: data.check_labels(train, 3, "--data"))}


with open(sys.argv[2], encoding="utf-8") as file:
    request = json.load(file)
print(
    json.dumps(
        {
            "rates": rates(request["rates"]),
            "prepared": prepared(request["prepared"]),
            "orders": orders(),
            "statistics": statistics(),
            "distances": distances(),
            "losses": loss_parts(),
            "kept": kept_state(request["folder"]),
            "types": all_types(request["folder"]),
            "problems": problems(request["problems"]),
            "machines": machines(),
            "decays": decays(),
            "scores": scores(),
            "zeros": zeros(),
            "numbered": numbered(request["numbered"]),
            "recipes": {name: recipes.as_dict(recipe) for name, recipe in recipes.RECIPES.items()},
        }
    )
)
