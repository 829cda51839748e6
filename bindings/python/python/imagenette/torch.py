"""The loader in a PyTorch loop: tensors, on the device, normalized, one batch ahead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._dataset import Dataset
from ._errors import needs
from ._loader import MEAN, STD, Batch, Loader

try:
    import torch
except ImportError as error:
    raise needs("torch", "imagenette.torch", "imagenette[torch]") from error

__all__ = ["TorchLoader", "loader"]


def loader(
    dataset: Dataset,
    batch_size: int = 64,
    size: int = 128,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
    channels_last: bool = True,
    smoothing: float | None = None,
    **options: Any,
) -> TorchLoader:
    """Batches as tensors: images `(N, 3, size, size)` normalized by ImageNet's mean and deviation, and labels.

    Args:
        dataset: The split to load.
        batch_size: Samples in a batch.
        size: The side of the samples in pixels.
        device: Where tensors go. On a GPU they are copied as bytes from pinned memory on a stream of their own, one
            batch
            ahead, and normalized there.
        dtype: What images are: float32, bfloat16, float16, or uint8 for pixels as they are.
        channels_last: Images in the memory format of that name, which convolutions on GPUs want.
        smoothing: Labels as rows of this smoothing, `(N, classes)`; so with 0 where samples are mixed.
        options: All that `imagenette.Loader` takes.

    Example:
        >>> for x, y in imagenette.torch.loader(ds.train, 64, device="cuda", dtype=torch.bfloat16):
        ...     loss = F.cross_entropy(model(x), y)
    """
    return TorchLoader(Loader(dataset, batch_size, size, **options), device, dtype, channels_last, smoothing)


class TorchLoader:
    """Tensors of a loader's batches: see `loader`."""

    def __init__(
        self,
        batches: Loader,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
        channels_last: bool = True,
        smoothing: float | None = None,
    ) -> None:
        self.loader, self.device, self.dtype = batches, torch.device(device or "cpu"), dtype
        self.channels_last, self.smoothing = channels_last, smoothing
        scale, shift = [1 / (255 * s) for s in STD], [-m / s for m, s in zip(MEAN, STD, strict=True)]
        self._scale = torch.tensor(scale, device=self.device).view(1, 3, 1, 1)
        self._shift = torch.tensor(shift, device=self.device).view(1, 3, 1, 1)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return self.tensors(self.loader)

    def tensors(self, batches: Any) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Tensors of any batches of imagenette: of a recipe's run, for example."""
        for _, images, labels in self.with_batches(batches):
            yield images, labels

    def with_batches(self, batches: Any) -> Iterator[tuple[Batch, torch.Tensor, torch.Tensor]]:
        """The same with the batch that each is of."""
        if self.device.type != "cuda":
            for batch in batches:
                yield batch, self._images_on_cpu(batch), self._labels(batch).to(self.device)
            return
        yield from self._ahead(batches)

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch the next loop shows."""
        self.loader.set_epoch(epoch)

    def state_dict(self) -> dict[str, int]:
        """Where the loader is. On a GPU one batch is ahead: take it between epochs there."""
        return self.loader.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Goes on where `state_dict` was taken."""
        self.loader.load_state_dict(state)

    def _labels(self, batch: Batch) -> torch.Tensor:
        if self.smoothing is None and batch.mixtures is None:
            return torch.as_tensor(batch.labels)
        classes = len(self.loader.dataset.classes)
        return torch.from_numpy(batch.targets(classes, self.smoothing or 0.0))

    def _images_on_cpu(self, batch: Batch) -> torch.Tensor:
        if not self.dtype.is_floating_point:
            images = torch.as_tensor(batch.images).permute(0, 3, 1, 2)
        elif self.channels_last:
            images = torch.from_numpy(batch.normalized("nhwc")).permute(0, 3, 1, 2)
        else:
            images = torch.from_numpy(batch.normalized("nchw"))
        if not self.channels_last:
            images = images.contiguous()
        return images.to(self.device, self.dtype) if self.dtype.is_floating_point else images.to(self.device)

    def _ahead(self, batches: Any) -> Iterator[tuple[Batch, torch.Tensor, torch.Tensor]]:
        stream = torch.cuda.Stream(self.device)
        pinned: list[torch.Tensor | None] = [None, None]
        copied = [torch.cuda.Event(), torch.cuda.Event()]

        def stage(number: int, batch: Batch) -> tuple[Batch, torch.Tensor, torch.Tensor]:
            place, known = number % 2, torch.as_tensor(batch.images)
            kept = pinned[place]
            if kept is None or kept.shape != known.shape:
                kept = pinned[place] = torch.empty(known.shape, dtype=known.dtype, pin_memory=True)
            else:
                # The copy before last must have left this memory.
                copied[place].synchronize()
            kept.copy_(known)
            with torch.cuda.stream(stream):
                moved = kept.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
                labels = self._labels(batch).pin_memory().to(self.device, non_blocking=True)
                copied[place].record(stream)
                if self.dtype.is_floating_point:
                    moved = torch.addcmul(self._shift, moved, self._scale).to(self.dtype)
                if not self.channels_last:
                    moved = moved.contiguous()
            return batch, moved, labels

        ahead = None
        for number, batch in enumerate(batches):
            now, ahead = ahead, stage(number, batch)
            if now is not None:
                yield self._handed(now, stream)
        if ahead is not None:
            yield self._handed(ahead, stream)

    def _handed(
        self, staged: tuple[Batch, torch.Tensor, torch.Tensor], stream: torch.cuda.Stream
    ) -> tuple[Batch, torch.Tensor, torch.Tensor]:
        current = torch.cuda.current_stream(self.device)
        current.wait_stream(stream)
        for tensor in staged[1:]:
            tensor.record_stream(current)
        return staged
