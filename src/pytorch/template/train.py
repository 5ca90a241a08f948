#!/usr/bin/env python3
"""
Trains the network of this folder on one process or many. The same command goes on where a run was ended.

    python3 train.py --recipe repair --data DATA
    torchrun --nproc_per_node=8 train.py --recipe mdp-imagenet --data /data/imagenet --amp fp16 --channels-last

DATA: a folder with train/ and val/ (a folder per class in each), WebDataset shards ('train-{000..146}.tar'), a .tar or .tar.gz of a
folder per class, CIFAR's .bin, or a folder with a dataset.json. Results lie in --out: best.safetensors, last.safetensors,
checkpoint.safetensors, metrics.csv, steps.csv, events/. `mdp import-weights` takes the weights back into ONNX.

Exit codes: 0 done, 1 another process is gone or an error of the script, 2 usage, 3 bad or missing input, 130 interrupted (saved).
"""

import argparse
import os
import sys

from problems import INTERRUPTED, USAGE, Problem, require_torch
from recipes import CHOICES, RECIPES, choose

HERE = os.path.dirname(os.path.abspath(__file__))
NOT_PREPARED = """warning: nothing says how images become numbers: bytes are divided by 255, without mean and standard deviation.
  If the network was trained otherwise, give a data config with --data-config, or export the project again with one."""


def parse_arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument_group("data").add_argument
    add("--data", help="training data, with validation data beside them where there are any")
    add("--val-data", help="validation data")
    add("--data-config", help="how images are prepared, as JSON; by default what the project was exported with")
    add("--limit", type=int, help="only so many training images, always the same")
    add("--val-limit", type=int, help="only so many validation images, always the same")
    add("--workers", type=int, default=4, help="processes that read images, per process [4]")

    add = parser.add_argument_group("recipe (what isn't given is the preset's)").add_argument
    add("--recipe", default="repair", choices=list(RECIPES), help="[repair]")
    add("--epochs", type=int)
    add("--batch", type=int, help="images per step, over all processes")
    add("--lr", type=float)
    add("--optimizer", choices=CHOICES["optimizer"])
    add("--momentum", type=float)
    add("--weight-decay", type=float, help="not of norms and biases")
    add("--schedule", choices=CHOICES["schedule"])
    add("--warmup-epochs", type=float)
    add("--final-share", type=float, help="learning rate at the end, as a share")
    add("--label-smoothing", type=float)
    add("--label-weight", type=float)
    add("--score-weight", type=float, help="distillation of the teacher's class scores")
    add("--temperature", type=float)
    add("--hard", action="store_const", const=True, help="distil the teacher's best class instead of its scores")
    add("--feature-weight", type=float, help="distillation of inner values")
    add("--norms", choices=CHOICES["norms"], help="statistics of each chunk, of all processes, or the running ones")
    add("--clip", type=float, help="largest norm of the gradients")
    add("--ema", type=float, help="average of the weights, such as 0.9999; validated and kept in their place")
    add("--augment", choices=CHOICES["augment"])
    add("--no-flip", dest="flip", action="store_const", const=False)
    add("--rand-augment", type=int, help="magnitude, 0 to 30")
    add("--erase", type=float, help="share of images with a random rectangle of noise")
    add("--mixup", type=float)
    add("--cutmix", type=float)
    add("--no-keep-zeros", dest="keep_zeros", action="store_false", help="let the zeros of a sparse network be trained as well")
    add("--seed", type=int)

    add = parser.add_argument_group("machine").add_argument
    add("--out", default=os.path.join(HERE, "run"), help="run folder [run]")
    add("--device", choices=("auto", "cuda", "cpu"), default="auto")
    add("--chunk", type=int, default=128, help="images per forward pass of a process at most; more per step are accumulated [128]")
    add("--amp", choices=("off", "bf16", "fp16"), default="off", help="mixed precision [off]")
    add("--channels-last", action="store_true", help="memory layout that tensor cores like")
    add("--threads", type=int, help="CPU threads of a process")
    add("--checkpoint-minutes", type=float, default=10, help="also within an epoch, so often [10]")
    add("--checkpoint-steps", type=int, default=0, help="and at every multiple of so many steps")
    add("--restart", action="store_true", help="start again")
    add("--quiet", action="store_true")
    add("--progress-seconds", type=float, default=10, help=argparse.SUPPRESS)

    add = parser.add_argument_group("pruning while training (otherwise the network stays as it is)").add_argument
    add("--prune-budget", help="latency to end with: 50%% of the network's, or 12ms")
    add("--prune-device", help="device whose latencies count, as for `mdp solve`; local: measured here each time")
    add("--prune-steps", type=int, default=3, help="in so many steps [3]")
    add("--prune-every", type=int, default=1, help="epochs between them [1]")
    add("--prune-options", default="", help="further options of `mdp solve`, as one text")
    add("--mdp", default=os.environ.get("MDP_COMMAND", "mdp"), help="command that starts mdp [mdp]")
    return parser.parse_args(words)


def main():
    options = parse_arguments()
    changes = {key: getattr(options, key, None) for key in RECIPES["repair"].__dataclass_fields__}
    recipe = choose(options.recipe, changes)
    require_torch(images=True)
    import torch

    from data import dead_reader
    from distributed import World, lost_process

    if options.amp == "fp16" and (options.device == "cpu" or not torch.cuda.is_available()):
        raise Problem("--amp fp16 needs a GPU.", "On CPUs give --amp bf16, or leave it out.", USAGE)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    world, trainer = World(options.device), None
    try:
        trainer = make_trainer(recipe, options, world)
        trainer.run()
    except RuntimeError as error:
        kept = trainer.kept() if trainer is not None else "nothing was trained yet."
        problem = lost_process(error, kept) or dead_reader(error, kept)
        if problem is None and "out of memory" in str(error):
            problem = Problem("the GPU's memory is full.", "Give a smaller --chunk (the batch stays the same; start again with --restart), --amp, or --channels-last.", own=True)
        if problem is None:
            raise
        raise problem from error
    world.leave()


def make_trainer(recipe, options, world):
    from data import Images, check_labels, find_data
    from project import Project
    from trainer import Trainer

    project = Project(HERE)
    found_train, found_val = find_data(options.data, options.val_data, options.data_config, project.about)
    train = Images(found_train, project.shape, recipe, options.limit)
    check_labels(train, project.classes, "--data")
    # Validation images may lack a class: they are numbered as the training images.
    val = None if found_val is None else Images(found_val, project.shape, None, options.val_limit, train.source.classes)
    if val is not None:
        check_labels(val, project.classes, "--val-data")
    world.only_first(lambda: make_folder(options.out))
    if not any(key in train.preparation.config for key in ("mean", "std", "scale", "range")) and world.first:
        print(NOT_PREPARED, file=sys.stderr)
    trainer = Trainer(project, project, recipe, world, options, train, val)
    if options.prune_budget is not None:
        from prune_while_training import Pruning

        trainer.scores = Pruning(trainer, options)
    trainer.progress.say(
        f"{project.about['name']}: {len(train)} training images, {0 if val is None else len(val)} to validate; "
        f"{world.size} process{'es' if world.size > 1 else ''} on {world.device.type}; "
        f"steps of {recipe.batch} = {world.size} x {trainer.chunks.per_step} x {trainer.chunks.chunk} images"
    )
    return trainer


def make_folder(path):
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise Problem(f"can't make the run folder '{path}': {error.strerror}.", "Name another --out.") from error


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        # What all processes of a machine share is told once.
        if os.environ.get("LOCAL_RANK", "0") == "0" or problem.own:
            problem.tell()
        sys.stdout.flush()
        # Without the usual farewell, which could wait for a process that is gone.
        os._exit(problem.code)
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)
