"""The loader in a JAX loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._dataset import Dataset
from ._errors import needs
from ._loader import MEAN, STD, Loader

try:
    import jax
    import jax.numpy as jnp
except ImportError as error:
    raise needs("jax", "imagenette.jax", "imagenette[jax]") from error

__all__ = ["loader", "normalized"]


def loader(
    dataset: Dataset, batch_size: int = 64, size: int = 128, *, device: Any = None, **options: Any
) -> JaxLoader:
    """Batches as JAX's arrays on a device, one ahead: images uint8 `(N, size, size, 3)`, and labels.

    Normalize them inside the compiled step, with `normalized`: bytes are a fourth of what floats cost on the way.
    """
    return JaxLoader(Loader(dataset, batch_size, size, **options), device)


class JaxLoader:
    """Arrays of a loader's batches: see `loader`."""

    def __init__(self, batches: Loader, device: Any = None) -> None:
        self.loader, self.device = batches, device

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        ahead = None
        for batch in self.loader:
            # Copied, since JAX reads later, and on the CPU would share memory that is used again.
            moved = jax.device_put((batch.images.copy(), batch.labels.astype("int32")), self.device)
            now, ahead = ahead, moved
            if now is not None:
                yield now
        if ahead is not None:
            yield ahead


def normalized(images: Any, dtype: Any = jnp.float32) -> Any:
    """Images of uint8 as floats, normalized by ImageNet's mean and deviation."""
    scaled = images.astype(dtype) / 255
    return (scaled - jnp.asarray(MEAN, dtype)) / jnp.asarray(STD, dtype)
