"""The processes of a job: gloo on CPUs, nccl on GPUs, one process alone without either."""

import datetime
import os

import torch
import torch.distributed as dist

from problems import FAILED, USAGE, Problem, go_on

# An `mdp solve` of the first process may take its time; what hangs longer is given up.
TIMEOUT = datetime.timedelta(hours=1)


class World:
    """What a process must know of the others."""

    def __init__(self, device):
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        self.local_size = int(os.environ.get("LOCAL_WORLD_SIZE", str(self.size)))
        self.device = choose_device(device, self)
        self.first = self.rank == 0
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        if self.size > 1:
            backend = "nccl" if self.device.type == "cuda" else "gloo"
            dist.init_process_group(backend, timeout=TIMEOUT)

    def sum(self, tensor):
        """The sum over all processes; may be the tensor itself."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def told_by_first(self, value):
        """What the first process has, for all."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def gather(self, value):
        """What every process has, in a list."""
        if self.size == 1:
            return [value]
        box = [None] * self.size
        dist.all_gather_object(box, value)
        return box

    def only_first(self, work):
        """Lets the first process work; its problem becomes everybody's."""
        problem, result = None, None
        if self.first:
            try:
                result = work()
            except Problem as error:
                problem = error
        told = self.told_by_first(None if problem is None else (problem.message, problem.hint, problem.code))
        if problem is not None:
            raise problem
        if told is not None:
            raise Problem(*told)
        return result

    def leave(self):
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()


def choose_device(wanted, world):
    """
    The device of this process: its own GPU, or the CPU.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "cpu" or (wanted == "auto" and gpus == 0):
        return torch.device("cpu")
    if gpus < world.local_size:
        many = f"{world.local_size} processes want" if world.local_size > 1 else "this process wants"
        raise Problem(
            f"{many} a GPU each on this machine, and PyTorch sees {gpus}." if world.local_size > 1 else f"{many} a GPU, and PyTorch sees none.",
            f"Start with --nproc_per_node={gpus} (the batch stays the same, each GPU takes more of it)."
            if gpus > 0
            else "Give --device cpu, or repair the driver: nvidia-smi.",
            USAGE,
        )
    return torch.device("cuda", world.local_rank)


# What the backends say when a process at the other end is gone.
LOST = (
    "connection closed by peer",
    "connection reset by peer",
    "broken pipe",
    "socket timeout",
    "nccl communicator was aborted",
    "remote process has exited",
    "timed out waiting",
    "connection refused",
    "unhandled system error",
    "watchdog",
)


def lost_process(error, kept):
    """The problem behind a failed exchange, or None where the error is another one."""
    text = str(error).lower()
    if not any(sign in text for sign in LOST):
        return None
    # The first process may be the one that is gone.
    told_by_second = os.environ.get("LOCAL_RANK") == "1"
    return Problem("another process of this job is gone, so no batch can be finished.", go_on(kept), FAILED, told_by_second)
