"""Imagenette in any loop: its datasets, its loader, records of runs, and honest comparisons.

`get` brings a dataset here, `Loader` makes its batches, `record` keeps a run of your own loop, `compare` says
whether an
idea helps. `imagenette.torch`, `imagenette.jax` and `imagenette.fastai` fit the loader into those libraries, and
need them.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy

from ._errors import ImagenetteError, LibraryError, MissingError, SettingError

if int(numpy.__version__.split(".")[0]) < 2:
    raise LibraryError(
        f"imagenette: expected numpy 2 or later, found {numpy.__version__}", hint="pip install --upgrade 'numpy>=2'"
    )

# ruff: noqa: E402
from ._compare import Comparison, compare
from ._dataset import Dataset, get
from ._imagenette import __version__
from ._loader import AUGMENTATIONS, GEOMETRIES, MEAN, STD, Batch, Loader
from ._recipe import Recipe, RecipeBatches, recipes
from ._record import Recording, record
from ._results import Curves, OpenedRun, Score, Table, open_run, score
from ._train import train

__all__ = [
    "AUGMENTATIONS",
    "GEOMETRIES",
    "MEAN",
    "STD",
    "Batch",
    "Comparison",
    "Curves",
    "Dataset",
    "ImagenetteError",
    "LibraryError",
    "Loader",
    "MissingError",
    "OpenedRun",
    "Recipe",
    "RecipeBatches",
    "Recording",
    "Score",
    "SettingError",
    "Table",
    "__version__",
    "compare",
    "get",
    "open_run",
    "recipes",
    "record",
    "score",
    "train",
]

#: Modules that need a library of their own, loaded when they are first named.
_OPTIONAL = ("fastai", "jax", "torch")


def __getattr__(name: str) -> Any:
    if name in _OPTIONAL:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_OPTIONAL]
