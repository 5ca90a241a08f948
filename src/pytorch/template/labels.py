"""Labels of images by the folders they lie in, by their names, or by a table."""

import csv
import re

import numpy

from problems import Problem


def labels_of(names, config, path):
    """
    Labels of named images by the config's rule; without one by folders, or by the numbers that the names begin with. And the
    names that were numbered in their order; None where the config has them, or where labels are numbers already.
    """
    classes = None
    rule = config.get("labels") or guessed(names, path)
    if rule == "number":
        found = [re.match(r"\d+", name.rsplit("/", 1)[-1]) for name in names]
        for name, match in zip(names, found):
            if match is None:
                raise Problem(f"the name of '{name}' doesn't begin with a number.")
        labels = numpy.array([int(match.group()) for match in found], numpy.int64)
    else:
        words = words_of(names, rule, path)
        if all(word.isdigit() for word in words) and rule != "folder":
            labels = numpy.array([int(word) for word in words], numpy.int64)
        else:
            if not config.get("classes"):
                classes = sorted(set(words))
            names_of_all = classes or config["classes"]
            place = {name: index for index, name in enumerate(names_of_all)}
            for name, word in zip(names, words):
                if word not in place:
                    raise Problem(f"class '{word}' of '{name}' is not among the {len(names_of_all)} classes of the training data or the data config.")
            labels = numpy.array([place[word] for word in words], numpy.int64)
    return checked(labels + config.get("classOffset", 0), path), classes


def words_of(names, rule, path):
    if rule == "folder":
        for name in names:
            if "/" not in name:
                raise Problem(f"image '{name}' of '{path}' lies in no class folder.")
        return [name.split("/")[-2] for name in names]
    if not isinstance(rule, dict) or not isinstance(rule.get("csv"), str):
        raise Problem(f"'labels' of the data config is {rule!r}.", 'It is "folder", "number" or {"csv": "labels.csv"}.')
    table = read_table(rule["csv"])
    words = [table.get(name, table.get(name.rsplit("/", 1)[-1])) for name in names]
    for name, word in zip(names, words):
        if word is None:
            raise Problem(f"image '{name}' is not in '{rule['csv']}'.")
    return words


def read_table(path):
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    except OSError as error:
        raise Problem(f"can't read the labels '{path}': {error.strerror or error}.") from error
    header = [cell.lower() for cell in rows[0]] if rows else []
    named = "file" in header and "label" in header
    file, label = (header.index("file"), header.index("label")) if named else (0, 1)
    return {row[file]: row[label] for row in rows[1 if named else 0 :] if len(row) > max(file, label)}


def guessed(names, path):
    numbered = all(re.match(r"\d", name.rsplit("/", 1)[-1]) for name in names)
    folders = {name.split("/")[-2] if "/" in name else None for name in names}
    if len(folders) > 1 or (folders != {None} and not numbered):
        return "folder"
    if numbered:
        return "number"
    raise Problem(
        f"the images of '{path}' have no labels: they lie in no class folders and their names don't begin with numbers.",
        'Put them into a folder per class, or give "labels": {"csv": "labels.csv"} in a data config.',
    )


def checked(labels, path):
    if len(labels) and labels.min() < 0:
        raise Problem(f"an image of '{path}' has the label {labels.min()}.", "Check 'classOffset' in the data config.")
    return labels
