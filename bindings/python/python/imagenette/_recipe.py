"""Recipes: read, changed and checked as the program does, and the batches of a whole run of one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from . import _counting, _imagenette
from ._dataset import Dataset, threads_or_all
from ._imagenette import Batches
from ._loader import Batch, Loader


class Recipe(Mapping[str, Any]):
    """A recipe with all its keys, as `docs/recipes.md` lists them. It reads like a dictionary.

    Args:
        named: The name of one that ships (`epochs-10`) or a file.
        overrides: Other values at dotted keys: `Recipe("epochs-5", {"optimizer.learning_rate": 0.04}, epochs=2)`.
        settings: The same for keys without dots.

    Attributes:
        text: The whole recipe as TOML.
    """

    def __init__(
        self, named: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None, **settings: Any
    ) -> None:
        changes = {**(overrides or {}), **settings}
        self._read(named, [(key, _as_toml(value)) for key, value in changes.items()])

    @classmethod
    def typed(cls, named: str | os.PathLike[str], settings: Mapping[str, str]) -> Recipe:
        """A recipe with values as they are typed on a command line: `{"model.activation": "silu", "epochs": "2"}`."""
        recipe = cls.__new__(cls)
        recipe._read(named, list(settings.items()))
        return recipe

    def _read(self, named: str | os.PathLike[str], pairs: list[tuple[str, str]]) -> None:
        self.text, values = _imagenette.recipe(os.fspath(named), pairs)
        self._values: dict[str, Any] = {key: value for key, value in json.loads(values).items() if value is not None}

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Recipe({self['name']!r}, {self['epochs']} epochs)"

    def batches(
        self, dataset: Dataset, seed: int = 0, *, first_step: int = 0, threads: int | None = None
    ) -> RecipeBatches:
        """The training batches of a whole run, step by step: the program's own, to the bit."""
        return RecipeBatches(self, dataset, seed, first_step, threads_or_all(threads))

    def evaluation(self, dataset: Dataset, batch_size: int = 250, threads: int | None = None) -> Loader:
        """The val split as this recipe evaluates it."""
        known = self["evaluation"]
        return Loader(dataset.val, batch_size, known["resolution"], geometry=known["geometry"], threads=threads)


class RecipeBatches:
    """The training batches of a recipe's run; `len` is the number of its steps.

    Each batch has more than others: `step` (from 0), `progress` of the run in 0..1, and `factor`, which the schedule
    multiplies the peak rate with.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, seed: int, first_step: int, threads: int) -> None:
        self.recipe, self.dataset, self.seed, self.first_step, self.threads = (
            recipe,
            dataset,
            seed,
            first_step,
            threads,
        )
        self.steps, self.model_name = _imagenette.plan_of(recipe.text, dataset._core)

    def __len__(self) -> int:
        return len(self.steps) - self.first_step

    def __iter__(self) -> Iterator[PlannedBatch]:
        batches = Batches.of_recipe(self.dataset._core, self.recipe.text, self.seed, self.first_step, self.threads)
        try:
            for step, pieces in enumerate(batches, self.first_step):
                epoch, _, _, progress, factor = self.steps[step]
                is_last = step + 1 == len(self.steps) or self.steps[step + 1][0] != epoch
                batch = PlannedBatch(pieces, epoch, step, progress, factor, is_last)
                _counting.drawn(self.dataset, len(batch), epoch, batch.size)
                yield batch
        finally:
            batches.close()


class PlannedBatch(Batch):
    """A batch of a recipe's run: see `RecipeBatches`."""

    __slots__ = ("ends_epoch", "factor", "progress", "step")

    def __init__(
        self, pieces: tuple[Any, ...], epoch: int, step: int, progress: float, factor: float | None, ends_epoch: bool
    ) -> None:
        super().__init__(pieces, epoch)
        self.step, self.progress, self.factor, self.ends_epoch = step, progress, factor, ends_epoch


def recipes() -> list[str]:
    """The names of the recipes that ship."""
    return _imagenette.recipe_names()


def _as_toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_as_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_as_toml(inner) for inner in value) + "]"
    return json.dumps(value) if isinstance(value, str) else repr(value)
