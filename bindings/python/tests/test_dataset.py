"""Datasets: torchvision's habits, and what is refused."""

import pickle

import numpy as np
import pytest
from conftest import CLASSES, TRAIN, VAL, photos, write_png

import imagenette as im


def test_a_dataset_has_the_habits_of_torchvisions(tiny):
    assert (len(tiny), len(tiny.val)) == (CLASSES * TRAIN, CLASSES * VAL)
    assert tiny.classes == ["class0", "class1", "class2", "class3"]
    assert tiny.class_to_idx["class2"] == 2
    image, label = tiny[TRAIN]
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    assert label == 1 and tiny.path(TRAIN).parent.name == "class1"
    assert [known for _, known in tiny.val] == tiny.val.targets.tolist()
    np.testing.assert_array_equal(tiny[-1][0], tiny[len(tiny) - 1][0])
    with pytest.raises(IndexError, match="96 images, and none at 96"):
        tiny[96]


def test_transforms_are_applied_and_a_pickled_dataset_is_the_same_one(tiny):
    shown = im.Dataset(tiny.root, "val", transform=np.shape, target_transform=str)
    assert shown[0] == (tiny.val.image(0).shape, "0")
    again = pickle.loads(pickle.dumps(shown))
    assert again[3] == shown[3] and again.identity == tiny.identity and again.split == "val"


def test_a_packed_photo_is_the_decoded_one(tiny):
    unpacked = im.Dataset(tiny.root)
    for index in (0, 17, 95):
        np.testing.assert_array_equal(unpacked.image(index), tiny.image(index))


def test_pillows_images_where_it_is_installed(tiny):
    pytest.importorskip("PIL", reason="Pillow is not installed: its images are not tried")
    image, _ = im.Dataset(tiny.root, images="pil")[5]
    np.testing.assert_array_equal(np.asarray(image), tiny.image(5))


def test_what_is_not_there_is_named_with_a_hint():
    with pytest.raises(im.MissingError) as caught:
        im.Dataset("tiny-for-test")
    assert isinstance(caught.value, FileNotFoundError) and isinstance(caught.value, im.ImagenetteError)
    assert "did you mean `tiny-for-tests`?" in caught.value.hint or "installed" in caught.value.hint
    with pytest.raises(im.MissingError, match="dataset not found"):
        im.Dataset("/no/such/folder")
    with pytest.raises(im.SettingError, match="imagenette2-161") as caught:
        im.get("imagenette2-161")
    assert "imagenette2-160" in caught.value.hint
    assert pickle.loads(pickle.dumps(caught.value)).hint == caught.value.hint


def test_wrong_settings_are_refused(tiny):
    with pytest.raises(im.SettingError, match="split: expected one of train, unsup, val, test, found `vall`"):
        im.Dataset(tiny.root, "vall")
    with pytest.raises(im.SettingError, match="images"):
        im.Dataset(tiny.root, images="tensor")
    with pytest.raises(im.SettingError, match="threads"):
        im.get("drawn", threads=0)


def test_a_photo_that_is_gone_or_damaged_is_an_exception_with_its_path(tmp_path):
    im.get("soon-gone", source=photos(tmp_path / "photos", seed=3), force=True)
    dataset = im.Dataset("soon-gone")
    dataset.path(4).unlink()
    with pytest.raises(im.MissingError) as caught:
        dataset[4]
    assert caught.value.path == str(dataset.path(4))
    dataset.path(5).write_bytes(b"no photo")
    with pytest.raises(im.SettingError, match="not a readable photo"):
        dataset[5]
    # What was packed is still there: a loader goes on without the folder.
    packed = im.Dataset("soon-gone")
    packed.path(6).write_bytes(b"")
    with pytest.raises(im.ImagenetteError):
        packed[6]


def test_a_dataset_may_be_deleted_while_a_loop_reads_it(tmp_path):
    import shutil

    dataset = im.get("deleted", source=photos(tmp_path / "photos", seed=4), force=True)
    loader = im.Loader(dataset.train, 8, 32)
    seen = 0
    for images, _ in loader:
        shutil.rmtree(dataset.root, ignore_errors=True)
        seen += len(images)
    assert seen == len(dataset) // 8 * 8
    with pytest.raises(im.MissingError):
        im.Dataset("deleted")


def test_progress_of_an_interrupted_get_raises_what_was_raised(tmp_path, monkeypatch):
    folder = tmp_path / "photos" / "train" / "a"
    folder.mkdir(parents=True)
    write_png(folder / "one.png", np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(im.ImagenetteError):
        im.get("no-val-and-one-class", source=tmp_path / "nothing")
