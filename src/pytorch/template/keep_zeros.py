"""Zeros of a sparse network, kept through training."""

import torch

from problems import USAGE, Problem


class Zeros:
    """
    Weights that project.json lists as sparse keep their zeros: the gradient of a removed weight is zero, so that it counts neither in the
    optimizer's moments nor in the norm that gradients are clipped by, and after each step the weight is zero again, whatever decay
    or rounding did.
    """

    def __init__(self, model, listed):
        """`model` with the weights it was written with; `listed`: key and number of zeros of each sparse weight."""
        named = dict(model.named_parameters())
        self.kept = []
        for entry in listed:
            parameter = named.get(entry["key"])
            zeros = -1 if parameter is None else int((parameter == 0).sum())
            if zeros != entry["zeros"]:
                raise Problem(
                    f"'{entry['key']}' has {max(zeros, 0)} zeros, and project.json says {entry['zeros']}.",
                    "Copy the whole project again, or train without the zeros: --no-keep-zeros.",
                    USAGE,
                )
            mask = (parameter.detach() != 0).to(parameter.dtype)
            parameter.register_hook(lambda gradient, mask=mask: gradient * mask)
            self.kept.append((parameter, mask))

    def restore(self):
        """After a step of the optimizer."""
        with torch.no_grad():
            for parameter, mask in self.kept:
                parameter.mul_(mask)
