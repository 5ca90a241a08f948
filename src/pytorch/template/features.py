"""Inner values of the network beside those of its teacher, by hooks on the submodules that both have."""

import torch

from problems import Problem

MOST = 4


class Features:
    """
    Outputs of up to four blocks, the last at each resolution. Where channels of the teacher were removed, the kept ones are
    compared, number by number; where it isn't known which were kept, the places where the networks look.
    """

    def __init__(self, student, teacher, listed):
        """`listed`: name and kept channels of the teacher (or None) of each block, as project.json has them."""
        there, here = dict(teacher.named_modules()), dict(student.named_modules())
        self.names = [entry["name"] for entry in listed if entry["name"] in there and entry["name"] in here]
        self.kept = {entry["name"]: entry.get("kept") for entry in listed}
        self.own, self.wanted = {}, {}
        self.handles = []
        for name in self.names:
            self.handles.append(here[name].register_forward_hook(keeper(self.own, name)))
            self.handles.append(there[name].register_forward_hook(keeper(self.wanted, name)))
        self.chosen = None

    def choose(self):
        """Which blocks count, once both networks have run: the last at each resolution."""
        last = {}
        for name in self.names:
            own, wanted = self.own.get(name), self.wanted.get(name)
            if not isinstance(own, torch.Tensor) or not isinstance(wanted, torch.Tensor) or own.ndim < 3:
                continue
            if self.compared(name, own, wanted) is not None:
                last[tuple(own.shape[2:]) if own.ndim == 4 else (name,)] = name
        names = list(last.values())
        if not names:
            raise Problem(
                "the network and its teacher have no inner values that can be compared.",
                "Leave them out: --feature-weight 0.",
            )
        most = min(MOST, len(names))
        self.chosen = [names[round((at + 1) * len(names) / most) - 1] for at in range(most)]
        for name in set(self.names) - set(self.chosen):
            self.own.pop(name, None)
            self.wanted.pop(name, None)

    def compared(self, name, own, wanted):
        """The two tensors as they are compared, and how; None where they can't be."""
        axis = 1 if own.ndim == 4 else own.ndim - 1
        if own.shape == wanted.shape:
            return "values", own, wanted
        same = [e for at, e in enumerate(own.shape) if at != axis] == [e for at, e in enumerate(wanted.shape) if at != axis]
        if own.ndim != wanted.ndim or not same:
            return None
        kept = self.kept.get(name)
        if kept is not None and len(kept) == own.shape[axis]:
            return "values", own, wanted.index_select(axis, torch.tensor(kept, device=wanted.device))
        return "attention", own, wanted

    def distance(self):
        """Mean over the blocks of the distance between their values in the last two passes."""
        if self.chosen is None:
            self.choose()
        terms = []
        for name in self.chosen:
            how, own, wanted = self.compared(name, self.own[name].float(), self.wanted[name].float())
            if how == "values":
                terms.append((own - wanted).square().sum() / (wanted.square().sum() + 1e-12))
            else:
                terms.append((attention(own) - attention(wanted)).square().sum(1).mean())
        return sum(terms) / len(terms)

    def close(self):
        for handle in self.handles:
            handle.remove()


def keeper(store, name):
    def keep(_module, _inputs, output):
        store[name] = output

    return keep


def attention(values):
    """Zagoruyko and Komodakis, 1612.03928: sum of squares over the channels, brought to length one per image."""
    squares = values.square().sum(1 if values.ndim == 4 else values.ndim - 1).flatten(1)
    return squares / (squares.square().sum(1, keepdim=True) + 1e-12).sqrt()
