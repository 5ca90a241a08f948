"""
Where images lie: a folder, an archive, WebDataset shards, CIFAR's and other binary records, IDX files.

A source gives an image by its index, from any process: `len(source)`, `source.labels` (numpy, counted from 0), `source.classes` (their
names, where they were numbered by name) and `source.image(index)`, a PIL image or an array of bytes, height x width x channels.
"""

import gzip
import io
import json
import os
import re
import struct
import tarfile

import numpy

from labels import checked, labels_of
from problems import Problem, optional

Image = optional("PIL.Image")

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif")
# Encoded images of a gzipped archive, which are held in memory.
LARGEST_ARCHIVE = 8 << 30
# Shards that are mixed with one another: reads stay within so many files.
POOL = 16


def open_source(path, config):
    """The source behind a path, by what it is; labels as the data's config says. Raises Problem."""
    shards = expand(path)
    if shards is not None:
        return ShardSource(shards, config)
    if not os.path.exists(path):
        raise Problem(f"there are no data at '{path}'.", "Name a folder, an archive, shards or a binary file with --data.")
    lower = path.lower()
    form = config.get("format")
    if os.path.isdir(path):
        return sharded(path, config) or FolderSource(path, config)
    if lower.endswith((".tar.gz", ".tgz")):
        return PackedSource(path, config)
    if form == "tar" or lower.endswith(".tar"):
        return ShardSource([path], config) if has_labels(path) else TarSource(path, config)
    if form == "records":
        return RecordSource(path, config.get("record") or {}, config)
    if form == "cifar" or lower.endswith(".bin"):
        return RecordSource(path, {"channels": 3, "height": 32, "width": 32}, config)
    if form == "idx" or "idx3-ubyte" in lower:
        return IdxSource(path, config)
    raise Problem(
        f"'{path}' is no kind of data that is known.",
        'Folders, .tar, .tar.gz, shards, .bin (CIFAR) and idx3-ubyte are; for others give "format" in a data config.',
    )


def expand(path):
    """The files behind train-{000..146}.tar; None for a plain path."""
    match = re.fullmatch(r"(.*)\{(\d+)\.\.(\d+)\}(.*)", path)
    if match is None:
        return None
    before, first, last, after = match.groups()
    names = [f"{before}{number:0{len(first)}d}{after}" for number in range(int(first), int(last) + 1)]
    missing = [name for name in names if not os.path.exists(name)]
    if missing or not names:
        raise Problem(f"{len(missing)} of {len(names)} shards are missing, the first is '{missing[0] if missing else path}'.")
    return names


def sharded(folder, config):
    """A folder of shards; None where it holds anything else."""
    names = sorted(name for name in os.listdir(folder) if name.endswith(".tar"))
    if not names or not has_labels(os.path.join(folder, names[0])):
        return None
    return ShardSource([os.path.join(folder, name) for name in names], config)


def has_labels(path):
    """Whether a tar is a shard: labels lie beside the images in it."""
    with opened(path) as archive:
        for _, member in zip(range(16), archive):
            if member.name.endswith(".cls"):
                return True
    return False


def opened(path):
    try:
        return tarfile.open(path)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Problem(f"can't read the archive '{path}': {error}.", "Check that it was copied completely.") from error


def is_image(name):
    return name.lower().endswith(ENDINGS) and not os.path.basename(name).startswith(".")


class NamedSource:
    """Images that lie at a path, in a folder or an archive, each with a name there."""

    def __len__(self):
        return len(self.names)

    def name(self, index):
        return os.path.join(self.path, self.names[index])


class FolderSource(NamedSource):
    """Images in a folder and the folders below it, in the order of their paths."""

    def __init__(self, folder, config):
        self.path = folder
        self.names = sorted(
            os.path.relpath(os.path.join(base, name), folder).replace(os.sep, "/")
            for base, _, names in os.walk(folder, followlinks=True)
            for name in names
            if is_image(name)
        )
        if not self.names:
            raise Problem(f"there are no images in '{folder}'.", f"Images end with {', '.join(ENDINGS)}.")
        self.labels, self.classes = labels_of(self.names, config, folder)

    def image(self, index):
        return Image.open(self.name(index))


class TarSource(NamedSource):
    """Images of an archive that is not packed, read where they lie in it."""

    def __init__(self, path, config):
        self.path = path
        self.reader = Reader([path])
        with opened(path) as archive:
            found = [(m.name, m.offset_data, m.size) for m in archive if m.isfile() and is_image(m.name)]
        if not found:
            raise Problem(f"there are no images in '{path}'.")
        self.names = [re.sub(r"^\./", "", name) for name, _, _ in found]
        self.places = numpy.array([place for _, *place in found], numpy.int64)
        self.labels, self.classes = labels_of(self.names, config, path)

    def image(self, index):
        offset, size = self.places[index]
        return Image.open(io.BytesIO(self.reader.read(0, int(offset), int(size))))


class PackedSource(NamedSource):
    """Images of a gzipped archive: held in memory, still encoded."""

    def __init__(self, path, config):
        self.path, self.names, parts, total = path, [], [], 0
        try:
            with opened(path) as archive:
                for member in archive:
                    if not (member.isfile() and is_image(member.name)):
                        continue
                    file = archive.extractfile(member)
                    parts.append(file.read())
                    self.names.append(re.sub(r"^\./", "", member.name))
                    total += member.size
                    if total > LARGEST_ARCHIVE:
                        raise Problem(f"'{path}' holds more than {LARGEST_ARCHIVE >> 30} GiB of images.", "Unpack it and name the folder.")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise Problem(f"can't read '{path}' beyond {len(parts)} images: {error}.", "Check that it was copied completely.") from error
        if not parts:
            raise Problem(f"there are no images in '{path}'.")
        # One array, which processes of the data loader share; a list of objects would be copied bit by bit.
        self.bytes = numpy.frombuffer(b"".join(parts), numpy.uint8)
        self.ends = numpy.cumsum([len(part) for part in parts])
        self.labels, self.classes = labels_of(self.names, config, path)

    def image(self, index):
        begin = self.ends[index - 1] if index > 0 else 0
        return Image.open(io.BytesIO(self.bytes[begin : self.ends[index]].tobytes()))


class ShardSource:
    """
    WebDataset shards: plain tars in which x.cls holds the label (a number) of x.jpg. Their headers are read once, images where
    they lie.
    """

    def __init__(self, paths, config):
        self.paths, self.reader, self.classes = paths, Reader(paths), None
        places, labels = [], []
        for shard, path in enumerate(paths):
            images, classes = {}, {}
            with opened(path) as archive:
                for member in archive:
                    # a/b.c/x.seg.png: the key is a/b.c/x, the rest says what it is.
                    folder, name = os.path.split(member.name)
                    base, _, kind = name.partition(".")
                    key = os.path.join(folder, base)
                    if is_image(member.name):
                        images.setdefault(key, (shard, member.offset_data, member.size))
                    elif kind == "cls":
                        classes[key] = archive.extractfile(member).read()
            for key, place in images.items():
                if key not in classes:
                    raise Problem(f"'{key}' of shard '{path}' has no label ({key}.cls).", "Write the shard again.")
                try:
                    labels.append(int(classes[key]))
                except ValueError as error:
                    raise Problem(f"the label of '{key}' in shard '{path}' is no number.", "Write the shard again.") from error
                places.append(place)
        if not places:
            raise Problem(f"there are no images in {len(paths)} shards, the first is '{paths[0]}'.")
        self.places = numpy.array(places, numpy.int64)
        self.labels = checked(numpy.array(labels, numpy.int64) + config.get("classOffset", 0), paths[0])

    def __len__(self):
        return len(self.places)

    def name(self, index):
        return f"{self.paths[self.places[index][0]]}, image {index}"

    def image(self, index):
        shard, offset, size = (int(number) for number in self.places[index])
        return Image.open(io.BytesIO(self.reader.read(shard, offset, size)))

    def order(self, random):
        """Shards in a random order, images at random among the shards that are read together."""
        of_shard = [numpy.flatnonzero(self.places[:, 0] == shard) for shard in range(len(self.paths))]
        shards = random.permutation(len(self.paths))
        pools = [numpy.concatenate([of_shard[s] for s in shards[at : at + POOL]]) for at in range(0, len(shards), POOL)]
        return numpy.concatenate([random.permutation(pool) for pool in pools])


class RecordSource:
    """Records of a fixed size: label bytes (the last one counts), then the pixels, channel by channel."""

    def __init__(self, path, shape, config):
        try:
            self.shape = tuple(shape[key] for key in ("channels", "height", "width"))
        except KeyError as error:
            raise Problem("format 'records' needs 'record' in the data config: channels, height and width.") from error
        self.label_bytes = shape.get("labelBytes", 1)
        self.classes = None
        self.path, self.size = path, self.label_bytes + int(numpy.prod(self.shape))
        length = os.path.getsize(path)
        if length == 0 or length % self.size:
            raise Problem(f"'{path}' has {length} bytes, which is no whole number of records of {self.size}.", "Check that it was copied completely.")
        self.records = numpy.memmap(path, numpy.uint8, "r").reshape(-1, self.size)
        labels = self.records[:, self.label_bytes - 1].astype(numpy.int64)
        self.labels = checked(labels + config.get("classOffset", 0), path)

    def __len__(self):
        return len(self.records)

    def name(self, index):
        return f"{self.path}, record {index}"

    def image(self, index):
        return numpy.array(self.records[index][self.label_bytes :]).reshape(self.shape).transpose(1, 2, 0)


class IdxSource:
    """MNIST's pair of files, gzipped or not."""

    def __init__(self, path, config):
        self.path, self.classes = path, None
        self.images = idx(path, 3)
        labels = idx(path.replace("images", "labels").replace("idx3", "idx1"), 1)
        if len(labels) != len(self.images):
            raise Problem(f"'{path}' has {len(self.images)} images and {len(labels)} labels.")
        self.labels = checked(labels.astype(numpy.int64) + config.get("classOffset", 0), path)

    def __len__(self):
        return len(self.images)

    def name(self, index):
        return f"{self.path}, image {index}"

    def image(self, index):
        return numpy.array(self.images[index])[:, :, None]


def idx(path, dimensions):
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Problem(f"can't read '{path}': {error.strerror or error}.") from error
    head = 4 + 4 * dimensions
    if len(data) < head or struct.unpack(">I", data[:4])[0] != 0x800 + dimensions:
        raise Problem(f"'{path}' is no IDX file of {dimensions} axes.")
    shape = struct.unpack(f">{dimensions}I", data[4:head])
    if len(data) != head + int(numpy.prod(shape)):
        raise Problem(f"'{path}' has {len(data)} bytes, not what its header says.", "Check that it was copied completely.")
    return numpy.frombuffer(data, numpy.uint8, offset=head).reshape(shape)


class Reader:
    """Reads parts of files; every process opens its own."""

    def __init__(self, paths):
        self.paths, self.files, self.owner = paths, {}, None

    def read(self, number, offset, size):
        if self.owner != os.getpid():
            self.files, self.owner = {}, os.getpid()
        if number not in self.files:
            if len(self.files) >= 64:
                os.close(self.files.pop(next(iter(self.files))))
            self.files[number] = os.open(self.paths[number], os.O_RDONLY)
        return os.pread(self.files[number], size, offset)


def read_config(path):
    try:
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
    except (OSError, ValueError) as error:
        raise Problem(f"can't read '{path}': {error}.") from error
    if not isinstance(config, dict):
        raise Problem(f"'{path}' is no data config: it is no JSON object.")
    return config
