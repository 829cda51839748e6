//! Colors of the drawn set: sRGB with opacity, and the palettes, which all classes share so that color does not give
//! the class away.

use super::draws::Draws;
use crate::random::Random;

/// An sRGB color with opacity, each in 0..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Color {
    pub(super) red: f32,
    pub(super) green: f32,
    pub(super) blue: f32,
    pub(super) alpha: f32,
}

pub(super) const WHITE: Color = Color::rgb(0.95, 0.95, 0.93);
pub(super) const BLACK: Color = Color::rgb(0.07, 0.07, 0.08);

impl Color {
    pub(super) const fn rgb(red: f32, green: f32, blue: f32) -> Self {
        Self { red, green, blue, alpha: 1.0 }
    }

    pub(super) const fn gray(value: f32) -> Self {
        Self::rgb(value, value, value)
    }

    /// Hue in turns, saturation and lightness in 0..1.
    pub(super) fn hsl(hue: f32, saturation: f32, lightness: f32) -> Self {
        let chroma = (1.0 - (2.0 * lightness - 1.0).abs()) * saturation;
        let channel = |offset: f32| {
            let turn = hue + offset;
            let sixth = (turn - turn.floor()) * 6.0;
            let ramp = ((sixth - 3.0).abs() - 1.0).clamp(0.0, 1.0);
            lightness + chroma * (ramp - 0.5)
        };
        Self::rgb(channel(0.0), channel(-1.0 / 3.0), channel(1.0 / 3.0))
    }

    pub(super) fn mix(self, other: Self, share: f32) -> Self {
        let blend = |a: f32, b: f32| a + (b - a) * share;
        Self {
            red: blend(self.red, other.red),
            green: blend(self.green, other.green),
            blue: blend(self.blue, other.blue),
            alpha: blend(self.alpha, other.alpha),
        }
    }

    pub(super) fn lighter(self, share: f32) -> Self {
        self.mix(Self { alpha: self.alpha, ..Self::gray(1.0) }, share)
    }

    pub(super) fn darker(self, share: f32) -> Self {
        self.mix(Self { alpha: self.alpha, ..Self::gray(0.0) }, share)
    }

    pub(super) fn faded(self, alpha: f32) -> Self {
        Self { alpha: self.alpha * alpha, ..self }
    }

    pub(super) fn luma(self) -> f32 {
        0.299 * self.red + 0.587 * self.green + 0.114 * self.blue
    }

    /// A color that stands out from this one: for marks on a body.
    pub(super) fn against(self, strength: f32) -> Self {
        if self.luma() > 0.5 { self.darker(strength) } else { self.lighter(strength) }
    }
}

/// Any color that paint, cloth or plastic can have; a third of them near gray.
pub(super) fn any(random: &mut Random) -> Color {
    match random.below(10) {
        0 => Color::gray(random.span(0.75, 0.95)).mix(Color::rgb(0.9, 0.82, 0.65), random.span(0.0, 0.5)),
        1 => Color::gray(random.span(0.1, 0.4)),
        2 => Color::hsl(random.span(0.03, 0.13), random.span(0.2, 0.6), random.span(0.25, 0.6)),
        _ => Color::hsl(random.span(0.0, 1.0), random.span(0.35, 0.9), random.span(0.3, 0.65)),
    }
}

/// A muted color: walls, ground, fabric, stone.
pub(super) fn muted(random: &mut Random) -> Color {
    Color::hsl(random.span(0.0, 1.0), random.span(0.05, 0.4), random.span(0.25, 0.8))
}

/// A color near one of `natural` with this probability, any color otherwise.
pub(super) fn mostly(random: &mut Random, natural: &[Color], share: f64) -> Color {
    if random.chance(share) {
        let color = *random.pick(natural);
        let tint = any(random);
        color.mix(tint, random.span(0.0, 0.15)).mix(Color::gray(random.span(0.0, 1.0)), random.span(0.0, 0.2))
    } else {
        any(random)
    }
}
