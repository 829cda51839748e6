//! What happened to a photo besides plain decoding: conversions, which are harmless, and repairs, which lose
//! something.

/// Something worth knowing about how a photo became pixels. The numbers are bits in the packed file: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Remark {
    /// The photo is grayscale; the three channels are equal.
    GrayscaleConverted = 0,
    /// The photo has printing colors (CMYK or YCCK).
    CmykConverted = 1,
    /// The file is a PNG, whatever its name.
    PngFile = 2,
    /// The photo has a palette.
    PaletteConverted = 3,
    /// The photo has transparency, which was dropped.
    TransparencyDropped = 4,
    /// The photo has 16 bits per channel; the upper 8 were kept.
    SixteenBitsReduced = 5,
    /// The camera noted that the photo should be rotated; it was not.
    OrientationIgnored = 6,
    /// The file is truncated or damaged; what could not be read is gray or repeats what was there.
    Truncated = 7,
    /// The file is a WebP, whatever its name.
    WebpFile = 8,
    /// The file is an animation; its first picture was taken.
    FirstPictureOnly = 9,
    /// The photo was turned upright, as the camera noted.
    Turned = 10,
    /// The photo has 16 bits per channel and uses so small a part of their range that it is nearly black in 8.
    SixteenBitsDark = 11,
}

impl Remark {
    /// Every remark, in the order of the numbers.
    pub const ALL: [Self; 12] = [
        Self::GrayscaleConverted,
        Self::CmykConverted,
        Self::PngFile,
        Self::PaletteConverted,
        Self::TransparencyDropped,
        Self::SixteenBitsReduced,
        Self::OrientationIgnored,
        Self::Truncated,
        Self::WebpFile,
        Self::FirstPictureOnly,
        Self::Turned,
        Self::SixteenBitsDark,
    ];

    /// Whether a part of the photo is missing, so that somebody should look at it; the others are conversions.
    pub fn is_repair(self) -> bool {
        matches!(self, Self::Truncated)
    }

    /// In words, after a count or a path: `12 grayscale, converted`.
    pub fn text(self) -> &'static str {
        match self {
            Self::GrayscaleConverted => "grayscale, converted",
            Self::CmykConverted => "CMYK, converted",
            Self::PngFile => "PNG",
            Self::PaletteConverted => "with a palette, converted",
            Self::TransparencyDropped => "transparent, made opaque",
            Self::SixteenBitsReduced => "of 16 bits, reduced to 8",
            Self::OrientationIgnored => "with an orientation, not turned",
            Self::Truncated => "damaged or truncated, kept as far as readable",
            Self::WebpFile => "WebP",
            Self::FirstPictureOnly => "animated, first picture kept",
            Self::Turned => "with an orientation, turned upright",
            Self::SixteenBitsDark => "of 16 bits in a small range, nearly black",
        }
    }

    /// Whether it is said when photos are packed or classified: what somebody who only looks at them would not expect.
    pub fn is_worth_a_notice(self) -> bool {
        matches!(
            self,
            Self::TransparencyDropped
                | Self::OrientationIgnored
                | Self::Truncated
                | Self::FirstPictureOnly
                | Self::Turned
                | Self::SixteenBitsDark
        )
    }

    /// Its bit in the packed file.
    pub(crate) fn bit(self) -> u32 {
        1 << self as u32
    }
}
