//! The parachute: a round canopy, a ram-air wing, or the canopy from below; gores, lines and someone (or a box)
//! beneath.

use crate::drawn::brush::{Brush, place};
use crate::drawn::color::{self, BLACK, Color, WHITE};
use crate::drawn::draws::Draws;
use crate::drawn::shape::{P, around, blob, circle, curve, limb, open, polygon, rounded};
use crate::random::Random;

pub(super) fn draw(brush: &mut Brush<'_>, random: &mut Random) {
    let first = color::any(random);
    let second = if random.chance(0.4) { WHITE } else { color::any(random) };
    let third = if random.chance(0.4) { color::any(random) } else { first };
    let cloth = [first, second, third];
    match random.below(10) {
        0..=4 => dome(brush, random, cloth),
        5..=7 => wing(brush, random, cloth),
        _ => from_below(brush, random, cloth),
    }
}

/// A point on the lower rim of the canopy, from -1 (left) to 1 (right).
fn rim(s: f32, half: f32, y: f32, sag: f32) -> P {
    (s * half, y + sag * (1.0 - s * s))
}

fn dome(brush: &mut Brush<'_>, random: &mut Random, cloth: [Color; 3]) {
    let half = random.span(0.72, 0.95);
    let (top, y, sag) = (-0.92, random.span(-0.3, -0.12), random.span(0.0, 0.14));
    let gores = random.below(4) as usize * 2 + 5;
    // Seams are closer together toward the sides, as on a globe.
    let seam = |i: usize| libm::sinf((i as f32 / gores as f32 - 0.5) * std::f32::consts::PI);
    let harness = (random.span(-0.08, 0.08), 0.55);
    for i in 0..=gores {
        let (x, y) = rim(seam(i), half, y, sag);
        brush.line(&open(&[(x, y), (harness.0 + 0.1 * seam(i), harness.1)]), Color::gray(0.3).faded(0.85), 0.014);
    }
    if sag > 0.05 {
        let under: Vec<P> = (0..=8).map(|i| i as f32 / 4.0 - 1.0).map(|s| rim(s, half, y, sag)).collect();
        let mut shape = under.clone();
        shape.extend((0..=8).rev().map(|i| i as f32 / 4.0 - 1.0).map(|s| rim(s, half, y, -sag * 0.5)));
        brush.fill(&polygon(&shape), cloth[0].darker(0.55));
    }
    let bulge = random.span(0.5, 0.75);
    let side = |s: f32| -> Vec<P> {
        // From the apex down the seam to the rim.
        let (x, rim_y) = rim(s, half, y, sag);
        (0..=4)
            .map(|i| i as f32 / 4.0)
            .map(|t| {
                let out = libm::sinf(t * std::f32::consts::FRAC_PI_2);
                let down = 1.0 - libm::cosf(t * std::f32::consts::FRAC_PI_2);
                (
                    x * (out * bulge + t * (1.0 - bulge)).min(1.0),
                    top + (rim_y - top) * (down * bulge + t * (1.0 - bulge)),
                )
            })
            .collect()
    };
    for i in 0..gores {
        let (left, right) = (side(seam(i)), side(seam(i + 1)));
        let middle = rim((seam(i) + seam(i + 1)) / 2.0, half, y, sag);
        let mut gore = left;
        gore.push((middle.0, middle.1 + 0.05));
        gore.extend(right.into_iter().rev());
        let color = if i % 2 == 0 { cloth[0] } else { cloth[1] };
        let shade = (i as f32 / gores as f32 - 0.4).abs() * 0.5;
        brush.form(&polygon(&gore), if i % 4 == 2 { cloth[2].darker(shade) } else { color.darker(shade) });
        brush.line(&curve(&side(seam(i))), color.darker(0.5).faded(0.6), 0.014);
    }
    brush.fill(&rounded(-0.07, top - 0.02, 0.14, 0.05, 0.02), BLACK.faded(0.7));
    load(brush, random, harness.0, harness.1);
}

fn wing(brush: &mut Brush<'_>, random: &mut Random, cloth: [Color; 3]) {
    let cells = random.below(4) as usize + 7;
    let (arch, depth) = (random.span(0.18, 0.42), random.span(0.2, 0.34));
    let lean = random.span(-0.12, 0.12);
    let at = |s: f32, down: f32| (s * 0.98 + lean * (1.0 - down), -0.8 + arch * s * s + down);
    let harness = (random.span(-0.1, 0.1), 0.55);
    for i in 0..=cells {
        let s = 2.0 * i as f32 / cells as f32 - 1.0;
        for (down, joint) in [(depth, 0.1), (depth * 0.55, -0.1)] {
            let foot = (harness.0 + 0.1 * s.signum() + joint * 0.3, harness.1);
            brush.line(&open(&[at(s, down), foot]), Color::gray(0.3).faded(0.8), 0.012);
        }
    }
    for i in 0..cells {
        let (a, b) = (2.0 * i as f32 / cells as f32 - 1.0, 2.0 * (i + 1) as f32 / cells as f32 - 1.0);
        let middle = (a + b) / 2.0;
        let color = match i % 4 {
            0 | 2 => cloth[0],
            1 => cloth[1],
            _ => cloth[2],
        };
        let puff = [at(a, 0.0), at(middle, -0.035), at(b, 0.0), at(b, depth), at(middle, depth + 0.03), at(a, depth)];
        brush.form(&polygon(&puff), color);
        // The openings along the leading edge.
        let mouth = [
            at(a * 0.98 + middle * 0.02, depth * 0.66),
            at(b * 0.98 + middle * 0.02, depth * 0.66),
            at(b, depth),
            at(middle, depth + 0.03),
            at(a, depth),
        ];
        brush.fill(&polygon(&mouth), color.darker(0.55));
        brush.bar(at(a, 0.0), at(a, depth), color.darker(0.5), 0.018);
    }
    for side in [-1.0, 1.0] {
        let tip = [
            at(side, 0.0),
            at(side, depth),
            (at(side, depth).0 - side * 0.03, at(side, depth).1 + 0.16),
            at(side * 0.86, depth),
        ];
        brush.form(&polygon(&tip), cloth[1].darker(0.15));
    }
    load(brush, random, harness.0, harness.1);
}

fn from_below(brush: &mut Brush<'_>, random: &mut Random, cloth: [Color; 3]) {
    let gores = random.below(4) as usize * 2 + 10;
    let (cx, cy) = (random.span(-0.1, 0.1), -0.15);
    let flat = random.span(0.75, 1.0);
    let phase = random.span(0.0, 1.0);
    for i in 0..gores {
        let (a, b) = ((i as f32 + phase) / gores as f32, (i as f32 + 1.0 + phase) / gores as f32);
        let color = if i % 2 == 0 { cloth[0] } else { cloth[1] };
        let outer = |turn: f32, r: f32| around(cx, cy, 0.8 * r, 0.8 * flat * r, turn);
        let gore = [(cx, cy), outer(a, 1.0), outer((a + b) / 2.0, 1.05), outer(b, 1.0)];
        brush.fill(&polygon(&gore), color);
        brush.fill_linear(&polygon(&gore), ((cx, cy), BLACK.faded(0.35)), (outer(a, 1.0), BLACK.faded(0.0)));
        brush.line(&open(&[(cx, cy), outer(a, 1.0)]), color.darker(0.5), 0.016);
    }
    brush.form(&circle(cx, cy, 0.08), Color::gray(0.8));
    let (x, y) = (cx + random.span(-0.15, 0.15), cy + random.span(0.45, 0.75));
    for i in 0..gores {
        let turn = (i as f32 + phase) / gores as f32;
        brush.line(&open(&[around(cx, cy, 0.8, 0.8 * flat, turn), (x, y)]), Color::gray(0.25).faded(0.75), 0.012);
    }
    load(brush, random, x, y);
}

/// What hangs from the lines: one jumper, two, or a crate.
fn load(brush: &mut Brush<'_>, random: &mut Random, x: f32, y: f32) {
    if random.chance(0.15) {
        let wood = Color::rgb(0.65, 0.47, 0.28);
        brush.within(place(x, y + 0.15, random.span(-0.3, 0.3), 1.0, 1.0), |brush| {
            brush.form(&rounded(-0.17, -0.14, 0.34, 0.3, 0.02), wood);
            brush.line(&open(&[(-0.17, -0.14), (0.17, 0.16)]), wood.darker(0.4), 0.03);
            brush.line(&open(&[(-0.17, 0.16), (0.17, -0.14)]), wood.darker(0.4), 0.03);
        });
        return;
    }
    let (suit, helmet, pack) = (color::any(random), color::any(random), color::any(random));
    let skin = *random.pick(&[Color::rgb(0.9, 0.7, 0.55), Color::rgb(0.6, 0.42, 0.3), Color::rgb(0.35, 0.24, 0.18)]);
    let (swing, size) = (random.span(-0.35, 0.35), random.span(0.85, 1.15));
    let spread = random.span(0.03, 0.12);
    brush.within(place(x, y, swing, size, size), |brush| {
        for side in [-1.0, 1.0] {
            let foot = (side * (0.04 + spread * 0.7), 0.46);
            brush.form(
                &limb(&[(side * 0.04, 0.2, 0.05), (side * (0.045 + spread), 0.33, 0.042), (foot.0, foot.1, 0.032)]),
                suit.darker(0.2),
            );
            brush.form(&limb(&[(foot.0 - side * 0.02, 0.47, 0.03), (foot.0 + side * 0.04, 0.48, 0.025)]), BLACK);
            brush.form(
                &limb(&[(side * 0.07, 0.07, 0.034), (side * 0.15, -0.03, 0.028), (side * 0.12, -0.17, 0.022)]),
                suit,
            );
            brush.fill(&circle(side * 0.12, -0.18, 0.026), skin);
        }
        brush.form(&blob(&[(-0.1, 0.04), (0.0, 0.01), (0.1, 0.04), (0.075, 0.25), (-0.075, 0.25)]), suit);
        brush.line(&open(&[(-0.06, 0.04), (-0.03, 0.24)]), pack, 0.025);
        brush.line(&open(&[(0.06, 0.04), (0.03, 0.24)]), pack, 0.025);
        brush.form(&circle(0.0, -0.05, 0.06), skin);
        brush.form(
            &blob(&[(-0.066, -0.05), (-0.05, -0.105), (0.0, -0.12), (0.05, -0.105), (0.066, -0.05), (0.0, -0.06)]),
            helmet,
        );
    });
}
