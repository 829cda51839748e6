//! The ten objects, one file each: every object is drawn around the origin in one of several variants.

mod cassette_player;
mod chain_saw;
mod church;
mod dog;
mod fish;
mod french_horn;
mod garbage_truck;
mod gas_pump;
mod golf_ball;
mod parachute;

use super::brush::Brush;
use crate::random::Random;

/// How an object may be placed in a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stance {
    /// Largest rotation to either side, in radians.
    pub(super) tilt: f32,
    /// Whether it stands on the ground, and so has a contact shadow.
    pub(super) grounded: bool,
    /// How large it is drawn, as a factor.
    pub(super) size: f32,
    /// How far it may be stretched and skewed, as a factor: a ball stays round.
    pub(super) give: f32,
}

/// Draws the object of this class.
pub(super) fn draw(label: u16, brush: &mut Brush<'_>, random: &mut Random) {
    let draw = match label {
        0 => fish::draw,
        1 => dog::draw,
        2 => cassette_player::draw,
        3 => chain_saw::draw,
        4 => church::draw,
        5 => french_horn::draw,
        6 => garbage_truck::draw,
        7 => gas_pump::draw,
        8 => golf_ball::draw,
        9 => parachute::draw,
        _ => unreachable!("the drawn set has ten classes"),
    };
    draw(brush, random);
}

/// How the object of this class may be placed.
pub(super) fn stance(label: u16) -> Stance {
    let (tilt, grounded, size, give) = match label {
        0 => (0.7, false, 1.0, 1.0),
        1 => (0.16, true, 1.05, 1.0),
        2 => (0.35, true, 0.95, 1.0),
        3 => (0.8, false, 1.05, 1.0),
        4 => (0.1, true, 1.1, 1.0),
        5 => (1.0, false, 1.0, 1.0),
        6 => (0.12, true, 1.1, 1.0),
        7 => (0.14, true, 1.0, 1.0),
        8 => (0.3, true, 0.8, 0.2),
        9 => (0.35, false, 1.05, 1.0),
        _ => unreachable!("the drawn set has ten classes"),
    };
    Stance { tilt, grounded, size, give }
}
