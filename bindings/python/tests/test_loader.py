"""The loader: the same batches as the program's, seen without a copy, and what is refused."""

import gc
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import imagenette as im

GOLDEN = json.loads((Path(__file__).parent / "batches.json").read_text())


def digest(batch):
    """As `crates/imagenette-recipe/examples/batch_hashes.rs` takes it."""
    data = batch.images.tobytes() + batch.labels.astype("<i8").tobytes()
    if batch.mixtures is not None:
        for partner, share in zip(*batch.mixtures):
            data += np.int64(partner).tobytes() + np.float32(share).tobytes()
    return hashlib.sha256(data).hexdigest()


def first(batches, count=3):
    return [digest(batch) for _, batch in zip(range(count), batches)]


def test_batches_are_the_programs_own(drawn):
    assert drawn.identity == GOLDEN["identity"]
    for epoch in (0, 3):
        loader = im.Loader(drawn.train, 64, 96, seed=5)
        loader.set_epoch(epoch)
        assert first(loader) == GOLDEN[f"crop-flip {epoch}"]
    assert first(im.Loader(drawn.val, 64, 64)) == GOLDEN["val"]
    for name in ("default", "epochs-10", "epochs-60", "fast-85"):
        assert first(im.Recipe(name).batches(drawn, seed=5)) == GOLDEN[f"recipe {name}"], name


def test_batches_do_not_depend_on_threads_or_on_what_came_before(tiny):
    options = {"seed": 3, "mix": {"cutmix": 1.0}, "augment": "light"}
    one, three = (im.Loader(tiny.train, 16, 32, threads=threads, **options) for threads in (1, 3))
    list(one)
    three.set_epoch(1)
    assert first(one, 9) == first(three, 9)
    assert one.epoch == 2


def test_numpy_sees_a_batch_without_a_copy_for_as_long_as_it_looks(tiny):
    batch = next(iter(im.Loader(tiny.train, 16, 32)))
    images, labels = batch
    assert images.shape == (16, 32, 32, 3) and images.dtype == np.uint8 and images.flags.writeable
    assert not images.flags.owndata and labels.dtype == np.int64
    seen = images.copy()
    assert np.shares_memory(np.asarray(batch), images) and np.shares_memory(np.from_dlpack(batch), images)
    del batch
    gc.collect()
    for _ in im.Loader(tiny.train, 16, 32):
        pass
    np.testing.assert_array_equal(images, seen)


def test_normalized_images_are_those_that_numpy_computes(tiny):
    batch = next(iter(im.Loader(tiny.train, 16, 24)))
    expected = (batch.images.astype(np.float64) / 255 - im.MEAN) / im.STD
    np.testing.assert_allclose(batch.normalized("nhwc"), expected, atol=2e-6)
    nchw = batch.normalized("nchw")
    assert nchw.flags.c_contiguous and nchw.dtype == np.float32
    np.testing.assert_allclose(nchw, expected.transpose(0, 3, 1, 2), atol=2e-6)
    # After a change in place too, and where a transform brought memory of its own.
    batch.images[0] = 255
    np.testing.assert_allclose(batch.normalized()[0, :, 0, 0], (1 - np.array(im.MEAN)) / im.STD, atol=2e-6)
    other = next(iter(im.Loader(tiny.train, 16, 24, transform=lambda images, labels: images[:, ::-1].copy())))
    expected = (other.images.astype(np.float64) / 255 - im.MEAN) / im.STD
    np.testing.assert_allclose(other.normalized("nhwc"), expected, atol=2e-6)


def test_an_epoch_shows_every_photo_once_and_ranks_share_its_batches(tiny):
    whole = [batch.samples for batch in im.Loader(tiny.train, 32, 16, seed=2)]
    assert sorted(np.concatenate(whole)) == sorted(tiny.train.samples)
    ranks = [im.Loader(tiny.train, 32, 16, seed=2, rank=rank, world_size=2) for rank in range(2)]
    shared = [np.concatenate([one.samples, two.samples]) for one, two in zip(*ranks)]
    assert all((one == two).all() for one, two in zip(whole, shared)) and len(ranks[0]) == len(whole)
    val = [batch.samples for batch in im.Loader(tiny.val, 8, 16)]
    np.testing.assert_array_equal(np.concatenate(val), tiny.val.samples)
    assert [len(samples) for samples in val] == [8, 8, 4]


def test_a_loader_goes_on_in_the_middle_of_an_epoch(tiny):
    def make():
        return im.Loader(tiny.train, 16, 24, seed=7)

    loader = make()
    list(loader)
    running = iter(loader)
    before = [digest(next(running)) for _ in range(2)]
    state = json.loads(json.dumps(loader.state_dict()))
    assert (state["epoch"], state["batch"]) == (1, 2)
    rest = [digest(batch) for batch in running]
    assert loader.state_dict()["epoch"] == 2 and loader.state_dict()["batch"] == 0
    other = make()
    other.load_state_dict(state)
    assert [digest(batch) for batch in other] == rest and len(rest) == len(loader) - len(before)
    assert other.epoch == 2
    with pytest.raises(im.SettingError, match="expected seed 8, as this loader has, found 7"):
        im.Loader(tiny.train, 16, 24, seed=8).load_state_dict(state)


def test_plans_say_where_samples_are_cut(tiny):
    loader = im.Loader(tiny.train, 16, 24, seed=7)
    samples, cuts = loader.plans(0)
    np.testing.assert_array_equal(samples[:16], next(iter(loader)).samples)
    assert cuts.shape == (96, 5) and set(cuts[:, 4]) == {0.0, 1.0} and (cuts[:, 2:4] > 0).all()


def test_mixed_targets_have_the_shares_of_both(tiny):
    batch = next(iter(im.Loader(tiny.train, 16, 24, mix={"mixup": 1.0})))
    targets = batch.targets(4, smoothing=0.2)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    partners, shares = batch.mixtures
    row = 0.8 * shares[3] * (np.arange(4) == batch.labels[3]) + 0.05
    row += 0.8 * (1 - shares[3]) * (np.arange(4) == batch.labels[partners[3]])
    np.testing.assert_allclose(targets[3], row, atol=1e-6)


def test_two_loops_over_one_dataset_do_not_disturb_each_other(tiny):
    alone = first(im.Loader(tiny.train, 16, 24, seed=1), 6)
    one, two = im.Loader(tiny.train, 16, 24, seed=1), im.Loader(tiny.train, 16, 32, seed=2)
    assert [digest(batch) for batch, _ in zip(one, two)] == alone
    # And two loops over one loader are two epochs.
    loader = im.Loader(tiny.train, 16, 24, seed=1)
    assert [(one.epoch, two.epoch) for one, two in zip(loader, loader)] == [(0, 1)] * 6


def test_the_interpreter_is_free_while_a_loop_waits(drawn):
    count, stop = [0], threading.Event()

    def other():
        while not stop.is_set():
            count[0] += 1

    thread = threading.Thread(target=other)
    thread.start()
    for _ in im.Loader(drawn.train, 256, 160, threads=1):
        pass
    stop.set()
    thread.join()
    assert count[0] > 10_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 0}, "batch_size: expected a whole number, 1 or more, found 0"),
        ({"batch_size": 2.5}, "batch_size: expected a whole number"),
        ({"size": 9999}, "resolution_px"),
        ({"augment": "crop"}, "expected 'crop-flip', 'light' or a dictionary as in recipes, found 'crop'"),
        ({"augment": {"crop": {"kind": "light", "scale": 0.5}, "flip": "none"}}, "crop.scale"),
        ({"augment": {"crop": {"kind": "lite"}, "flip": "none"}}, "lite"),
        ({"mix": {}}, "mix: expected `mixup`, `cutmix` or both"),
        ({"erase": {"probability": 2.0, "area": [0.1, 0.2], "aspect": [1, 1], "until": 1.0}}, "probability"),
        ({"batch_size": 10, "world_size": 4}, "a multiple of world_size"),
        ({"rank": 2, "world_size": 2, "batch_size": 8}, "a rank below it"),
        ({"threads": 0}, "threads: expected 1 or more"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_once(tiny, options, said):
    with pytest.raises(im.SettingError) as caught:
        for _ in im.Loader(tiny.train, **{"batch_size": 8, "size": 16, **options}):
            pass
    assert said in str(caught.value)
    assert caught.value.hint


def test_a_transform_that_breaks_its_promise_is_named(tiny):
    def loop(transform):
        for _ in im.Loader(tiny.train, 8, 16, transform=transform):
            pass

    with pytest.raises(ZeroDivisionError):
        loop(lambda images, labels: 1 / 0)
    with pytest.raises(im.SettingError, match="transform: expected 8 images, found 5"):
        loop(lambda images, labels: images[:5])
    with pytest.raises(im.SettingError, match="transform: expected 8 labels, found 3"):
        loop(lambda images, labels: (images, labels[:3]))
    with pytest.raises(im.SettingError, match="transform: expected 8 images, found none"):
        loop(lambda images, labels: None)


def test_a_loop_is_refused_in_a_fork_and_a_new_one_works_there(tiny):
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    running = iter(im.Loader(tiny.train, 8, 16))
    next(running)
    child = os.fork()
    if child == 0:
        try:
            next(running)
        except im.SettingError as error:
            known = "a fork of it" in str(error) and len(list(im.Loader(tiny.train, 8, 16))) == 12
            os._exit(0 if known else 3)
        except BaseException:
            os._exit(4)
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(running)) == 11


def test_ctrl_c_ends_a_loop_and_leaves_the_interpreter_whole(tiny, home):
    script = """
import imagenette as im, signal, sys
# Whatever runs in the background of a shell begins with Ctrl-C ignored, and so would this.
signal.signal(signal.SIGINT, signal.default_int_handler)
loader = im.Loader(im.Dataset("tiny-for-tests"), 8, 16)
print("begun", flush=True)
try:
    while True:
        for _ in loader:
            pass
except KeyboardInterrupt:
    print("heard", len(list(loader)), flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "begun\n"
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        try:
            assert child.communicate(timeout=60)[0] == "heard 12\n"
        finally:
            child.kill()
    assert child.returncode == 0


def test_an_old_numpy_is_named():
    script = "import numpy; numpy.__version__ = '1.26.4'; import imagenette"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "expected numpy 2 or later, found 1.26.4" in done.stderr and "pip install" in done.stderr
