"""Makes operations.bin with Pillow; run `python make_operations.py` here. The inputs are computed by a formula that the Rust
test repeats, so only what Pillow made of them is kept.

For each of OPERATIONS in order, and for each of two squares (any values; few and dim ones), the pixels of sides 1, 2
and 7, then the crc32 (little-endian) of the pixels of sides 33 and 64.
"""

import pathlib
import struct
import zlib

from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from pattern import pattern

HERE = pathlib.Path(__file__).parent
FILL = (124, 116, 104)
NEAREST, BILINEAR = Image.Resampling.NEAREST, Image.Resampling.BILINEAR


def transform(image, matrix, resampling):
    return image.transform(image.size, Image.Transform.AFFINE, matrix, resampling, fillcolor=FILL)


def hue(image, shift):
    hue, saturation, value = image.convert("HSV").split()
    hue = hue.point([(level + shift) % 256 for level in range(256)])
    return Image.merge("HSV", (hue, saturation, value)).convert("RGB")


OPERATIONS = [
    ImageOps.autocontrast,
    ImageOps.equalize,
    ImageOps.invert,
    *[lambda image, bits=bits: ImageOps.posterize(image, bits) for bits in (8, 7, 4, 2, 1)],
    *[lambda image, threshold=threshold: ImageOps.solarize(image, threshold) for threshold in (256, 255, 128, 1, 0)],
    *[
        lambda image, kind=kind, factor=factor: kind(image).enhance(factor)
        for kind in (ImageEnhance.Color, ImageEnhance.Contrast, ImageEnhance.Brightness, ImageEnhance.Sharpness)
        for factor in (0.0, 0.1, 0.37, 1.0, 1.3, 1.9, 2.6)
    ],
    *[
        lambda image, degrees=degrees, resampling=resampling: image.rotate(degrees, resampling, fillcolor=FILL)
        for resampling in (NEAREST, BILINEAR)
        for degrees in (0.0, 1.0, -30.0, 13.5, 45.0, 90.0, -90.0, 135.0, 180.0, 211.7)
    ],
    *[
        lambda image, share=share, resampling=resampling: transform(image, (1, share, 0, 0, 1, 0), resampling)
        for resampling in (NEAREST, BILINEAR)
        for share in (0.0, 0.01, 0.3, -0.3, 0.99, -0.75)
    ],
    *[
        lambda image, share=share, resampling=resampling: transform(image, (1, 0, 0, share, 1, 0), resampling)
        for resampling in (NEAREST, BILINEAR)
        for share in (0.0, 0.01, 0.3, -0.3, 0.99, -0.75)
    ],
    *[lambda image, px=px: transform(image, (1, 0, -px, 0, 1, 0), NEAREST) for px in (0, 1, -3, 32, -40, 99)],
    *[lambda image, px=px: transform(image, (1, 0, 0, 0, 1, -px), NEAREST) for px in (0, 1, -3, 32, -40, 99)],
    *[lambda image, shift=shift: hue(image, shift) for shift in (0, 1, 25, 51, 100, 128, 231, 255)],
    lambda image: image.convert("L").convert("RGB"),
    *[
        lambda image, sigma=sigma: image.filter(ImageFilter.GaussianBlur(sigma))
        for sigma in (0.1, 0.5, 1.0, 1.21, 1.7, 2.0, 5.5, 30.0, 100.0)
    ],
]


def made(operation, side, salt):
    rgb = pattern(side, side, salt)
    if salt % 2:
        rgb = bytes(value // 5 + 90 for value in rgb)
    return operation(Image.frombytes("RGB", (side, side), rgb)).tobytes()


if __name__ == "__main__":
    with open(HERE / "operations.bin", "wb") as out:
        for number, operation in enumerate(OPERATIONS):
            for salt in (2 * number, 2 * number + 1):
                for side in (1, 2, 7):
                    out.write(made(operation, side, salt))
                for side in (33, 64):
                    out.write(struct.pack("<I", zlib.crc32(made(operation, side, salt))))
