"""
Running statistics of BatchNormalization that do not depend on how many processes share a batch.

Every chunk of a batch moves them from where they were at the start of the step,

    r_chunk = (1 - momentum) * r_start + momentum * statistics of the chunk,

and the step leaves the mean of r_chunk over all chunks of all processes. Eight processes with one chunk each and two with four
each so end with the same numbers, up to rounding.
"""

import torch
from torch.nn.modules.batchnorm import _BatchNorm


class RunningStatistics:
    def __init__(self, model):
        """From here on the statistics of all norms lie in one flat tensor, of which the modules hold views."""
        places = [
            (module, name)
            for module in model.modules()
            if isinstance(module, _BatchNorm) and module.running_mean is not None
            for name in ("running_mean", "running_var")
        ]
        buffers = [getattr(module, name) for module, name in places]
        device = next(model.parameters()).device
        self.flat = torch.cat([buffer.reshape(-1) for buffer in buffers]) if buffers else torch.zeros(0, device=device)
        at = 0
        for (module, name), buffer in zip(places, buffers):
            setattr(module, name, self.flat[at : at + buffer.numel()])
            at += buffer.numel()
        self.start = self.flat.clone()
        self.sum = torch.zeros_like(self.flat)

    @torch.no_grad()
    def begin_step(self):
        self.start.copy_(self.flat)
        self.sum.zero_()

    @torch.no_grad()
    def end_chunk(self):
        self.sum.add_(self.flat)
        self.flat.copy_(self.start)

    @torch.no_grad()
    def end_step(self, chunks, world):
        """`chunks` of every process, whose sums `world` adds up."""
        if self.flat.numel() == 0:
            return
        self.flat.copy_(world.sum(self.sum).div_(chunks * world.size))
