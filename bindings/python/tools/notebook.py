#!/usr/bin/env python3
"""Writes examples/notebooks/first-hour.ipynb from what stands here: notebooks are hard to read in changes."""

import json
from pathlib import Path

TARGET = Path(__file__).resolve().parents[3] / "examples" / "notebooks" / "first-hour.ipynb"

CELLS = [
    """# A first hour with imagenette

From photos to an honest answer, in Python. It needs `pip install imagenette` and nothing else, and runs on the drawn
set:
5,000 pictures that the program draws itself, the same ones everywhere. With `imagenette2-160` instead of `drawn` it
runs on
Imagenette's photos.""",
    'import numpy as np\n\nimport imagenette as im\n\nds = im.get("drawn")\nds, ds.val, ds.classes',
    """## Look at what is there

`ds[i]` is an image and its label, as in torchvision. `imagenette show` on the command line draws a sheet of them.""",
    "image, label = ds[0]\nimage.shape, image.dtype, ds.classes[label]",
    """## Batches

A `Loader` is made once; each loop over it is the next epoch. Batches are uint8, cropped and mirrored by threads, and
the
same on every machine for a seed.""",
    """loader = im.Loader(ds.train, batch_size=64, size=16, seed=0)
images, labels = next(iter(loader))
len(loader), images.shape, labels[:8]""",
    """## A loop of your own, recorded

The simplest network there is: one matrix from the pixels to the classes, by hand. What matters is the record around
it: run
by run, with the seed, the source, every loss, and the predictions on the whole val split.""",
    """def features(images, side=16):
    x = images.reshape(len(images), -1).astype(np.float32) / 255 - 0.5
    return np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)


def train(name, seed, augment, rate=0.05, epochs=2):
    random = np.random.default_rng(seed)
    loader = im.Loader(ds.train, 64, 16, seed=seed, augment=augment)
    matrix = random.normal(size=(16 * 16 * 3 + 1, 10)).astype(np.float32) * 0.01
    with im.record(f"runs/{name}/{name}-s{seed}", ds, seed=seed, name=name, recipe={"augment": str(augment)}) as run:
        for _ in range(epochs):
            for images, labels in loader:
                x = features(images)
                scores = x @ matrix
                scores -= scores.max(axis=1, keepdims=True)
                sure = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
                run.log(loss=-np.log(sure[np.arange(len(x)), labels] + 1e-9).mean(), rate=rate)
                sure[np.arange(len(x)), labels] -= 1
                matrix -= rate * x.T @ sure / len(x)
            run.evaluate(lambda images: features(images) @ matrix)
    return run


run = train("flips", seed=1, augment="crop-flip")
run""",
    """## What it says, and what it is worth

A finished run is opened and checked: its files must belong together.""",
    "opened = run.open()\nopened.curves()",
    "opened.mistakes(5)",
    "opened.confusion()",
    """## Does an idea help?

One run says little. Four seeds a side, and the same test as `imagenette compare`: does it hurt to look at the middle
of each
picture instead of at crops?""",
    """whole = {"crop": {"kind": "light", "scale": 1.0}, "flip": "none"}
for seed in (1, 2, 3, 4):
    train("whole", seed, whole)
    if seed > 1:
        train("flips", seed, "crop-flip")
verdict = im.compare("runs/flips", "runs/whole")
print(verdict.sentence)""",
    "verdict.classes()",
    """## A real network

The program trains one in half a minute on two cores, with no library at all:

```python
im.train("quick", ds, "runs/quick-s0").score
```

In PyTorch, `im.torch.loader` gives tensors, and `imagenette new --torch my_idea.py` writes a whole recipe to
change.""",
]


#: Which cells are code.
CODE = {1, 3, 5, 7, 9, 10, 11, 13, 14}


def cell(number, source):
    """A cell as notebooks hold it, without outputs."""
    lines = source.splitlines(keepends=True)
    known = {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": lines}
    return known | {"cell_type": "code", "execution_count": None, "outputs": []} if number in CODE else known


def main():
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    cells = [cell(number, source) for number, source in enumerate(CELLS)]
    text = json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
