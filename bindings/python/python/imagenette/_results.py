"""Finished runs and predictions: scores, curves, confusion, mistakes, and whether an idea helps."""

from __future__ import annotations

import csv
import html
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import _imagenette, _program
from ._dataset import Dataset
from ._errors import MissingError, SettingError

Folder = str | os.PathLike[str]


class Table(dict[str, list[Any]]):
    """A table by its columns: `pandas.DataFrame(table)` takes it as it is, and notebooks show it."""

    def rows(self) -> list[dict[str, Any]]:
        """The same row by row."""
        return [dict(zip(self, row, strict=True)) for row in zip(*self.values(), strict=True)]

    def _repr_html_(self) -> str:
        shown = self.rows()[:50]
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_said(value))}</td>" for value in row.values()) + "</tr>"
            for row in shown
        )
        more = len(next(iter(self.values()), [])) - len(shown)
        rest = f"<p>and {more} more rows</p>" if more > 0 else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _said(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Score:
    """How many photos are right, of how many.

    Attributes:
        correct: Photos whose predicted class is their class.
        total: Photos of the split.
        cross_entropy: The mean of -ln p of the right class, where probabilities are known.
        confusion: Photos by actual and predicted class, both in the order of `classes`; empty where it was not
            counted.
        classes: Names of the classes.
    """

    correct: int
    total: int
    cross_entropy: float | None = None
    confusion: list[list[int]] = field(default_factory=list, repr=False)
    classes: list[str] = field(default_factory=list, repr=False)

    @classmethod
    def of_counts(cls, correct: int, total: int) -> Score:
        """A score of counts alone."""
        return cls(correct, total)

    @property
    def accuracy(self) -> float:
        """Top-1 as a fraction."""
        return self.correct / self.total if self.total else 0.0

    def __repr__(self) -> str:
        return f"Score({self.correct} of {self.total}, {100 * self.accuracy:.2f}%)"


def score(predictions: Folder | Mapping[str, str] | Iterable[Any], dataset: Dataset) -> Score:
    """Scores anybody's predictions for a split: each photo once.

    Args:
        predictions: A file as `imagenette score` reads it (`sample,class`, or as other programs write it), a mapping
            of
            paths below the dataset to classes, or a class for each image of `dataset` in its order, as a label or an
            id.
        dataset: The split that they are for: `ds.val`.

    Example:
        >>> imagenette.score("predictions.csv", ds.val).accuracy
        0.9022
    """
    if isinstance(predictions, (str, os.PathLike)):
        return _score_file(Path(predictions), dataset)
    if isinstance(predictions, Mapping):
        rows = [(str(sample), str(known)) for sample, known in predictions.items()]
    else:
        known = [_wnid(value, dataset) for value in predictions]
        if len(known) != len(dataset):
            raise SettingError(
                f"predictions: expected one for each of the {len(dataset)} photos of {dataset.name}/{dataset.split}, "
                f"found {len(known)}",
                hint="pass `ds.val` for predictions of val, in its order",
            )
        paths = [dataset._core.path_of(int(sample)) for sample in dataset.samples]
        rows = list(zip(paths, known, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("sample", "class"), *rows])
        return _score_file(path, dataset)


def _wnid(value: Any, dataset: Dataset) -> str:
    if isinstance(value, str):
        return value
    label = int(value)
    if not 0 <= label < len(dataset.wnids):
        raise SettingError(
            f"predictions: expected labels from 0 to {len(dataset.wnids) - 1}, found {label}",
            hint="labels are positions in `dataset.classes`",
        )
    return dataset.wnids[label]


def _score_file(path: Path, dataset: Dataset) -> Score:
    known = json.loads(_imagenette.score(path, dataset._core, dataset.split))
    return Score(known["correct"], known["total"], known["cross_entropy"], known["confusion"], known["names"])


def open_run(folder: Folder) -> OpenedRun:
    """Opens a finished run, of the program or of any loop, and checks that its files belong together.

    Raises:
        SettingError: Something of it was changed, mixed up, or is of a newer version.
    """
    return OpenedRun(Path(folder))


class OpenedRun:
    """A finished run.

    Attributes:
        folder: Where it lies.
        record: Its account, as `record.json` has it.
        recipe: What it was trained by.
        findings: What was checked, and what of it holds or cannot be known.
    """

    def __init__(self, folder: Path) -> None:
        known = json.loads(_imagenette.read_run(folder))
        self.folder = folder
        self.record: dict[str, Any] = known["record"]
        self.recipe: dict[str, Any] = known["recipe"]
        self.findings: list[dict[str, str]] = known["findings"]
        self._steps, self._evaluations, self._predictions = known["steps"], known["evaluations"], known["predictions"]

    @property
    def score(self) -> Score:
        """The result that counts: that of the last epoch on the whole val split."""
        return Score(self.record["result"]["correct"], self.record["result"]["total"])

    @property
    def history(self) -> Table:
        """Each step: `step`, `epoch`, `loss`, `rate`, `resolution_px`, `training_seconds`."""
        return Table(self._steps)

    def curves(self) -> Curves:
        """Top-1 after each evaluation, with the mean loss of training until then; a picture in notebooks."""
        table = Table(self._evaluations)
        if not table["epoch"]:
            known = self.record["by_epoch"]
            table["epoch"] = [point["epoch"] for point in known]
            table["correct"] = [point["counts"]["correct"] for point in known]
            table["total"] = [point["counts"]["total"] for point in known]
            table["accuracy"] = [
                correct / total for correct, total in zip(table["correct"], table["total"], strict=True)
            ]
            for name in ("training_seconds", "evaluation_seconds"):
                table[name] = [None] * len(known)
        before, losses = 0, []
        for epoch in table["epoch"]:
            of = [
                loss
                for loss, at in zip(self._steps["loss"], self._steps["epoch"], strict=True)
                if before < at <= epoch
            ]
            losses.append(sum(of) / len(of) if of else None)
            before = epoch
        return Curves({**table, "loss": losses}, self.folder)

    def predictions(self) -> Table:
        """Each photo of val: `sample`, `actual`, `predicted` (ids), `is_right`, `probability` (of the predicted)."""
        if self._predictions is None:
            raise MissingError(
                f"{self.folder}: its predictions.csv is not here",
                path=str(self.folder),
                hint="copy it beside record.json",
            )
        samples, predicted = self._predictions["sample"], self._predictions["predicted"]
        actual = [sample.split("/")[1] for sample in samples]
        probabilities = self._predictions["probabilities"]
        sure = [max(row) for row in probabilities] if probabilities else [None] * len(samples)
        right = [one == other for one, other in zip(actual, predicted, strict=True)]
        return Table(sample=samples, actual=actual, predicted=predicted, is_right=right, probability=sure)

    def confusion(self) -> Table:
        """How often photos of a class (`actual`) were taken for each class: a column a class."""
        known = self.predictions()
        classes = sorted({*known["actual"], *known["predicted"]})
        counts = {actual: dict.fromkeys(classes, 0) for actual in classes}
        for actual, predicted in zip(known["actual"], known["predicted"], strict=True):
            counts[actual][predicted] += 1
        columns = {predicted: [counts[actual][predicted] for actual in classes] for predicted in classes}
        return Table({"actual": classes, **columns})

    def mistakes(self, count: int = 9) -> Table:
        """The photos that it was wrong about, the surest first where probabilities are known."""
        wrong = [row for row in self.predictions().rows() if not row["is_right"]]
        wrong.sort(key=lambda row: -(row["probability"] or 0.0))
        names = ("sample", "actual", "predicted", "probability")
        return Table({name: [row[name] for row in wrong[:count]] for name in names})

    def __repr__(self) -> str:
        return f"OpenedRun({self.record['recipe']!r}, seed {self.record['seed']}, {self.score})"


class Curves(Table):
    """The curves of a run: a table, drawn by the program in notebooks."""

    def __init__(self, columns: Mapping[str, list[Any]], folder: Path) -> None:
        super().__init__(columns)
        self.folder = folder

    def svg(self) -> str:
        """The picture of top-1 over epochs as SVG."""
        with tempfile.TemporaryDirectory() as out:
            _program.run(["--quiet", "plot", str(self.folder), "--out", out])
            pictures = sorted(Path(out).glob("*epoch*.svg")) or sorted(Path(out).glob("*.svg"))
            if not pictures:
                raise MissingError("a run with one evaluation has no curve", hint="use it as a table")
            return pictures[0].read_text(encoding="utf-8")

    def _repr_html_(self) -> str:
        try:
            return self.svg()
        except (MissingError, OSError):
            return super()._repr_html_()
