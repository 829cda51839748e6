"""Fastai's Learner with imagenette's loader, record and score: python examples/fastai_loop.py runs/fastai-s0"""

import sys

import fastai.callback.schedule  # noqa: F401 - fit_one_cycle
from fastai.basics import Callback, Learner, accuracy, set_seed
from fastai.vision.models.xresnet import xresnet18

import imagenette as im

out, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
px, epochs = (int(known) for known in (sys.argv[3:5] or (64, 1)))
set_seed(seed, reproducible=True)

ds = im.get("drawn")
dls = im.fastai.data_loaders(ds, 64, px, seed=seed)
val = im.torch.loader(ds.val, 250, px, device=dls.device, channels_last=False)


class Recorded(Callback):
    """Notes each step and evaluates after each epoch."""

    def __init__(self, run):
        self.run = run

    def after_batch(self):
        if self.training:
            self.run.log(loss=self.loss, rate=self.opt.hypers[-1]["lr"])

    def after_epoch(self):
        print(self.run.evaluate(self.model, loader=val))


learner = Learner(dls, xresnet18(n_out=10), metrics=accuracy)
with im.record(out, ds, seed=seed, model=learner.model, recipe={"model": "xresnet18"}) as run:
    learner.fit_one_cycle(epochs, 5e-3, cbs=Recorded(run))
