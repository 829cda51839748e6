//! The chain saw: motor housing, two handles, and the long bar with its toothed chain; petrol, electric or
//! top-handled.

use crate::drawn::brush::{Brush, place};
use crate::drawn::color::{self, BLACK, Color, WHITE};
use crate::drawn::draws::Draws;
use crate::drawn::shape::{P, arc, around, blob, circle, curve, ellipse, limb, polygon, rectangle, rounded};
use crate::random::Random;

const NATURAL: [Color; 5] = [
    Color::rgb(0.9, 0.4, 0.08),
    Color::rgb(0.8, 0.12, 0.1),
    Color::rgb(0.2, 0.55, 0.2),
    Color::rgb(0.95, 0.75, 0.1),
    Color::rgb(0.1, 0.45, 0.6),
];

pub(super) fn draw(brush: &mut Brush<'_>, random: &mut Random) {
    let body = color::mostly(random, &NATURAL, 0.5);
    let trim = if random.chance(0.6) { BLACK.lighter(0.12) } else { color::any(random).darker(0.2) };
    let reach = random.span(0.85, 1.15);
    let half = random.span(0.1, 0.135);
    bar(brush, random, 0.02, reach, half);
    match random.below(3) {
        0 => petrol(brush, random, body, trim),
        1 => electric(brush, random, body, trim),
        _ => top_handled(brush, random, body, trim),
    }
}

/// The guide bar from `from` to `to`, with the chain's links and cutting teeth around it.
fn bar(brush: &mut Brush<'_>, random: &mut Random, from: f32, to: f32, half: f32) {
    let y = 0.16;
    let steel = Color::gray(random.span(0.55, 0.85));
    let chain = Color::gray(random.span(0.12, 0.4));
    let tip = to - half;
    // The path of the chain: along the top, around the nose, back along the bottom.
    let (straight, nose) = (tip - from, std::f32::consts::PI * half);
    let at = |s: f32, out: f32| -> P {
        let radius = half + out;
        if s < straight {
            (from + s, y - radius)
        } else if s < straight + nose {
            let turn = -0.25 + 0.5 * (s - straight) / nose;
            around(tip, y, radius, radius, turn)
        } else {
            (tip - (s - straight - nose), y + radius)
        }
    };
    let (total, pitch) = (2.0 * straight + nose, 0.085);
    let phase = random.span(0.0, pitch);
    for i in 0..((total - phase) / pitch) as usize {
        let s = phase + i as f32 * pitch;
        let end = (s + pitch * 0.55).min(total);
        let tooth = [at(s, 0.0), at(s, 0.03), at(s + pitch * 0.12, 0.075), at(end, 0.05), at(end, 0.0)];
        brush.fill(&polygon(&tooth), if i % 2 == 0 { chain.lighter(0.45) } else { chain });
    }
    let plate = rounded(from - 0.2, y - half, to - from + 0.2, half * 2.0, half);
    brush.line(&plate, chain, 0.045);
    brush.form(&plate, steel);
    brush.bar((from, y), (to - 0.2, y), steel.darker(0.25).faded(0.7), 0.02);
    brush.fill(&rounded(from + 0.2, y - 0.045, (to - from) * 0.45, 0.09, 0.02), color::any(random).faded(0.85));
    brush.fill(&circle(tip, y, half * 0.35), steel.darker(0.35));
    for turn in 0..5 {
        let (x, y) = around(tip, y, half * 0.62, half * 0.62, turn as f32 / 5.0);
        brush.fill(&circle(x, y, half * 0.1), steel.darker(0.4));
    }
}

fn screws(brush: &mut Brush<'_>, at: &[P]) {
    for &(x, y) in at {
        brush.fill(&circle(x, y, 0.032), Color::gray(0.75));
        brush.bar((x - 0.02, y - 0.012), (x + 0.02, y + 0.012), BLACK, 0.012);
    }
}

fn slots(brush: &mut Brush<'_>, x: f32, y: f32, count: usize, length: f32, color: Color) {
    for i in 0..count {
        let x = x + 0.06 * i as f32;
        brush.line(&curve(&[(x, y), (x - 0.03, y + length)]), color, 0.026);
    }
}

/// The bent tube in front of the housing, with the guard in front of it.
fn front_handle(brush: &mut Brush<'_>, x: f32, trim: Color) {
    let guard =
        [(x + 0.1, -0.08), (x + 0.14, -0.35), (x + 0.06, -0.58), (x + 0.12, -0.6), (x + 0.22, -0.36), (x + 0.2, -0.06)];
    brush.form(&polygon(&guard), trim.darker(0.1));
    let tube =
        curve(&[(x - 0.42, -0.22), (x - 0.38, -0.48), (x - 0.2, -0.58), (x, -0.5), (x + 0.06, -0.2), (x + 0.02, 0.2)]);
    brush.line(&tube, BLACK, 0.1);
    brush.line(&tube, trim.lighter(0.1), 0.065);
    brush.line(&tube, trim.lighter(0.5).faded(0.6), 0.018);
}

/// The loop behind the housing with its trigger.
fn rear_handle(brush: &mut Brush<'_>, color: Color) {
    let outer = [(-0.45, -0.22), (-0.7, -0.24), (-0.92, -0.12), (-1.0, 0.1), (-0.96, 0.3), (-0.8, 0.34), (-0.45, 0.32)];
    brush.line(&curve(&outer), color.darker(0.6), 0.15);
    brush.line(&curve(&outer), color.darker(0.1), 0.11);
    brush.line(&curve(&outer), color.lighter(0.4).faded(0.5), 0.03);
    brush.form(&polygon(&[(-0.66, -0.16), (-0.56, -0.16), (-0.58, -0.02), (-0.64, -0.04)]), Color::rgb(0.8, 0.2, 0.1));
}

fn petrol(brush: &mut Brush<'_>, random: &mut Random, body: Color, trim: Color) {
    rear_handle(brush, trim);
    front_handle(brush, 0.12, trim);
    let housing = blob(&[
        (-0.52, -0.2),
        (-0.4, -0.36),
        (-0.1, -0.38),
        (0.1, -0.28),
        (0.16, -0.05),
        (0.14, 0.3),
        (-0.1, 0.4),
        (-0.45, 0.38),
        (-0.55, 0.1),
    ]);
    brush.form(&housing, body);
    brush.fill(&limb(&[(-0.42, -0.26, 0.03), (-0.15, -0.32, 0.05), (0.05, -0.24, 0.02)]), body.lighter(0.35));
    slots(brush, -0.42, -0.16, 5, 0.12, body.darker(0.65));
    let cover =
        blob(&[(-0.28, 0.06), (-0.1, -0.02), (0.22, 0.0), (0.26, 0.14), (0.2, 0.32), (-0.1, 0.36), (-0.28, 0.28)]);
    brush.form(&cover, if random.chance(0.5) { trim } else { body.darker(0.25) });
    screws(brush, &[(-0.08, 0.16), (0.08, 0.16)]);
    brush.fill(&rounded(-0.38, -0.02, 0.26, 0.07, 0.02), WHITE.faded(0.9));
    brush.form(&rounded(-0.5, 0.18, 0.16, 0.12, 0.03), trim);
    brush.form(&ellipse(-0.44, 0.3, 0.07, 0.07), BLACK.lighter(0.2));
}

fn electric(brush: &mut Brush<'_>, random: &mut Random, body: Color, trim: Color) {
    rear_handle(brush, body);
    if random.chance(0.6) {
        let cord = curve(&[(-1.0, 0.2), (-1.15, 0.35), (-1.0, 0.55), (-0.75, 0.5), (-0.7, 0.7)]);
        brush.line(&cord, BLACK.lighter(0.1), 0.045);
    }
    front_handle(brush, 0.16, trim);
    let housing = rounded(-0.6, -0.24, 0.82, 0.58, 0.16);
    brush.form(&housing, body);
    brush.clipped(&housing, |brush| brush.fill(&rectangle(-0.6, 0.12, 0.9, 0.3), trim));
    slots(brush, -0.5, -0.14, 6, 0.16, body.darker(0.65));
    brush.form(&circle(0.04, 0.16, 0.15), trim.lighter(0.12));
    brush.form(&circle(0.04, 0.16, 0.09), body);
    brush.line(&arc(0.04, 0.16, 0.12, 0.12, 0.1, 0.7), BLACK, 0.02);
    brush.fill(&rounded(-0.5, 0.18, 0.36, 0.08, 0.02), WHITE.faded(0.9));
}

fn top_handled(brush: &mut Brush<'_>, random: &mut Random, body: Color, trim: Color) {
    let handle = curve(&[(-0.6, 0.0), (-0.66, -0.35), (-0.5, -0.56), (-0.1, -0.54), (0.1, -0.36)]);
    brush.line(&handle, BLACK, 0.15);
    brush.line(&handle, trim, 0.11);
    brush.line(&handle, trim.lighter(0.4).faded(0.5), 0.03);
    brush.form(&polygon(&[(0.16, 0.0), (0.14, -0.36), (0.24, -0.4), (0.28, -0.02)]), trim.darker(0.1));
    brush.form(&polygon(&[(-0.38, -0.5), (-0.26, -0.5), (-0.28, -0.36), (-0.35, -0.38)]), Color::rgb(0.8, 0.2, 0.1));
    let housing = polygon(&[
        (-0.72, -0.06),
        (-0.62, -0.2),
        (0.0, -0.26),
        (0.2, -0.14),
        (0.22, 0.3),
        (0.1, 0.38),
        (-0.62, 0.38),
        (-0.72, 0.28),
    ]);
    brush.form(&housing, body);
    brush.fill(&polygon(&[(-0.7, 0.2), (0.2, 0.1), (0.2, 0.18), (-0.7, 0.28)]), trim);
    brush.form(&circle(-0.44, 0.08, 0.19), body.darker(0.2));
    for i in 0..8 {
        brush.within(place(-0.44, 0.08, i as f32 * std::f32::consts::FRAC_PI_4, 1.0, 1.0), |brush| {
            brush.fill(&rounded(0.06, -0.018, 0.1, 0.036, 0.015), BLACK);
        });
    }
    brush.form(&circle(-0.44, 0.08, 0.045), Color::gray(random.span(0.4, 0.8)));
    brush.form(&rounded(-0.12, 0.02, 0.36, 0.3, 0.1), trim);
    screws(brush, &[(0.0, 0.16), (0.14, 0.16)]);
}
