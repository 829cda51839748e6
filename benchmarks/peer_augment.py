"""Images a second that Pillow changes strongly in worker processes: torchvision's policies where it is installed, else the same
calls of Pillow without it. Prints one JSON line.

Crops are made before the clock starts; each worker changes its share of them again and again, and nothing is converted or
copied to another process.

    peer_augment.py PHOTOS POLICY PX PROCESSES SECONDS
"""

import json
import multiprocessing
import random
import sys
import time
from pathlib import Path

import PIL
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

try:
    import torch
    import torchvision
    from torchvision import transforms
except ImportError:
    torchvision = None

COUNT = 512
FILL = (124, 116, 104)
ENHANCED = [ImageEnhance.Brightness, ImageEnhance.Color, ImageEnhance.Contrast, ImageEnhance.Sharpness]


def affine(image, matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST, fillcolor=FILL)


def operation(image, magnitude, share, px, degrees, factor, bits):
    """One of the 14 kinds, as torchvision calls Pillow for it."""
    part = magnitude / 30
    kind, sign = random.randrange(14), random.choice((-1, 1))
    if kind == 0:
        return image
    if kind == 1:
        return affine(image, (1, sign * share * part, 0, 0, 1, 0))
    if kind == 2:
        return affine(image, (1, 0, 0, sign * share * part, 1, 0))
    if kind == 3:
        return affine(image, (1, 0, -int(sign * px * part), 0, 1, 0))
    if kind == 4:
        return affine(image, (1, 0, 0, 0, 1, -int(sign * px * part)))
    if kind == 5:
        return image.rotate(sign * degrees * part, Image.Resampling.NEAREST, fillcolor=FILL)
    if kind < 10:
        return ENHANCED[kind - 6](image).enhance(1 + sign * factor * part)
    if kind == 10:
        return ImageOps.posterize(image, 8 - round(bits * part))
    if kind == 11:
        return ImageOps.solarize(image, 255 - 255 * part)
    return ImageOps.autocontrast(image) if kind == 12 else ImageOps.equalize(image)


def rand_augment(image):
    for _ in range(2):
        image = operation(image, 10, 0.3, 150 / 331 * image.width, 30, 0.9, 4)
    return image


def trivial_augment(image):
    return operation(image, random.randint(0, 30), 0.99, 32, 135, 0.99, 6)


def turn_hue(image, turns):
    hue, saturation, value = image.convert("HSV").split()
    shift = int(turns * 255)
    hue = hue.point([(level + shift) % 256 for level in range(256)])
    return Image.merge("HSV", (hue, saturation, value)).convert("RGB")


def sim_clr(image):
    if random.random() < 0.8:
        steps = [lambda image, kind=kind: kind(image).enhance(random.uniform(0.2, 1.8)) for kind in ENHANCED[:3]]
        steps.append(lambda image: turn_hue(image, random.uniform(-0.2, 0.2)))
        random.shuffle(steps)
        for step in steps:
            image = step(image)
    if random.random() < 0.2:
        image = image.convert("L").convert("RGB")
    return blurred(image)


def blurred(image):
    return image.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2.0))) if random.random() < 0.5 else image


def torchvision_policy(name):
    if name == "rand-augment":
        return transforms.RandAugment(2, 10, fill=FILL)
    if name == "trivial-augment":
        return transforms.TrivialAugmentWide(fill=FILL)
    jitter = transforms.ColorJitter(0.8, 0.8, 0.8, 0.2)
    # torchvision's own blur converts to a tensor and back; Pillow's is what SimCLR's programs take.
    return transforms.Compose(
        [transforms.RandomApply([jitter], 0.8), transforms.RandomGrayscale(0.2), transforms.Lambda(blurred)]
    )


PLAIN = {"rand-augment": rand_augment, "trivial-augment": trivial_augment, "sim-clr": sim_clr}


def work(paths, policy, px, seconds, ready, results):
    images = []
    for path in paths:
        with Image.open(path) as photo:
            images.append(ImageOps.fit(photo.convert("RGB"), (px, px), Image.Resampling.BILINEAR))
    if torchvision:
        torch.set_num_threads(1)
    change = torchvision_policy(policy) if torchvision else PLAIN[policy]
    for image in images[:64]:
        change(image)
    ready.wait()
    began, changed = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for image in images[:64]:
            change(image)
        changed += len(images[:64])
        images = images[64:] + images[:64]
    results.put(changed / (time.perf_counter() - began))


def main():
    folder, policy, px, processes, seconds = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])
    photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpeg", ".jpg", ".png"))
    chosen = photos[:: max(1, len(photos) // COUNT)][:COUNT]
    ready, results = multiprocessing.Barrier(processes), multiprocessing.Queue()
    workers = [
        multiprocessing.Process(target=work, args=(chosen[number::processes], policy, px, seconds, ready, results))
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    rate = sum(results.get() for _ in workers)
    for worker in workers:
        worker.join()
    versions = {"pillow": PIL.__version__, "torchvision": torchvision.__version__ if torchvision else None}
    print(json.dumps({"policy": policy, "px": px, "images_per_second": rate, "versions": versions}))


if __name__ == "__main__":
    main()
