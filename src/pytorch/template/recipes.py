"""What a run does, by name: the presets, and the checks that their numbers make sense."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Optional

from problems import USAGE, Problem


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a run does, apart from network, teacher and data."""

    epochs: int = 3
    # Images per step of the optimizer, over all processes.
    batch: int = 256
    optimizer: str = "sgd"  # sgd, adamw
    lr: float = 0.01
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-4
    schedule: str = "cosine"  # cosine, linear, step, constant
    warmup_epochs: float = 0.0
    # The rate at the end, as a share of `lr`.
    final_share: float = 0.0
    label_smoothing: float = 0.0
    label_weight: float = 1.0
    # Distillation: of the class scores (softened by the temperature, or as the teacher's best class), of inner values.
    score_weight: float = 0.0
    temperature: float = 4.0
    hard: bool = False
    feature_weight: float = 0.0
    # batch: statistics of every chunk. sync: of all processes' chunks together. frozen: the running ones as they are.
    norms: str = "batch"
    clip: Optional[float] = None
    ema: Optional[float] = None
    # auto: resized-crop for photos, shift for images that are small already.
    augment: str = "auto"  # auto, resized-crop, shift, none
    flip: bool = True
    rand_augment: int = 0
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    seed: int = 1


RECIPES = {
    # The recipe of MDP and HALP (2110.10811) for ResNet-50, all numbers as in the configuration that HALP's authors published
    # (NVlabs/HALP, configs/exp_configs/rn50_imagenet_prune.yaml).
    "mdp-imagenet": Recipe(
        epochs=90,
        batch=1024,
        lr=1.024,
        momentum=0.875,
        nesterov=False,
        weight_decay=2**-15,
        warmup_epochs=8,
        label_smoothing=0.1,
        augment="resized-crop",
    ),
    # Touvron et al., 2012.12877: the defaults of main.py in facebookresearch/deit, with hard distillation on the one class head
    # there is. The learning rate for pruned networks is the --lr of MDP's scripts (NVlabs/MDP, deit/finetune_ngc_ours2.sh).
    "deit": Recipe(
        epochs=300,
        batch=1024,
        optimizer="adamw",
        lr=2e-4,
        weight_decay=0.05,
        warmup_epochs=5,
        final_share=0.05,
        label_smoothing=0.1,
        label_weight=0.5,
        score_weight=0.5,
        hard=True,
        augment="resized-crop",
        rand_augment=9,
        erase=0.25,
        mixup=0.8,
        cutmix=1.0,
    ),
    # A few epochs after a cut, with the original as teacher.
    "repair": Recipe(epochs=3, label_weight=0.5, score_weight=0.5, feature_weight=0.1),
}

CHOICES = {
    "optimizer": ("sgd", "adamw"),
    "schedule": ("cosine", "linear", "step", "constant"),
    "norms": ("batch", "sync", "frozen"),
    "augment": ("auto", "resized-crop", "shift", "none"),
}
# Lowest and highest value; None: no limit.
RANGES = {
    "epochs": (1, None),
    "batch": (1, None),
    "lr": (0, None),
    "momentum": (0, 1),
    "weight_decay": (0, 1),
    "warmup_epochs": (0, None),
    "final_share": (0, 1),
    "label_smoothing": (0, 1),
    "label_weight": (0, None),
    "score_weight": (0, None),
    "temperature": (1e-6, None),
    "feature_weight": (0, None),
    "clip": (1e-12, None),
    "ema": (0, 1),
    "rand_augment": (0, 30),
    "erase": (0, 1),
    "mixup": (0, None),
    "cutmix": (0, None),
    "seed": (0, None),
}


def choose(name, changes):
    """The preset `name` with what the command line changes; None changes nothing."""
    if name not in RECIPES:
        raise Problem(f"there is no recipe '{name}'.", f"Choose one of {', '.join(RECIPES)}.", USAGE)
    return checked(replace(RECIPES[name], **{key: value for key, value in changes.items() if value is not None}))


def checked(recipe):
    for field in fields(recipe):
        value, (low, high) = getattr(recipe, field.name), RANGES.get(field.name, (None, None))
        if value is None or low is None:
            continue
        if value != value or value < low or (high is not None and value > high):
            limits = f"at least {low}" if high is None else f"{low} to {high}"
            raise Problem(f"--{field.name.replace('_', '-')} is {value}; {limits} is possible.", "", USAGE)
    if recipe.label_weight + recipe.score_weight + recipe.feature_weight == 0:
        raise Problem("all parts of the loss have weight 0.", "Give --label-weight, --score-weight or --feature-weight.", USAGE)
    if recipe.warmup_epochs > recipe.epochs:
        raise Problem(
            f"the warm-up of {recipe.warmup_epochs:g} epochs is longer than the run of {recipe.epochs}.",
            "Give --warmup-epochs a smaller number.",
            USAGE,
        )
    return recipe


def as_dict(recipe):
    return asdict(recipe)


def first_difference(old, new):
    """The first number in which two recipes (as dicts) differ, in words; None where they agree."""
    for key in {**old, **new}:
        if old.get(key) != new.get(key):
            return f"--{key.replace('_', '-')} was {old.get(key)}, now {new.get(key)}"
    return None
