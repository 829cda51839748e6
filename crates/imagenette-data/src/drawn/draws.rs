//! Random draws of the kinds that pictures need.

use crate::random::Random;

/// Draws of the kinds that pictures need.
pub(super) trait Draws {
    /// Uniform in [low, high).
    fn span(&mut self, low: f32, high: f32) -> f32;
    /// One of these.
    fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T;
    /// -1 or 1.
    fn sign(&mut self) -> f32;
}

impl Draws for Random {
    fn span(&mut self, low: f32, high: f32) -> f32 {
        self.between(f64::from(low), f64::from(high)) as f32
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len() as u32) as usize]
    }

    fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }
}

/// One of these; for candidates that are drawn themselves.
pub(super) fn one_of<T: Copy, const N: usize>(among: [T; N], random: &mut Random) -> T {
    *random.pick(&among)
}
