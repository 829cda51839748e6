//! The French horn: a round coil of tubing, a wide flared bell, rotary valves in the middle, mouthpiece on its pipe.

use crate::drawn::brush::{Brush, place};
use crate::drawn::color::{self, BLACK, Color};
use crate::drawn::draws::Draws;
use crate::drawn::shape::{P, arc, around, circle, curve, ellipse, limb, rounded};
use crate::random::Random;

const METALS: [Color; 5] = [
    Color::rgb(0.85, 0.65, 0.2),
    Color::rgb(0.78, 0.52, 0.2),
    Color::rgb(0.78, 0.78, 0.78),
    Color::rgb(0.7, 0.4, 0.25),
    Color::rgb(0.9, 0.76, 0.38),
];

pub(super) fn draw(brush: &mut Brush<'_>, random: &mut Random) {
    let metal = color::mostly(random, &METALS, 0.55);
    let tube = random.span(0.075, 0.105);
    // How far the mouth of the bell is turned toward the viewer: 0.15 from the side, 0.95 from the front.
    let openness = if random.chance(0.5) { random.span(0.25, 0.5) } else { random.span(0.5, 0.9) };
    let bell_in_front = random.chance(0.6);
    let (radius, slim) = (random.span(0.5, 0.58), random.span(0.85, 1.0));
    let coil = Coil { x: -0.16, y: -0.08, radius, slim, tube, metal };
    let bell = Bell { x: random.span(0.38, 0.5), y: random.span(0.38, 0.5), radius: random.span(0.44, 0.54), openness };
    if !bell_in_front {
        bell_shape(brush, bell, coil);
    }
    tubes(brush, random, coil);
    valves(brush, random, coil);
    lead_pipe(brush, random, coil);
    if bell_in_front {
        bell_shape(brush, bell, coil);
    }
}

/// The coil of tubing that everything else is attached to.
#[derive(Clone, Copy)]
struct Coil {
    x: f32,
    y: f32,
    radius: f32,
    /// Height over width.
    slim: f32,
    /// Thickness of the tubing.
    tube: f32,
    metal: Color,
}

/// The mouth of the bell; `openness` is its apparent width over its height.
#[derive(Clone, Copy)]
struct Bell {
    x: f32,
    y: f32,
    radius: f32,
    openness: f32,
}

fn tubes(brush: &mut Brush<'_>, random: &mut Random, coil: Coil) {
    let Coil { x: cx, y: cy, radius, slim, tube, metal } = coil;
    brush.tube(&arc(cx, cy, radius * 0.74, radius * slim * 0.76, 0.1, 1.02), metal.darker(0.08), tube * 0.85);
    let inner = random.span(0.44, 0.54);
    brush.tube(
        &arc(cx + 0.03, cy + 0.03, radius * inner, radius * slim * inner, 0.3, 1.2),
        metal.darker(0.12),
        tube * 0.75,
    );
    brush.tube(&arc(cx, cy, radius, radius * slim, 0.0, 1.0), metal, tube);
    for turn in [0.12, 0.42, 0.63, 0.88] {
        let (from, to) = (
            around(cx, cy, radius * 0.7, radius * slim * 0.7, turn),
            around(cx, cy, radius * 1.02, radius * slim * 1.02, turn),
        );
        brush.bar(from, to, metal.darker(0.35), tube * 0.45);
    }
    for (turn, reach) in [(0.5, 0.3), (0.56, 0.26)] {
        let (x, y) = around(cx, cy, radius * 0.5, radius * 0.5, turn);
        let slide = [(x, y - 0.04), (x + reach, y - 0.05), (x + reach + 0.04, y), (x + reach, y + 0.05), (x, y + 0.04)];
        brush.tube(&curve(&slide), metal.lighter(0.1), tube * 0.55);
    }
}

fn valves(brush: &mut Brush<'_>, random: &mut Random, coil: Coil) {
    let Coil { x: cx, y: cy, radius, tube, metal, .. } = coil;
    let lean = random.span(-0.5, 0.5);
    let steel = metal.mix(Color::gray(0.75), random.span(0.2, 0.8));
    brush.within(place(cx + 0.02, cy - 0.02, lean, radius / 0.54, radius / 0.54), |brush| {
        brush.tube(&curve(&[(-0.3, 0.12), (0.0, 0.15), (0.3, 0.12)]), metal, tube * 0.7);
        for i in 0..3 {
            let x = -0.2 + 0.2 * i as f32;
            let lever = [(x, -0.02), (x - 0.03, -0.2), (x - 0.08, -0.32)];
            brush.line(&curve(&lever), steel.darker(0.5), 0.05);
            brush.line(&curve(&lever), steel.lighter(0.3), 0.03);
            brush.form(&ellipse(x - 0.09, -0.34, 0.055, 0.04), steel.lighter(0.2));
            brush.form(&rounded(x - 0.085, -0.05, 0.17, 0.22, 0.05), metal.darker(0.15));
            brush.form(&circle(x, 0.02, 0.085), steel);
            brush.form(&circle(x, 0.02, 0.05), steel.lighter(0.35));
            brush.fill(&circle(x, 0.02, 0.016), BLACK);
        }
    });
}

fn lead_pipe(brush: &mut Brush<'_>, random: &mut Random, coil: Coil) {
    let Coil { x: cx, y: cy, radius, slim, tube, metal } = coil;
    let start: P = around(cx, cy, radius * 0.95, radius * slim * 0.95, random.span(0.54, 0.62));
    let lift = random.span(-0.08, 0.05);
    let end = (cx + radius + 0.36, cy - radius * slim - 0.16 + lift);
    let pipe =
        [start, (cx - radius * 0.3, cy - radius * slim * 0.98), (cx + radius * 0.5, cy - radius * slim * 1.02), end];
    brush.tube(&curve(&pipe), metal, tube * 0.6);
    let silver = Color::gray(0.8);
    let (x, y) = end;
    brush.form(&limb(&[(x - 0.04, y + 0.01, 0.028), (x + 0.05, y - 0.02, 0.04), (x + 0.12, y - 0.045, 0.07)]), silver);
    brush.form(&ellipse(x + 0.12, y - 0.045, 0.028, 0.075), silver.lighter(0.3));
}

fn bell_shape(brush: &mut Brush<'_>, bell: Bell, coil: Coil) {
    let Coil { x: cx, y: cy, radius, metal, .. } = coil;
    // The flare leaves the coil at its lower left and widens toward the mouth.
    let start = around(cx, cy, radius, radius, 0.36);
    let early = around(cx, cy, radius, radius, 0.27);
    let (dx, dy) = (bell.x - early.0, bell.y - early.1);
    let back = 1.0 - bell.openness * 0.5;
    let at = |share: f32, half: f32| (early.0 + dx * share, early.1 + dy * share, half);
    let flare = limb(&[
        (start.0, start.1, 0.05),
        (early.0, early.1, 0.065),
        at(0.35, 0.1),
        at(0.65, bell.radius * 0.36),
        at(0.85 * back.max(0.8), bell.radius * 0.66),
        at(0.98, bell.radius * 0.98),
    ]);
    brush.form(&flare, metal);
    let shine = [
        (early.0, early.1 - 0.02),
        (early.0 + dx * 0.5, early.1 + dy * 0.5 - 0.06),
        (bell.x - 0.1, bell.y - bell.radius * 0.55),
    ];
    brush.line(&curve(&shine), metal.lighter(0.65).faded(0.7), 0.03);
    let angle = libm::atan2f(dy, dx);
    brush.within(place(bell.x, bell.y, angle, bell.openness, 1.0), |brush| {
        let mouth = circle(0.0, 0.0, bell.radius);
        brush.fill(&mouth, metal.darker(0.5));
        let inside = circle(0.0, 0.0, bell.radius * 0.94);
        let deep = (-0.08, -0.04);
        brush.fill_radial(
            &inside,
            deep,
            bell.radius,
            &[
                (0.0, BLACK.mix(metal, 0.05)),
                (0.16, metal.darker(0.85)),
                (0.3, metal.darker(0.5)),
                (0.7, metal.darker(0.05)),
                (0.88, metal.lighter(0.45)),
                (1.0, metal.darker(0.1)),
            ],
        );
        brush.line(&arc(0.0, 0.0, bell.radius * 0.97, bell.radius * 0.97, 0.0, 1.0), metal.lighter(0.35), 0.035);
        brush.line(
            &arc(0.0, 0.0, bell.radius * 0.7, bell.radius * 0.7, 0.55, 0.75),
            metal.lighter(0.8).faded(0.6),
            0.04,
        );
    });
}
