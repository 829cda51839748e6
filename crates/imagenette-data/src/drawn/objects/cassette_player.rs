//! The cassette player: a boombox with two speakers, a pocket player with headphones, or a flat recorder with piano
//! keys.

use crate::drawn::brush::{Brush, place};
use crate::drawn::color::{self, BLACK, Color, WHITE};
use crate::drawn::draws::{Draws, one_of};
use crate::drawn::shape::{arc, circle, curve, ellipse, open, polygon, rectangle, rounded};
use crate::random::Random;

pub(super) fn draw(brush: &mut Brush<'_>, random: &mut Random) {
    match random.below(10) {
        0..=3 => boombox(brush, random),
        4..=6 => pocket_player(brush, random),
        _ => recorder(brush, random),
    }
}

/// A cassette behind its window: label, two toothed reels and the tape between them. Unit: half its width.
fn cassette(brush: &mut Brush<'_>, random: &mut Random) {
    let shell = one_of([BLACK.lighter(0.1), WHITE, Color::gray(0.5), color::any(random)], random);
    let label = color::any(random).mix(WHITE, 0.3);
    brush.form(&rounded(-1.0, -0.62, 2.0, 1.24, 0.08), shell);
    brush.form(&rounded(-0.86, -0.52, 1.72, 0.86, 0.06), label);
    brush.bar((-0.75, -0.38), (0.75, -0.38), label.against(0.6), 0.05);
    brush.form(&rounded(-0.62, -0.24, 1.24, 0.44, 0.2), shell.darker(0.3));
    brush.fill(&rectangle(-0.26, -0.16, 0.52, 0.28), Color::rgb(0.3, 0.2, 0.14));
    let full = random.span(0.1, 0.2);
    for (x, tape) in [(-0.4, full), (0.4, 0.3 - full)] {
        brush.fill(&circle(x, -0.02, 0.14 + tape * 0.4), Color::rgb(0.25, 0.16, 0.12));
        brush.fill(&circle(x, -0.02, 0.15), WHITE);
        let turn = random.span(0.0, 1.0);
        for i in 0..6 {
            brush.within(place(x, -0.02, (turn + i as f32) * std::f32::consts::FRAC_PI_3, 1.0, 1.0), |brush| {
                brush.fill(&rectangle(0.06, -0.025, 0.08, 0.05), BLACK);
            });
        }
        brush.fill(&circle(x, -0.02, 0.05), BLACK);
    }
    brush.form(&polygon(&[(-0.6, 0.62), (-0.5, 0.42), (0.5, 0.42), (0.6, 0.62)]), shell.darker(0.15));
}

/// The window with the cassette behind it, or the label side of the door.
fn door(brush: &mut Brush<'_>, random: &mut Random, body: Color) {
    brush.form(&rounded(-1.2, -0.82, 2.4, 1.64, 0.1), body.darker(0.35));
    cassette(brush, random);
    let glint = polygon(&[(-0.9, -0.75), (-0.3, -0.75), (-0.9, 0.5), (-1.15, 0.5)]);
    brush.fill(&glint, WHITE.faded(0.18));
}

fn speaker(brush: &mut Brush<'_>, x: f32, y: f32, radius: f32, body: Color, cone: Color) {
    brush.form(&circle(x, y, radius), body.darker(0.5));
    brush.fill(&circle(x, y, radius * 0.87), cone.darker(0.2));
    brush.fill_radial(&circle(x, y, radius * 0.78), (x, y), radius * 0.78, &[(0.0, cone.darker(0.6)), (1.0, cone)]);
    brush.form(&circle(x, y, radius * 0.28), cone.lighter(0.15));
    for i in 2..6 {
        brush.line(
            &arc(x, y, radius * 0.15 * i as f32, radius * 0.15 * i as f32, 0.0, 1.0),
            BLACK.faded(0.25),
            radius * 0.03,
        );
    }
}

/// A mesh of small holes.
fn grille(brush: &mut Brush<'_>, x: f32, y: f32, width: f32, height: f32, slots: bool, color: Color) {
    if slots {
        let count = (height / 0.07) as usize;
        for i in 0..count {
            let y = y + 0.07 * (i as f32 + 0.5);
            brush.bar((x, y), (x + width, y), color, 0.032);
        }
    } else {
        let (columns, rows) = ((width / 0.075) as usize, (height / 0.075) as usize);
        for column in 0..columns {
            for row in 0..rows {
                brush.fill(&circle(x + 0.075 * (column as f32 + 0.5), y + 0.075 * (row as f32 + 0.5), 0.024), color);
            }
        }
    }
}

fn keys(brush: &mut Brush<'_>, random: &mut Random, x: f32, y: f32, width: f32, height: f32, count: usize) {
    let key = *random.pick(&[Color::gray(0.75), BLACK.lighter(0.15), WHITE]);
    let pressed = random.below(count as u32) as usize;
    let red = random.below(count as u32) as usize;
    let step = width / count as f32;
    for i in 0..count {
        let color = if i == red { Color::rgb(0.8, 0.15, 0.12) } else { key };
        let drop = if i == pressed { height * 0.2 } else { 0.0 };
        brush.form(&rounded(x + step * i as f32 + step * 0.06, y + drop, step * 0.88, height - drop, 0.02), color);
        let (cx, cy) = (x + step * (i as f32 + 0.5), y + height * 0.6);
        let size = step.min(height) * 0.2;
        brush.fill(&polygon(&[(cx - size, cy - size), (cx + size, cy), (cx - size, cy + size)]), color.against(0.7));
    }
}

fn boombox(brush: &mut Brush<'_>, random: &mut Random) {
    let body = color::any(random);
    let face = if random.chance(0.5) { body } else { *random.pick(&[Color::gray(0.7), BLACK.lighter(0.12), WHITE]) };
    let (half, top, bottom) = (0.98, random.span(-0.42, -0.32), random.span(0.42, 0.52));
    let handle =
        [(-0.75, top), (-0.72, top - 0.22), (-0.6, top - 0.28), (0.6, top - 0.28), (0.72, top - 0.22), (0.75, top)];
    brush.line(&open(&handle), body.darker(0.6), 0.1);
    brush.line(&open(&handle), body.darker(0.25), 0.065);
    if random.chance(0.6) {
        let tip = (random.span(-0.2, 1.0), top - random.span(0.35, 0.6));
        brush.line(&open(&[(0.85, top), tip]), Color::gray(0.35), 0.03);
        brush.line(&open(&[(0.85, top), tip]), Color::gray(0.8), 0.015);
        brush.fill(&circle(tip.0, tip.1, 0.025), Color::gray(0.7));
    }
    keys(brush, random, -0.32, top - 0.07, 0.64, 0.12, 6);
    brush.form(&rounded(-half, top, half * 2.0, bottom - top, 0.08), body);
    brush.form(&rounded(-half + 0.05, top + 0.06, half * 2.0 - 0.1, bottom - top - 0.12, 0.05), face);
    let height = bottom - top;
    let tuner = top + 0.1;
    brush.form(&rounded(-0.55, tuner, 1.1, 0.16, 0.02), BLACK.lighter(0.08));
    for i in 0..16 {
        let x = -0.5 + i as f32 * 0.066;
        brush.bar((x, tuner + 0.04), (x, tuner + if i % 4 == 0 { 0.12 } else { 0.08 }), WHITE.faded(0.8), 0.012);
    }
    let needle = random.span(-0.45, 0.45);
    brush.bar((needle, tuner + 0.02), (needle, tuner + 0.14), Color::rgb(0.95, 0.25, 0.15), 0.02);
    let cone = *random.pick(&[Color::gray(0.2), Color::gray(0.45), body.darker(0.5)]);
    let radius = height * random.span(0.3, 0.36);
    for side in [-1.0, 1.0] {
        speaker(brush, side * 0.64, bottom - radius - 0.08, radius, face, cone);
        for i in 0..2 {
            let x = side * (0.66 + 0.16 * i as f32);
            brush.form(&circle(x, tuner + 0.06, 0.055), Color::gray(0.65));
            brush.bar((x, tuner + 0.06), (x, tuner + 0.015), BLACK, 0.016);
        }
    }
    let scale = 0.245;
    brush.within(place(0.0, bottom - 0.3, 0.0, scale, scale), |brush| door(brush, random, face));
}

fn pocket_player(brush: &mut Brush<'_>, random: &mut Random) {
    let body = color::any(random);
    if random.chance(0.75) {
        let (x, y) = (random.span(-0.5, 0.5), random.span(-0.1, 0.1));
        let wire = [(0.35, -0.82), (0.45, -1.0), (0.85, -0.85), (0.8, -0.2), (0.95, 0.3 + y)];
        brush.line(&curve(&wire), BLACK.lighter(0.15), 0.03);
        let band = arc(0.1 * x, -0.35, 0.95, 0.6, 0.5, 1.0);
        brush.line(&band, Color::gray(0.3), 0.07);
        brush.line(&band, Color::gray(0.75), 0.035);
        let foam =
            one_of([Color::rgb(0.9, 0.45, 0.1), BLACK.lighter(0.1), Color::gray(0.4), color::any(random)], random);
        for side in [-1.0, 1.0] {
            brush.form(&ellipse(0.1 * x + side * 0.92, -0.25, 0.13, 0.19), foam);
            brush.form(&ellipse(0.1 * x + side * 0.98, -0.25, 0.06, 0.13), BLACK.lighter(0.2));
        }
    }
    for i in 0..4 {
        let y = -0.6 + 0.22 * i as f32;
        brush.form(
            &rounded(0.5, y, 0.14, 0.16, 0.04),
            if i == 0 { Color::rgb(0.9, 0.5, 0.1) } else { Color::gray(0.7) },
        );
    }
    brush.form(&rounded(-0.58, -0.84, 1.16, 1.68, 0.1), body.darker(0.15));
    brush.form(&rounded(-0.58, -0.84, 1.06, 1.68, 0.1), body);
    let stripe = color::any(random);
    brush.fill(&rectangle(-0.58, 0.5, 1.06, 0.08), stripe);
    brush.fill(&rectangle(-0.4, -0.74, 0.5, 0.08), body.against(0.6));
    brush.form(&circle(0.3, -0.7, 0.06), Color::gray(0.6));
    brush.within(place(-0.05, -0.06, std::f32::consts::FRAC_PI_2, 0.46, 0.46), |brush| door(brush, random, body));
    brush.fill(&rounded(-0.42, 0.64, 0.36, 0.09, 0.02), WHITE.faded(0.7));
    brush.fill(&circle(0.28, 0.68, 0.04), Color::rgb(0.85, 0.15, 0.1));
}

fn recorder(brush: &mut Brush<'_>, random: &mut Random) {
    let body = color::any(random);
    let panel = *random.pick(&[Color::gray(0.7), BLACK.lighter(0.1), body.darker(0.3), body.lighter(0.4)]);
    let upright = random.chance(0.5);
    let handle = [(-0.5, -0.68), (-0.5, -0.86), (0.5, -0.86), (0.5, -0.68)];
    brush.line(&open(&handle), body.darker(0.6), 0.09);
    brush.line(&open(&handle), body.darker(0.2), 0.055);
    brush.form(&rounded(-0.8, -0.72, 1.6, 1.5, 0.1), body.darker(0.25));
    brush.form(&rounded(-0.8, -0.72, 1.6, 1.4, 0.1), body);
    let slots = random.chance(0.5);
    brush.form(&rounded(-0.68, -0.62, 1.36, 0.5, 0.05), panel);
    grille(brush, -0.62, -0.58, if upright { 1.24 } else { 0.7 }, 0.42, slots, panel.against(0.6));
    if !upright {
        for i in 0..2 {
            brush.form(&circle(0.3 + 0.22 * i as f32, -0.44, 0.08), Color::gray(0.75));
            brush.bar((0.3 + 0.22 * i as f32, -0.44), (0.33 + 0.22 * i as f32, -0.5), BLACK, 0.02);
        }
        brush.form(&rounded(0.2, -0.3, 0.4, 0.1, 0.02), BLACK);
        brush.fill(&rectangle(0.22, -0.28, random.span(0.1, 0.35), 0.06), Color::rgb(0.3, 0.9, 0.3));
    }
    brush.within(place(0.0, 0.16, 0.0, 0.42, 0.36), |brush| door(brush, random, body));
    keys(brush, random, -0.66, 0.52, 1.32, 0.2, 6);
}
