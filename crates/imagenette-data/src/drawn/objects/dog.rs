//! The English springer spaniel: long wavy ears, white with large dark patches; standing, running, sitting, or only
//! its face.

use crate::drawn::brush::{Brush, place};
use crate::drawn::color::{self, BLACK, Color, WHITE};
use crate::drawn::draws::Draws;
use crate::drawn::shape::{P, arc, around, blob, circle, curve, ellipse, limb};
use crate::random::Random;

const PATCHES: [Color; 5] = [
    Color::rgb(0.36, 0.18, 0.1),
    Color::rgb(0.45, 0.24, 0.12),
    Color::rgb(0.12, 0.1, 0.1),
    Color::rgb(0.62, 0.38, 0.18),
    Color::rgb(0.25, 0.13, 0.1),
];

#[derive(Clone, Copy)]
struct Coat {
    white: Color,
    patch: Color,
    collar: Option<Color>,
    tongue: bool,
}

pub(super) fn draw(brush: &mut Brush<'_>, random: &mut Random) {
    let white = WHITE.mix(*random.pick(&[Color::rgb(0.9, 0.82, 0.7), Color::gray(0.8), WHITE]), random.span(0.0, 1.0));
    let patch = color::mostly(random, &PATCHES, 0.9);
    let coat =
        Coat { white, patch, collar: random.chance(0.5).then(|| color::any(random)), tongue: random.chance(0.4) };
    match random.below(10) {
        0..=3 => standing(brush, random, coat),
        4..=6 => sitting(brush, random, coat),
        _ => face(brush, random, coat),
    }
}

/// A fringe of long hair hanging from a line.
fn feather(brush: &mut Brush<'_>, random: &mut Random, from: P, to: P, length: f32, color: Color) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let mut points = vec![from];
    let tufts = 5;
    for i in 0..tufts {
        let (a, b) = ((i as f32 + 0.5) / tufts as f32, (i + 1) as f32 / tufts as f32);
        let long = length * random.span(0.7, 1.2);
        points.push((from.0 + dx * a - 0.02, from.1 + dy * a + long));
        points.push((from.0 + dx * b, from.1 + dy * b + length * 0.35));
    }
    points.push(to);
    brush.form(&blob(&points), color);
}

fn leg(brush: &mut Brush<'_>, hip: P, swing: f32, hind: bool, color: Color) {
    let (x, y) = hip;
    let ground = 0.72 - swing.abs() * 0.12;
    let paw = x + swing * 0.5;
    if hind {
        let (knee, hock) = ((x + 0.1 + swing * 0.15, y + 0.3), (x - 0.07 + swing * 0.42, ground - 0.24));
        brush.form(
            &limb(&[(x, y - 0.02, 0.15), (knee.0, knee.1, 0.1), (hock.0, hock.1, 0.055), (paw, ground, 0.05)]),
            color,
        );
    } else {
        let knee = (x + swing * 0.3 + 0.02, y + 0.36);
        brush.form(&limb(&[(x, y, 0.1), (knee.0, knee.1, 0.065), (paw, ground, 0.05)]), color);
    }
    brush.form(&ellipse(paw + 0.045, ground + 0.02, 0.085, 0.048), color);
    for toe in [0.05, 0.09] {
        brush.line(&curve(&[(paw + toe, ground + 0.01), (paw + toe, ground + 0.05)]), color.darker(0.4), 0.01);
    }
}

fn standing(brush: &mut Brush<'_>, random: &mut Random, coat: Coat) {
    let stride = if random.chance(0.5) { random.span(0.3, 0.75) } else { random.span(0.0, 0.2) };
    let far = coat.white.darker(0.25);
    leg(brush, (0.3, 0.1), -stride * 0.7, false, far);
    leg(brush, (-0.42, 0.02), stride * 0.7, true, far);

    let lift = random.span(-0.3, 0.15);
    let tail = [(-0.52, -0.2, 0.07), (-0.68, -0.27 + lift * 0.5, 0.06), (-0.82, -0.3 + lift, 0.03)];
    feather(brush, random, (-0.58, -0.16), (-0.82, -0.27 + lift), 0.15, coat.white.darker(0.08));
    brush.form(&limb(&tail), coat.patch);

    let fringe = random.span(0.06, 0.12);
    feather(brush, random, (-0.22, 0.14), (0.36, 0.22), fringe, coat.white.darker(0.1));
    let (back, belly) = (random.span(-0.04, 0.04), random.span(-0.02, 0.05));
    let body = blob(&[
        (0.46, -0.1),
        (0.3, -0.3),
        (0.05, -0.27 + back),
        (-0.25, -0.28 + back),
        (-0.5, -0.27),
        (-0.61, -0.12),
        (-0.58, 0.08),
        (-0.38, 0.16),
        (-0.1, 0.13 + belly),
        (0.2, 0.22 + belly),
        (0.42, 0.14),
    ]);
    brush.form(&body, coat.white);
    brush.clipped(&body, |brush| {
        for _ in 0..random.below(2) + 2 {
            let center = (random.span(-0.5, 0.3), random.span(-0.3, -0.1));
            patch(brush, random, center, 0.2, coat.patch);
        }
        freckles(brush, random, (-0.55, -0.25), (0.45, 0.2), 24, coat.patch);
    });
    leg(brush, (-0.46, 0.0), -stride, true, coat.white);
    leg(brush, (0.26, 0.1), stride, false, coat.white);
    let nod = random.span(-0.08, 0.14);
    brush.form(&limb(&[(0.2, -0.06, 0.26), (0.38, -0.28, 0.2), (0.5, -0.48 + nod, 0.15)]), coat.patch);
    let chest = blob(&[(0.4, -0.3), (0.55, -0.16), (0.52, 0.06), (0.36, 0.2), (0.24, 0.12), (0.32, -0.1)]);
    brush.form(&chest, coat.white);
    feather(brush, random, (0.26, 0.12), (0.5, 0.06), 0.12, coat.white);
    if let Some(collar) = coat.collar {
        brush.line(&curve(&[(0.27, -0.36 + nod), (0.43, -0.28 + nod), (0.6, -0.32 + nod)]), collar, 0.06);
    }
    let angle = random.span(-0.25, 0.3);
    brush.within(place(0.55, -0.56 + nod, angle, 1.12, 1.12), |brush| profile(brush, random, coat));
}

/// The head from the side, looking right, the skull at the origin: a clear stop, a deep square muzzle, hanging lips.
fn profile(brush: &mut Brush<'_>, random: &mut Random, coat: Coat) {
    if coat.tongue {
        let tongue = Color::rgb(0.85, 0.4, 0.45);
        brush.form(&limb(&[(0.24, 0.1, 0.045), (0.27, 0.2, 0.05), (0.26, 0.28, 0.035)]), tongue);
        brush.form(&limb(&[(0.06, 0.1, 0.06), (0.17, 0.17, 0.05), (0.26, 0.18, 0.03)]), coat.white.darker(0.12));
    }
    let skull = blob(&[
        (-0.19, 0.02),
        (-0.16, -0.14),
        (-0.02, -0.21),
        (0.1, -0.17),
        (0.15, -0.07),
        (0.14, 0.1),
        (0.0, 0.19),
        (-0.14, 0.15),
    ]);
    brush.form(&skull, coat.patch);
    let muzzle = blob(&[
        (0.1, -0.06),
        (0.2, -0.06),
        (0.34, -0.07),
        (0.385, -0.01),
        (0.37, 0.08),
        (0.31, 0.15),
        (0.2, 0.17),
        (0.08, 0.13),
    ]);
    brush.form(&muzzle, coat.white);
    brush.fill(&limb(&[(0.03, -0.19, 0.025), (0.12, -0.12, 0.04), (0.2, -0.03, 0.04)]), coat.white);
    brush.clipped(&muzzle, |brush| freckles(brush, random, (0.12, -0.02), (0.34, 0.13), 9, coat.patch));
    brush.plain(|brush| {
        brush.form(&ellipse(0.365, -0.04, 0.05, 0.045), BLACK);
        brush.fill(&circle(0.375, -0.055, 0.012), WHITE.faded(0.6));
        brush.line(&curve(&[(0.37, 0.02), (0.33, 0.08), (0.22, 0.1), (0.13, 0.07)]), BLACK.faded(0.8), 0.018);
        brush.fill(&ellipse(0.085, -0.065, 0.046, 0.042), coat.patch.darker(0.6));
        brush.fill(&circle(0.088, -0.065, 0.033), BLACK);
        brush.fill(&circle(0.1, -0.078, 0.012), WHITE);
        brush.line(&arc(0.085, -0.065, 0.065, 0.06, 0.55, 0.9), coat.patch.against(0.3), 0.014);
    });
    let swing = random.span(-0.12, 0.05);
    ear(brush, (-0.08, -0.08), swing, 1.08, coat.patch.darker(0.22));
}

/// A long ear with wavy hair, hanging from its root.
fn ear(brush: &mut Brush<'_>, root: P, swing: f32, size: f32, color: Color) {
    let (x, y) = root;
    let at = |dx: f32, dy: f32| (x + dx * size + swing * dy * 2.0, y + dy * size);
    let outline = [
        at(0.0, -0.04),
        at(0.08, 0.03),
        at(0.1, 0.18),
        at(0.13, 0.32),
        at(0.07, 0.4),
        at(0.05, 0.47),
        at(-0.02, 0.42),
        at(-0.09, 0.46),
        at(-0.1, 0.36),
        at(-0.14, 0.26),
        at(-0.1, 0.1),
    ];
    brush.form(&blob(&outline), color);
    for (offset, long) in [(-0.06, 0.3), (0.0, 0.36), (0.05, 0.28)] {
        let wave = [
            at(offset * 0.6, 0.08),
            at(offset - 0.02, long * 0.5),
            at(offset + 0.02, long * 0.8),
            at(offset, long + 0.04),
        ];
        brush.line(&curve(&wave), color.against(0.3).faded(0.6), 0.014 * size);
    }
}

fn patch(brush: &mut Brush<'_>, random: &mut Random, center: P, size: f32, color: Color) {
    let points: Vec<P> = (0..8)
        .map(|i| {
            let (dx, dy) = around(0.0, 0.0, 1.3, 1.0, i as f32 / 8.0);
            let radius = size * random.span(0.7, 1.3);
            (center.0 + dx * radius, center.1 + dy * radius)
        })
        .collect();
    brush.fill(&blob(&points), color);
}

fn freckles(brush: &mut Brush<'_>, random: &mut Random, from: P, to: P, count: u32, color: Color) {
    for _ in 0..count {
        let (x, y) = (random.span(from.0, to.0), random.span(from.1, to.1));
        brush.fill(&circle(x, y, random.span(0.006, 0.016)), color.faded(0.8));
    }
}

fn sitting(brush: &mut Brush<'_>, random: &mut Random, coat: Coat) {
    feather(brush, random, (-0.42, 0.72), (-0.86, 0.62), 0.1, coat.white);
    brush.form(&limb(&[(-0.35, 0.68, 0.08), (-0.6, 0.72, 0.06), (-0.85, 0.6, 0.03)]), coat.patch);
    let far = coat.white.darker(0.25);
    brush.form(&limb(&[(0.28, 0.05, 0.1), (0.33, 0.45, 0.065), (0.33, 0.8, 0.05)]), far);
    brush.form(&ellipse(0.38, 0.83, 0.08, 0.045), far);
    let body = blob(&[
        (0.12, -0.42),
        (-0.1, -0.25),
        (-0.32, 0.1),
        (-0.46, 0.45),
        (-0.44, 0.75),
        (-0.2, 0.84),
        (0.05, 0.8),
        (0.18, 0.5),
        (0.34, 0.3),
        (0.42, 0.0),
        (0.36, -0.3),
    ]);
    brush.form(&body, coat.white);
    brush.clipped(&body, |brush| {
        let saddle = (-0.2, random.span(0.0, 0.3));
        patch(brush, random, saddle, 0.24, coat.patch);
        patch(brush, random, (-0.35, 0.6), 0.2, coat.patch);
        freckles(brush, random, (-0.4, -0.2), (0.3, 0.8), 24, coat.patch);
    });
    let thigh = blob(&[(-0.35, 0.45), (-0.18, 0.34), (0.0, 0.45), (0.06, 0.65), (-0.02, 0.82), (-0.28, 0.84)]);
    brush.form(&thigh, coat.white.darker(0.06));
    brush.form(&limb(&[(-0.25, 0.82, 0.05), (0.0, 0.83, 0.055), (0.16, 0.84, 0.05)]), coat.white);
    brush.form(&limb(&[(0.2, 0.0, 0.12), (0.24, 0.42, 0.075), (0.23, 0.82, 0.055)]), coat.white);
    brush.form(&ellipse(0.28, 0.84, 0.09, 0.05), coat.white);
    let nod = random.span(-0.04, 0.06);
    brush.form(&limb(&[(0.12, -0.05, 0.26), (0.14, -0.35, 0.19), (0.2, -0.58 + nod, 0.15)]), coat.patch);
    let bib = blob(&[(0.2, -0.42), (0.36, -0.3), (0.42, 0.0), (0.32, 0.22), (0.2, 0.1), (0.16, -0.2)]);
    brush.form(&bib, coat.white);
    feather(brush, random, (0.16, 0.08), (0.4, 0.1), 0.14, coat.white);
    if let Some(collar) = coat.collar {
        brush.line(&curve(&[(-0.03, -0.42), (0.14, -0.36), (0.33, -0.42)]), collar, 0.065);
    }
    let angle = random.span(-0.35, 0.25);
    brush.within(place(0.24, -0.66 + nod, angle, 1.1, 1.1), |brush| profile(brush, random, coat));
}

fn face(brush: &mut Brush<'_>, random: &mut Random, coat: Coat) {
    let body = blob(&[(-0.3, 0.3), (-0.55, 0.65), (-0.62, 1.0), (0.62, 1.0), (0.55, 0.65), (0.3, 0.3)]);
    brush.form(&body, coat.white);
    brush.clipped(&body, |brush| {
        patch(brush, random, (-0.55, 0.9), 0.22, coat.patch);
        patch(brush, random, (0.55, 0.85), 0.22, coat.patch);
    });
    if let Some(collar) = coat.collar {
        brush.line(&curve(&[(-0.36, 0.5), (0.0, 0.68), (0.36, 0.5)]), collar, 0.09);
    }
    let tilt = random.span(-0.25, 0.25);
    let look = random.span(-0.06, 0.06);
    brush.within(place(0.0, 0.0, tilt, 1.0, 1.0), |brush| {
        let skull = blob(&[
            (0.0, -0.62),
            (-0.24, -0.55),
            (-0.36, -0.3),
            (-0.33, 0.0),
            (-0.24, 0.3),
            (0.0, 0.48),
            (0.24, 0.3),
            (0.33, 0.0),
            (0.36, -0.3),
            (0.24, -0.55),
        ]);
        brush.form(&skull, coat.patch);
        let width = random.span(0.05, 0.11);
        let blaze = blob(&[
            (look, -0.6),
            (look - width, -0.35),
            (look - width, -0.05),
            (look - 0.2, 0.15),
            (look - 0.2, 0.38),
            (look, 0.48),
            (look + 0.2, 0.38),
            (look + 0.2, 0.15),
            (look + width, -0.05),
            (look + width, -0.35),
        ]);
        brush.clipped(&skull, |brush| brush.fill(&blaze, coat.white));
        for side in [-1.0, 1.0] {
            brush.within(place(0.34 * side, -0.42, -0.12 * side, side, 1.0), |brush| {
                ear(brush, (0.02, 0.0), random.span(0.0, 0.12), 1.75, coat.patch.darker(0.2));
            });
        }
        if coat.tongue {
            let tongue = Color::rgb(0.88, 0.42, 0.48);
            brush.form(&limb(&[(look, 0.36, 0.08), (look + 0.02, 0.5, 0.09), (look + 0.02, 0.6, 0.06)]), tongue);
        }
        for side in [-1.0, 1.0] {
            brush.form(&ellipse(look + 0.1 * side, 0.28, 0.14, 0.13), coat.white);
            freckles(brush, random, (look + 0.1 * side - 0.08, 0.22), (look + 0.1 * side + 0.08, 0.36), 5, coat.patch);
            let (x, y) = (look + 0.18 * side, -0.1);
            brush.plain(|brush| {
                brush.fill(&ellipse(x, y, 0.075, 0.07), coat.patch.darker(0.6));
                brush.fill(&circle(x, y, 0.055), Color::rgb(0.35, 0.2, 0.1));
                brush.fill(&circle(x, y, 0.034), BLACK);
                brush.fill(&circle(x + 0.02, y - 0.02, 0.015), WHITE);
                brush.line(&arc(x, y + 0.01, 0.1, 0.12, 0.58, 0.92), coat.patch.against(0.25), 0.02);
            });
        }
        brush.plain(|brush| {
            brush.form(
                &blob(&[
                    (look - 0.12, 0.1),
                    (look, 0.07),
                    (look + 0.12, 0.1),
                    (look + 0.06, 0.2),
                    (look, 0.23),
                    (look - 0.06, 0.2),
                ]),
                BLACK,
            );
            brush.fill(&ellipse(look - 0.03, 0.12, 0.04, 0.018), WHITE.faded(0.4));
            brush.line(&curve(&[(look, 0.22), (look, 0.34)]), BLACK, 0.018);
            brush.line(
                &curve(&[
                    (look - 0.16, 0.36),
                    (look - 0.06, 0.39),
                    (look, 0.34),
                    (look + 0.06, 0.39),
                    (look + 0.16, 0.36),
                ]),
                BLACK,
                0.02,
            );
        });
    });
}
