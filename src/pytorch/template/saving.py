"""The checkpoint of a run: when it is written, what lies in it, and how a run is taken up from it."""

import os
import time

import checkpoint
import data
from problems import USAGE, Problem
from recipes import as_dict, first_difference

CHECKPOINT = "checkpoint.safetensors"
# What of the trainer is kept as it is.
PLACE = ("epoch", "step_in_epoch", "step", "seen", "best")


class Saving:
    def __init__(self, trainer):
        self.trainer, self.path = trainer, os.path.join(trainer.out, CHECKPOINT)
        # The place that the checkpoint holds, in words, and when it was written.
        self.place, self.at = None, time.monotonic()

    def kept(self):
        """What is safe, for messages."""
        if self.place is not None and os.path.exists(self.path):
            return f"the checkpoint after {self.place} is safe."
        return "there is no checkpoint yet."

    def save(self):
        """Writes the checkpoint: the first process, with the random states of all."""
        trainer = self.trainer
        states = trainer.world.gather(checkpoint.random_state(trainer.world.device))
        kept = self.kept()
        trainer.world.only_first(lambda: checkpoint.write(self.path, self.state(states), kept))
        self.place, self.at = place_of(trainer), time.monotonic()

    def state(self, random_states):
        trainer = self.trainer
        return {
            **{key: getattr(trainer, key) for key in PLACE},
            "seconds": trainer.seconds + time.monotonic() - trainer.started,
            "network": trainer.project.network_hash,
            "folder": os.path.relpath(trainer.project.folder, trainer.out),
            "recipe": as_dict(trainer.recipe),
            "images": len(trainer.train),
            "chunk": trainer.chunks.chunk,
            "model": trainer.model.state_dict(),
            "optimizer": trainer.optimizer.state_dict(),
            "average": None if trainer.average is None else trainer.average.state(),
            "scaler": trainer.scaler.state_dict(),
            "scores": None if trainer.scores is None else trainer.scores.state(),
            "random": random_states,
        }

    def take_up(self):
        """Goes on from the checkpoint of the run folder, if there is one."""
        trainer = self.trainer
        there = trainer.world.told_by_first(os.path.exists(self.path) and not trainer.options.restart)
        if not there:
            if trainer.options.restart and trainer.world.first:
                for name in (CHECKPOINT, "metrics.csv", "steps.csv"):
                    path = os.path.join(trainer.out, name)
                    if os.path.exists(path):
                        os.unlink(path)
            return
        state = checkpoint.read(self.path)
        self.check_same(state)
        folder = os.path.normpath(os.path.join(trainer.out, state["folder"]))
        if trainer.scores is not None and state["scores"] is not None:
            trainer.scores.take_up(trainer, folder, state["scores"])
        if trainer.project.network_hash != state["network"]:
            raise Problem("the run's checkpoint is of another network.", "Name another --out, or start again with --restart.")
        data.check_chunk(trainer.recipe, trainer.world, state["chunk"])
        trainer.chunks.chunk = state["chunk"]
        trainer.model.load_state_dict(state["model"])
        trainer.optimizer.load_state_dict(state["optimizer"])
        if trainer.average is not None:
            trainer.average.load(state["average"])
        if trainer.scaler.is_enabled() and state["scaler"]:
            trainer.scaler.load_state_dict(state["scaler"])
        checkpoint.restore_random_state(state["random"], trainer.world)
        for key in (*PLACE, "seconds"):
            setattr(trainer, key, state[key])
        self.place = place_of(trainer)
        finished = trainer.epoch >= trainer.recipe.epochs
        done = " of the run, which is finished: more of it needs more --epochs and --restart" if finished else ""
        trainer.progress.say(f"going on after {self.place}{done}")

    def check_same(self, state):
        trainer = self.trainer
        difference = first_difference(state["recipe"], as_dict(trainer.recipe))
        if difference is None and state["images"] != len(trainer.train):
            difference = f"there were {state['images']} training images, now {len(trainer.train)}"
        if difference is not None:
            raise Problem(
                f"the run in '{trainer.out}' was begun otherwise: {difference}.",
                "Give the same options to go on, another --out, or --restart to start again.",
                USAGE,
            )


def place_of(trainer):
    """Where the run is, in words."""
    if trainer.step_in_epoch > 0:
        return f"step {trainer.step_in_epoch} of {trainer.chunks.steps} of epoch {trainer.epoch + 1}"
    return f"epoch {trainer.epoch}" if trainer.epoch > 0 else "the start"
