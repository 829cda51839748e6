"""Batches for any loop: uint8 pixels that numpy, PyTorch and JAX see without a copy, made by threads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from . import _counting
from ._dataset import Dataset, threads_or_all
from ._errors import SettingError
from ._imagenette import MEAN, STD, Batches, Memory, plans

#: Usual ways to cut and mirror training samples, by name. Their keys are those of `augment` in recipes.
AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "crop-flip": {
        "crop": {"kind": "random-resized", "area": [0.35, 1.0], "aspect": [0.75, 4 / 3]},
        "flip": "random",
    },
    "light": {"crop": {"kind": "light", "scale": 1.125}, "flip": "alternating"},
}
#: How evaluation sees a photo, by name.
GEOMETRIES: dict[str, dict[str, Any]] = {
    "center": {"kind": "center", "ratio": 256 / 224},
    "whole": {"kind": "whole"},
}


class Batch:
    """Samples of one step. It unpacks into images and labels: `for x, y in loader`.

    Attributes:
        images: uint8 of shape (N, size, size, 3). Changing it in place is allowed; its memory is used again once
            nothing
            refers to it any more.
        labels: int64 of shape (N,); -1 where there is none.
        samples: The number of each sample in the dataset.
        epoch: The epoch, from 0.
        size: The side of the squares in pixels.
        mixtures: `(partners, shares)` where samples were mixed: each has a share of itself, and the rest of its
            partner.
        waited: Seconds that the loop waited for this batch.
    """

    __slots__ = ("_memory", "epoch", "images", "labels", "mixtures", "samples", "size", "waited")

    def __init__(self, pieces: tuple[Any, ...], epoch: int) -> None:
        memory, samples, labels, size, mixtures, waited = pieces
        self._memory: Memory | None = memory
        self.images: Any = np.frombuffer(memory, dtype=np.uint8).reshape(-1, size, size, 3)
        self.labels: Any = np.frombuffer(labels, dtype=np.int64)
        self.samples: np.ndarray = np.frombuffer(samples, dtype=np.uint32)
        self.epoch, self.size, self.waited = epoch, size, waited
        self.mixtures: tuple[np.ndarray, np.ndarray] | None = None
        if mixtures is not None:
            self.mixtures = (np.asarray(mixtures[0]), np.asarray(mixtures[1], dtype=np.float32))

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.images, self.labels))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.images, dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        return self.images.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.images.__dlpack_device__()

    def __repr__(self) -> str:
        return f"Batch({len(self)} samples of {self.size} px, epoch {self.epoch})"

    def normalized(
        self,
        layout: Literal["nchw", "nhwc"] = "nchw",
        mean: tuple[float, float, float] = MEAN,
        std: tuple[float, float, float] = STD,
    ) -> np.ndarray:
        """The images as float32, `(value / 255 - mean) / std` for each channel, in this layout."""
        if layout not in ("nchw", "nhwc"):
            raise SettingError(f"layout: expected 'nchw' or 'nhwc', found {layout!r}", hint="nchw is PyTorch's")
        shape = (-1, 3, self.size, self.size) if layout == "nchw" else (-1, self.size, self.size, 3)
        if self._memory is not None:
            floats = self._memory.normalized(self.size, layout == "nchw", mean, std)
            return np.frombuffer(floats, dtype=np.float32).reshape(shape)
        scaled = (np.asarray(self.images, dtype=np.float32) / 255 - np.float32(mean)) / np.float32(std)
        return scaled if layout == "nhwc" else np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def targets(self, classes: int, smoothing: float = 0.0) -> np.ndarray:
        """What is to be learned: float32 of shape (N, classes), mixed where the samples were, and smoothed."""
        rows = np.zeros((len(self), classes), dtype=np.float32)
        known = np.flatnonzero(self.labels >= 0)
        rows[known, self.labels[known]] = 1.0
        if self.mixtures is not None:
            partners, shares = self.mixtures
            rows = shares[:, None] * rows + (1 - shares)[:, None] * rows[partners]
        return (1 - smoothing) * rows + np.float32(smoothing / classes)

    def _changed(self, transform: Callable[[Any, Any], Any]) -> Batch:
        changed = transform(self.images, self.labels)
        images, labels = changed if isinstance(changed, tuple) else (changed, self.labels)
        for what, of in (("images", images), ("labels", labels)):
            count = getattr(of, "shape", (None,))[:1]
            if count != (len(self),):
                raise SettingError(
                    f"transform: expected {len(self)} {what}, found {'none' if count in ((), (None,)) else count[0]} "
                    f"({type(of).__name__} of shape {getattr(of, 'shape', None)})",
                    hint="return the images, or (images, labels), one for each sample of the batch",
                )
        if images is not self.images:
            self._memory = None
        self.images, self.labels = images, labels
        return self


class Loader:
    """Batches of a dataset, epoch after epoch: each loop over it is the next epoch.

    Batches are made ahead by threads, with no processes and no shared memory, and the interpreter is free while the
    loop
    waits. They depend on dataset, settings, seed and epoch alone, never on the number of threads, and are the same
    as the
    program's.

    Args:
        dataset: The split to load.
        batch_size: Samples in a batch, of all ranks together.
        size: The side of the square that each sample fills, in pixels.
        seed: All that is random follows from it.
        augment: How training samples are cut and mirrored: `"crop-flip"`, `"light"`, a dictionary with the keys of
            `augment` in recipes, or None for what evaluation sees. Left out: `"crop-flip"` for train, None for others.
        geometry: What evaluation sees: `"center"`, `"whole"`, or a dictionary as in recipes.
        erase: What is erased, as in recipes.
        mix: How samples are mixed, as in recipes: `{"cutmix": 1.0}`. See `Batch.targets`.
        shuffle: Whether each epoch has an order of its own; so for train where it is left out.
        balanced: Whether every class is drawn equally often.
        drop_last: Whether a last batch that is not full is left out; so for train where it is left out.
        threads: How many threads make batches; all cores where it is left out.
        rank: Which part of each batch is this process's.
        world_size: How many processes share each batch.
        transform: `transform(images, labels)` returns images, or images and labels, of each batch. It runs in the
            loop's thread, on the whole batch.

    Example:
        >>> loader = imagenette.Loader(imagenette.get("drawn").train, batch_size=64, size=64, seed=1)
        >>> for images, labels in loader:  # an epoch
        ...     assert images.shape == (64, 64, 64, 3)
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 64,
        size: int = 128,
        *,
        seed: int = 0,
        augment: str | dict[str, Any] | None = "auto",
        geometry: str | dict[str, Any] = "center",
        erase: dict[str, Any] | None = None,
        mix: dict[str, Any] | None = None,
        shuffle: bool | None = None,
        balanced: bool = False,
        drop_last: bool | None = None,
        threads: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        transform: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        if not isinstance(dataset, Dataset):
            raise SettingError(
                f"dataset: expected an imagenette.Dataset, found {type(dataset).__name__}",
                hint="for example imagenette.get('drawn').train",
            )
        is_train = dataset.split != "val" and dataset.split != "test"
        if augment == "auto":
            augment = "crop-flip" if is_train else None
        self.dataset, self.threads, self.transform = dataset, threads_or_all(threads), transform
        self._wanted = {
            "batch_size": _whole("batch_size", batch_size, 1),
            "size": _whole("size", size, 1),
            "seed": _whole("seed", seed, 0),
            "shuffle": is_train if shuffle is None else bool(shuffle),
            "balanced": bool(balanced),
            "drop_last": is_train if drop_last is None else bool(drop_last),
            "rank": _whole("rank", rank, 0),
            "world_size": _whole("world_size", world_size, 1),
            "augment": None if augment is None else _named("augment", augment, AUGMENTATIONS),
            "geometry": _named("geometry", geometry, GEOMETRIES) if augment is None else None,
            "erase": erase,
            "mix": mix,
        }
        self._next_epoch, self._resume_at = 0, 0
        self._running: tuple[int, int] | None = None
        # Whatever makes no sense is refused here, not in the first epoch.
        plans(dataset._core, self._request(0, 0, samples=[]))

    batch_size = property(lambda self: self._wanted["batch_size"], doc="Samples in a batch, of all ranks together.")
    size = property(lambda self: self._wanted["size"], doc="The side of the squares in pixels.")
    seed = property(lambda self: self._wanted["seed"], doc="The seed of all that is random.")
    epoch = property(lambda self: self._next_epoch, doc="The epoch that the next loop shows, from 0.")

    def _request(self, epoch: int, first: int, samples: list[int] | None = None) -> str:
        known = self.dataset.samples.tolist() if samples is None else samples
        return json.dumps({"samples": known, "epoch": epoch, "first": first, **self._wanted})

    def __len__(self) -> int:
        """Batches of an epoch."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self._wanted["drop_last"])

    def __iter__(self) -> Iterator[Batch]:
        epoch, first = self._next_epoch, self._resume_at
        self._next_epoch, self._resume_at = epoch + 1, 0
        self._running = (epoch, first)
        # The threads begin now, so that they work while the loop's first lines run.
        return self._epoch(Batches.of_epoch(self.dataset._core, self._request(epoch, first), self.threads), epoch)

    def _epoch(self, batches: Batches, epoch: int) -> Iterator[Batch]:
        is_counted, begins = self.dataset.split == "train", (self.seed, epoch)
        try:
            for pieces in batches:
                batch = Batch(pieces, epoch)
                if self._running is not None and self._running[0] == epoch:
                    self._running = (epoch, self._running[1] + 1)
                if self.transform is not None:
                    batch = batch._changed(self.transform)
                if is_counted:
                    count = len(batch) * self._wanted["world_size"]
                    _counting.drawn(self.dataset, count, epoch, batch.size, begins)
                    begins = None
                yield batch
        finally:
            batches.close()

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch the next loop shows. Without it each loop is the next one."""
        self._next_epoch, self._resume_at, self._running = _whole("epoch", epoch, 0), 0, None

    def state_dict(self) -> dict[str, int]:
        """Where the loader is: after so many batches of an epoch. `load_state_dict` goes on with the next one."""
        if self._running is not None and self._running[1] < len(self):
            epoch, batch = self._running
        else:
            epoch, batch = self._next_epoch, self._resume_at
        return {"seed": self.seed, "epoch": epoch, "batch": batch, "batch_size": self.batch_size}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Goes on where `state_dict` was taken: the next loop shows the rest of that epoch, to the same bits."""
        for name, own in (("seed", self.seed), ("batch_size", self.batch_size)):
            if state.get(name, own) != own:
                raise SettingError(
                    f"state_dict: expected {name} {own}, as this loader has, found {state[name]}",
                    hint="make the loader with the settings that it had",
                )
        self._next_epoch, self._resume_at = _whole("epoch", state["epoch"], 0), _whole("batch", state["batch"], 0)
        self._running = None

    def plans(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Which samples an epoch draws, and where each is cut: for cutting elsewhere, on a GPU.

        Returns:
            Samples of shape (N,), and float64 of shape (N, 5): left, top, width, height in pixels of the photo, and 1
            where the sample is mirrored.
        """
        samples, cuts = plans(self.dataset._core, self._request(_whole("epoch", epoch, 0), 0))
        return np.asarray(samples, dtype=np.int64), np.asarray(cuts, dtype=np.float64).reshape(-1, 5)

    def __repr__(self) -> str:
        known = f"batch_size={self.batch_size}, size={self.size}, seed={self.seed}"
        return f"Loader({self.dataset!r}, {known}, {len(self)} batches)"


def _whole(key: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < least:
        raise SettingError(f"{key}: expected a whole number, {least} or more, found {value!r}", hint=f"{key}={least}")
    return int(value.__index__())


def _named(key: str, value: Any, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if value in known:
        return known[value]
    names = ", ".join(repr(name) for name in known)
    raise SettingError(
        f"{key}: expected {names} or a dictionary as in recipes, found {value!r}", hint="see docs/recipes.md"
    )
