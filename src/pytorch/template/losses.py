"""
The loss: cross entropy with softened labels, distance to the teacher's scores, distance to its inner values.

Every part is a mean over the images of a chunk, so that the mean over equal chunks is the mean over the batch.
"""

import torch
from torch.nn import functional

from problems import Problem


class Loss:
    def __init__(self, recipe, classes, features):
        self.recipe, self.classes, self.features = recipe, classes, features

    @property
    def needs_teacher(self):
        return self.recipe.score_weight > 0 or self.recipe.feature_weight > 0

    def __call__(self, logits, targets, teacher_logits):
        """
        `logits`, `teacher_logits`: images x classes, `targets` likewise (they sum to 1 per image). The inner values are those of
        the last forward passes. Returns the loss and its parts by name.
        """
        recipe, parts = self.recipe, {}
        logits = logits.float()
        if recipe.label_weight > 0:
            parts["labels"] = -(targets * functional.log_softmax(logits, 1)).sum(1).mean()
        if recipe.score_weight > 0:
            teacher_logits = teacher_logits.float()
            if recipe.hard:
                parts["scores"] = functional.cross_entropy(logits, teacher_logits.argmax(1))
            else:
                parts["scores"] = soft_distance(logits, teacher_logits, recipe.temperature)
        if recipe.feature_weight > 0:
            parts["features"] = self.features.distance()
        weights = {"labels": recipe.label_weight, "scores": recipe.score_weight, "features": recipe.feature_weight}
        return sum(weights[name] * part for name, part in parts.items()), parts


def soft_distance(logits, teacher_logits, temperature):
    """Hinton et al., 1503.02531: T^2 KL(teacher || student) of the softened scores."""
    wanted = functional.log_softmax(teacher_logits / temperature, 1)
    given = functional.log_softmax(logits / temperature, 1)
    return (wanted.exp() * (wanted - given)).sum(1).mean() * temperature**2


def soft_targets(labels, classes, smoothing):
    """1 - smoothing at the label, the rest spread evenly over all classes (Szegedy et al., 1512.00567)."""
    targets = torch.full((len(labels), classes), smoothing / classes, device=labels.device)
    return targets.scatter_add_(1, labels[:, None], torch.full((len(labels), 1), 1.0 - smoothing, device=labels.device))


class Mixer:
    """
    Mixup (Zhang et al., 1710.09412) and CutMix (Yun et al., 1905.04899) of each image of a chunk with another one of it. Seed,
    epoch and the chunk's place in the epoch decide how.
    """

    def __init__(self, recipe):
        self.recipe = recipe

    def __call__(self, images, targets, epoch, place):
        """`images`: channels on axis 1. `place`: number of the chunk in its epoch."""
        recipe = self.recipe
        if recipe.mixup <= 0 and recipe.cutmix <= 0:
            return images, targets
        random = torch.Generator().manual_seed((recipe.seed * 1_000_003 + epoch) * 1_000_000_007 + place)
        cut = recipe.cutmix > 0 and (recipe.mixup <= 0 or torch.rand((), generator=random).item() < 0.5)
        share = beta(recipe.cutmix if cut else recipe.mixup, random)
        other = images.roll(1, 0)
        if cut:
            share = paste(images, other, share, random)
        else:
            images = images * share + other * (1 - share)
        return images, targets * share + targets.roll(1, 0) * (1 - share)


def beta(alpha, random):
    """A number drawn from Beta(alpha, alpha): x / (x + y) of two gamma variates, by Johnk's method for alpha up to 1."""
    if alpha > 1:
        raise Problem(f"--mixup and --cutmix are up to 1, not {alpha}.", "", 2)
    while True:
        first, second = (torch.rand((), generator=random).double() ** (1 / alpha) for _ in range(2))
        if 0 < first + second <= 1:
            return float(first / (first + second))


def paste(images, other, share, random):
    """A rectangle of 1 - share of the image from another one, in place; returns the share that is left."""
    height, width = images.shape[2:]
    high, wide = (int(extent * (1 - share) ** 0.5) for extent in (height, width))
    row, column = (int(torch.randint(0, extent, (), generator=random)) for extent in (height, width))
    top, bottom = max(0, row - high // 2), min(height, row + high // 2)
    left, right = max(0, column - wide // 2), min(width, column + wide // 2)
    images[:, :, top:bottom, left:right] = other[:, :, top:bottom, left:right]
    return 1 - (bottom - top) * (right - left) / (height * width)
