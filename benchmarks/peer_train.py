"""Times PyTorch's training steps on the network that `imagenette bench --train` trains, and prints one JSON line.

A step is forward, loss with label smoothing, backward and SGD with Nesterov's momentum, on photos that were decoded,
cropped to squares and normalized before the clock starts. The networks are those that tests/networks.rs compares ours
with (crates/imagenette-train/tests/networks.py), in channels_last. `--parameters` only prints how many parameters each
network has.
"""

import argparse
import importlib.util
import json
import resource
import time
from pathlib import Path

import torch
from PIL import Image
from torch.nn import functional as F

SOURCE = Path(__file__).resolve().parent.parent / "crates" / "imagenette-train" / "tests" / "networks.py"
CLASSES = 10
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def source():
    """The module with the networks that ours are compared with."""
    spec = importlib.util.spec_from_file_location("networks", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def networks():
    module = source()
    return {
        "resnet18": lambda: module.XResNet(18, CLASSES),
        "resnet50": lambda: module.XResNet(50, CLASSES),
        "m128": lambda: module.Fast(48, [64, 192, 384, 512], CLASSES),
    }


def learned(model):
    return sum(part.numel() for part in model.parameters() if part.requires_grad)


def photos(folder, count, px):
    """Central squares of photos of all classes, normalized, with their labels."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    files = [sorted(path.glob("*.JPEG")) for path in classes]
    pixels = torch.empty(count, 3, px, px)
    labels = torch.tensor([i % len(classes) for i in range(count)])
    for i in range(count):
        of_class = files[i % len(classes)]
        image = Image.open(of_class[i // len(classes) % len(of_class)]).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.resize((px, px), Image.BILINEAR, (left, top, left + side, top + side))
        pixels[i] = (
            torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(px, px, 3).permute(2, 0, 1)
        )
    channel = lambda values: torch.tensor(values).reshape(1, 3, 1, 1)
    return ((pixels / 255 - channel(MEAN)) / channel(STD)).to(memory_format=torch.channels_last), labels


def groups(model):
    """The parameter groups of our optimizer: weight decay on convolutions and matrices only."""
    parts = [part for part in model.parameters() if part.requires_grad]
    return [
        {"params": [part for part in parts if part.dim() > 1], "weight_decay": 5e-4},
        {"params": [part for part in parts if part.dim() == 1], "weight_decay": 0.0},
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parameters", action="store_true")
    parser.add_argument("--photos", type=Path, help="folder with a folder of JPEGs for each class")
    parser.add_argument("--network", choices=["resnet18", "resnet50", "m128"], default="resnet18")
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.parameters:
        print(json.dumps({name: learned(make()) for name, make in networks().items()}))
        return
    if arguments.photos is None:
        parser.error("--photos is needed")

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = networks()[arguments.network]().to(memory_format=torch.channels_last).train()
    run = torch.compile(model) if arguments.compile else model
    optimizer = torch.optim.SGD(groups(model), lr=0.01, momentum=0.9, nesterov=True)
    # Two batches in turn, so that no step finds the photos of the last one in a cache.
    pixels, labels = photos(arguments.photos, 2 * arguments.batch, arguments.resolution)
    batches = [(p.contiguous(memory_format=torch.channels_last), l) for p, l in zip(pixels.chunk(2), labels.chunk(2))]
    del pixels
    wall, processor, losses = [], [], []
    for step in range(arguments.warm_up + arguments.steps):
        x, y = batches[step % 2]
        began, used = time.perf_counter(), time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "bf16"):
            scores = run(x)
        loss = F.cross_entropy(scores.float(), y, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    measured = slice(arguments.warm_up, None)
    print(
        json.dumps(
            {
                "network": arguments.network,
                "resolution_px": arguments.resolution,
                "batch": arguments.batch,
                "precision": arguments.precision,
                "compiled": arguments.compile,
                "threads": arguments.threads,
                "parameters": learned(model),
                "seconds": wall[measured],
                "processor_seconds": processor[measured],
                "losses": losses,
                "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
