"""Recording a loop: a folder that the program reads like its own, complete or not there."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import guess

import imagenette as im
from imagenette import _program


def check(folder):
    """What the program's `check` finds."""
    status, printed = _program.run(["check", str(folder), "--json"], accepted=(0, 1))
    [run] = json.loads(printed)["runs"]
    return status, {finding["about"]: finding["verdict"] for finding in run["findings"]}


def test_the_program_finds_a_recorded_run_whole(recorded, tiny):
    run = recorded(seed=3, skill=2.0)
    assert run.samples_drawn == 96 and run.steps == 6 and run.score.total == 20
    status, found = check(run.folder)
    assert status == 0 and "fails" not in found.values()
    for about in (
        "counts",
        "attempts",
        "recipe",
        "history",
        "seed",
        "seconds",
        "predictions",
        "probabilities",
        "dataset",
    ):
        assert found[about] == "holds", about
    record = run.open().record
    assert (record["seed"], record["epochs"], record["samples_drawn"]) == (3, 1, 96)
    assert record["dataset"]["identity"] == tiny.identity
    assert record["provenance"]["notes"]["versions"]["numpy"] == np.__version__
    assert (run.folder / "source.txt").read_text().startswith("==> conftest.py\n")
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "history.jsonl",
        "predictions.csv",
        "probabilities.safetensors",
        "recipe.toml",
        "record.json",
        "source.txt",
    ]


def test_a_changed_file_is_found_out(recorded):
    run = recorded()
    path = run.folder / "predictions.csv"
    path.write_text(path.read_text().replace("class1\n", "class2\n", 1))
    assert check(run.folder)[0] == 1
    with pytest.raises(im.SettingError, match="predictions"):
        im.open_run(run.folder)


def test_epochs_steps_and_losses_are_kept(tiny, tmp_path):
    loader = im.Loader(tiny.train, 32, 16)
    list(loader)  # An epoch before the run is none of it.
    with im.record(tmp_path / "run", tiny) as run:
        for epoch in range(3):
            for _ in loader:
                run.log(loss=np.float32(1 / (run.steps + 1)), rate=0.5)
            run.evaluate(guess(4, epoch))
    opened = run.open()
    assert opened.history["step"] == list(range(1, 10)) and opened.history["epoch"] == [1] * 3 + [2] * 3 + [3] * 3
    assert opened.history["loss"][3] == 0.25 and set(opened.history["resolution_px"]) == {16}
    assert opened.curves()["epoch"] == [1, 2, 3] and opened.record["epochs"] == 3


def test_a_loader_that_is_made_anew_each_epoch_is_warned_of(tiny, tmp_path):
    with pytest.warns(UserWarning, match="epoch 0 of seed 9 is drawn again"), im.record(tmp_path / "run", tiny) as run:
        for epoch in range(2):
            for _ in im.Loader(tiny.train, 48, 16, seed=9):
                run.log(loss=1.0)
            run.evaluate(guess(4, epoch))
    assert run.open().history["epoch"] == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("predict", "said"),
    [
        (
            lambda x: np.zeros((len(x), 9)),
            r"predict: expected an array of shape \(20, 4\) or \(20,\), found \(20, 9\)",
        ),
        (lambda x: np.zeros((7, 4)), r"found \(7, 4\)"),
        (lambda x: np.full((len(x), 4), np.nan), "found NaN or infinity for 20 of 20 images"),
        (lambda x: np.full(len(x), 4), "predict: expected classes from 0 to 3"),
        (lambda x: np.zeros(len(x)), "as whole numbers, found float64"),
        (lambda x: ["a"] * len(x), "predict: expected numbers"),
        (lambda x: None, "predict: expected"),
    ],
)
def test_a_network_that_gives_something_else_is_named_and_leaves_nothing(tiny, tmp_path, predict, said):
    with pytest.raises(im.SettingError, match=said) as caught, im.record(tmp_path / "run", tiny) as run:
        run.log(loss=1.0, samples=16)
        run.evaluate(predict)
    assert caught.value.hint and not (tmp_path / "run").exists()


def test_a_run_that_is_interrupted_or_fails_leaves_nothing(tiny, tmp_path):
    for error in (KeyboardInterrupt, ZeroDivisionError):
        with pytest.raises(error), im.record(tmp_path / "run", tiny) as run:
            run.log(loss=1.0, samples=16)
            run.evaluate(guess(4))
            raise error
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), np.ones(3), "low"])
def test_a_loss_that_is_none_is_refused(tiny, tmp_path, loss):
    with pytest.raises(im.SettingError, match="loss of step 1"), im.record(tmp_path / "run", tiny) as run:
        run.log(loss=loss)


def test_what_is_forgotten_is_said(tiny, tmp_path):
    with pytest.raises(im.SettingError, match="evaluated before a step"), im.record(tmp_path / "a", tiny) as run:
        run.evaluate(guess(4))
    with (
        pytest.raises(im.SettingError, match="before a training sample was counted"),
        im.record(tmp_path / "e", tiny) as run,
    ):
        run.log(loss=1.0)
        run.evaluate(guess(4))
    with (
        pytest.raises(im.SettingError, match="was last evaluated after step 1"),
        im.record(tmp_path / "b", tiny) as run,
    ):
        run.log(loss=1.0, samples=16)
        run.evaluate(guess(4))
        run.log(loss=1.0, samples=16)
    with pytest.raises(im.SettingError, match="epoch: expected one after 1"), im.record(tmp_path / "c", tiny) as run:
        for _ in im.Loader(tiny.train, 48, 16):
            run.log(loss=1.0)
        run.evaluate(guess(4))
        run.evaluate(guess(4))
    with pytest.raises(im.SettingError, match="each of the 20 photos"), im.record(tmp_path / "d", tiny) as run:
        run.log(loss=1.0, samples=16)
        run.evaluate(guess(4), loader=im.Loader(tiny.train, 8, 16))
    with pytest.raises(im.SettingError, match="this run is not open"):
        run.log(loss=1.0, samples=16)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_in_use_is_not_touched(recorded, tiny, tmp_path):
    run = recorded()
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    with pytest.raises(im.SettingError, match="holds a finished run"):
        im.record(run.folder, tiny)
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before
    with im.record(tmp_path / "open", tiny) as first:
        with (
            pytest.raises(im.ImagenetteError, match="in use|at work|locked|another"),
            im.record(tmp_path / "open", tiny),
        ):
            pass
        first.log(loss=1.0, samples=16)
        first.evaluate(guess(4))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(im.SettingError, match="thesis.tex"):
        im.record(tmp_path / "mine", tiny)


def test_a_command_of_compare_leaves_its_predictions_beside_the_output(tiny, tmp_path):
    """`compare` writes the command's output into the folder that the command is to fill."""
    (tmp_path / "output.txt").write_text("printed")
    with im.record(tmp_path, tiny, seed=3) as run:
        run.log(loss=1.0, samples=16)
        run.evaluate(guess(4))
    names = ["history.jsonl", "output.txt", "predictions.csv", "probabilities.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert im.score(tmp_path / "predictions.csv", tiny.val).correct == run.score.correct


def test_an_idea_as_a_command_is_compared(tiny, tmp_path):
    script = tmp_path / "idea.py"
    script.write_text(
        "import sys, numpy as np, imagenette as im\n"
        "out, seed, skill = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])\n"
        "ds = im.Dataset('tiny-for-tests')\n"
        "logits = np.random.default_rng([seed, int(skill)]).normal(size=(20, 4))\n"
        "logits[np.arange(20), ds.val.targets] += skill\n"
        "with im.record(out, ds, seed=seed) as run:\n"
        "    run.log(loss=1.0, samples=16)\n"
        "    run.evaluate(lambda images: logits)\n"
    )
    command = f"{sys.executable} {script} {{out}} {{seed}}"
    sides = ["--base-command", f"{command} 0.5", "--idea-command", f"{command} 9"]
    flags = ["--dataset", "tiny-for-tests", "--max-runs", "3", "--out", str(tmp_path / "verdict"), "--json"]
    status, printed = _program.run(["--quiet", "compare", *sides, *flags], accepted=(0, 10, 11, 12))
    assert (status, json.loads(printed)["verdict"]) == (0, "helps")


def test_weights_are_kept_as_safetensors(tiny, tmp_path):
    class Net:
        def state_dict(self):
            return {"layer.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.int64(3)}

    with im.record(tmp_path / "run", tiny, model=Net()) as run:
        run.log(loss=1.0, samples=16)
        run.evaluate(guess(4))
    assert run.open().record["model"] == {"name": "Net", "parameters": 7}
    data = (run.folder / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    assert head["layer.weight"] == {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    assert np.frombuffer(data[8 + size :], np.float32, 6).tolist() == [0, 1, 2, 3, 4, 5]
    assert check(run.folder)[0] == 0


def test_a_record_of_a_newer_version_is_named(recorded):
    run = recorded()
    path = run.folder / "record.json"
    path.write_text(path.read_text().replace('"version": 2', '"version": 9'))
    with pytest.raises(im.SettingError, match="version 9|9"):
        im.open_run(run.folder)


def test_a_note_of_a_step_costs_less_than_half_a_millisecond(tiny, tmp_path):
    with im.record(tmp_path / "run", tiny) as run:
        began = time.perf_counter()
        for _ in range(2_000):
            run.log(loss=1.0, rate=0.1, samples=16)
        each = (time.perf_counter() - began) / 2_000
        run.evaluate(guess(4))
    assert each < 0.5e-3, f"{each * 1e3:.3f} ms"


def test_a_run_is_refused_in_a_fork(tiny, tmp_path):
    import os

    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    with im.record(tmp_path / "run", tiny) as run:
        child = os.fork()
        if child == 0:
            try:
                run.log(loss=1.0, samples=16)
            except im.SettingError as error:
                os._exit(0 if "a fork of it" in str(error) else 3)
            os._exit(4)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        run.log(loss=1.0, samples=16)
        run.evaluate(guess(4))
    assert check(run.folder)[0] == 0


def test_a_source_is_the_file_that_calls_or_what_is_named(tiny, tmp_path):
    script = tmp_path / "idea.py"
    script.write_text(
        "import imagenette as im, numpy as np\n"
        "ds = im.Dataset('tiny-for-tests')\n"
        f"with im.record({str(tmp_path / 'run')!r}, ds, seed=4) as run:\n"
        "    run.log(loss=1.0, samples=16)\n"
        "    run.evaluate(lambda images: np.arange(len(images)) % 4)\n"
    )
    subprocess.run([sys.executable, script], check=True)
    run = im.open_run(tmp_path / "run")
    assert run.recipe["python"]["source"] == "idea.py" and run.record["provenance"]["parts"][0]["crate"] == "idea.py"
    assert script.read_text().rstrip() in (tmp_path / "run" / "source.txt").read_text()
    with pytest.raises(im.MissingError, match="source not found"):
        im.record(tmp_path / "other", tiny, source="nowhere.py")
