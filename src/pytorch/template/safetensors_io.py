"""Safetensors files: a header of JSON and the bytes of the tensors. Nothing in them is ever executed."""

import hashlib
import json
import os
import struct

import numpy
import torch

NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
TYPES = {name: dtype for dtype, name in NAMES.items()}
LARGEST_HEADER = 100_000_000


class BadFile(Exception):
    """The file is no safetensors file, or not a whole one."""


def bytes_of(tensor):
    """The tensor's elements in row-major order, little-endian, as a numpy array of bytes."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    if flat.numel() == 0:
        return numpy.zeros(0, numpy.uint8)
    return flat.view(torch.uint8).numpy() if flat.dtype != torch.bool else flat.to(torch.uint8).numpy()


def save(path, tensors, metadata=None):
    """
    Writes tensors by name; whole or not at all: under a temporary name first, on the disk before it is renamed.
    Returns the file's SHA-256.
    """
    header, offset = {}, 0
    if metadata:
        header["__metadata__"] = {key: str(value) for key, value in metadata.items()}
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()

    def write(file, data):
        file.write(data)
        digest.update(data)

    def contents(file):
        write(file, struct.pack("<Q", len(text)))
        write(file, text)
        for tensor in tensors.values():
            write(file, bytes_of(tensor).data)

    write_whole(path, contents)
    return digest.hexdigest()


def write_whole(path, write):
    """Calls `write` with a temporary file that becomes `path` once everything is on the disk."""
    temporary = f"{path}.{os.getpid()}.part"
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    try:
        folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(folder)
    except OSError:
        pass  # Some file systems can't; the file itself is safe.
    finally:
        os.close(folder)


def load(path):
    """Tensors by name, and the metadata. Raises BadFile where the file is not exactly what its header says."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 8:
        raise BadFile(f"'{path}' has {len(data)} bytes, too few for a safetensors file")
    (length,) = struct.unpack("<Q", data[:8])
    if length > LARGEST_HEADER or 8 + length > len(data):
        raise BadFile(f"'{path}' is cut off or no safetensors file: its header would have {length} bytes")
    try:
        header = json.loads(data[8 : 8 + length])
    except ValueError as error:
        raise BadFile(f"the header of '{path}' is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise BadFile(f"the header of '{path}' is no JSON object")
    metadata = header.pop("__metadata__", {})
    body = memoryview(data)[8 + length :]
    tensors, at = {}, 0
    try:
        entries = sorted(header.items(), key=lambda entry: entry[1]["data_offsets"])
        for name, entry in entries:
            begin, end = entry["data_offsets"]
            if begin != at:
                raise BadFile(f"tensor '{name}' of '{path}' begins at byte {begin} where {at} is expected")
            tensors[name] = tensor_from(body[begin:end], entry, name, path)
            at = end
    except (KeyError, TypeError, ValueError) as error:
        raise BadFile(f"the header of '{path}' is damaged: {error!r}") from error
    if at != len(body):
        raise BadFile(f"'{path}' has {len(body)} bytes of tensors where its header says {at}")
    return tensors, metadata


def tensor_from(data, entry, name, path):
    dtype = TYPES.get(entry["dtype"])
    if dtype is None:
        raise BadFile(f"tensor '{name}' of '{path}' has the unknown type '{entry['dtype']}'")
    count = 1
    for extent in entry["shape"]:
        count *= extent
    size = count * torch.tensor([], dtype=dtype).element_size()
    if entry["data_offsets"][1] - entry["data_offsets"][0] != size or len(data) != size:
        raise BadFile(f"tensor '{name}' of '{path}' has {len(data)} bytes where its shape needs {size}")
    flat = torch.frombuffer(bytearray(data), dtype=dtype) if count > 0 else torch.zeros(0, dtype=dtype)
    return flat.reshape(entry["shape"])
