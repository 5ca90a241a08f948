"""Problems that a person can fix: told in two lines, without a traceback, with an exit code of their own."""

import errno
import importlib
import os
import shlex
import sys

# As the exit codes of mdp: 1 internal, 2 usage, 3 bad or unsupported input, 6 a check failed, 130 interrupted.
USAGE, INPUT, FAILED, INTERRUPTED = 2, 3, 1, 130


class Problem(Exception):
    """What happened, with numbers, and how to fix it. `own`: happened to one process only, which has to tell it."""

    def __init__(self, message, hint="", code=INPUT, own=False):
        super().__init__(message)
        self.message, self.hint, self.code, self.own = message, hint, code, own

    def tell(self):
        print(f"error: {self.message}", file=sys.stderr)
        if self.hint:
            print(f"  {self.hint}", file=sys.stderr)
        sys.stderr.flush()


def command():
    """The command that was given, as it can be given again. Under torchrun with its number of processes."""
    words = [sys.argv[0] or "train.py", *sys.argv[1:]]
    local, nodes = os.environ.get("LOCAL_WORLD_SIZE"), os.environ.get("GROUP_WORLD_SIZE", "1")
    if local is None:
        start = ["python3"]
    elif nodes == "1":
        start = ["torchrun", f"--nproc_per_node={local}"]
    else:
        start = ["torchrun", f"--nnodes={nodes}", f"--nproc_per_node={local}", "..."]
    return " ".join([*start, *(shlex.quote(word) for word in words)])


def go_on(kept):
    """How an ended run is taken up. `kept`: what of it is safe."""
    return f"{kept[:1].upper()}{kept[1:]} Go on with the same command:\n    {command()}"


def from_os_error(error, path, kept):
    """A full disk and the like, as a problem."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full"
    else:
        reason = error.strerror or str(error)
    return Problem(f"can't write '{path}': {reason}.", f"Free some space, or fix it. {go_on(kept)}")


class Missing:
    """Stands for a package that isn't installed; whatever is asked of it is a problem that names it."""

    def __init__(self, name, reason):
        self.name, self.reason = name, reason

    def __getattr__(self, what):
        package = self.name.split(".")[0]
        raise Problem(
            f"{sys.executable} has no {package}, which '{what}' is needed of: {self.reason}.",
            f"Install it, then give the same command again:\n    {INSTALL}",
        )


def optional(name):
    """A module, or what stands for it where it isn't installed."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError) as error:
        # torchvision of another PyTorch fails with a RuntimeError.
        return Missing(name, error)


INSTALL = "python3 -m pip install -r requirements.txt"


def require_torch(images=False):
    """
    Refuses to start where PyTorch is missing or too old, before anything imports it.
    `images`: whether images are decoded, which takes Pillow.
    """
    if sys.version_info < (3, 8):
        found = ".".join(str(part) for part in sys.version_info[:3])
        raise Problem(f"Python {found} is too old: 3.8 or newer is needed.", "Start with a newer python3.")
    install = INSTALL
    for name in ("torch", "numpy") + (("PIL",) if images else ()):
        try:
            __import__(name)
        except ImportError as error:
            raise Problem(
                f"{sys.executable} has no {name}: {error}.",
                f"Install it, then give the same command again:\n    {install}",
            ) from error
    import torch

    version = tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in torch.__version__.split(".")[:2])
    if version < (1, 13):
        raise Problem(
            f"PyTorch {torch.__version__} is too old: 1.13 or newer is needed.",
            f"Update it, then give the same command again:\n    {install}",
        )
