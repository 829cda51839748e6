"""Training a recipe with the program's own engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import _program
from ._dataset import Dataset
from ._recipe import Recipe
from ._results import OpenedRun, open_run


def train(
    recipe: str | os.PathLike[str] | Recipe,
    dataset: Dataset,
    out: str | os.PathLike[str],
    *,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    threads: int | None = None,
    shown: bool = True,
) -> OpenedRun:
    """Trains a recipe with the program's engine, in a process of its own, and opens the finished run.

    Args:
        recipe: A recipe, or the name or file of one.
        dataset: What it is trained on.
        out: The run's folder.
        seed: The seed.
        settings: Other values at dotted keys: `{"optimizer.learning_rate": 0.04}`.
        threads: Threads for computing.
        shown: Shows progress where there is a terminal.

    Example:
        >>> imagenette.train("quick", imagenette.get("drawn"), "runs/quick-s0").score
    """
    known = recipe if isinstance(recipe, Recipe) and not settings else None
    if known is None:
        named = recipe if not isinstance(recipe, Recipe) else None
        known = Recipe(named, settings) if named is not None else _changed(recipe, settings or {})  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{known['name']}.toml"
        file.write_text(known.text, encoding="utf-8")
        arguments = ["train", "--recipe", str(file), "--dataset", str(dataset.root), "--seed", str(seed)]
        arguments += ["--out", os.fspath(out), *(["--threads", str(threads)] if threads else [])]
        _program.run(arguments if shown else ["--quiet", *arguments])
    return open_run(out)


def _changed(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "recipe.toml"
        file.write_text(recipe.text, encoding="utf-8")
        return Recipe(file, settings)
