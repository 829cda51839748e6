"""The loader under fastai's `Learner`."""

from __future__ import annotations

from typing import Any

from ._dataset import Dataset
from ._errors import needs

try:
    from fastai.data.core import DataLoaders
    from fastai.losses import CrossEntropyLossFlat
except ImportError as error:
    raise needs("fastai", "imagenette.fastai", "imagenette[fastai]") from error

from .torch import TorchLoader, loader

__all__ = ["data_loaders"]


class _Split:
    """What fastai asks of a dataset: how large it is, and what is minimized."""

    def __init__(self, count: int) -> None:
        self.count, self.loss_func = count, CrossEntropyLossFlat()

    def __len__(self) -> int:
        return self.count


class _Loader:
    """What fastai asks of a loader, over tensors of imagenette's."""

    def __init__(self, tensors: TorchLoader) -> None:
        self.tensors, self.bs = tensors, tensors.loader.batch_size
        self.dataset = _Split(len(tensors.loader.dataset))
        self.device, self.drop_last, self.n_inp = tensors.device, False, 1
        self.n = len(self.dataset)

    def __len__(self) -> int:
        return len(self.tensors)

    def __iter__(self) -> Any:
        return iter(self.tensors)

    def one_batch(self) -> Any:
        return next(iter(self.tensors))

    def to(self, device: Any) -> _Loader:
        known = self.tensors
        self.tensors = TorchLoader(known.loader, device, known.dtype, known.channels_last, known.smoothing)
        self.device = self.tensors.device
        return self


def data_loaders(
    dataset: Dataset, batch_size: int = 64, size: int = 128, *, device: Any = None, **options: Any
) -> DataLoaders:
    """Fastai's `DataLoaders` of the train and val splits, with `vocab` and `c`: images are normalized already.

    Example:
        >>> dls = imagenette.fastai.data_loaders(ds, 64, 128)
        >>> Learner(dls, xresnet18(n_out=10), metrics=accuracy).fit_one_cycle(5)
    """
    train = loader(dataset.train, batch_size, size, device=device, channels_last=False, **options)
    val = loader(dataset.val, 2 * batch_size, size, device=device, channels_last=False)
    dls = DataLoaders(_Loader(train), _Loader(val), device=train.device)
    dls.vocab, dls.c = dataset.classes, len(dataset.classes)
    return dls
