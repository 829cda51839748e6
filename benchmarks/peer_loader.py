"""Images a second of a PyTorch DataLoader over JPEG files, with torchvision's PIL transforms.

Prints one JSON line. The workers are started before the clock; a whole pass over the files is timed. Batches stay
uint8 (PILToTensor), the cheapest form that torchvision offers.
"""

import json
import sys
import time
from pathlib import Path

import PIL
import torch
import torchvision
from torchvision.datasets import ImageFolder
from torchvision.transforms import Compose, InterpolationMode, PILToTensor, RandomHorizontalFlip, RandomResizedCrop


def main():
    folder, workers, batch_size, resolution, photos = Path(sys.argv[1]), *map(int, sys.argv[2:6])
    transform = Compose(
        [
            RandomResizedCrop(resolution, scale=(0.35, 1.0), interpolation=InterpolationMode.BILINEAR),
            RandomHorizontalFlip(),
            PILToTensor(),
        ]
    )
    dataset = ImageFolder(str(folder), transform)
    # As many photos as the other side reads, spread over the classes; two passes, of which the first warms up.
    chosen = torch.linspace(0, len(dataset) - 1, photos).long().tolist()
    loader = torch.utils.data.DataLoader(
        torch.utils.data.Subset(dataset, chosen),
        batch_size=batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=True,
    )
    for _ in range(2):
        began, images = time.perf_counter(), 0
        for batch, _ in loader:
            images += len(batch)
        seconds = time.perf_counter() - began
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "pillow": PIL.__version__}
    print(
        json.dumps(
            {"images": images, "seconds": seconds, "images_per_second": images / seconds, "versions": versions}
        )
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
