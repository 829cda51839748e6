"""Loaders count what they draw for the runs that are recorded at that moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._dataset import Dataset
    from ._record import Recording

#: Runs that are being recorded in this process.
open_runs: list[Recording] = []


def drawn(dataset: Dataset, samples: int, epoch: int, size: int, begins: tuple[int, int] | None = None) -> None:
    """Says that a batch was drawn from a train split; `begins` is (seed, epoch) where it is the first of a loop."""
    for run in open_runs:
        run._drawn(dataset, samples, epoch, size, begins)
