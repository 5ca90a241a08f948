"""One run: its networks, its steps, what is looked at between them. What differs between one process and many lies in `world`."""

import os
import signal
import time

import torch
from torch.nn.parallel import DistributedDataParallel

import data
from ema import Average
from features import Features
from images import Normaliser
from keep_zeros import Zeros
from losses import Loss, Mixer, soft_targets
from metrics import EPOCH, STEP, Progress, Table, duration, open_events
from optimizers import make_optimizer, rate_at, set_rate
from problems import INTERRUPTED, USAGE, Problem, go_on
from running_statistics import RunningStatistics
from saving import Saving
from validation import validate_epoch

# Steps between two looks at the losses: every look waits for the GPU.
LOOK_EVERY = {"cpu": 1, "cuda": 10}


class Trainer:
    def __init__(self, project, teacher_project, recipe, world, options, train, val):
        self.recipe, self.world, self.options = recipe, world, options
        self.teacher_project, self.train, self.val = teacher_project, train, val
        self.out, self.progress = options.out, Progress(options.quiet or not world.first, options.progress_seconds)
        self.stopped_by = None
        self.epoch, self.step_in_epoch, self.step = 0, 0, 0
        self.best, self.seen, self.seconds = None, new_sums(), 0.0
        self.saving = Saving(self)
        self.kept = self.saving.kept
        # The network goes on in another folder once it was pruned; scores for that are gathered by `scores`.
        self.scores = None
        self.use(project)
        self.chunks = data.Chunks(train, recipe.batch, data.choose_chunk(recipe, world, options.chunk), world)
        if self.chunks.steps == 0:
            raise Problem(
                f"there are {len(train)} training images, fewer than one batch of {recipe.batch}.",
                f"Give --batch {max(1, len(train) // 2)} or less.",
            )

    # The network

    def use(self, project):
        """Takes the network of a project, with fresh optimizer and average."""
        self.project, device, recipe = project, self.world.device, self.recipe
        # What networks draw at random (dropout) differs between the processes.
        torch.manual_seed(recipe.seed + self.world.rank)
        model = project.build("network", "weights.safetensors").to(device)
        if recipe.norms == "sync" and self.world.size > 1:
            if device.type != "cuda":
                raise Problem("--norms sync needs GPUs: PyTorch has no synchronised norms on the CPU.", "Leave it out.", USAGE)
            model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
        layout = {"memory_format": torch.channels_last} if self.options.channels_last else {}
        self.model = model.to(**layout) if layout else model
        self.statistics = RunningStatistics(self.model)
        self.features, self.teacher = None, None
        self.loss = Loss(recipe, project.classes, None)
        if self.loss.needs_teacher:
            self.teacher = self.teacher_project.build("teacher", "teacher.safetensors").to(device, **layout).eval()
            for parameter in self.teacher.parameters():
                parameter.requires_grad_(False)
        if recipe.feature_weight > 0:
            self.loss.features = self.features = Features(self.model, self.teacher, project.about.get("features") or [])
        listed = project.about.get("zeros") or []
        self.zeros = Zeros(self.model, listed) if listed and self.options.keep_zeros else None
        self.optimizer = make_optimizer(self.model, recipe)
        self.average = None if recipe.ema is None else Average(self.model, recipe.ema)
        self.scaler = make_scaler(enabled=self.options.amp == "fp16" and device.type == "cuda")
        self.normalise = Normaliser(self.train.preparation.config, self.train.preparation.channels, device, self.options.channels_last)
        self.mixer = Mixer(recipe)
        self.wrapped = self.model
        if self.world.size > 1:
            self.wrapped = DistributedDataParallel(
                self.model,
                device_ids=[device.index] if device.type == "cuda" else None,
                broadcast_buffers=False,
                gradient_as_bucket_view=True,
            )

    def scores_of(self, network, images):
        """Class scores before the softmax, images x classes."""
        outputs = network(images)
        outputs = outputs[0] if isinstance(outputs, (tuple, list)) else outputs
        scores = outputs.flatten(1)
        if scores.shape[1] != self.project.classes:
            raise Problem(f"the network gives {scores.shape[1]} scores, not {self.project.classes}.", "Write the project again.")
        return scores.float().clamp_min(1e-12).log() if self.ends_with_softmax(scores) else scores

    def ends_with_softmax(self, scores):
        """Whether the outputs are probabilities; found on the first ones."""
        if not hasattr(self, "probabilities"):
            with torch.no_grad():
                sums = scores.float().sum(1)
                self.probabilities = bool((scores >= 0).all() and (sums - 1).abs().max() < 1e-3)
        return self.probabilities

    def evaluated(self):
        """The network as it is evaluated: its average where there is one."""
        if self.average is None:
            return self.model.eval()
        network = self.project.build("network", "weights.safetensors").to(self.world.device)
        network.load_state_dict(self.average.values)
        return network.eval()

    # The run

    def run(self):
        """Trains to the end of the last epoch. Raises Problem, also where a signal ended the run."""
        self.listen()
        self.saving.take_up()
        self.open_tables()
        loader = data.make_loader(self.train, self.chunks, self.options.workers, self.world.device)
        self.started = time.monotonic()
        self.saving.at = self.started
        while self.epoch < self.recipe.epochs:
            if self.step_in_epoch < self.chunks.steps:
                self.train_epoch(loader)
                self.saving.save()
            validate_epoch(self)
            self.epoch, self.step_in_epoch, self.seen = self.epoch + 1, 0, new_sums()
            if self.scores is not None and self.epoch < self.recipe.epochs:
                self.scores.prune_if_due(self)
            self.saving.save()
        self.finish()

    def train_epoch(self, loader):
        self.wrapped.train()
        if self.recipe.norms == "frozen":
            for module in self.model.modules():
                if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                    module.eval()
        self.chunks.epoch, self.chunks.start_step = self.epoch, self.step_in_epoch
        steps, look = self.chunks.steps, LOOK_EVERY[self.world.device.type]
        window = Window(look, self.world)
        batches = data.batches_of(loader, self.kept)
        began, done_before = time.monotonic(), self.step_in_epoch
        self.total_steps = steps * self.recipe.epochs
        while self.step_in_epoch < steps:
            rate = rate_at(self.recipe, self.step, self.total_steps, steps)
            set_rate(self.optimizer, rate)
            loss, hits = self.train_step(batches)
            window.add(loss, hits, self.step, rate)
            self.step += 1
            self.step_in_epoch += 1
            if window.full or self.step_in_epoch == steps:
                self.look(window)
                images = (self.step_in_epoch - done_before) * self.recipe.batch
                speed = images / max(1e-9, time.monotonic() - began)
                self.seen["speed"] = speed
                self.progress.now_and_then(lambda: self.line(window.last, rate, speed))

    def train_step(self, batches):
        """All chunks of this process for one step of the optimizer; the mean loss and how many images were right, not yet summed."""
        parts = self.chunks.per_step
        self.statistics.begin_step()
        self.optimizer.zero_grad(set_to_none=True)
        loss_sum, hits = torch.zeros((), device=self.world.device), torch.zeros((), device=self.world.device)
        for part in range(parts):
            images, labels = next(batches)
            place = (self.step_in_epoch * self.world.size + self.world.rank) * parts + part
            if self.world.size > 1 and part + 1 < parts:
                with self.wrapped.no_sync():
                    loss, right = self.chunk(images, labels, place, parts)
            else:
                loss, right = self.chunk(images, labels, place, parts)
            self.statistics.end_chunk()
            loss_sum += loss
            hits += right
        self.statistics.end_step(parts, self.world)
        self.scaler.unscale_(self.optimizer)
        if self.scores is not None:
            self.scores.add(self.model)
        if self.recipe.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.zeros is not None:
            self.zeros.restore()
        if self.average is not None:
            self.average.move(self.model)
        return loss_sum / parts, hits

    def chunk(self, images, labels, place, parts):
        """Forward and backward of one chunk."""
        device = self.world.device
        labels = labels.to(device, non_blocking=True)
        targets = soft_targets(labels, self.project.classes, self.recipe.label_smoothing)
        prepared, targets = self.mixer(self.normalise(images), targets, self.epoch, place)
        with self.autocast():
            teacher_logits = None
            if self.teacher is not None:
                with torch.no_grad():
                    teacher_logits = self.scores_of(self.teacher, prepared)
            logits = self.scores_of(self.wrapped, prepared)
        loss, _ = self.loss(logits, targets, teacher_logits)
        self.scaler.scale(loss / parts).backward()
        with torch.no_grad():
            return loss.detach(), (logits.argmax(1) == labels).sum()

    def autocast(self):
        kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
        kind = kinds.get(self.options.amp)
        return torch.autocast(self.world.device.type, dtype=kind or torch.bfloat16, enabled=kind is not None)

    def look(self, window):
        """Reads the losses of the last steps, over all processes, and what has to be done because of them."""
        minutes = (time.monotonic() - self.saving.at) / 60
        due = self.world.first and minutes >= self.options.checkpoint_minutes
        by_step = self.options.checkpoint_steps and any((row["step"] + 1) % self.options.checkpoint_steps == 0 for row in window.rows)
        losses, hits, stop, save = window.read(self.stopped_by is not None, due)
        for row, loss in zip(window.rows, losses):
            if loss != loss or abs(loss) == float("inf"):
                raise Problem(
                    f"the loss is {loss} in step {row['step']} (epoch {self.epoch + 1}, learning rate {row['lr']:.3g}).",
                    "Lower --lr, clip gradients (--clip 1), warm up longer (--warmup-epochs), or try --amp bf16. "
                    f"What is kept: {self.kept()} Other options start again (--restart).",
                )
        self.seen["loss"] += sum(losses)
        self.seen["steps"] += len(losses)
        self.seen["hits"] += hits
        if self.world.first:
            rows = [{**row, "epoch": self.epoch + 1, "loss": loss} for row, loss in zip(window.rows, losses)]
            self.steps_table.add(rows)
            if self.events is not None:
                for row in rows:
                    self.events.add_scalar("train/loss", row["loss"], row["step"])
                    self.events.add_scalar("train/lr", row["lr"], row["step"])
        window.last = losses[-1]
        window.clear()
        if stop:
            self.saving.save()
            raise Problem(f"stopped by {self.stopped_by or 'a signal to another process'}.", go_on(self.kept()), INTERRUPTED)
        if (save or by_step) and self.step_in_epoch < self.chunks.steps:
            self.saving.save()

    def line(self, loss, rate, speed):
        left = (self.total_steps - self.step) * self.recipe.batch / max(speed, 1e-9)
        return (
            f"epoch {self.epoch + 1}/{self.recipe.epochs}  step {self.step_in_epoch}/{self.chunks.steps}  loss {loss:.4f}  "
            f"lr {rate:.3g}  {speed:.0f} images/s  {duration(left)} left"
        )

    # Tables

    def path(self, name):
        return os.path.join(self.out, name)

    def open_tables(self):
        self.steps_table = self.epochs_table = self.events = None

        def begin():
            self.steps_table = Table(self.path("steps.csv"), STEP, lambda row: int(row["step"]) < self.step, self.kept)
            self.epochs_table = Table(self.path("metrics.csv"), EPOCH, lambda row: int(row["epoch"]) <= self.epoch, self.kept)

        self.world.only_first(begin)
        if self.world.first:
            self.events = open_events(self.path("events"), self.step)
            if self.events is None:
                self.progress.say("TensorBoard isn't installed (python3 -m pip install tensorboard): figures go to metrics.csv and steps.csv only")

    # Ends

    def listen(self):
        def stop(number, _frame):
            if self.stopped_by is not None:
                raise KeyboardInterrupt
            self.stopped_by = signal.Signals(number).name

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, stop)

    def finish(self):
        if self.events is not None:
            self.events.close()
        if not self.world.first:
            return
        what = f"best after epoch {self.best['epoch']}" if self.best and self.best["top1"] >= 0 else "last"
        top1 = f", top-1 {100 * self.best['top1']:.2f} %" if self.best and self.best["top1"] >= 0 else ""
        epochs = f"{self.recipe.epochs} epoch{'s' if self.recipe.epochs > 1 else ''}"
        print(f"trained {epochs}, {self.step} steps: {what}{top1}")
        print(f"  {self.path('best.safetensors')}  {self.path('last.safetensors')}  {self.path('metrics.csv')}")
        folder = self.project.folder
        weights = self.path("best.safetensors")
        print(f"Back into ONNX:\n    mdp import-weights {folder} --weights {weights} --out trained.onnx")


class Window:
    """Losses of the last steps, on the device until they are read."""

    def __init__(self, size, world):
        self.size, self.world, self.rows, self.last = size, world, [], 0.0
        self.values = torch.zeros(size + 3, device=world.device)

    @property
    def full(self):
        return len(self.rows) == self.size

    def add(self, loss, hits, step, rate):
        self.values[len(self.rows)] = loss
        self.values[self.size] += hits
        self.rows.append({"step": step, "lr": rate})

    def read(self, stop, save):
        """Mean losses of the steps and right answers over all processes; whether any of them wants to stop, or to save."""
        self.values[self.size + 1] = float(stop)
        self.values[self.size + 2] = float(save)
        *values, hits, stop, save = self.world.sum(self.values).tolist()
        return [value / self.world.size for value in values[: len(self.rows)]], hits, stop > 0, save > 0

    def clear(self):
        self.rows = []
        self.values.zero_()


def new_sums():
    return {"loss": 0.0, "steps": 0, "hits": 0.0, "speed": 0.0}


def make_scaler(enabled):
    """torch.amp.GradScaler where there is one, torch.cuda.amp's before."""
    scaler = getattr(torch.amp, "GradScaler", None)
    return scaler("cuda", enabled=enabled) if scaler is not None else torch.cuda.amp.GradScaler(enabled=enabled)
