"""Photos a second that Pillow decodes to RGB in worker processes. Prints one JSON line.

The pool is started and warmed up before the clock starts; each worker reads a file, decodes it whole and touches its
bytes. With `--write FOLDER` each worker also appends the pixels to a file of its own, and the clock stops when all
files are on disk (fsync), as when imagenette packs.

    peer_decode.py PHOTOS PROCESSES COUNT [--write FOLDER]
"""

import argparse
import json
import multiprocessing
import os
import time
from pathlib import Path

import PIL
from PIL import Image

# The file that this worker appends pixels to; None where they are only decoded.
output = None


def open_output(folder):
    global output
    if folder is not None:
        output = open(folder / f"{os.getpid()}.pixels", "wb", buffering=0)


def decode(path):
    with Image.open(path) as image:
        pixels = image.convert("RGB").tobytes()
    if output is not None:
        output.write(pixels)
    return len(pixels)


def synchronize(folder):
    """Returns when everything that was written below the folder is on disk."""
    for path in folder.glob("*.pixels"):
        with open(path, "rb") as file:
            os.fsync(file.fileno())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder with train/CLASS/*.JPEG and val/CLASS/*.JPEG")
    parser.add_argument("processes", type=int)
    parser.add_argument("count", type=int, help="how many photos, spread over the folder")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the pixels here too; it must exist")
    arguments = parser.parse_args()
    paths = sorted(str(path) for split in ("train", "val") for path in (arguments.photos / split).glob("*/*.JPEG"))
    paths = paths[:: max(1, len(paths) // arguments.count)][: arguments.count]
    with multiprocessing.Pool(arguments.processes, open_output, [arguments.write]) as pool:
        pool.map(decode, paths[:64])
        began = time.perf_counter()
        pixel_bytes = sum(pool.imap_unordered(decode, paths, chunksize=32))
        if arguments.write is not None:
            synchronize(arguments.write)
        seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "photos": len(paths),
                "pixel_bytes": pixel_bytes,
                "is_written": arguments.write is not None,
                "seconds": seconds,
                "photos_per_second": len(paths) / seconds,
                "versions": {"pillow": PIL.__version__},
            }
        )
    )


if __name__ == "__main__":
    main()
