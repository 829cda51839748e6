"""What tests share: a store of their own, a tiny dataset that is made here, and the drawn set."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

#: Photos of each class in train and val.
TRAIN, VAL, CLASSES = 24, 5, 4


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """The store that `IMAGENETTE_HOME` names, or one for these tests alone."""
    if "IMAGENETTE_HOME" not in os.environ:
        os.environ["IMAGENETTE_HOME"] = str(tmp_path_factory.mktemp("home"))
    return Path(os.environ["IMAGENETTE_HOME"])


def write_png(path, pixels):
    """Writes uint8 (height, width, 3) as PNG, without a library."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def photos(folder, seed=0):
    """Folders of photos, each class of a color of its own under noise."""
    random = np.random.default_rng(seed)
    for split, count in (("train", TRAIN), ("val", VAL)):
        for label in range(CLASSES):
            place = folder / split / f"class{label}"
            place.mkdir(parents=True)
            for number in range(count):
                height, width = random.integers(36, 60, 2)
                color = np.array([60 * label, 255 - 60 * label, 90])
                noise = random.integers(-50, 50, (height, width, 3))
                write_png(place / f"{number:02}.png", np.clip(color + noise, 0, 255).astype(np.uint8))
    return folder


@pytest.fixture(scope="session")
def tiny(home, tmp_path_factory):
    """A dataset of 4 classes with 96 train and 20 val photos."""
    import imagenette as im

    folder = photos(tmp_path_factory.mktemp("photos"))
    return im.get("tiny-for-tests", source=folder, force=True)


@pytest.fixture(scope="session")
def drawn(home):
    """The drawn set, which takes half a minute where it is not there."""
    import imagenette as im

    return im.get("drawn")


def guess(classes, seed=0):
    """A network that guesses, the same way for each photo and seed."""

    def predict(images):
        rows = [np.random.default_rng([seed, int(image.sum())]).normal(size=classes) for image in np.asarray(images)]
        return np.stack(rows)

    return predict


@pytest.fixture
def recorded(tiny, tmp_path):
    """Makes a finished run: `recorded(seed, name)`."""
    import imagenette as im

    def make(seed=0, name="guess", skill=0.0, settings=None):
        with im.record(tmp_path / name / f"{name}-s{seed}", tiny, seed=seed, name=name, recipe=settings) as run:
            random = np.random.default_rng([seed, len(name)])
            for _ in im.Loader(tiny.train, 16, 32, seed=seed):
                run.log(loss=random.uniform(1, 2), rate=0.1)
            logits = random.normal(size=(len(tiny.val), 4))
            logits[np.arange(len(tiny.val)), tiny.val.targets] += skill
            run.evaluate(lambda images: logits[: len(images)])
        return run

    return make
