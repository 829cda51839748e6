"""Bare training steps of the shipped network in PyTorch: plain, compiled, and through the starter's loop with its
loader.

Prints a table in Markdown: images a second by resolution and batch size. Plain and compiled steps use random pixels
that
are on the device already, torch's own SGD and bf16 on a GPU: PyTorch's best. The starter's row has everything:
loader, copy,
Muon, loss, record.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import imagenette as im
from imagenette import starter


def wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def bare(recipe, device, px, batch, steps, compiled):
    """Images a second of steps on pixels that are there."""
    network = starter.FastNetwork(recipe["model"], 10).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD([w for w in network.parameters() if w.requires_grad], 0.01, 0.9, nesterov=True)
    forward = torch.compile(network, mode="max-autotune-no-cudagraphs") if compiled else network
    x = torch.randn(batch, 3, px, px, device=device).to(memory_format=torch.channels_last)
    y = torch.randint(10, (batch,), device=device)

    def step():
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = F.cross_entropy(forward(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    for _ in range(max(steps // 5, 1)):
        step()
    wait(device)
    began = time.perf_counter()
    for _ in range(steps):
        step()
    wait(device)
    return batch * steps / (time.perf_counter() - began)


def whole(recipe, dataset, device, steps):
    """Images a second of the starter's own loop over the first steps of a recipe."""
    network = starter.FastNetwork(recipe["model"], 10).to(device, memory_format=torch.channels_last)
    rules = starter.optimizers(network, recipe["optimizer"])
    tensors = im.torch.TorchLoader(recipe.evaluation(dataset), device, smoothing=0.1)
    with tempfile.TemporaryDirectory() as folder, im.record(Path(folder) / "run", dataset, recipe=recipe) as run:
        images, began = 0, 0.0
        for batch, x, y in tensors.with_batches(recipe.batches(dataset, 1)):
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                loss = F.cross_entropy(network(x).float(), y)
            network.zero_grad(set_to_none=True)
            loss.backward()
            for rule in rules:
                rule.step(batch.factor)
            run.log(loss=loss)
            if batch.step == steps // 5:
                wait(device)
                images, began = 0, time.perf_counter()
            images += len(batch)
            if batch.step == steps + steps // 5:
                break
        wait(device)
        rate = images / (time.perf_counter() - began)
        run.evaluate(lambda pixels: [0] * len(pixels))
    return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="imagenette2-160")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recipe = im.Recipe("epochs-10")
    sizes = [(32, 16)] if options.small else [(px, batch) for px in (64, 96, 128) for batch in (64, 256)]
    print("## Steps of M128, images a second\n\n| px | batch | PyTorch | compiled |\n|--|--|--|--|")
    for px, batch in sizes:
        plain = bare(recipe, device, px, batch, options.steps, compiled=False)
        compiled = "not tried" if options.small else f"{bare(recipe, device, px, batch, options.steps, True):,.0f}"
        print(f"| {px} | {batch} | {plain:,.0f} | {compiled} |", flush=True)
    settings = {"batch_size": 16, "resolution": 32, "evaluation.resolution": 32} if options.small else {}
    rate = whole(im.Recipe("epochs-10", settings), im.Dataset(options.dataset), device, options.steps)
    print(f"\nthe starter, all of it, at {settings.get('resolution', 128)} px: {rate:,.0f} images/s")


if __name__ == "__main__":
    main()
