"""The loader in fastai's and JAX's loops, where they are installed."""

import numpy as np
import pytest

import imagenette as im


def test_fastai_learns_from_the_loaders_and_is_recorded(tiny, tmp_path):
    pytest.importorskip("fastai", reason="fastai is not installed: its loop is not tried")
    import fastai.callback.schedule  # noqa: F401 - fit_one_cycle
    from fastai.basics import Callback, Learner, accuracy
    from torch import nn

    layers = [nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)]
    model = nn.Sequential(*layers)
    dls = im.fastai.data_loaders(tiny, 16, 32, seed=1)
    assert dls.vocab == tiny.classes and dls.c == 4 and len(dls.train) == 6
    val = im.torch.loader(tiny.val, 20, 32, channels_last=False)

    class Recorded(Callback):
        def after_batch(self):
            if self.training:
                run.log(loss=self.loss, rate=self.opt.hypers[-1]["lr"])

        def after_epoch(self):
            run.evaluate(self.model, loader=val)

    learner = Learner(dls, model, metrics=accuracy)
    with im.record(tmp_path / "run", tiny, seed=1, model=model) as run, learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(2, 5e-2, cbs=Recorded())
    assert run.steps == 12 and run.open().record["epochs"] == 2
    assert abs(learner.validate()[1] - run.score.accuracy) < 1e-6


def test_jax_sees_the_same_batches(tiny):
    jax = pytest.importorskip("jax", reason="JAX is not installed: its loader is not tried")
    known = list(im.Loader(tiny.train, 16, 24, seed=1))
    moved = list(im.jax.loader(tiny.train, 16, 24, seed=1))
    assert len(moved) == len(known) == 6
    for (images, labels), batch in zip(moved, known):
        assert isinstance(images, jax.Array) and labels.dtype == np.int32
        np.testing.assert_array_equal(np.asarray(images), batch.images)
        np.testing.assert_array_equal(np.asarray(labels), batch.labels)
    scaled = im.jax.normalized(moved[0][0])
    np.testing.assert_allclose(np.asarray(scaled), known[0].normalized("nhwc"), atol=1e-5)
