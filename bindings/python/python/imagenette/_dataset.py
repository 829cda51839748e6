"""Datasets: by their name, fetched where that is asked for, with the habits of torchvision's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import SettingError, needs
from ._imagenette import Data

Transform = Callable[[Any], Any]


def threads_or_all(threads: int | None) -> int:
    """So many threads as were asked for, or as this process may use."""
    if threads is None:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    if not isinstance(threads, int) or threads < 1:
        raise SettingError(
            f"threads: expected 1 or more, found {threads!r}", hint="leave it out to use all processor cores"
        )
    return threads


class _Progress:
    """A line on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self.is_shown = sys.stderr is not None and sys.stderr.isatty()
        self.was_shown = False

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        if self.is_shown:
            share = f" {100 * done // total}%" if total else ""
            print(f"\r\x1b[2K{phase}{share}", end="", file=sys.stderr, flush=True)
            self.was_shown = True

    def end(self) -> None:
        if self.was_shown:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def get(
    name: str = "imagenette2-160",
    *,
    source: str | os.PathLike[str] | None = None,
    force: bool = False,
    threads: int | None = None,
) -> Dataset:
    """Brings a dataset here, checks it and decodes it once; what is here already is used.

    Args:
        name: `imagenette2-160`, `imagewoof2-320`, … or `drawn`, which is drawn in seconds and needs no network. With
            `source` the name that it gets.
        source: An archive or a folder of your own photos (`train/<class>/…`, `val/<class>/…`).
        force: Replaces what is installed under this name.
        threads: How many threads; all cores where it is left out.

    Returns:
        The dataset, showing its train split; `.val` is the other one.

    Raises:
        SettingError: There is no such dataset; the hint names the nearest.
        ImagenetteError: It cannot be fetched, or the disk is full. What arrived is kept: the same call goes on.

    Example:
        >>> ds = imagenette.get("drawn")
        >>> len(ds.train), len(ds.val), ds.classes[0]
        (4000, 1000, 'tench')
    """
    count, progress = threads_or_all(threads), _Progress()
    try:
        core = Data.get(name, None if source is None else Path(source), force, count, progress)
        core.pack(count, progress)
    finally:
        progress.end()
    return Dataset._of(core, "train")


class Dataset:
    """One split of a dataset: `len(ds)`, `ds[i]` is `(image, label)`.

    It works under a stock `torch.utils.data.DataLoader` too: it can be pickled and forked. `Loader` is the fast way.

    Args:
        name: The name of one that is installed, or its folder.
        split: `train`, `val`, or what else the dataset has.
        transform: What is done to each image that `ds[i]` gives.
        target_transform: What is done to each label.
        download: Brings it here first, as `get` does.
        images: `numpy` for uint8 arrays of shape (height, width, 3), `pil` for Pillow's images.

    Attributes:
        classes: Names of the classes in the order of their labels.
        class_to_idx: The label of each class by its name.
        wnids: The WordNet ids, or the folders, of the classes.
        samples: The number of each image in the whole dataset.
        targets: The label of each image; -1 where there is none.
    """

    def __init__(
        self,
        name: str | os.PathLike[str],
        split: str = "train",
        *,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
        images: str = "numpy",
    ) -> None:
        named = os.fspath(name)
        self._core = get(named)._core if download else Data.open(named)
        self._show(split, transform, target_transform, images)

    @classmethod
    def _of(cls, core: Data, split: str) -> Dataset:
        dataset = cls.__new__(cls)
        dataset._core = core
        dataset._show(split, None, None, "numpy")
        return dataset

    def _show(self, split: str, transform: Transform | None, target_transform: Transform | None, images: str) -> None:
        if images not in ("numpy", "pil"):
            raise SettingError(f"images: expected 'numpy' or 'pil', found {images!r}", hint="numpy needs no library")
        self.split, self.transform, self.target_transform, self.images = split, transform, target_transform, images
        self.samples = np.asarray(self._core.samples(split), dtype=np.int64)
        self.wnids = [wnid for wnid, _ in self._core.classes]
        self.classes = [name for _, name in self._core.classes]
        self.class_to_idx = {name: label for label, name in enumerate(self.classes)}
        self.targets = np.asarray(self._core.labels(), dtype=np.int64)[self.samples]

    def _other(self, split: str) -> Dataset:
        return self if split == self.split else Dataset._of(self._core, split)

    @property
    def train(self) -> Dataset:
        """The train split of the same dataset."""
        return self._other("train")

    @property
    def val(self) -> Dataset:
        """The val split of the same dataset: what accuracies count on."""
        return self._other("val")

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self._core.name

    @property
    def root(self) -> Path:
        """The dataset's folder."""
        return Path(self._core.root)

    @property
    def identity(self) -> str:
        """The hash of the dataset's content, by which records know it."""
        return self._core.identity

    def path(self, index: int) -> Path:
        """The file of an image."""
        return self.root / self._core.path_of(int(self.samples[index]))

    def image(self, index: int) -> np.ndarray:
        """An image as uint8 of shape (height, width, 3), before any transform."""
        memory, width, height = self._core.photo(int(self.samples[index]))
        return np.frombuffer(memory, dtype=np.uint8).reshape(height, width, 3)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.name}/{self.split} has {len(self)} images, and none at {index}")
        image: Any = self.image(index)
        if self.images == "pil":
            try:
                from PIL import Image
            except ImportError as error:
                raise needs("pillow", "Dataset(images='pil')") from error
            image = Image.fromarray(image)
        label: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return (self[index] for index in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        names = ("split", "transform", "target_transform", "images")
        return {"root": str(self.root), **{name: getattr(self, name) for name in names}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._core = Data.open(state["root"])
        self._show(state["split"], state["transform"], state["target_transform"], state["images"])

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, split={self.split!r}, {len(self)} images of {len(self.classes)} classes)"
