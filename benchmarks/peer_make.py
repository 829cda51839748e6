"""Photos a second that a Pillow script makes into a size of Imagenette, in worker processes. Prints one JSON line.

Each worker reads a file, resizes its shortest side (Lanczos, the aspect ratio kept) and saves a JPEG of quality 90:
what anyone would write to make the 160 px size. The pool is started and warmed up before the clock starts.
`cpu_seconds` is the processor time of the photos alone, without starting and warming up, for machines that are shared.

    peer_make.py FOLDER OUT SIZE PROCESSES
"""

import json
import multiprocessing
import os
import sys
import time
from pathlib import Path

import PIL
from PIL import Image


def make(task):
    """Makes one photo and returns the processor seconds that it took."""
    began = time.process_time()
    source, target, size = task
    with Image.open(source) as image:
        if image.mode not in ("RGB", "L"):
            image = image.convert("RGB")
        scale = size / min(image.size)
        if scale < 1:
            image = image.resize(tuple(max(1, round(side * scale)) for side in image.size), Image.Resampling.LANCZOS)
        image.save(target, "JPEG", quality=90)
    return time.process_time() - began


def native(arguments):
    """Makes photos of native size out of small real ones: `peer_make.py --native ARCHIVE FOLDER COUNT`.

    A photo is put together from several real ones at their own scale, so that its pixels are as busy as a photo's.
    Most are 500×375 px, as in ImageNet (0.19 megapixels on average).
    """
    import random
    import tarfile

    archive, folder, count = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    draw = random.Random(1)
    with tarfile.open(archive) as tar:
        members = [member for member in tar if member.isfile() and member.name.lower().endswith((".jpeg", ".jpg"))]
        draw.shuffle(members)
        folder.mkdir(parents=True, exist_ok=True)
        at = 0
        for number in range(count):
            width, height = draw.choice(
                [(500, 375)] * 6 + [(375, 500)] * 2 + [(500, 333), (640, 480), (400, 300), (333, 500)]
            )
            photo = Image.new("RGB", (width, height))
            for y in range(0, height, 224):
                for x in range(0, width, 224):
                    with Image.open(tar.extractfile(members[at % len(members)])) as small:
                        photo.paste(small.convert("RGB"), (x, y))
                    at += 1
            photo.save(folder / f"n01440764_{number}.JPEG", quality=93)


def main():
    if sys.argv[1] == "--native":
        return native(sys.argv[2:])
    folder, out, size, processes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    out.mkdir(parents=True, exist_ok=True)
    tasks = [(str(path), str(out / path.name), size) for path in sorted(folder.rglob("*.JPEG"))]
    with multiprocessing.Pool(processes) as pool:
        pool.map(make, tasks[:64])
        began = time.perf_counter()
        cpu_seconds = sum(pool.imap_unordered(make, tasks, chunksize=32))
        seconds = time.perf_counter() - began
        pool.close()
        pool.join()
    print(
        json.dumps(
            {
                "photos": len(tasks),
                "seconds": seconds,
                "photos_per_second": len(tasks) / seconds,
                "cpu_seconds": cpu_seconds,
                "versions": {"pillow": PIL.__version__},
            }
        )
    )


if __name__ == "__main__":
    main()
