//! The gas pump: a dispenser with display, hose and nozzle; modern, a pair of hoses, or an old one with a globe on
//! top.

use crate::drawn::brush::{Brush, place};
use crate::drawn::color::{self, BLACK, Color, WHITE};
use crate::drawn::draws::{Draws, one_of};
use crate::drawn::shape::{P, arc, around, circle, curve, ellipse, open, polygon, rectangle, rounded};
use crate::random::Random;

pub(super) fn draw(brush: &mut Brush<'_>, random: &mut Random) {
    match random.below(10) {
        0..=4 => modern(brush, random),
        5..=7 => vintage(brush, random),
        _ => double(brush, random),
    }
}

/// The seven bars of a digit, in a box one unit high; bit i of `SEGMENTS[digit]` lights bar i.
const BARS: [(P, P); 7] = [
    ((0.08, 0.0), (0.42, 0.0)),
    ((0.5, 0.05), (0.5, 0.45)),
    ((0.5, 0.55), (0.5, 0.95)),
    ((0.08, 1.0), (0.42, 1.0)),
    ((0.0, 0.55), (0.0, 0.95)),
    ((0.0, 0.05), (0.0, 0.45)),
    ((0.08, 0.5), (0.42, 0.5)),
];
const SEGMENTS: [u8; 10] = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];

/// Digits of a counter, which read from left to right in mirror images too.
fn digits(brush: &mut Brush<'_>, random: &mut Random, x: f32, y: f32, height: f32, count: usize, color: Color) {
    let way = if brush.mirrored() { -1.0 } else { 1.0 };
    let width = height * (0.8 * count as f32 - 0.3);
    let left = if brush.mirrored() { x + width } else { x };
    for i in 0..count {
        let lit = SEGMENTS[random.below(10) as usize];
        brush.within(place(left + way * i as f32 * height * 0.8, y, 0.0, way * height, height), |brush| {
            for (bar, &(from, to)) in BARS.iter().enumerate() {
                if (lit >> bar) & 1 == 1 {
                    brush.bar(from, to, color, 0.13);
                }
            }
        });
    }
}

fn display(brush: &mut Brush<'_>, random: &mut Random, x: f32, y: f32, width: f32, rows: usize) {
    let lit = random.chance(0.5);
    let (back, ink) = if lit {
        (BLACK, *random.pick(&[Color::rgb(0.95, 0.3, 0.15), Color::rgb(0.4, 0.95, 0.4), Color::rgb(1.0, 0.75, 0.2)]))
    } else {
        (Color::rgb(0.72, 0.78, 0.66), BLACK)
    };
    for row in 0..rows {
        let y = y + row as f32 * 0.2;
        brush.form(&rounded(x, y, width, 0.17, 0.02), back);
        digits(brush, random, x + width * 0.18, y + 0.035, 0.1, 4, ink);
    }
}

/// The pistol-shaped nozzle, hanging with its spout to the lower left; the hose joins at (0.1, 0.45).
fn nozzle(brush: &mut Brush<'_>, random: &mut Random, color: Color) {
    let steel = Color::gray(0.7);
    let spout = curve(&[(0.0, -0.12), (-0.2, -0.16), (-0.34, -0.02), (-0.38, 0.16)]);
    brush.line(&spout, BLACK, 0.095);
    brush.line(&spout, steel, 0.065);
    brush.form(&polygon(&[(-0.08, -0.2), (0.12, -0.2), (0.18, 0.42), (0.04, 0.44)]), color);
    let guard = open(&[(-0.04, -0.06), (-0.14, 0.12), (-0.06, 0.36), (0.06, 0.38)]);
    brush.line(&guard, BLACK.lighter(random.span(0.0, 0.3)), 0.04);
    brush.line(&curve(&[(0.0, 0.0), (-0.06, 0.14), (0.0, 0.28)]), steel.darker(0.3), 0.035);
}

fn hose(brush: &mut Brush<'_>, points: &[P], color: Color) {
    brush.line(&curve(points), BLACK, 0.085);
    brush.line(&curve(points), color, 0.06);
    brush.line(&curve(points), color.lighter(0.45).faded(0.7), 0.014);
}

fn buttons(brush: &mut Brush<'_>, random: &mut Random, x: f32, y: f32, width: f32, count: usize) {
    let step = width / count as f32;
    for i in 0..count {
        let color = color::any(random);
        brush.form(&rounded(x + step * i as f32 + step * 0.08, y, step * 0.84, step * 0.9, 0.02), color);
        brush.bar(
            (x + step * (i as f32 + 0.25), y + step * 0.45),
            (x + step * (i as f32 + 0.75), y + step * 0.45),
            color.against(0.7),
            step * 0.18,
        );
    }
}

fn island(brush: &mut Brush<'_>, half: f32) {
    brush.form(&polygon(&[(-half, 0.86), (half, 0.86), (half + 0.08, 0.98), (-half - 0.08, 0.98)]), Color::gray(0.62));
    brush.bar((-half - 0.08, 0.97), (half + 0.08, 0.97), Color::rgb(0.85, 0.75, 0.2), 0.03);
}

fn modern(brush: &mut Brush<'_>, random: &mut Random) {
    let body = color::any(random);
    let panel = one_of([WHITE, Color::gray(0.6), BLACK.lighter(0.15), body.lighter(0.4), color::any(random)], random);
    let (half, top) = (random.span(0.38, 0.5), random.span(-0.9, -0.75));
    let hose_color = BLACK.lighter(random.span(0.05, 0.25));
    island(brush, 0.72);
    let depth = random.span(0.06, 0.16);
    let side = polygon(&[(half, top), (half + depth, top + 0.07), (half + depth, 0.82), (half, 0.88)]);
    brush.form(&side, body.darker(0.4));
    brush.form(&rounded(-half, top, half * 2.0, 0.88 - top, 0.06), body);
    // The head with a maker's stripe, then display, buttons and the lower panel.
    brush.form(&rounded(-half - 0.04, top - 0.04, half * 2.0 + 0.08, 0.2, 0.05), panel.darker(0.1));
    brush.bar((-half * 0.6, top + 0.06), (half * 0.5, top + 0.06), panel.against(0.7), 0.06);
    brush.form(&rounded(-half + 0.06, top + 0.22, half * 2.0 - 0.12, 0.86, 0.04), panel);
    display(brush, random, -half + 0.12, top + 0.28, half * 2.0 - 0.24, 2);
    let count = random.below(2) as usize + 3;
    buttons(brush, random, -half + 0.12, top + 0.74, half * 2.0 - 0.24, count);
    if random.chance(0.6) {
        let lower = color::any(random);
        brush.fill(&rectangle(-half, 0.42, half * 2.0, 0.3), lower);
        brush.bar((-half, 0.57), (half, 0.57), lower.against(0.5), 0.05);
    }
    let sag = random.span(0.3, 0.75);
    let holster = (half + depth * 0.5, random.span(-0.25, 0.0));
    brush.form(&rounded(holster.0 - 0.1, holster.1 - 0.2, 0.24, 0.5, 0.05), BLACK.lighter(0.1));
    let (x, y) = holster;
    let points = [
        (half * 0.5, top - 0.02),
        (x + 0.1, top - 0.12),
        (x + 0.38, top + 0.35),
        (x + 0.4, sag),
        (x + 0.22, sag + 0.1),
        (x + 0.16, y + 0.42),
    ];
    hose(brush, &points, hose_color);
    let grip = color::any(random);
    brush.within(place(x + 0.07, y, -0.05, 0.9, 0.9), |brush| nozzle(brush, random, grip));
}

fn vintage(brush: &mut Brush<'_>, random: &mut Random) {
    let body = color::any(random);
    let trim = one_of([WHITE, color::any(random), Color::rgb(0.85, 0.7, 0.3)], random);
    island(brush, 0.55);
    let half = random.span(0.26, 0.34);
    let globe = random.chance(0.75);
    let top = if globe { -0.48 } else { -0.7 };
    if globe {
        let glass = WHITE.mix(Color::rgb(1.0, 0.95, 0.75), random.span(0.0, 1.0));
        brush.form(&polygon(&[(-0.12, -0.5), (-0.08, -0.6), (0.08, -0.6), (0.12, -0.5)]), trim.darker(0.2));
        brush.form(&circle(0.0, -0.76, 0.22), glass);
        brush.line(&arc(0.0, -0.76, 0.18, 0.18, 0.0, 1.0), color::any(random), 0.04);
        brush.bar((-0.13, -0.78), (0.13, -0.78), color::any(random), 0.07);
    }
    let shoulders = polygon(&[
        (-half * 0.7, top),
        (half * 0.7, top),
        (half, top + 0.12),
        (half, 0.1),
        (half * 0.85, 0.2),
        (half * 0.85, 0.72),
        (half * 1.15, 0.88),
        (-half * 1.15, 0.88),
        (-half * 0.85, 0.72),
        (-half * 0.85, 0.2),
        (-half, 0.1),
        (-half, top + 0.12),
    ]);
    brush.form(&shoulders, body);
    if random.chance(0.5) {
        let radius = half * 0.72;
        let y = top + 0.14 + radius;
        brush.form(&circle(0.0, y, radius * 1.12), trim);
        brush.fill(&circle(0.0, y, radius), WHITE);
        for i in 0..12 {
            let (from, to) = (ring(y, radius * 0.78, i), ring(y, radius * 0.94, i));
            brush.bar(from, to, BLACK, 0.016);
        }
        brush.bar((0.0, y), ring(y, radius * 0.7, random.below(12)), Color::rgb(0.8, 0.1, 0.1), 0.025);
        brush.fill(&circle(0.0, y, 0.03), BLACK);
    } else {
        brush.form(&rounded(-half * 0.78, top + 0.12, half * 1.56, 0.46, 0.04), trim);
        display(brush, random, -half * 0.68, top + 0.16, half * 1.36, 2);
    }
    brush.fill(&rectangle(-half * 0.85, 0.28, half * 1.7, 0.06), trim);
    brush.form(&ellipse(0.0, 0.52, half * 0.5, 0.1), trim);
    brush.bar((-half * 0.3, 0.52), (half * 0.3, 0.52), trim.against(0.7), 0.04);
    let sag = random.span(0.45, 0.7);
    let hose_color = BLACK.lighter(random.span(0.05, 0.2));
    let points = [
        (half * 0.9, 0.12),
        (half + 0.2, 0.22),
        (half + 0.34, sag),
        (half + 0.2, sag + 0.1),
        (half + 0.13, 0.32),
        (half + 0.14, 0.1),
    ];
    hose(brush, &points, hose_color);
    brush.within(place(half + 0.06, -0.2, 0.1, 0.75, 0.75), |brush| nozzle(brush, random, Color::gray(0.65)));
}

fn ring(y: f32, radius: f32, hour: u32) -> P {
    around(0.0, y, radius, radius, hour as f32 / 12.0)
}

fn double(brush: &mut Brush<'_>, random: &mut Random) {
    let (body, panel) = (color::any(random), *random.pick(&[WHITE, Color::gray(0.7), BLACK.lighter(0.15)]));
    island(brush, 0.8);
    for side in [-1.0, 1.0] {
        brush.form(&rectangle(side * 0.5 - 0.07, -0.75, 0.14, 1.63), Color::gray(0.6));
    }
    let head = color::any(random);
    brush.form(&rounded(-0.68, -0.95, 1.36, 0.26, 0.05), head);
    brush.bar((-0.45, -0.82), (0.45, -0.82), head.against(0.75), 0.08);
    brush.form(&rounded(-0.5, -0.62, 1.0, 1.5, 0.04), body);
    brush.form(&rounded(-0.44, -0.56, 0.88, 0.62, 0.03), panel);
    display(brush, random, -0.38, -0.5, 0.5, 2);
    buttons(brush, random, -0.4, -0.08, 0.8, 5);
    brush.form(&rounded(0.18, -0.5, 0.22, 0.37, 0.02), BLACK.lighter(0.2));
    for side in [-1.0, 1.0] {
        let grip = color::any(random);
        let sag = random.span(0.5, 0.75);
        let points = [(0.46, -0.68), (0.72, -0.55), (0.9, 0.1), (0.82, sag), (0.7, sag - 0.1), (0.66, 0.42)];
        brush.within(place(0.0, 0.0, 0.0, side, 1.0), |brush| {
            hose(brush, &points, BLACK.lighter(0.1));
            brush.within(place(0.58, 0.12, -0.05, 0.8, 0.8), |brush| nozzle(brush, random, grip));
        });
    }
}
