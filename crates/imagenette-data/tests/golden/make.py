"""Makes the golden files of this folder with Pillow; run `python make.py` here. The inputs are computed by a formula that
the Rust tests repeat, so only what Pillow made of them is kept.

resize.bin: for each case of CASES in order, Pillow's `resize(size, BILINEAR, box)` of `pattern(width, height, salt)`.
*.jpg, *.png: small files of every kind that a dataset may hold, and *.rgb: what `convert("RGB")` makes of each.
"""

import io
import pathlib
import struct
import zlib

import PIL
from PIL import Image

from pattern import pattern

HERE = pathlib.Path(__file__).parent

# (width, height), (left, top, right, bottom), (target width, target height)
CASES = [
    ((224, 224), (0, 0, 224, 224), (64, 64)),
    ((50, 37), (3.25, 2.5, 41.75, 30.125), (16, 16)),
    ((50, 37), (3.25, 2.5, 41.75, 30.125), (61, 47)),
    ((9, 7), (0, 0, 9, 7), (32, 32)),
    ((1, 1), (0, 0, 1, 1), (5, 3)),
    ((1, 40), (0, 7, 1, 33), (8, 8)),
    ((41, 1), (0.5, 0, 40.5, 1), (7, 9)),
    ((33, 65), (0, 0, 33, 65), (1, 1)),
    ((64, 48), (10, 8, 42, 40), (32, 32)),
    ((64, 48), (10, 8, 42, 40), (32, 20)),
    ((64, 48), (10.5, 8, 42.5, 40), (32, 32)),
    ((120, 90), (100.3, 70.7, 120, 90), (24, 24)),
    ((97, 131), (0, 0, 97, 131), (31, 29)),
    ((60, 60), (29.9, 29.9, 30.4, 30.6), (12, 12)),
]


def smooth(width, height):
    """A picture that JPEG keeps well: gradients and a disc."""
    image = Image.new("RGB", (width, height))
    for y in range(height):
        for x in range(width):
            disc = (x - width / 2) ** 2 + (y - height / 3) ** 2 < (width / 4) ** 2
            image.putpixel((x, y), (x * 255 // width, y * 255 // height, 200 if disc else 40))
    return image


def keep(name, image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    (HERE / name).write_bytes(out.getvalue())
    stem = name.split(".")[0]
    (HERE / (stem + ".rgb")).write_bytes(Image.open(out).convert("RGB").tobytes())


with open(HERE / "resize.bin", "wb") as out:
    for salt, (size, box, target) in enumerate(CASES):
        image = Image.frombytes("RGB", size, pattern(*size, salt))
        out.write(image.resize(target, Image.Resampling.BILINEAR, box=box).tobytes())

base = smooth(40, 28)
keep("baseline.jpg", base, "JPEG", quality=90, subsampling=0)
keep("subsampled.jpg", base, "JPEG", quality=90, subsampling=2)
keep("progressive.jpg", base, "JPEG", quality=90, progressive=True)
keep("gray.jpg", base.convert("L"), "JPEG", quality=90)
inks = Image.merge("CMYK", [*base.split(), base.convert("L").transpose(Image.Transpose.ROTATE_180)])
keep("cmyk.jpg", inks, "JPEG", quality=90)
# Pillow writes no YCCK, but reads the same file as one when the Adobe segment says so.
ycck = bytearray((HERE / "cmyk.jpg").read_bytes())
ycck[ycck.index(b"Adobe") + 11] = 2
(HERE / "ycck.jpg").write_bytes(ycck)
(HERE / "ycck.rgb").write_bytes(Image.open(io.BytesIO(ycck)).convert("RGB").tobytes())
keep("direct_rgb.jpg", base, "JPEG", quality=90, keep_rgb=True)
exif = Image.Exif()
exif[0x0112] = 6
keep("turned.jpg", base, "JPEG", quality=90, exif=exif)
keep("true_color.png", base, "PNG")
keep("palette.png", base.quantize(32), "PNG")
keep("one_bit.png", base.convert("1"), "PNG")
keep("gray_alpha.png", base.convert("LA"), "PNG")
alpha = base.convert("RGBA")
alpha.putalpha(base.convert("L"))
keep("alpha.png", alpha, "PNG")


# Pillow writes no colour PNG of 16 bits, so this one is put together by hand.
def sixteen_bits(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b""
    for y in range(height):
        rows += b"\0" + b"".join(struct.pack(">HHH", x * 5201, y * 7001, (x * y * 977) & 0xFFFF) for x in range(width))
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


data = sixteen_bits(12, 9)
(HERE / "sixteen_bits.png").write_bytes(data)
(HERE / "sixteen_bits.rgb").write_bytes(Image.open(io.BytesIO(data)).convert("RGB").tobytes())
keep("lossy.webp", base, "WEBP", quality=90)
keep("lossless.webp", base, "WEBP", lossless=True)
keep("veiled.webp", alpha, "WEBP", quality=90)
mirrored = base.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
keep("moving.webp", base, "WEBP", lossless=True, save_all=True, append_images=[mirrored])
keep("moving.png", base, "PNG", save_all=True, append_images=[mirrored])
(HERE / "README.md").write_text(
    f"Made by `make.py` and `make_operations.py` with Pillow {PIL.__version__}; no photo is involved.\n"
)
