"""Evaluating a network of any library on a whole split: what it says of each photo, or what is wrong with that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import _arrays
from ._dataset import Dataset
from ._errors import SettingError
from ._loader import Loader


@contextmanager
def _evaluating(model: Any) -> Any:
    """Networks in evaluation mode and without gradients, as they were afterwards."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    modules = [module for module in model if _arrays.is_torch_module(module)]
    were_training = [module for module in modules if module.training]
    for module in were_training:
        module.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in were_training:
            module.train()


def predictions(
    predict: Callable[[Any], Any], batches: Iterable[Any], val: Dataset, model: Any = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """What a network says of each photo of a split: classes, and the probabilities of all where it gives logits."""
    classes, known = len(val.classes), []
    with _evaluating((predict, model)):
        for images, labels in batches:
            known.append(_checked(predict(images), len(labels), classes))
    count = sum(len(part) for part in known)
    inner = getattr(batches, "loader", batches)
    is_in_order = not isinstance(inner, Loader) or (not inner._wanted["shuffle"] and inner.dataset.split == val.split)
    if count != len(val) or not is_in_order:
        raise SettingError(
            f"loader: expected each of the {len(val)} photos of {val.name}/{val.split} once, in order, found {count}"
            + ("" if is_in_order else " in another order or of another split"),
            hint="leave `loader` out, or make one of `dataset.val` with its defaults",
        )
    if known[0].ndim == 1:
        return np.concatenate(known).astype(np.int64), None
    logits = np.concatenate(known).astype(np.float32)
    scaled = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = scaled / scaled.sum(axis=1, keepdims=True)
    return probabilities.argmax(axis=1), probabilities


def _checked(given: Any, count: int, classes: int) -> np.ndarray:
    found = _arrays.array(given, "predict")
    hint = "return logits of shape (N, classes), or classes of shape (N,), for the images that it is given"
    if found.ndim not in (1, 2) or len(found) != count or (found.ndim == 2 and found.shape[1] != classes):
        expected = f"({count}, {classes}) or ({count},)"
        raise SettingError(
            f"predict: expected an array of shape {expected}, found {found.shape}",
            expected=expected,
            found=str(found.shape),
            hint=hint,
        )
    if found.ndim == 2:
        if not np.isfinite(found).all():
            rows = int((~np.isfinite(found).all(axis=1)).sum())
            raise SettingError(
                f"predict: expected finite logits, found NaN or infinity for {rows} of {count} images",
                hint="training has diverged, or evaluation computes in too few bits",
            )
        return found
    if found.dtype.kind not in "iu" or found.min() < 0 or found.max() >= classes:
        raise SettingError(
            f"predict: expected classes from 0 to {classes - 1} as whole numbers, found {found.dtype} from "
            f"{found.min()} to {found.max()}",
            hint=hint,
        )
    return found
