"""
Samples of a dataset.json of version 2 (docs/datasets.md of mdp): a tensor for every input of the network, and a target for every
output that has one. Read here: inputs from `images` (a folder, or records) and `array` (.npy); targets from `masks`, `labels` of records,
`array` (numbers, or with "as": "class" one class per sample), `images` and `input`. What else the config may say is refused.
"""

import os

import numpy
import torch

from images import Normaliser, Preparation
from problems import Problem, optional
from sources import ENDINGS, RecordSource, read_config

Image = optional("PIL.Image")
NO_CLASS = -1


class Samples:
    """All samples of one split. `inputs`, `outputs`: names of the network's, in their order; `shapes`: of the inputs."""

    def __init__(self, path, split, inputs, shapes, outputs):
        config = read_config(path)
        if config.get("schema") != "mdp-dataset/2" or "inputs" not in config:
            raise Problem(f"'{path}' is no dataset.json of version 2 with 'inputs'.", "docs/datasets.md of mdp describes it.")
        part = (config.get("splits") or {}).get(split, "")
        if config.get("splits") and part == "":
            raise Problem(f"'{path}' has no split '{split}', but {', '.join(config['splits'])}.", "Name one with --split.")
        base = os.path.join(os.path.dirname(os.path.abspath(path)), config.get("path") or "")
        place = lambda spec: {**spec, "path": os.path.join(base, spec["path"].replace("{split}", part))} if "path" in spec else spec
        given = {inputs[0] if name == "" and len(inputs) == 1 else name: place(spec) for name, spec in config["inputs"].items()}
        if sorted(given) != sorted(inputs):
            raise Problem(f"the network reads {', '.join(inputs)}, the data gives {', '.join(given)}.", f"Check 'inputs' in '{path}'.")
        self.columns = [input_column(given[name], shape) for name, shape in zip(inputs, shapes)]
        self.first = next((column for column in self.columns if column.names is not None), self.columns[0])
        self.rows = [paired(self.first, column) for column in self.columns]
        heads = config.get("heads") or ({} if config.get("target") is None else {None: {"target": config["target"]}})
        self.targets = {}
        for name, head in heads.items():
            spec = place(head["target"])
            output = name or spec.get("output") or outputs[0]
            if output not in outputs:
                raise Problem(f"the data has a target for '{output}', the network gives {', '.join(outputs)}.", f"Check '{path}'.")
            classes = head.get("classes") or (config.get("classes") if name is None else None)
            column = self.target_column(spec, dict(zip(inputs, self.columns)), classes)
            self.targets[output] = (column, paired(self.first, column), head.get("weight", 1.0))

    def target_column(self, spec, columns, classes):
        kind = spec["from"]
        if kind == "input":
            name = spec.get("input") or next(iter(columns))
            return columns[name]
        if kind == "array":
            return ClassArray(spec, classes) if spec.get("as") == "class" else Array(spec)
        if kind == "images":
            return Pictures(spec, (None, None, None, None))
        if kind == "masks":
            return Masks(spec, self.first, classes)
        if kind == "labels" and isinstance(self.first, Pictures) and isinstance(self.first.source, RecordSource):
            return RecordLabels(self.first.source)
        raise Problem(f"targets from '{kind}' are not read by this script.", "Targets are masks, labels of records, array, images, input; or teach by the teacher alone (--target-weight 0).")

    def __len__(self):
        return self.first.count

    def batch(self, indices):
        """Inputs in the network's order, and targets by output."""
        inputs = [column.read([rows[index] for index in indices]) for column, rows in zip(self.columns, self.rows)]
        targets = {output: column.read([rows[index] for index in indices]) for output, (column, rows, _) in self.targets.items()}
        return inputs, targets


def paired(first, column):
    """Row of the column for every sample: by the file's name without its ending where both have names, else in their order."""
    if first is column:
        return list(range(first.count))
    if first.names is not None and column.names is not None:
        at = {name: row for row, name in enumerate(column.names)}
        missing = [name for name in first.names if name not in at]
        if missing:
            raise Problem(f"'{missing[0]}' and {len(missing) - 1} more have nothing that belongs to them in '{column.path}'.", "Add or remove files.")
        return [at[name] for name in first.names]
    if first.count != column.count:
        raise Problem(f"'{column.path}' has {column.count} rows, '{first.path}' {first.count} samples.", "Samples belong together row by row.")
    return list(range(first.count))


def input_column(spec, shape):
    if spec["from"] == "array":
        return Array(spec)
    if spec["from"] == "images":
        return Pictures(spec, shape)
    raise Problem(f"inputs from '{spec['from']}' are not read by this script.", "Save them as .npy: {\"from\": \"array\"}.")


class Array:
    """Rows of a .npy file, as float32 (or int64 where they are whole numbers)."""

    names = None

    def __init__(self, spec):
        self.path = spec["path"]
        try:
            self.rows = numpy.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise Problem(f"can't read '{self.path}': {error}.", "Save it with numpy.save.") from error
        self.count, self.reshape = len(self.rows), spec.get("reshape")

    def read(self, rows):
        values = numpy.stack([self.rows[row] for row in rows])
        values = values.reshape((len(rows), *self.reshape)) if self.reshape else values
        if values.dtype.kind == "f":
            if not numpy.isfinite(values).all():
                at = int(numpy.argwhere(~numpy.isfinite(values))[0][0])
                raise Problem(f"sample {rows[at]} of '{self.path}' holds NaN or infinity.", "Fix or remove the sample.")
            return torch.from_numpy(values.astype(numpy.float32))
        return torch.from_numpy(values.astype(numpy.int64))


class ClassArray(Array):
    """One class per sample, -1 where it has none."""

    def __init__(self, spec, classes):
        super().__init__(spec)
        values = numpy.asarray(self.rows)
        limit = len(classes) if classes else None
        if values.dtype.kind not in "iu" or values.size != self.count:
            raise Problem(f"'{self.path}' holds no whole number per sample.", "Save classes as integers, one per sample.")
        wrong = (values < NO_CLASS) | (values >= limit if limit else False)
        if wrong.any():
            at = int(numpy.argwhere(wrong)[0][0])
            raise Problem(f"sample {at} of '{self.path}' has the class {int(values.reshape(-1)[at])}.", "Check 'classes' in the config.")

    def read(self, rows):
        return super().read(rows).reshape(len(rows))


class RecordLabels:
    names = None

    def __init__(self, source):
        self.path, self.count, self.labels = source.path, len(source), source.labels

    def read(self, rows):
        return torch.from_numpy(self.labels[rows])


class Pictures:
    """Pictures as the network is fed them: prepared as the config says, not varied."""

    def __init__(self, spec, shape):
        for field in ("letterbox", "list"):
            if spec.get(field) is not None:
                raise Problem(f"'{field}' is not read by this script.", "Prepare the pictures beforehand, or save them as .npy.")
        self.path = spec["path"]
        if not os.path.exists(self.path):
            raise Problem(f"there is nothing at '{self.path}'.", "Check 'path' in the config.")
        self.source = RecordSource(self.path, spec.get("record") or {}, {}) if spec.get("format") == "records" else Folder(self.path, ENDINGS)
        self.count, self.names = len(self.source), getattr(self.source, "stems", None)
        grey = spec.get("channels") == "gray"
        known = shape if isinstance(shape[2], int) else (None, shape[1], *size_of(self.source.image(0)))
        channels = known[1] if isinstance(known[1], int) else 1 if grey else 3
        self.preparation = Preparation(spec, (None, channels, *known[2:]))
        self.normalise = Normaliser(spec, channels, torch.device("cpu"), False)

    def read(self, rows):
        pictures = [self.preparation.evaluated(self.source.image(row), self.source.name(row)) for row in rows]
        return self.normalise(torch.stack(pictures))


class Folder:
    """Pictures of a folder in the order of their paths."""

    def __init__(self, path, endings):
        names = [os.path.relpath(os.path.join(base, name), path) for base, _, files in os.walk(path) for name in files]
        self.path = path
        self.files = sorted(name.replace(os.sep, "/") for name in names if name.lower().endswith(endings) and not os.path.basename(name).startswith("."))
        if not self.files:
            raise Problem(f"there are no pictures in '{path}'.", f"Pictures end with {', '.join(endings)}.")
        self.stems = [os.path.splitext(name)[0] for name in self.files]

    def __len__(self):
        return len(self.files)

    def name(self, row):
        return os.path.join(self.path, self.files[row])

    def image(self, row):
        try:
            return Image.open(self.name(row))
        except (OSError, ValueError) as error:
            raise Problem(f"can't decode '{self.name(row)}': {error}.", "Repair or remove the file.") from error


class Masks(Folder):
    """A class per pixel of the prepared picture: the index in a palette, or a grey value. Pixels that count for nothing get -1."""

    def __init__(self, spec, pictures, classes):
        if spec.get("colours") is not None or spec.get("unpaired") is not None:
            raise Problem("'colours' and 'unpaired' of masks are not read by this script.", "Save masks with a class as each pixel's value, one per picture.")
        if not isinstance(pictures, Pictures) or pictures.preparation.config.get("crop") or pictures.preparation.config.get("resize"):
            raise Problem("masks belong to pictures that are neither cropped nor resized first.", "Prepare the pictures beforehand.")
        super().__init__(spec["path"], (".png", ".bmp", ".tif", ".tiff", ".gif", ".webp"))
        self.count, self.names, self.pictures, self.classes = len(self.files), self.stems, pictures, classes
        self.values = spec.get("values")
        self.ignored = spec.get("ignore") or [255]
        self.sizes = dict(zip(pictures.names or [], range(pictures.count)))

    def read(self, rows):
        return torch.stack([self.mask(row) for row in rows])

    def mask(self, row):
        image, name = self.image(row), self.name(row)
        pixels = numpy.array(image if image.mode in ("L", "P", "I", "I;16") else image.convert("L")).astype(numpy.int64)
        wanted = size_of(self.pictures.source.image(self.sizes[self.stems[row]])) if self.sizes else pixels.shape
        if pixels.shape != tuple(wanted):
            raise Problem(f"'{name}' is {pixels.shape[0]} x {pixels.shape[1]}, its picture {wanted[0]} x {wanted[1]} (height x width).", "Masks must be as large as their pictures.")
        labels = numpy.full(pixels.shape, NO_CLASS - 1, numpy.int64)
        known = {int(value): label for value, label in self.values.items()} if self.values else {int(value): int(value) for value in numpy.unique(pixels)}
        for value, label in known.items():
            labels[pixels == value] = label
        for value in self.ignored:
            labels[pixels == value] = NO_CLASS
        wrong = (labels < NO_CLASS) | (labels >= len(self.classes) if self.classes else False)
        if wrong.any():
            top, left = numpy.argwhere(wrong)[0]
            raise Problem(f"'{name}': row {top}, column {left} has the value {pixels[top, left]}, which is no class.", "Set 'values', 'ignore' or 'classes' in the config.")
        return torch.from_numpy(nearest(labels, self.pictures.preparation.height, self.pictures.preparation.width))


def size_of(image):
    """Height and width."""
    return image.shape[:2] if isinstance(image, numpy.ndarray) else (image.height, image.width)


def nearest(labels, height, width):
    """Every position takes the class that lies under its middle."""
    down, across = (((numpy.arange(extent) + 0.5) * have / extent).astype(int) for extent, have in zip((height, width), labels.shape))
    return labels[down][:, across]
