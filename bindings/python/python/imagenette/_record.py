"""A run of any loop as a folder like the program's: what was trained, by what, on what, and what it came to."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from . import _arrays, _counting, _environment, _imagenette
from ._dataset import Dataset, threads_or_all
from ._errors import SettingError
from ._evaluation import predictions
from ._imagenette import RunWriter
from ._loader import Loader
from ._recipe import Recipe
from ._results import OpenedRun, Score, open_run

#: Losses that wait to be read: reading one of a GPU waits for the GPU.
_MOST_WAITING = 512


def record(
    folder: str | os.PathLike[str],
    dataset: Dataset,
    *,
    name: str | None = None,
    seed: int = 0,
    recipe: Recipe | dict[str, Any] | None = None,
    source: str | os.PathLike[str] | None = None,
    model: Any = None,
    device: Any = None,
    precision: str = "f32",
    threads: int | None = None,
) -> Recording:
    """Records a run of your loop: `with imagenette.record("runs/idea-s0", ds, seed=0) as run:`.

    The folder is like the program's: `imagenette check`, `plot`, `compare` and `report` read it. It is complete at
    the end of the block, or not there at all: an exception or Ctrl-C leaves nothing.

    Args:
        folder: The run's folder, new or empty. In one that `imagenette compare` made for a command, what it reads is
            left, and no record.
        dataset: What is trained on; the whole val split is what counts.
        name: The name in tables; the folder's, without `-s0`, where it is left out.
        seed: The seed. All randomness of the loop should follow from it.
        recipe: What sets this run apart from others but its seed: a dictionary of settings, or a `Recipe`.
        source: The file of the loop, which is hashed and copied: left out, the file that calls.
        model: The network: its name, its size and at the end its weights are kept. `run.evaluate` puts a
            `torch.nn.Module` into evaluation mode and back.
        device: Where it is trained, in words or as PyTorch says it; left out, what is found.
        precision: What feature maps are stored in: f32, bf16, f16.
        threads: Threads used for computing.

    Example:
        >>> with imagenette.record("runs/idea-s0", ds, seed=0, model=model) as run:
        ...     for epoch in range(5):
        ...         for x, y in loader:
        ...             run.log(loss=step(x, y), rate=rate)
        ...         run.evaluate(model_on_uint8)
        >>> run.score
        Score(902 of 1000, 90.20%)
    """
    if not isinstance(dataset, Dataset):
        raise SettingError(
            f"dataset: expected an imagenette.Dataset, found {type(dataset).__name__}",
            hint="for example imagenette.get('drawn')",
        )
    file, text, tells = _environment.source_of(source, sys._getframe(1))
    return Recording(
        Path(folder), dataset, name, seed, recipe, (file, text, tells), model, (device, precision), threads
    )


class Recording:
    """A run that is being recorded: see `record`.

    Attributes:
        score: What the last evaluation came to.
        steps: Steps so far.
        samples_drawn: Training samples so far: those that imagenette's loaders gave out, and those that were said.
    """

    def __init__(
        self,
        folder: Path,
        dataset: Dataset,
        name: str | None,
        seed: int,
        recipe: Recipe | dict[str, Any] | None,
        source: tuple[str | None, str | None, bool],
        model: Any,
        where: tuple[Any, str],
        threads: int | None,
    ) -> None:
        # `imagenette compare` keeps its own account of a command's run in a folder with the command's output.
        self._given: Path | None = None
        if folder.is_dir() and {path.name for path in folder.iterdir()} == {"output.txt"}:
            self._given, folder = folder, Path(tempfile.mkdtemp(prefix="imagenette-")) / folder.name
        RunWriter.check_new(folder)
        self.folder, self.dataset, self.seed, self.model = folder, dataset, seed, model
        self._settings = dict(recipe or {})
        self.name = name or self._settings.get("name") or folder.name.removesuffix(f"-s{seed}")
        self._source, (self._device, self._precision) = source, where
        self._threads = threads_or_all(threads)
        self._writer: RunWriter | None = None
        self.score: Score | None = None
        self.steps = self.samples_drawn = 0
        self._epoch, self._size, self._batches = 0, 0, 0
        self._first_epoch: int | None = None
        self._begun: set[tuple[int, int] | None] = set()
        self._repeats = 0
        self._waiting: list[tuple[int, int, Any, float, int, float]] = []
        self._evaluated: list[int] = []
        self._predicted: tuple[np.ndarray, np.ndarray | None] | None = None
        self._steps_evaluated = 0
        self._evaluation_seconds = self._training_seconds = 0.0

    def __enter__(self) -> Recording:
        versions = _environment.versions()
        ops, engine = _environment.engine(versions)
        file, text, tells = self._source
        settings = {key: value for key, value in self._settings.items() if key not in ("seed", "runs", "dataset")}
        loop: dict[str, Any] = {"ops": ops}
        parts = []
        if file is not None and text is not None and tells:
            sha256 = hashlib.sha256(text.encode()).hexdigest()
            loop |= {"source": file, "source_sha256": sha256}
            part = {"name": Path(file).stem, "kind": "loop", "crate": file, "source_sha256": sha256}
            parts.append({"version": _imagenette.__version__, **part})
        table = {"name": self.name, **settings, "python": loop}
        device = _environment.device_name(self._device)
        arithmetic = {"engine": engine, "device": device, "ops": ops, "level": None, "precision": self._precision}
        beginning = {
            "name": self.name,
            "recipe": _imagenette.to_toml(json.dumps({**table, "seed": self.seed})),
            "canonical": _imagenette.to_toml(json.dumps(table)),
            "seed": self.seed,
            "source": None if text is None else f"==> {file}\n{text.rstrip()}\n",
            "arithmetic": arithmetic,
            "parts": parts,
            "program": f"imagenette {_imagenette.__version__} (Python)",
            "commit": _environment.commit(Path.cwd()),
            "threads": self._threads,
        }
        self._notes = {"engine": "python", "versions": versions}
        self._writer = RunWriter.begin(self.folder, self.dataset._core, json.dumps(beginning))
        self._began = time.perf_counter()
        _counting.open_runs.append(self)
        return self

    def _open(self) -> RunWriter:
        if self._writer is None:
            raise SettingError(
                f"{self.folder}: this run is not open", hint="use it inside `with imagenette.record(…) as run:`"
            )
        return self._writer

    def _drawn(self, dataset: Dataset, samples: int, epoch: int, size: int, begins: tuple[int, int] | None) -> None:
        if dataset.root == self.dataset.root:
            if begins is not None and begins in self._begun:
                warnings.warn(
                    f"epoch {epoch} of seed {begins[0]} is drawn again: the same batches in the same order. Make "
                    "the loader once, before the loop over epochs, or call its set_epoch",
                    stacklevel=4,
                )
                self._repeats += 1
            self._begun.add(begins)
            self.samples_drawn += samples
            self._batches += 1
            # A loader that was used before goes on counting; a run's epochs begin with 1.
            self._first_epoch = epoch if self._first_epoch is None else self._first_epoch
            self._epoch, self._size = max(self._epoch, epoch - self._first_epoch + 1 + self._repeats), size

    def _epoch_now(self) -> int:
        """The epoch of the step that is being done, from 1; without imagenette's loader evaluations part them."""
        return self._epoch or (self._evaluated[-1] + 1 if self._evaluated else 1)

    def _training_now(self) -> float:
        return time.perf_counter() - self._began - self._evaluation_seconds

    def log(
        self,
        *,
        loss: Any,
        rate: Any = 0.0,
        samples: int | None = None,
        epoch: int | None = None,
        size: int | None = None,
    ) -> None:
        """Notes a step: call it once after each. Losses of a GPU are read later, so that nothing waits for them.

        Args:
            loss: The batch's loss: a number, or a tensor of one.
            rate: The learning rate.
            samples: Samples of this step, where another loader than imagenette's gave them; its own count theirs.
            epoch: The epoch, from 1; left out, the loader's.
            size: The side of the samples in pixels; left out, the loader's.
        """
        writer = self._open()
        if hasattr(loss, "detach"):
            loss = loss.detach()
        self.steps += 1
        self.samples_drawn += samples or 0
        epoch = epoch or self._epoch_now()
        step = (self.steps, epoch, loss, float(rate), int(size or self._size), self._training_now())
        self._waiting.append(step)
        if len(self._waiting) >= _MOST_WAITING or not hasattr(loss, "detach"):
            self._write_steps(writer)

    def _write_steps(self, writer: RunWriter) -> None:
        waiting, self._waiting = self._waiting, []
        for step, epoch, loss, rate, size, seconds in waiting:
            writer.step(step, epoch, _arrays.number(loss, f"loss of step {step}"), rate, size, seconds)

    def evaluate(
        self, predict: Callable[[Any], Any], *, epoch: int | None = None, loader: Iterable[Any] | None = None
    ) -> Score:
        """Evaluates a network on the whole val split and notes what it came to.

        Args:
            predict: Is given images and returns logits of shape (N, classes), or classes of shape (N,). Logits are
                kept as
                probabilities.
            epoch: Epochs trained by now; left out, the loader's.
            loader: Gives the val split once, in its order: an `imagenette.Loader` (uint8 of shape (N, size, size,
                3)) or
                an `imagenette.torch.loader`. Left out: `Loader(dataset.val, 250, size)` with the training's last size.
        """
        writer = self._open()
        if self.steps == 0:
            raise SettingError(
                f"{self.folder}: evaluated before a step was noted", hint="call `run.log(loss=loss)` after each step"
            )
        if self.samples_drawn == 0:
            raise SettingError(
                f"{self.folder}: evaluated before a training sample was counted",
                hint="take batches from an imagenette loader of the train split inside the `with` block, or say "
                "how many samples a step had: `run.log(loss=loss, samples=64)`",
            )
        self._write_steps(writer)
        training = self._training_now()
        began = time.perf_counter()
        epoch = int(epoch or self._epoch_now())
        if self._evaluated and epoch <= self._evaluated[-1]:
            raise SettingError(
                f"epoch: expected one after {self._evaluated[-1]}, which was evaluated before, found {epoch}",
                hint="evaluate once after an epoch, or say which one it is: `run.evaluate(…, epoch=3)`",
            )
        val = self.dataset.val
        batches = loader if loader is not None else Loader(val, 250, self._size or 128)
        self._predicted = predictions(predict, batches, val, self.model)
        correct = int((self._predicted[0] == val.targets).sum())
        self._evaluation_seconds += time.perf_counter() - began
        self._training_seconds = training
        self._evaluated.append(epoch)
        self._steps_evaluated = self.steps
        writer.evaluation(epoch, correct, len(val), training, self._evaluation_seconds)
        self.score = Score.of_counts(correct, len(val))
        return self.score

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        writer, self._writer = self._open(), None
        _counting.open_runs.remove(self)
        try:
            if error is None:
                self._finish(writer)
        finally:
            # A run that is finished has nothing to discard.
            if not self._is_finished():
                (self.folder / "model.safetensors").unlink(missing_ok=True)
            writer.discard()
            if self._given is not None:
                self._hand_over(self._given)

    def _hand_over(self, given: Path) -> None:
        """Leaves in a command's folder what `compare` reads there; the predictions, which it asks for, last."""
        if self._is_finished():
            for name in ("history.jsonl", "probabilities.safetensors", "predictions.csv"):
                if (self.folder / name).is_file():
                    shutil.copyfile(self.folder / name, given / name)
        shutil.rmtree(self.folder.parent, ignore_errors=True)
        self.folder = given

    def _is_finished(self) -> bool:
        return (self.folder / "record.json").is_file()

    def _finish(self, writer: RunWriter) -> None:
        if self._predicted is None or self._steps_evaluated != self.steps:
            raise SettingError(
                f"{self.folder}: the run ends after step {self.steps}, and was last evaluated after step "
                f"{self._steps_evaluated}: what counts is the result of the last epoch",
                hint="call `run.evaluate(predict)` after the last step, inside the `with` block",
            )
        parameters, weights_sha256 = 0, None
        if self.model is not None:
            state = _arrays.state_of(self.model)
            learned = [p for p in self.model.parameters()] if hasattr(self.model, "parameters") else state.values()
            parameters = sum(int(np.prod(tuple(p.shape))) for p in learned)
            weights_sha256 = _arrays.write_weights(self.folder / "model.safetensors", state)
        predicted, probabilities = self._predicted
        ended = {
            "model": self._settings.get("model_name") or (type(self.model).__name__ if self.model else self.name),
            "parameters": parameters,
            "epochs": self._evaluated[-1],
            "steps": self.steps,
            "samples_drawn": self.samples_drawn,
            "training_seconds": self._training_seconds,
            "evaluation_seconds": self._evaluation_seconds,
            "total_seconds": time.perf_counter() - self._began,
            "weights_sha256": weights_sha256,
            "notes": {**self._notes, "batches_drawn": self._batches},
        }
        flat = None if probabilities is None else probabilities.astype(np.float32).ravel().tolist()
        writer.finish(self.dataset._core, predicted.tolist(), flat, json.dumps(ended))

    def open(self) -> OpenedRun:
        """The finished run: its curves, confusion and mistakes."""
        return open_run(self.folder)

    def __repr__(self) -> str:
        return f"Recording({str(self.folder)!r}, {self.steps} steps, {self.score or 'not evaluated'})"
