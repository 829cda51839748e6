//! The inputs of the golden files.

/// As in `golden/pattern.py`.
pub(crate) fn pattern((width, height): (u32, u32), salt: u32) -> Vec<u8> {
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let mut h = (x.wrapping_mul(0x9E37_79B1))
                .wrapping_add(y.wrapping_mul(0x85EB_CA77))
                .wrapping_add(salt.wrapping_mul(0xC2B2_AE3D));
            h ^= h >> 15;
            h = h.wrapping_mul(0x2C1B_3C6D);
            h ^= h >> 12;
            if (x + y) % 3 == 0 {
                rgb.extend([h as u8, (h >> 8) as u8, (h >> 16) as u8]);
            } else {
                let red = x * 255 / (width - 1).max(1);
                let green = 255 - y * 255 / (height - 1).max(1);
                rgb.extend([red as u8, green as u8, (h >> 24) as u8]);
            }
        }
    }
    rgb
}
