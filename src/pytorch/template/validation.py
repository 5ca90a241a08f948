"""What follows an epoch: figures on the validation images, its row in the tables, the weights as they were evaluated."""

import os
import time

import torch

import data
from optimizers import rate_at
from problems import INTERRUPTED, Problem, from_os_error, go_on
from project import save_weights

CHECKED_IMAGES = 8


def validate_epoch(trainer):
    """Validates, keeps the weights if they are the best so far, and writes the epoch's row."""
    network = trainer.evaluated()
    figures = validate(trainer, network)
    top1 = None if figures is None else figures["top1"]
    # Without validation images the last weights are as good as any.
    better = trainer.best is None or top1 is None or top1 > trainer.best["top1"]
    row = row_of(trainer, figures)

    def keep():
        if better:
            write_weights(trainer, "best", network, row)
        write_weights(trainer, "last", network, row)
        trainer.epochs_table.add([row])
        if trainer.events is not None:
            for key in ("val_loss", "val_top1", "train_loss", "train_top1", "images_per_s"):
                if row[key] is not None:
                    trainer.events.add_scalar(key.replace("_", "/", 1), row[key], trainer.step)
            trainer.events.flush()

    trainer.world.only_first(keep)
    if better:
        trainer.best = {"epoch": trainer.epoch + 1, "top1": -1.0 if top1 is None else top1}
    held = "" if figures is None else f"  top-1 {100 * top1:.2f} %, top-5 {100 * figures['top5']:.2f} % of {figures['images']}"
    best = "  best so far" if better and figures else ""
    trainer.progress.say(f"epoch {trainer.epoch + 1}/{trainer.recipe.epochs} done  loss {row['train_loss']:.4f}{held}{best}")


@torch.no_grad()
def validate(trainer, network):
    """Top-1, top-5 and mean loss over all validation images, each counted once; None without such images."""
    if trainer.val is None:
        return None
    world, options = trainer.world, trainer.options
    shard = data.Shard(len(trainer.val), options.chunk, world)
    loader = data.make_loader(trainer.val, shard, options.workers, world.device)
    sums = torch.zeros(4, dtype=torch.float64, device=world.device)
    for images, labels in data.batches_of(loader, trainer.kept):
        if trainer.stopped_by is not None:
            raise Problem(f"stopped by {trainer.stopped_by} while validating.", go_on(trainer.kept()), INTERRUPTED)
        labels = labels.to(world.device)
        with trainer.autocast():
            scores = trainer.scores_of(network, trainer.normalise(images))
        scores = scores.float()
        ranked = scores.topk(min(5, scores.shape[1]), 1).indices == labels[:, None]
        sums[0] += torch.nn.functional.cross_entropy(scores, labels, reduction="sum")
        sums[1] += ranked[:, 0].sum()
        sums[2] += ranked.sum()
        sums[3] += len(labels)
    loss, first, five, count = world.sum(sums).tolist()
    return {"loss": loss / count, "top1": first / count, "top5": five / count, "images": int(count)}


def row_of(trainer, figures):
    """The epoch's row of metrics.csv."""
    seen, recipe, steps = trainer.seen, trainer.recipe, trainer.chunks.steps
    held = figures or {}
    return {
        "epoch": trainer.epoch + 1,
        "step": trainer.step,
        "lr": rate_at(recipe, max(0, trainer.step - 1), steps * recipe.epochs, steps),
        "train_loss": seen["loss"] / max(1, seen["steps"]),
        "train_top1": seen["hits"] / max(1, seen["steps"] * recipe.batch),
        "val_loss": held.get("loss"),
        "val_top1": held.get("top1"),
        "val_top5": held.get("top5"),
        "images_per_s": seen["speed"],
        "seconds": round(trainer.seconds + time.monotonic() - trainer.started, 1),
    }


def write_weights(trainer, name, network, row):
    """`name`.safetensors of the network, with a few images and the outputs it gives for them."""
    held = trainer.val if trainer.val is not None else trainer.train
    items = [held[(None, index)] for index in range(min(CHECKED_IMAGES, len(held)))]
    batch = data.collate(items)
    if isinstance(batch, data.Broken):
        raise Problem(batch.message, batch.hint)
    figures = {"epoch": row["epoch"]}
    if row["val_top1"] is not None:
        figures["top1"] = f"{100 * row['val_top1']:.4f}"
    path = os.path.join(trainer.out, f"{name}.safetensors")
    try:
        save_weights(path, trainer.project, network, figures, trainer.normalise(batch[0]))
    except OSError as error:
        raise from_os_error(error, path, trainer.kept()) from error
