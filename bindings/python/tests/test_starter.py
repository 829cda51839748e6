"""The starter beside the program's engine: from the same weights and the same batches, to the same losses."""

import json
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the starter is not compared with the engine")

import imagenette as im  # noqa: E402
from imagenette import _arrays, _program, starter  # noqa: E402

#: Recipes of the network that the starter has, which are all but two.
RECIPES = [name for name in im.recipes() if im.Recipe(name)["model"]["kind"] == "fast"]
#: Steps that are compared.
STEPS = 20


def small(name, **more):
    """A recipe with its network, optimizer, loss, crops and mixing, at a size for tests: an epoch of small photos.

    Rates grow over all of it, as over the first steps of a real run: at their peaks rounding grows tenfold every few
    steps, in any two programs.
    """
    recipe = im.Recipe(name)
    px = 64 if recipe["model"].get("pool") == "max-blur" else 32
    resolution, largest = px, px
    if isinstance(recipe["resolution"], list):
        stages = list(enumerate(recipe["resolution"]))
        resolution = [{"from": stage["from"], "px": px + 16 * place} for place, stage in stages]
        largest = resolution[-1]["px"]
    settings = {"epochs": 1, "precision": "f32", "evaluation.resolution": largest}
    if "schedule" not in more:
        settings["schedule.warm_up"] = 0.9
    return im.Recipe(name, {"resolution": resolution, **settings, **more})


def network_of(recipe, dataset):
    network = starter.FastNetwork(recipe["model"], len(dataset.classes))
    photos = next(iter(recipe.evaluation(dataset, 16))).images
    starter.begin(network, recipe["model"], photos, seed=3)
    return network


def by_the_engine(recipe, dataset, network, folder):
    """Losses of each step and the weights at the end, as the program's own engine computes them."""
    weights = folder / "begin.safetensors"
    state = {name: value for name, value in _arrays.state_of(network).items() if "num_batches" not in name}
    _arrays.write_weights(weights, state)
    file = folder / "recipe.toml"
    file.write_text(recipe.text)
    arguments = ["--quiet", "train", "--recipe", str(file), "--dataset", str(dataset.root), "--seed", "5"]
    initial = f"initial={{ from = {json.dumps(str(weights))}, head = 'kept' }}"
    _program.run([*arguments, "--set", initial, "--out", str(folder / "run"), "--evaluate-every", "0"])
    return im.open_run(folder / "run").history["loss"], read_weights(folder / "run" / "weights.safetensors")


def read_weights(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    head.pop("__metadata__", None)
    return {
        name: np.frombuffer(data[8 + size :][slice(*known["data_offsets"])], np.float32).reshape(known["shape"])
        for name, known in head.items()
    }


def by_the_starter(recipe, dataset, network):
    rules = starter.optimizers(network, recipe["optimizer"])
    smoothing, losses = recipe.get("loss", {}).get("label_smoothing", 0.0), []
    tensors = im.torch.TorchLoader(recipe.evaluation(dataset), smoothing=smoothing)
    for batch, x, y in tensors.with_batches(recipe.batches(dataset, 5)):
        loss = torch.nn.functional.cross_entropy(network(x), y)
        network.zero_grad(set_to_none=True)
        loss.backward()
        for rule in rules:
            rule.step(batch.factor)
        losses.append(float(loss.detach()))
        if len(losses) == STEPS:
            break
    return losses


@pytest.mark.parametrize("name", RECIPES)
def test_the_starter_computes_what_the_engine_computes(drawn, tmp_path, name):
    recipe = small(name)
    network = network_of(recipe, drawn).to(memory_format=torch.channels_last)
    expected, _ = by_the_engine(recipe, drawn, network, tmp_path)
    losses = by_the_starter(recipe, drawn, network)
    assert (len(losses), len(expected)) == (STEPS, 62)
    off = np.abs(np.array(losses) / np.array(expected[:STEPS]) - 1)
    # From step to step rounding grows in both: single losses may be further apart at the end than they are on average.
    assert off[0] < 1e-5 and off[:5].max() < 1e-4 and off.mean() < 1e-3 and off.max() < 5e-3, off


@pytest.mark.parametrize("name", RECIPES)
def test_gradients_have_the_engines_norms(tiny, tmp_path, name):
    """After one step of plain descent the weights have moved by the gradients, normalizations by eight times them."""
    rate = 1e-3
    plain = {"kind": "sgd", "learning_rate": rate, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0}
    plain["normalization_rate_factor"] = 8.0
    schedule = {"kind": "flat-cosine", "flat": 0.75}
    recipe = small(name, optimizer=plain, schedule=schedule, epochs=1, batch_size=64)
    network = network_of(recipe, tiny)
    before = {key: value.detach().numpy().copy() for key, value in network.named_parameters()}
    _, after = by_the_engine(recipe, tiny, network, tmp_path)
    [loss] = by_the_starter(recipe, tiny, network)
    assert np.isfinite(loss)
    for key, weight in network.named_parameters():
        if not weight.requires_grad:
            continue
        factor = rate * (8 if "_norm." in key else 1)
        # As large as rounding of the weights makes it.
        rounding = 2e-7 * np.linalg.norm(before[key]) / factor
        expected = np.linalg.norm((before[key] - after[key]).astype(np.float64)) / factor
        assert abs(np.linalg.norm(weight.grad.numpy()) - expected) <= 1e-3 * expected + rounding, key


def test_a_recipe_that_the_starter_does_not_have_is_refused(tiny, tmp_path):
    with pytest.raises(im.SettingError, match="model.kind: expected fast, .* found xresnet"):
        starter.check(im.Recipe("resnet18"))
    with pytest.raises(im.SettingError, match="lookahead: expected none"):
        starter.check(im.Recipe("default", {"lookahead": {"kind": "rising", "every": 5, "keep": 0.95}}))


def test_the_starter_is_a_program_that_records_and_scores(tiny, tmp_path):
    file = tmp_path / "my_idea.py"
    file.write_text(open(starter.__file__, encoding="utf-8").read())
    changes = ["epochs=2", "batch_size=16", "resolution=32", "evaluation.resolution=32"]
    flags = [flag for change in changes for flag in ("--set", change)]
    command = [
        sys.executable,
        file,
        "--recipe",
        "default",
        *flags,
        "--dataset",
        tiny.root,
        "--seed",
        "2",
        "--device",
        "cpu",
    ]
    done = subprocess.run([*command, "--out", tmp_path / "run"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    run = im.open_run(tmp_path / "run")
    assert run.record["epochs"] == 2 and run.record["seed"] == 2 and run.record["samples_drawn"] == 192
    assert run.record["recipe"] == "default" and run.recipe["model"]["widths"] == [32, 64, 128, 256]
    assert len((tmp_path / "my_idea.py").read_text().splitlines()) <= 300
    bad = subprocess.run([*command, "--recipe", "resnet18", "--out", tmp_path / "no"], capture_output=True, text=True)
    assert bad.returncode == 1 and "hint: write it here" in bad.stderr and "Traceback" not in bad.stderr
