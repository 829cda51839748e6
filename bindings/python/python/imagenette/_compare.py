"""Whether an idea helps, from finished runs: the program's verdict."""

from __future__ import annotations

import glob
import html
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import _imagenette, _program
from ._errors import MissingError
from ._results import Folder, Table


class Comparison:
    """Whether an idea helps: the program's verdict, with its page in notebooks.

    Attributes:
        verdict: `helps`, `hurts`, `no-gain` or `not-clear`, as the program says it.
        sentence: The verdict with its numbers, in one line.
        difference: The idea's accuracy minus the baseline's, a fraction.
        interval: Where the true difference lies, at this look's confidence.
        p_value: The p of the test.
        page: The verdict as a page that needs nothing else.
    """

    def __init__(self, known: dict[str, Any], page: str) -> None:
        self._known, self.page = known, page
        look = known["looks"][-1]
        self.verdict: str = known["verdict"]
        self.sentence: str = known["sentence"]
        self.difference: float = look["gain"]
        self.interval: tuple[float, float] = tuple(look["interval"])
        self.p_value: float = look["p"]

    def classes(self) -> Table:
        """Accuracy of both sides class by class."""
        rows = self._known["classes"]
        return Table({name: [row[name] for row in rows] for name in ("name", "photos", "baseline", "idea")})

    def flips(self) -> Table:
        """Photos that changed sides: right in most runs of one side, wrong in most of the other."""
        known = self._known["changed_photos"]
        sides = ["gained"] * len(known["gained"]) + ["lost"] * len(known["lost"])
        return Table(sample=[*known["gained"], *known["lost"]], side=sides)

    def to_dict(self) -> dict[str, Any]:
        """Every number, as `comparison.json` has it."""
        return self._known

    def __repr__(self) -> str:
        return f"Comparison({self.sentence})"

    def _repr_html_(self) -> str:
        frame = html.escape(self.page, quote=True)
        return f'<iframe srcdoc="{frame}" style="width:100%;height:40em;border:0" title="comparison"></iframe>'


def compare(
    baseline: Folder | Iterable[Folder],
    idea: Folder | Iterable[Folder],
    *,
    margin: float = 0.5,
    unequal_cost: bool = False,
    out: Folder | None = None,
) -> Comparison:
    """Says whether an idea helps, from finished runs of both sides: the same test and limits as `imagenette compare`.

    Args:
        baseline: A folder of runs, a pattern (`"runs/baseline-*"`), or a list of these.
        idea: The same for the idea.
        margin: The smallest gain worth having, in points of top-1.
        unequal_cost: Says that the sides may differ in epochs and samples.
        out: Keeps `comparison.json` and `comparison.html` there.

    Raises:
        ImagenetteError: The runs are not two sides: other photos, mixed recipes, a seed twice, or no difference.
    """
    with tempfile.TemporaryDirectory() as folder:
        sides = [_side(named, Path(folder) / name) for name, named in (("baseline", baseline), ("idea", idea))]
        kept = Path(out) if out is not None else Path(folder) / "out"
        flags = ["--margin", str(margin), "--out", str(kept), *(["--unequal-cost"] if unequal_cost else [])]
        _, printed = _program.run(["--quiet", "compare", *sides, "--json", *flags], accepted=(0, 10, 11, 12))
        page = kept / "comparison.html"
        return Comparison(json.loads(printed), page.read_text(encoding="utf-8") if page.is_file() else "")


def _side(named: Folder | Iterable[Folder], folder: Path) -> str:
    """A folder with the runs of a side: what the verdict needs of each, without its weights."""
    all_named = [named] if isinstance(named, (str, os.PathLike)) else list(named)
    folders: list[Path] = []
    for one in map(os.fspath, all_named):
        matched = sorted(glob.glob(one)) if glob.has_magic(one) else [one]
        for path in matched:
            if not Path(path).is_dir():
                raise MissingError(
                    f"run not found: {path}", path=path, hint="name the folder of a run, or one of runs"
                )
            folders.extend(Path(run) for run in _imagenette.find_runs(Path(path)))
    if not folders:
        raise MissingError(
            f"no finished run in {', '.join(map(os.fspath, all_named))}", hint="a finished run has a record.json"
        )
    for number, run in enumerate(folders):
        small = shutil.ignore_patterns("*weights*", "model.safetensors", "checkpoint*", ".*")
        shutil.copytree(run, folder / f"{number}-{run.name}", ignore=small)
    return str(folder)
