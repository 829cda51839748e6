"""The examples and the notebook, each as its reader would run it, where its libraries are installed."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import imagenette as im

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
LOOPS = {"pytorch": "torch", "jax": "jax", "fastai": "fastai", "timm": "timm"}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_runs_and_leaves_a_run_that_is_whole(drawn, tmp_path, name):
    script = EXAMPLES / f"{name}_loop.py"
    assert len(script.read_text().splitlines()) <= 40
    if importlib.util.find_spec(LOOPS[name]) is None:
        pytest.skip(f"{LOOPS[name]} is not installed: {script.name} is not run")
    if os.environ.get("IMAGENETTE_TEST_EXAMPLES") != "1":
        pytest.skip(f"{script.name} takes minutes: it is run with IMAGENETTE_TEST_EXAMPLES=1")
    done = subprocess.run(
        [sys.executable, script, tmp_path / "run", "3"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    run = im.open_run(tmp_path / "run")
    assert run.record["seed"] == 3 and run.score.total == 1000 and run.score.accuracy > 0.15


def test_the_notebook_runs_from_its_first_cell_to_its_last(drawn, tmp_path, monkeypatch):
    notebook = json.loads((EXAMPLES / "notebooks" / "first-hour.ipynb").read_text())
    assert all(not cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    monkeypatch.chdir(tmp_path)
    names = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert names["run"].score.accuracy > 0.15
    assert names["verdict"].verdict in ("helps", "hurts", "no-gain", "not-clear", "no gain", "not clear")
    assert "<table>" in names["opened"].mistakes()._repr_html_()


def test_the_notebook_and_the_page_are_what_their_sources_say():
    before = (EXAMPLES / "notebooks" / "first-hour.ipynb").read_bytes()
    spec = importlib.util.spec_from_file_location("notebook", ROOT / "bindings/python/tools/notebook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert json.loads(before)["cells"] == [module.cell(*known) for known in enumerate(module.CELLS)]
    tool = ROOT / "bindings/python/tools/docs.py"
    done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
