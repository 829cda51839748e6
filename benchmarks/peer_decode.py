"""Photos a second that Pillow decodes to RGB in worker processes. Prints one JSON line.

The pool is started and warmed before the clock; each worker reads a file, decodes it whole and touches its bytes.
"""

import json
import multiprocessing
import sys
import time
from pathlib import Path

import PIL
from PIL import Image


def decode(path):
    with Image.open(path) as image:
        return len(image.convert("RGB").tobytes())


def main():
    folder, processes, photos = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    paths = sorted(str(path) for split in ("train", "val") for path in (folder / split).glob("*/*.JPEG"))
    paths = paths[:: max(1, len(paths) // photos)][:photos]
    with multiprocessing.Pool(processes) as pool:
        pool.map(decode, paths[:64])
        began = time.perf_counter()
        pixel_bytes = sum(pool.imap_unordered(decode, paths, chunksize=32))
        seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "photos": len(paths),
                "pixel_bytes": pixel_bytes,
                "seconds": seconds,
                "photos_per_second": len(paths) / seconds,
                "versions": {"pillow": PIL.__version__},
            }
        )
    )


if __name__ == "__main__":
    main()
