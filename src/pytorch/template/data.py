"""
Which images a process is given, and in what order.

The order of an epoch depends on the seed and the epoch alone; step s of it takes the next `batch` places, in chunks of a fixed
size, which the processes divide among themselves. How an image is varied depends on seed, epoch and index. So a job goes on
with the same numbers when it has fewer processes than before.
"""

import os

import numpy
import torch
from torch.utils.data import DataLoader, Dataset

from images import Preparation
from problems import FAILED, Problem, go_on
from sources import open_source, read_config

SAME_SUBSET = 0x6D6470


def find_data(path, val_path, config_path, project):
    """
    Training and validation data with their configs: ((path, config), (path, config) or None). A folder with `dataset.json` is
    read by it, one with `train` and `val` in it is ImageNet's kind.
    """
    config = dict(project.get("data") or {})
    if path is None:
        raise Problem("there are no data to train on.", "Name them with --data: a folder with train/ and val/, an archive, shards, a .bin file.")
    beside = os.path.join(path, "dataset.json")
    if config_path is None and os.path.isfile(beside):
        config_path = beside
    if config_path is not None:
        given = read_config(config_path)
        base = os.path.dirname(os.path.abspath(config_path))
        if isinstance(given.get("labels"), dict):
            given["labels"] = {"csv": os.path.join(base, given["labels"]["csv"])}
        config.update(given)
    splits = config.get("splits") or {}
    train, val = path, val_path
    if "train" in splits:
        train = os.path.join(path, splits["train"])
        name = next((name for name in ("val", "test") if name in splits), None)
        val = val or (os.path.join(path, splits[name]) if name else None)
    elif os.path.isdir(os.path.join(path, "train")):
        train = os.path.join(path, "train")
        held = os.path.join(path, "val")
        val = val or (held if os.path.isdir(held) else None)
    for place, option in ((train, "--data"), (val, "--val-data")):
        if place is not None and "{" not in place and not os.path.exists(place):
            raise Problem(f"there are no data at '{place}'.", f"Check {option}.")
    return (train, config), (None if val is None else (val, config))


class Images(Dataset):
    """Images by (epoch, index); one that can't be read comes back as its problem, which crosses processes as text."""

    def __init__(self, place, shape, recipe, limit=None, classes=None):
        """`classes`: names by which other images were numbered, where the config has none."""
        path, config = place
        if classes is not None and config.get("classes") is None:
            config = {**config, "classes": classes, "labels": config.get("labels") or "folder"}
        self.source = open_source(path, config)
        self.path, self.recipe = path, recipe
        self.preparation = Preparation(config, shape, recipe)
        self.kept = None
        if limit is not None and limit < len(self.source):
            random = numpy.random.Generator(numpy.random.Philox(SAME_SUBSET))
            self.kept = numpy.sort(random.permutation(len(self.source))[:limit])

    def __len__(self):
        return len(self.source) if self.kept is None else len(self.kept)

    @property
    def labels(self):
        return self.source.labels if self.kept is None else self.source.labels[self.kept]

    def order(self, epoch):
        """Indices in the order of the epoch."""
        random = numpy.random.Generator(numpy.random.Philox(key=[self.recipe.seed, epoch]))
        if hasattr(self.source, "order") and self.kept is None:
            return self.source.order(random)
        return random.permutation(len(self))

    def __getitem__(self, key):
        epoch, index = key
        at = int(index if self.kept is None else self.kept[index])
        name = self.source.name(at)
        try:
            image = self.source.image(at)
            if epoch is None:
                tensor = self.preparation.evaluated(image, name)
            else:
                tensor = self.preparation.trained(image, name, image_seed(self.recipe.seed, epoch, at))
        except Problem as problem:
            return Broken(problem.message, problem.hint)
        except Exception as error:  # Decoders raise what they like.
            return Broken(f"can't decode '{name}': {error}.", "Repair or remove the file.")
        return tensor, int(self.source.labels[at])


class Broken:
    def __init__(self, message, hint):
        self.message, self.hint = message, hint


def image_seed(seed, epoch, index):
    """One number of 63 bits for each image and epoch (the finaliser of splitmix64)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + epoch * 0xBF58476D1CE4E5B9 + index + 1) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return (mixed ^ (mixed >> 31)) >> 1


def collate(items):
    for item in items:
        if isinstance(item, Broken):
            return item
    return torch.stack([image for image, _ in items]), torch.tensor([label for _, label in items])


class Chunks:
    """This process's chunks of an epoch, from `start_step` on. Settings are changed between epochs."""

    def __init__(self, images, batch, chunk, world):
        self.images, self.batch, self.chunk, self.world = images, batch, chunk, world
        self.epoch, self.start_step = 0, 0

    @property
    def steps(self):
        return len(self.images) // self.batch

    @property
    def per_step(self):
        """Chunks that this process has in every step."""
        return self.batch // (self.chunk * self.world.size)

    def __len__(self):
        return (self.steps - self.start_step) * self.per_step

    def __iter__(self):
        order = self.images.order(self.epoch)
        for step in range(self.start_step, self.steps):
            for number in range(self.per_step):
                at = step * self.batch + (self.world.rank * self.per_step + number) * self.chunk
                yield [(self.epoch, index) for index in order[at : at + self.chunk]]


class Shard:
    """This process's part of the validation images: every image in exactly one process, none twice."""

    def __init__(self, count, chunk, world):
        self.indices, self.chunk = range(world.rank, count, world.size), chunk

    def __len__(self):
        return -(-len(self.indices) // self.chunk)

    def __iter__(self):
        for at in range(0, len(self.indices), self.chunk):
            yield [(None, index) for index in self.indices[at : at + self.chunk]]


def make_loader(images, batches, workers, device):
    return DataLoader(
        images,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=device.type == "cuda",
        persistent_workers=workers > 0,
    )


def batches_of(loader, kept):
    """The loader's batches; an image that can't be read as a problem."""
    for batch in loader:
        if isinstance(batch, Broken):
            raise Problem(batch.message, f"{batch.hint} {go_on(kept())}", own=True)
        yield batch


def dead_reader(error, kept):
    """
    The problem behind an error that PyTorch raises (wherever the program is) when a process of the loader has died, or None where the
    error is another one.
    """
    text = str(error)
    if "DataLoader worker" not in text:
        return None
    memory = " (for want of memory? Give fewer --workers)" if "killed" in text else ""
    return Problem(f"a process that reads images died{memory}: {text.splitlines()[0]}", go_on(kept), FAILED, own=True)


def choose_chunk(recipe, world, wanted):
    """
    Images per forward pass of a process: the largest number up to `wanted` by which the batch can be shared evenly.
    """
    share = recipe.batch // world.size
    if recipe.batch % world.size:
        raise Problem(
            f"a batch of {recipe.batch} can't be shared evenly by {world.size} processes.",
            f"Give --batch a multiple of {world.size}, or start another number of processes.",
        )
    return next(size for size in range(min(share, wanted), 0, -1) if share % size == 0)


def check_chunk(recipe, world, chunk):
    """Whether a job that began with chunks of this size can go on with these processes."""
    if recipe.batch % (chunk * world.size) == 0:
        return
    parts = recipe.batch // chunk
    fitting = [str(count) for count in range(1, parts + 1) if parts % count == 0]
    raise Problem(
        f"the run works in {parts} chunks of {chunk} images per step, which {world.size} processes can't share evenly.",
        f"Start {', '.join(fitting[:-1])}{' or ' if len(fitting) > 1 else ''}{fitting[-1]} processes.",
    )


def check_labels(images, classes, option):
    labels, names = images.labels, images.source.classes
    if names is not None and len(names) + images.preparation.config.get("classOffset", 0) < classes:
        raise Problem(
            f"'{images.path}' has images of {len(names)} classes, the network {classes}: numbered by their sorted names they would not get the network's numbers.",
            'List the names of all classes, in the order of the network\'s outputs, as "classes" in a data config (--data-config).',
        )
    if len(labels) and labels.max() >= classes:
        raise Problem(
            f"'{images.path}' has the label {labels.max()}, the network {classes} classes (0 to {classes - 1}).",
            f"Check 'classOffset' and 'classes' in the data config, and {option}.",
        )
