//! The garbage truck: cab, ribbed hopper body and wheels; a rear loader, a front loader with its fork, or the open
//! back.

use crate::drawn::brush::{Brush, place};
use crate::drawn::color::{self, BLACK, Color, WHITE};
use crate::drawn::draws::Draws;
use crate::drawn::shape::{arc, around, blob, circle, curve, ellipse, open, polygon, rectangle, rounded};
use crate::random::Random;

const NATURAL: [Color; 4] = [Color::rgb(0.2, 0.5, 0.25), WHITE, Color::rgb(0.9, 0.5, 0.1), Color::rgb(0.2, 0.35, 0.6)];

/// Paint of cab and body.
#[derive(Clone, Copy)]
struct Paint {
    cab: Color,
    body: Color,
    glass: Color,
    steel: Color,
}

pub(super) fn draw(brush: &mut Brush<'_>, random: &mut Random) {
    let body = color::mostly(random, &NATURAL, 0.5);
    let paint = Paint {
        cab: if random.chance(0.5) { body } else { color::mostly(random, &[WHITE, Color::rgb(0.8, 0.3, 0.1)], 0.5) },
        body,
        glass: *random.pick(&[Color::rgb(0.55, 0.72, 0.8), BLACK.lighter(0.2), Color::rgb(0.3, 0.4, 0.48)]),
        steel: Color::gray(random.span(0.15, 0.4)),
    };
    match random.below(10) {
        0..=3 => rear_loader(brush, random, paint),
        4..=6 => front_loader(brush, random, paint),
        _ => open_back(brush, random, paint),
    }
}

fn wheel(brush: &mut Brush<'_>, x: f32, radius: f32) {
    let y = 0.62;
    brush.form(&circle(x, y, radius), BLACK.lighter(0.08));
    brush.line(&arc(x, y, radius * 0.8, radius * 0.8, 0.0, 1.0), BLACK.lighter(0.25), radius * 0.06);
    brush.form(&circle(x, y, radius * 0.55), Color::gray(0.65));
    brush.fill(&circle(x, y, radius * 0.2), Color::gray(0.35));
    for i in 0..6 {
        let (x, y) = around(x, y, radius * 0.38, radius * 0.38, i as f32 / 6.0);
        brush.fill(&circle(x, y, radius * 0.07), BLACK);
    }
}

/// The chassis with its wheels; `front` is where the front wheel stands.
fn chassis(brush: &mut Brush<'_>, random: &mut Random, paint: Paint, front: f32) {
    brush.fill(&rectangle(-0.95, 0.42, 1.9, 0.13), paint.steel);
    brush.fill(&rectangle(-0.1, 0.46, 0.3, 0.14), paint.steel.lighter(0.3));
    let radius = random.span(0.17, 0.2);
    for x in [-0.62, -0.62 + radius * 2.1, front] {
        brush.fill(&circle(x, 0.6, radius * 1.15), BLACK);
        wheel(brush, x, radius);
    }
}

/// A cab over the front wheel, from `left` to the nose.
fn cab(brush: &mut Brush<'_>, random: &mut Random, paint: Paint, left: f32, top: f32) {
    let nose = 0.96;
    let slope = random.span(0.02, 0.12);
    let shape = polygon(&[
        (left, 0.5),
        (left, top),
        (nose - slope - 0.06, top),
        (nose - slope, top + 0.06),
        (nose, 0.08),
        (nose, 0.5),
    ]);
    brush.form(&shape, paint.cab);
    let window = polygon(&[
        (left + 0.07, 0.06),
        (left + 0.07, top + 0.09),
        (nose - slope - 0.14, top + 0.09),
        (nose - 0.1, 0.06),
    ]);
    brush.form(&window, paint.glass);
    brush.clipped(&window, |brush| {
        if random.chance(0.7) {
            let x = left + 0.22;
            brush.fill(&circle(x, top + 0.22, 0.07), Color::rgb(0.75, 0.55, 0.42));
            brush.fill(&ellipse(x, 0.1, 0.13, 0.14), Color::rgb(0.9, 0.5, 0.1));
        }
        brush.fill(
            &polygon(&[(left + 0.1, 0.1), (left + 0.25, top), (left + 0.32, top), (left + 0.17, 0.1)]),
            WHITE.faded(0.3),
        );
    });
    brush.bar((left + 0.04, top + 0.05), (left + 0.04, 0.45), paint.cab.darker(0.4), 0.014);
    brush.bar((nose - 0.13, 0.08), (nose - 0.13, 0.45), paint.cab.darker(0.4), 0.014);
    brush.bar((nose - 0.3, 0.16), (nose - 0.2, 0.16), BLACK, 0.03);
    brush.form(&rounded(nose - 0.06, 0.28, 0.08, 0.1, 0.02), Color::rgb(0.98, 0.92, 0.65));
    brush.fill(&rounded(nose - 0.14, 0.43, 0.18, 0.09, 0.02), paint.steel);
    brush.form(&rounded(nose - 0.02, top + 0.12, 0.05, 0.17, 0.015), BLACK);
    if random.chance(0.6) {
        brush.form(&rounded(left + 0.12, top - 0.07, 0.12, 0.07, 0.03), Color::rgb(1.0, 0.62, 0.1));
    }
}

/// The recycling mark: three bent arrows.
fn mark(brush: &mut Brush<'_>, x: f32, y: f32, size: f32, color: Color) {
    for i in 0..3 {
        brush.within(place(x, y, i as f32 * std::f32::consts::TAU / 3.0, size, size), |brush| {
            brush.line(&open(&[(-0.45, -0.55), (0.0, -0.9), (0.4, -0.65)]), color, 0.28);
            brush.fill(&polygon(&[(0.2, -0.3), (0.75, -0.2), (0.7, -0.9)]), color);
        });
    }
}

fn ribs(brush: &mut Brush<'_>, random: &mut Random, paint: Paint, left: f32, right: f32, top: f32) {
    let count = random.below(3) + 3;
    for i in 1..count {
        let x = left + (right - left) * i as f32 / count as f32;
        brush.bar((x, top + 0.02), (x, 0.4), paint.body.darker(0.35), 0.035);
        brush.bar((x - 0.018, top + 0.02), (x - 0.018, 0.4), paint.body.lighter(0.35), 0.014);
    }
    let stripe = color::any(random);
    if random.chance(0.6) {
        brush.fill(&rectangle(left, 0.22, right - left, 0.07), stripe);
    }
    if random.chance(0.7) {
        mark(brush, (left + right) / 2.0, (top + 0.2) / 2.0, 0.15, paint.body.against(0.75));
    }
}

fn rear_loader(brush: &mut Brush<'_>, random: &mut Random, paint: Paint) {
    let top = random.span(-0.55, -0.42);
    let tail = polygon(&[
        (-0.52, top + 0.02),
        (-0.66, top + 0.02),
        (-0.98, -0.12),
        (-1.0, 0.34),
        (-0.84, 0.46),
        (-0.52, 0.46),
    ]);
    if random.chance(0.45) {
        let (x, y) = (-1.08, 0.1);
        let bin = color::any(random);
        brush.within(place(x, y, random.span(0.3, 1.2), 1.0, 1.0), |brush| {
            brush.form(&polygon(&[(-0.13, -0.2), (0.13, -0.2), (0.1, 0.22), (-0.1, 0.22)]), bin);
            brush.form(&rounded(-0.16, -0.26, 0.32, 0.08, 0.03), bin.darker(0.25));
        });
    }
    brush.form(&tail, paint.body.darker(0.18));
    brush.fill(&polygon(&[(-0.98, 0.0), (-0.72, -0.02), (-0.7, 0.3), (-0.99, 0.3)]), BLACK.lighter(0.06));
    for (x, y) in [(-0.9, 0.22), (-0.8, 0.2), (-0.86, 0.14)] {
        brush.fill(&circle(x, y, 0.07), Color::gray(random.span(0.1, 0.5)));
    }
    brush.line(&open(&[(-0.62, top + 0.1), (-0.8, 0.0)]), paint.steel.lighter(0.4), 0.05);
    let body = blob_box(-0.56, top, 0.4, 0.44);
    brush.form(&body, paint.body);
    ribs(brush, random, paint, -0.54, 0.38, top + 0.04);
    chassis(brush, random, paint, 0.66);
    let cab_top = random.span(-0.32, -0.22);
    cab(brush, random, paint, 0.45, cab_top);
    brush.fill(&rectangle(-0.98, 0.34, 0.05, 0.09), Color::rgb(0.9, 0.1, 0.1));
    wheel(brush, 0.66, 0.18);
}

/// A box with a rounded roof.
fn blob_box(left: f32, top: f32, right: f32, bottom: f32) -> tiny_skia::Path {
    polygon(&[
        (left, bottom),
        (left, top + 0.06),
        (left + 0.06, top + 0.015),
        (left + 0.16, top),
        (right - 0.16, top),
        (right - 0.06, top + 0.015),
        (right, top + 0.06),
        (right, bottom),
    ])
}

fn front_loader(brush: &mut Brush<'_>, random: &mut Random, paint: Paint) {
    let top = random.span(-0.5, -0.4);
    let body = polygon(&[
        (-0.98, 0.4),
        (-1.0, -0.1),
        (-0.86, top),
        (0.3, top),
        (0.38, top + 0.12),
        (0.38, 0.44),
        (-0.9, 0.44),
    ]);
    brush.form(&body, paint.body);
    ribs(brush, random, paint, -0.84, 0.3, top + 0.04);
    chassis(brush, random, paint, 0.64);
    let cab_top = random.span(-0.26, -0.16);
    cab(brush, random, paint, 0.44, cab_top);
    wheel(brush, 0.64, 0.18);
    // The fork reaches over the cab; raised it holds a container above the cab, lowered in front of the nose.
    let arm = paint.steel.lighter(0.25);
    let raised = random.chance(0.6);
    let elbow = if raised { (0.62, top - 0.28) } else { (1.02, top - 0.04) };
    let grip = if raised { (0.2, top - 0.38) } else { (1.12, 0.3) };
    brush.line(&open(&[(0.3, 0.1), elbow, grip]), arm.darker(0.5), 0.1);
    brush.line(&open(&[(0.3, 0.1), elbow, grip]), arm, 0.065);
    brush.fill(&circle(0.3, 0.1, 0.06), arm.darker(0.4));
    let bin = color::any(random);
    let (x, y, angle) = if raised { (0.08, top - 0.32, random.span(-0.9, -0.3)) } else { (1.2, 0.35, 0.0) };
    brush.within(place(x, y, angle, 1.0, 1.0), |brush| {
        brush.form(&polygon(&[(-0.26, -0.2), (0.26, -0.2), (0.2, 0.2), (-0.2, 0.2)]), bin);
        brush.bar((-0.26, -0.2), (0.26, -0.2), bin.darker(0.4), 0.05);
        brush.bar((-0.22, 0.0), (0.22, 0.0), bin.darker(0.3), 0.025);
    });
}

fn bag(brush: &mut Brush<'_>, random: &mut Random, x: f32, y: f32, size: f32) {
    let color = *random.pick(&[
        BLACK.lighter(0.12),
        Color::gray(0.3),
        WHITE,
        Color::rgb(0.2, 0.3, 0.5),
        Color::rgb(0.2, 0.4, 0.25),
    ]);
    let at = |dx: f32, dy: f32| (x + dx * size, y + dy * size);
    brush.form(
        &blob(&[
            at(-0.08, -1.0),
            at(-0.5, -0.5),
            at(-0.95, 0.2),
            at(-0.75, 0.8),
            at(0.0, 0.95),
            at(0.8, 0.8),
            at(0.9, 0.1),
            at(0.4, -0.5),
            at(0.08, -1.0),
        ]),
        color,
    );
    brush.fill(&polygon(&[at(-0.25, -1.25), at(0.25, -1.25), at(0.07, -0.9), at(-0.07, -0.9)]), color.darker(0.2));
    brush.line(&curve(&[at(-0.3, -0.3), at(-0.45, 0.2), at(-0.35, 0.6)]), color.lighter(0.4).faded(0.6), size * 0.1);
}

fn open_back(brush: &mut Brush<'_>, random: &mut Random, paint: Paint) {
    let top = random.span(-0.85, -0.7);
    for side in [-1.0, 1.0] {
        brush.form(&rounded(side * 0.46 - 0.16, 0.5, 0.32, 0.34, 0.06), BLACK.lighter(0.06));
        brush.form(&rounded(side * 0.8 - 0.05, -0.35, 0.1, 0.24, 0.03), BLACK);
    }
    let body = polygon(&[(-0.7, 0.5), (-0.72, top + 0.1), (-0.6, top), (0.6, top), (0.72, top + 0.1), (0.7, 0.5)]);
    brush.form(&body, paint.body);
    brush.form(
        &polygon(&[(-0.6, top + 0.08), (0.6, top + 0.08), (0.64, -0.2), (-0.64, -0.2)]),
        paint.body.lighter(0.12),
    );
    mark(brush, 0.0, (top - 0.1) / 2.0, 0.15, paint.body.against(0.75));
    let mouth = polygon(&[(-0.58, -0.14), (0.58, -0.14), (0.54, 0.36), (-0.54, 0.36)]);
    brush.form(&mouth, BLACK.lighter(0.05));
    brush.clipped(&mouth, |brush| {
        for _ in 0..random.below(4) + 4 {
            let (x, y) = (random.span(-0.45, 0.45), random.span(0.1, 0.36));
            let size = random.span(0.12, 0.2);
            bag(brush, random, x, y, size);
        }
        brush.form(&polygon(&[(-0.6, -0.16), (0.6, -0.16), (0.56, 0.02), (-0.56, 0.02)]), paint.steel.lighter(0.35));
    });
    for side in [-1.0, 1.0] {
        brush.line(&open(&[(side * 0.66, -0.3), (side * 0.6, 0.3)]), paint.steel.lighter(0.45), 0.06);
        brush.form(&rounded(side * 0.63 - 0.05, 0.36, 0.1, 0.16, 0.02), Color::rgb(0.9, 0.12, 0.1));
        brush.form(&rounded(side * 0.56 - 0.06, top + 0.02, 0.12, 0.06, 0.02), Color::rgb(1.0, 0.6, 0.1));
    }
    let sill = rectangle(-0.72, 0.38, 1.44, 0.14);
    brush.form(&sill, WHITE);
    brush.clipped(&sill, |brush| {
        for i in 0..8 {
            let x = -0.8 + i as f32 * 0.2;
            brush.fill(
                &polygon(&[(x, 0.52), (x + 0.1, 0.38), (x + 0.2, 0.38), (x + 0.1, 0.52)]),
                Color::rgb(0.85, 0.15, 0.1),
            );
        }
    });
    brush.fill(&rectangle(-0.66, 0.52, 1.32, 0.08), paint.steel);
    brush.form(&rounded(-0.14, 0.53, 0.28, 0.09, 0.02), Color::rgb(0.95, 0.9, 0.6));
    for _ in 0..random.below(3) {
        let x = random.sign() * random.span(0.75, 0.95);
        let size = random.span(0.14, 0.2);
        bag(brush, random, x, 0.68, size);
    }
}
