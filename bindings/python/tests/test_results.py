"""What is said of finished runs: scores, tables, verdicts."""

import numpy as np
import pytest

import imagenette as im


def test_predictions_are_scored_however_they_come(recorded, tiny):
    run = recorded(skill=3.0)
    scored = im.score(run.folder / "predictions.csv", tiny.val)
    assert (scored.correct, scored.total) == (run.score.correct, 20) and scored.cross_entropy > 0
    assert sum(map(sum, scored.confusion)) == 20 and scored.classes == tiny.classes
    assert im.score(tiny.val.targets, tiny.val).accuracy == 1.0
    by_path = {f"val/class{label}/{number:02}.png": f"class{label}" for label in range(4) for number in range(5)}
    assert im.score(by_path, tiny.val).correct == 20
    with pytest.raises(im.SettingError, match="1 missing"):
        im.score(dict(list(by_path.items())[1:]), tiny.val)
    with pytest.raises(im.SettingError, match="one for each of the 20 photos"):
        im.score([1, 2], tiny.val)
    with pytest.raises(im.SettingError, match="labels from 0 to 3, found 4"):
        im.score([4] * 20, tiny.val)
    with pytest.raises(im.MissingError):
        im.score("nowhere.csv", tiny.val)


def test_tables_of_a_run_are_columns(recorded):
    run = recorded(skill=1.0).open()
    confusion = run.confusion()
    assert list(confusion) == ["actual", "class0", "class1", "class2", "class3"]
    right = sum(confusion[name][place] for place, name in enumerate(confusion["actual"]))
    assert right == run.score.correct
    mistakes = run.mistakes(100)
    assert len(mistakes["sample"]) == 20 - run.score.correct
    assert mistakes["probability"] == sorted(mistakes["probability"], reverse=True)
    assert all(row["actual"] != row["predicted"] for row in mistakes.rows())
    assert "<table>" in run.history._repr_html_() and len(run.history.rows()) == 6
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: tables are not tried in it")
    assert len(pandas.DataFrame(run.predictions())) == 20


def test_a_run_without_its_predictions_says_so(recorded):
    run = recorded()
    (run.folder / "predictions.csv").unlink()
    with pytest.raises(im.MissingError, match="predictions.csv is not here"):
        im.open_run(run.folder).mistakes()
    with pytest.raises(im.SettingError, match="a run's folder with its record.json"):
        im.open_run(run.folder.parent)


def test_an_idea_that_helps_is_found(recorded, tmp_path):
    for seed in range(1, 5):
        recorded(seed, "base", skill=0.5)
        recorded(seed, "idea", skill=6.0, settings={"trick": True})
    verdict = im.compare(tmp_path / "base", str(tmp_path / "idea" / "idea-s*"), out=tmp_path / "kept")
    assert verdict.verdict == "helps" and verdict.difference > 0.2 and verdict.p_value < 0.05
    assert verdict.interval[0] < verdict.difference < verdict.interval[1]
    assert verdict.sentence.startswith("helps: +") and "<iframe" in verdict._repr_html_()
    assert "<html" in verdict.page and (tmp_path / "kept" / "comparison.json").is_file()
    assert len(verdict.classes()["name"]) == 4 and set(verdict.flips()["side"]) == {"gained"}
    again = im.compare(tmp_path / "idea", tmp_path / "base")
    assert again.verdict == "hurts" and again.to_dict()["verdict"] == "hurts"


def test_what_cannot_be_compared_is_refused(recorded, tmp_path):
    for seed in (1, 2):
        recorded(seed, "one")
        recorded(seed, "two", settings={"trick": 1})
    with pytest.raises(im.MissingError, match="run not found"):
        im.compare(tmp_path / "three", tmp_path / "two")
    with pytest.raises(im.MissingError, match="no finished run"):
        im.compare(str(tmp_path / "three-*"), tmp_path / "two")
    with pytest.raises(im.ImagenetteError, match="another recipe"):
        im.compare([tmp_path / "one", tmp_path / "two"], tmp_path / "two")


def test_curves_are_drawn_by_the_program(recorded, tiny, tmp_path):
    with im.record(tmp_path / "curve", tiny) as run:
        loader = im.Loader(tiny.train, 32, 16)
        for epoch in range(3):
            for _ in loader:
                run.log(loss=1.0 / (1 + run.steps))
            run.evaluate(lambda images: np.arange(len(images)) * (epoch + 1) % 4, epoch=epoch + 1)
    curves = run.open().curves()
    assert len(curves["accuracy"]) == 3 and curves["loss"][0] > curves["loss"][2]
    assert "<svg" in curves._repr_html_()


def test_recipes_are_read_as_the_program_reads_them(tiny):
    assert "epochs-10" in im.recipes()
    recipe = im.Recipe("epochs-10", {"optimizer.learning_rate": 0.05}, epochs=2)
    assert (
        recipe["epochs"] == 2
        and recipe["optimizer"]["learning_rate"] == 0.05
        and "learning_rate = 0.05" in recipe.text
    )
    with pytest.raises(im.SettingError) as caught:
        im.Recipe("epochs-10", {"optimizer.learning_rat": 1})
    assert "learning_rate" in caught.value.hint
    with pytest.raises(im.SettingError, match="epochs-11") as caught:
        im.Recipe("epochs-11")
    assert "epochs-10" in caught.value.hint
    batches = im.Recipe("default", epochs=2, batch_size=32, resolution=64).batches(tiny, seed=1)
    known = list(batches)
    assert len(known) == len(batches) == 6 and [batch.step for batch in known] == list(range(6))
    assert [batch.ends_epoch for batch in known] == [False, False, True] * 2
    assert known[0].factor is not None and known[-1].progress < 1
    rest = im.Recipe("default", epochs=2, batch_size=32, resolution=64).batches(tiny, seed=1, first_step=4)
    np.testing.assert_array_equal(next(iter(rest)).images, known[4].images)
    assert im.Recipe("default").evaluation(tiny).size == 64


def test_a_recipe_is_trained_by_the_program(tiny, tmp_path):
    settings = {"epochs": 1, "batch_size": 16, "resolution": 32, "evaluation.resolution": 32}
    run = im.train("default", tiny, tmp_path / "run", seed=2, settings=settings, shown=False)
    assert run.record["seed"] == 2 and run.record["steps"] == 6 and run.score.total == 20
    with pytest.raises(im.SettingError, match="epoch"):
        im.train("default", tiny, tmp_path / "other", settings={"epoch": 1})


def test_optional_modules_say_what_to_install():
    for name in ("torch", "jax", "fastai"):
        try:
            __import__(name)
        except ImportError:
            with pytest.raises(im.LibraryError, match=f"imagenette.{name} needs {name}") as caught:
                getattr(im, name)
            assert f"imagenette[{name}]" in caught.value.hint and isinstance(caught.value, ImportError)
