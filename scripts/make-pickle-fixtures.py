"""Writes the pickles that test/authors reads, as hexadecimal texts in one JSON file:

    python3 scripts/make-pickle-fixtures.py > test/authors/pickles.json

Made again when another kind of pickle is to be read or refused. Needs numpy.
"""
import collections
import json
import os
import pickle

import numpy as np


def with_blocks():
    first, second = ("module.conv1",), ("module.layer1.0.conv1",)
    third = ("module.layer1.0.conv2", "module.layer1.1.conv2")
    latencies = {
        "module.conv1": (None, np.array([0.0, 5.0, 7.0])),
        "module.layer1.0.conv1": (first, np.array([[0.0, 0, 0], [0, 2, 3], [0, 4, 5]])),
        "module.layer1.0.conv2": (second, np.array([[0.0, 0, 0], [0, 1, 2]])),
        "module.layer1.1.conv2": (second, np.array([[0.0, 0, 0], [0, 3, 4]])),
    }
    # layer1.1.conv2 was dropped by an earlier step: it is no longer scored.
    importances = {
        "module.conv1": [0, 4, 6],
        "module.layer1.0.conv1": [0, 3, 5],
        "module.layer1.0.conv2": [0, 2],
    }
    blocks = {
        "module.conv1": 0,
        "module.layer1.0.conv1": 1,
        "module.layer1.0.conv2": 1,
        "module.layer1.1.conv2": 2,
    }
    options = {first: 3, second: 3, third: 2}
    names = ["module.conv1", "module.conv1"]
    return [
        latencies, importances, [0, 0, 1], [first, first, second], names, {"module.conv1": first},
        blocks, options, [first, second, third], 17, 0, None, "runs",
    ]


def without_blocks():
    first = ("module.features.conv_bn.conv", "module.features.conv_dw1.conv1")
    second = ("module.features.conv_dw1.conv2",)
    latencies = {
        first[0]: (None, np.array([0.0, 5.0, 7.0])),
        first[1]: (first, np.array([0.0, 2.0, 1.0])),
        second[0]: (first, np.asfortranarray(np.array([[0.0, 0, 0], [0, 2, 3]]))),
    }
    return [latencies, {second: [0, 4], first: [0, 3, 5]}, 11, 0, None, "runs"]


def number_types():
    arrays = [np.array([1.5, -2.5], dtype=code) for code in ("<f2", "<f4", ">f8")]
    arrays += [np.array([1, -2], dtype=code) for code in ("i1", "<i2", ">i4", "<i8")]
    arrays += [np.array([1, 250], dtype=code) for code in ("u1", ">u2", "<u4", "<u8")]
    return arrays + [np.array([True, False]), np.float64(2.5), np.int64(7)]


PLAIN = [
    None, True, False, 0, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**40, 2**53 - 1, 2**70,
    -(2**70), 1.5, float("inf"), "a", "ü€𝄞", b"\x00\xff", (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4),
    [], {}, {"k": [1]}, collections.OrderedDict([("z", 1)]),
]


class Calls:
    def __reduce__(self):
        return (os.system, ("echo",))


class Plain:
    def __init__(self):
        self.x = 1


def texts(value, protocols):
    return [pickle.dumps(value, protocol=protocol).hex() for protocol in protocols]


circle = []
circle.append(circle)
print(
    json.dumps(
        {
            "withBlocks": texts(with_blocks(), range(6)),
            "withoutBlocks": texts(without_blocks(), range(6)),
            "numbers": texts(number_types(), (2, 5)),
            "plain": texts(PLAIN, range(6)),
            "circle": texts(circle, (2,)),
            "refused": [
                *texts(Calls(), (0, 2, 4)),
                *texts(Plain(), (0, 2, 4)),
                *texts({1, 2}, (4,)),
                *texts(np.array([None, 1], dtype=object), (4,)),
                *texts(1j, (2,)),
            ],
        },
        indent=2,
    )
)
