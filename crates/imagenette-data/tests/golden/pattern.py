"""The inputs of the golden files: a formula that the Rust tests repeat."""


def pattern(width, height, salt):
    """Red rises to the right, green falls to the bottom, blue is noise; every third pixel is noise altogether."""
    rgb = bytearray()
    for y in range(height):
        for x in range(width):
            h = (x * 0x9E3779B1 + y * 0x85EBCA77 + salt * 0xC2B2AE3D) & 0xFFFFFFFF
            h ^= h >> 15
            h = (h * 0x2C1B3C6D) & 0xFFFFFFFF
            h ^= h >> 12
            if (x + y) % 3 == 0:
                rgb += bytes((h & 255, (h >> 8) & 255, (h >> 16) & 255))
            else:
                rgb += bytes((x * 255 // max(width - 1, 1), 255 - y * 255 // max(height - 1, 1), (h >> 24) & 255))
    return bytes(rgb)
