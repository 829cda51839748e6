//! The tench: a stout fish with rounded fins, fine scales and a barbel, seen from the side or from above, bent or
//! straight.

use crate::drawn::brush::Brush;
use crate::drawn::color::{self, BLACK, Color, WHITE};
use crate::drawn::draws::Draws;
use crate::drawn::shape::{P, arc, blob, circle, curve, ellipse, limb, polygon};
use crate::random::Random;

const NATURAL: [Color; 4] = [
    Color::rgb(0.42, 0.42, 0.18),
    Color::rgb(0.55, 0.47, 0.2),
    Color::rgb(0.3, 0.36, 0.22),
    Color::rgb(0.72, 0.55, 0.22),
];

/// Half heights of the body from the snout to the root of the tail.
const PROFILE: [(f32, f32); 9] = [
    (0.0, 0.05),
    (0.06, 0.15),
    (0.16, 0.24),
    (0.3, 0.31),
    (0.45, 0.33),
    (0.6, 0.29),
    (0.75, 0.2),
    (0.9, 0.13),
    (1.0, 0.12),
];

/// The bent center line: it maps a point of the straight fish to its place in the bent one.
#[derive(Clone, Copy)]
struct Body {
    bend: f32,
    wave: f32,
    depth: f32,
}

impl Body {
    /// `along` runs from the snout (0) over the root of the tail (1) to the tips of the tail; `across` is downward.
    fn at(self, along: f32, across: f32) -> P {
        let x = 0.85 - along * 1.4;
        let (centered, s) = (x - 0.1, along - 0.4);
        let y = self.bend * (centered * centered - 0.25) + self.wave * s * s * s;
        let slope = 2.0 * self.bend * centered - 3.0 * self.wave * s * s / 1.4;
        let length = (1.0 + slope * slope).sqrt();
        (x - across * self.depth * slope / length, y + across * self.depth / length)
    }

    fn shape(self, points: &[P]) -> Vec<P> {
        points.iter().map(|&(along, across)| self.at(along, across)).collect()
    }

    fn outline(self) -> Vec<P> {
        let mut points: Vec<P> = PROFILE.iter().map(|&(along, half)| self.at(along, -half)).collect();
        points.extend(PROFILE.iter().rev().map(|&(along, half)| self.at(along, half)));
        points
    }
}

pub(super) fn draw(brush: &mut Brush<'_>, random: &mut Random) {
    let body = Body { bend: random.span(-0.35, 0.35), wave: random.span(-0.5, 0.5), depth: random.span(0.85, 1.2) };
    let skin = color::mostly(random, &NATURAL, 0.5);
    let fin = if random.chance(0.6) { skin.darker(random.span(0.1, 0.4)) } else { color::any(random) };
    if random.chance(0.18) {
        from_above(brush, random, body, skin, fin)
    } else {
        from_the_side(brush, random, body, skin, fin)
    }
}

fn fin_shape(brush: &mut Brush<'_>, body: Body, outline: &[P], rays: &[(P, P)], color: Color) {
    brush.form(&blob(&body.shape(outline)), color);
    for &(from, to) in rays {
        brush.line(&curve(&[body.at(from.0, from.1), body.at(to.0, to.1)]), color.against(0.35).faded(0.7), 0.012);
    }
}

fn tail(brush: &mut Brush<'_>, body: Body, color: Color, spread: f32, fork: f32) {
    let outline = [
        (0.93, -0.11),
        (1.12, -0.2 * spread),
        (1.3, -0.36 * spread),
        (1.36, -0.26 * spread),
        (1.34 - fork, 0.0),
        (1.36, 0.26 * spread),
        (1.3, 0.36 * spread),
        (1.12, 0.2 * spread),
        (0.93, 0.11),
    ];
    let rays: Vec<(P, P)> = (-3..=3)
        .map(|i| i as f32 / 3.0)
        .map(|s| ((1.0, 0.07 * s), (1.3 - fork * (1.0 - s.abs()), 0.3 * spread * s)))
        .collect();
    fin_shape(brush, body, &outline, &rays, color);
}

fn from_the_side(brush: &mut Brush<'_>, random: &mut Random, body: Body, skin: Color, fin: Color) {
    let spread = random.span(0.8, 1.2);
    tail(brush, body, fin, spread, random.span(0.0, 0.1));
    let tall = random.span(0.8, 1.25);
    let rays = |from: f32, to: f32, root: f32, tip: f32| -> Vec<(P, P)> {
        (0..6).map(|i| from + (to - from) * i as f32 / 5.0).map(|along| ((along, root), (along + 0.07, tip))).collect()
    };
    let dorsal =
        [(0.34, -0.28), (0.4, -0.48 * tall), (0.5, -0.55 * tall), (0.62, -0.48 * tall), (0.68, -0.36), (0.64, -0.22)];
    fin_shape(brush, body, &dorsal, &rays(0.4, 0.58, -0.3, -0.48 * tall), fin);
    let anal = [(0.66, 0.2), (0.72, 0.4 * tall), (0.8, 0.44 * tall), (0.88, 0.36 * tall), (0.84, 0.14)];
    fin_shape(brush, body, &anal, &rays(0.7, 0.8, 0.22, 0.38 * tall), fin);
    let pelvic = [(0.42, 0.26), (0.46, 0.46 * tall), (0.55, 0.54 * tall), (0.6, 0.46 * tall), (0.52, 0.26)];
    fin_shape(brush, body, &pelvic, &rays(0.45, 0.52, 0.28, 0.46 * tall), fin);

    let outline = blob(&body.outline());
    brush.form(&outline, skin);
    let belly = skin.mix(Color::rgb(0.95, 0.88, 0.6), random.span(0.3, 0.75));
    let (scale_share, patterned) = (random.span(0.15, 0.4), random.chance(0.25));
    brush.clipped(&outline, |brush| {
        let (top, bottom) = (body.at(0.45, -0.05), body.at(0.45, 0.33));
        brush.fill_linear(&outline, (top, belly.faded(0.0)), (bottom, belly.faded(0.9)));
        if patterned {
            for i in 0..4 {
                let along = 0.34 + 0.17 * i as f32;
                let stripe = [(along, -0.4), (along + 0.06, -0.1), (along + 0.02, 0.2)];
                brush.line(&curve(&body.shape(&stripe)), skin.darker(0.5).faded(0.6), 0.06);
            }
        }
        for column in 0..15 {
            for row in -5..=5 {
                let along = 0.28 + column as f32 * 0.05;
                let across = (row as f32 + 0.5 * (column % 2) as f32) * 0.062;
                let scale = [(along, across - 0.035), (along + 0.03, across), (along, across + 0.035)];
                brush.line(&curve(&body.shape(&scale)), skin.against(0.5).faded(scale_share), 0.011);
            }
        }
        let side_line = [(0.26, -0.06), (0.5, -0.03), (0.75, 0.0), (1.0, 0.0)];
        brush.line(&curve(&body.shape(&side_line)), skin.darker(0.5).faded(0.6), 0.014);
        let back = [(0.1, -0.2), (0.4, -0.29), (0.7, -0.22), (0.95, -0.12)];
        brush.line(&curve(&body.shape(&back)), skin.lighter(0.5).faded(0.35), 0.04);
    });
    head(brush, random, body, skin);
    let droop = random.span(-0.1, 0.15);
    let pectoral = [(0.27, 0.08), (0.34, 0.16 + droop), (0.45, 0.26 + droop), (0.48, 0.17 + droop), (0.38, 0.06)];
    let tips = [((0.3, 0.1), (0.45, 0.22 + droop)), ((0.32, 0.09), (0.46, 0.17 + droop))];
    fin_shape(brush, body, &pectoral, &tips, fin);
}

fn head(brush: &mut Brush<'_>, random: &mut Random, body: Body, skin: Color) {
    let gill = [(0.2, -0.19), (0.26, -0.08), (0.27, 0.05), (0.2, 0.2)];
    brush.line(&curve(&body.shape(&gill)), skin.darker(0.6), 0.022);
    let cheek = [(0.17, -0.1), (0.21, -0.02), (0.19, 0.1)];
    brush.line(&curve(&body.shape(&cheek)), skin.darker(0.4).faded(0.7), 0.014);
    let (x, y) = body.at(0.11, -0.07);
    let iris = *random.pick(&[Color::rgb(0.85, 0.3, 0.1), Color::rgb(0.9, 0.7, 0.2), WHITE]);
    brush.plain(|brush| {
        brush.fill(&circle(x, y, 0.056), skin.darker(0.6));
        brush.fill(&circle(x, y, 0.044), iris);
        brush.fill(&circle(x, y, 0.026), BLACK);
        brush.fill(&circle(x + 0.012, y - 0.012, 0.01), WHITE);
    });
    let open = random.chance(0.3);
    let lips = skin.mix(Color::rgb(0.85, 0.5, 0.4), 0.4);
    if open {
        let (x, y) = body.at(0.012, 0.035);
        brush.fill(&ellipse(x, y, 0.04, 0.06), BLACK);
        brush.line(&arc(x, y, 0.04, 0.06, 0.0, 1.0), lips, 0.025);
    } else {
        let mouth = [(-0.005, 0.01), (0.04, 0.045), (0.075, 0.05)];
        brush.line(&curve(&body.shape(&mouth)), lips.darker(0.5), 0.022);
    }
    let barbel = [(0.06, 0.09), (0.07, 0.15), (0.05, 0.2)];
    brush.line(&curve(&body.shape(&barbel)), skin.darker(0.4), 0.016);
}

fn from_above(brush: &mut Brush<'_>, random: &mut Random, body: Body, skin: Color, fin: Color) {
    let body = Body { depth: 0.72, bend: body.bend * 1.3, wave: body.wave * 2.0 };
    tail(brush, body, fin, 0.55, 0.06);
    for side in [-1.0, 1.0] {
        let pectoral = [(0.24, 0.22), (0.3, 0.5), (0.42, 0.62), (0.47, 0.5), (0.36, 0.24)];
        let mirrored: Vec<P> = pectoral.iter().map(|&(along, across)| (along, across * side)).collect();
        let rays = [((0.28, 0.24 * side), (0.41, 0.54 * side)), ((0.31, 0.25 * side), (0.44, 0.48 * side))];
        fin_shape(brush, body, &mirrored, &rays, fin);
        let pelvic: Vec<P> =
            [(0.6, 0.2), (0.66, 0.36), (0.75, 0.4), (0.7, 0.2)].iter().map(|&(along, y)| (along, y * side)).collect();
        fin_shape(brush, body, &pelvic, &[], fin);
    }
    let outline = blob(&body.outline());
    brush.form(&outline, skin);
    let spots = if random.chance(0.5) { random.below(5) + 2 } else { 0 };
    let patch = color::any(random);
    brush.clipped(&outline, |brush| {
        for _ in 0..spots {
            let (x, y) = body.at(random.span(0.1, 1.0), random.span(-0.25, 0.25));
            brush.fill(&ellipse(x, y, random.span(0.08, 0.2), random.span(0.05, 0.14)), patch.faded(0.9));
        }
        for column in 0..14 {
            for row in -4..=4 {
                let (along, across) = (0.28 + column as f32 * 0.052, (row as f32 + 0.5 * (column % 2) as f32) * 0.07);
                let scale = [(along, across - 0.04), (along + 0.032, across), (along, across + 0.04)];
                brush.line(&curve(&body.shape(&scale)), skin.against(0.5).faded(0.3), 0.012);
            }
        }
    });
    let ridge = [(0.32, 0.0), (0.45, 0.02), (0.62, 0.0)];
    brush.line(&limb_line(body, &ridge), fin, 0.05);
    for side in [-1.0, 1.0] {
        let (x, y) = body.at(0.09, 0.15 * side);
        brush.fill(&circle(x, y, 0.05), skin.darker(0.5));
        brush.fill(&circle(x, y, 0.034), BLACK);
        let gill = [(0.24, 0.26 * side), (0.22, 0.14 * side), (0.25, 0.06 * side)];
        brush.line(&curve(&body.shape(&gill)), skin.darker(0.5), 0.02);
        let barbel = [(0.03, 0.08 * side), (-0.02, 0.15 * side), (0.0, 0.2 * side)];
        brush.line(&curve(&body.shape(&barbel)), skin.darker(0.4), 0.016);
    }
    let snout = polygon(&body.shape(&[(0.0, -0.04), (0.03, 0.0), (0.0, 0.04)]));
    brush.line(&snout, skin.darker(0.5), 0.012);
    let (x, y) = body.at(0.18, 0.0);
    brush.fill(&limb(&[(x + 0.05, y, 0.03), (x - 0.02, y, 0.05), (x - 0.1, y, 0.02)]), skin.lighter(0.3).faded(0.3));
}

fn limb_line(body: Body, points: &[P]) -> tiny_skia::Path {
    curve(&body.shape(points))
}
