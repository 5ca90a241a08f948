"""What a run measured: tables that anything reads, TensorBoard's events where it is installed, and lines to look at."""

import csv
import os
import sys
import time

from problems import from_os_error

EPOCH = ("epoch", "step", "lr", "train_loss", "train_top1", "val_loss", "val_top1", "val_top5", "images_per_s", "seconds")
STEP = ("step", "epoch", "lr", "loss")


class Table:
    """A CSV file that grows by rows. A run that goes on cuts off what lies behind its checkpoint."""

    def __init__(self, path, columns, keep, kept):
        """`keep`: says of a row (as texts by column) whether it stays. `kept`: what is safe where writing fails."""
        self.path, self.columns, self.kept = path, columns, kept
        rows = []
        if os.path.exists(path):
            with open(path, newline="") as file:
                rows = [row for row in csv.DictReader(file) if None not in row.values() and keep(row)]
        self.guarded(lambda: self.begin(rows))

    def begin(self, rows):
        temporary = f"{self.path}.part"
        with open(temporary, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self.columns)
            writer.writerows([row[column] for column in self.columns] for row in rows)
        os.replace(temporary, self.path)
        self.file = open(self.path, "a", newline="")

    def add(self, rows):
        def append():
            csv.writer(self.file).writerows([text(row[column]) for column in self.columns] for row in rows)
            self.file.flush()

        self.guarded(append)

    def guarded(self, work):
        try:
            work()
        except OSError as error:
            raise from_os_error(error, self.path, self.kept()) from error


def text(value):
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def open_events(folder, step):
    """A writer for TensorBoard; None where it isn't installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(folder, purge_step=step)


class Progress:
    """Lines on standard error: at most one in `seconds`."""

    def __init__(self, quiet, seconds=10.0):
        self.quiet, self.seconds, self.last = quiet, seconds, time.monotonic()

    def say(self, line):
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)

    def now_and_then(self, make):
        now = time.monotonic()
        if self.quiet or now - self.last < self.seconds:
            return
        self.last = now
        self.say(make())


def duration(seconds):
    seconds = int(seconds)
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"
