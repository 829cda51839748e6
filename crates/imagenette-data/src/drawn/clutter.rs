//! Things that do not give the class away: they stand around the object.

use super::brush::{Brush, place};
use super::color::{self, BLACK, Color, WHITE};
use super::draws::Draws;
use super::shape::{arc, around, blob, circle, curve, ellipse, limb, open, polygon, rectangle, rounded};
use crate::random::Random;

/// Draws one random thing around the origin, about one unit in every direction.
pub(super) fn thing(brush: &mut Brush<'_>, random: &mut Random) {
    let things = [
        ball, balloon, crate_box, bottle, mug, books, cone, tree, bush, lamp, bird, umbrella, tire, flower_pot, sign,
        suitcase, mushroom, car, pipe, plate, guitar, clock,
    ];
    random.pick(&things)(brush, random);
}

fn ball(brush: &mut Brush<'_>, random: &mut Random) {
    let skin = color::any(random);
    let shape = circle(0.0, 0.0, 0.7);
    brush.form(&shape, skin);
    let stripe = color::any(random);
    let stripes = random.below(3);
    brush.clipped(&shape, |brush| match stripes {
        0 => brush.bar((-1.0, 0.1), (1.0, -0.1), stripe, 0.3),
        1 => (0..3).for_each(|i| brush.line(&arc(-0.9 + 0.5 * i as f32, 0.0, 0.5, 0.9, -0.25, 0.25), stripe, 0.12)),
        _ => {}
    });
    let (lx, ly) = brush.light();
    brush.fill(&ellipse(lx * 0.35, ly * 0.35, 0.16, 0.13), WHITE.faded(0.6));
}

fn balloon(brush: &mut Brush<'_>, random: &mut Random) {
    let skin = color::any(random);
    brush.line(&curve(&[(0.0, 0.4), (0.08, 0.7), (-0.06, 1.0)]), BLACK.faded(0.7), 0.03);
    brush.form(
        &blob(&[(0.0, -0.95), (0.5, -0.6), (0.5, -0.1), (0.08, 0.38), (-0.08, 0.38), (-0.5, -0.1), (-0.5, -0.6)]),
        skin,
    );
    brush.fill(&polygon(&[(-0.1, 0.48), (0.0, 0.34), (0.1, 0.48)]), skin.darker(0.2));
    brush.fill(&ellipse(-0.2, -0.55, 0.1, 0.16), WHITE.faded(0.6));
}

fn crate_box(brush: &mut Brush<'_>, random: &mut Random) {
    let side = color::any(random);
    brush.form(&polygon(&[(-0.7, -0.5), (-0.4, -0.8), (0.9, -0.8), (0.6, -0.5)]), side.lighter(0.25));
    brush.form(&polygon(&[(0.6, -0.5), (0.9, -0.8), (0.9, 0.4), (0.6, 0.8)]), side.darker(0.3));
    brush.form(&rectangle(-0.7, -0.5, 1.3, 1.3), side);
    let tape = side.against(0.3);
    if random.chance(0.5) {
        brush.bar((-0.05, -0.5), (-0.05, 0.8), tape, 0.2);
    } else {
        brush.line(&open(&[(-0.6, -0.4), (0.5, 0.7)]), tape, 0.12);
        brush.line(&rectangle(-0.62, -0.42, 1.14, 1.14), tape, 0.12);
    }
}

fn bottle(brush: &mut Brush<'_>, random: &mut Random) {
    let glass = color::any(random);
    brush.form(
        &blob(&[
            (-0.1, -0.9),
            (0.1, -0.9),
            (0.12, -0.45),
            (0.32, -0.1),
            (0.32, 0.85),
            (-0.32, 0.85),
            (-0.32, -0.1),
            (-0.12, -0.45),
        ]),
        glass,
    );
    brush.fill(&rectangle(-0.3, 0.1, 0.6, 0.4), color::any(random).lighter(0.4));
    brush.form(&rounded(-0.13, -1.0, 0.26, 0.14, 0.03), color::any(random));
    brush.line(&curve(&[(-0.2, 0.0), (-0.22, 0.4), (-0.2, 0.75)]), WHITE.faded(0.4), 0.06);
}

fn mug(brush: &mut Brush<'_>, random: &mut Random) {
    let clay = color::any(random);
    brush.line(&arc(0.5, 0.05, 0.3, 0.33, -0.28, 0.28), clay.darker(0.15), 0.14);
    brush.form(&rounded(-0.55, -0.55, 1.05, 1.25, 0.12), clay);
    brush.fill(&ellipse(-0.025, -0.52, 0.52, 0.13), clay.darker(0.55));
    brush.bar((-0.55, 0.1), (0.5, 0.1), clay.against(0.4), 0.12);
}

fn books(brush: &mut Brush<'_>, random: &mut Random) {
    let mut y = 0.8;
    for _ in 0..random.below(3) + 2 {
        let (tall, half, x) = (random.span(0.18, 0.32), random.span(0.6, 0.9), random.span(-0.1, 0.1));
        let cover = color::any(random);
        brush.form(&rounded(x - half, y - tall, half * 2.0, tall, 0.03), cover);
        brush.fill(&rectangle(x - half + 0.12, y - tall * 0.78, half * 2.0 - 0.12, tall * 0.56), WHITE.darker(0.08));
        brush.bar((x - half * 0.5, y - tall), (x - half * 0.5, y), cover.against(0.4), 0.06);
        y -= tall;
    }
}

fn cone(brush: &mut Brush<'_>, random: &mut Random) {
    let paint = color::any(random);
    brush.form(&rounded(-0.7, 0.7, 1.4, 0.16, 0.04), paint.darker(0.3));
    brush.form(&polygon(&[(-0.48, 0.72), (-0.1, -0.9), (0.1, -0.9), (0.48, 0.72)]), paint);
    brush.fill(&polygon(&[(-0.36, 0.2), (-0.27, -0.18), (0.27, -0.18), (0.36, 0.2)]), WHITE);
}

fn tree(brush: &mut Brush<'_>, random: &mut Random) {
    let bark = Color::hsl(random.span(0.03, 0.1), 0.4, random.span(0.2, 0.4));
    let leaf = Color::hsl(random.span(0.05, 0.42), random.span(0.3, 0.7), random.span(0.2, 0.5));
    brush.form(&limb(&[(0.0, 1.0, 0.13), (0.02, 0.5, 0.08), (0.0, -0.1, 0.06)]), bark);
    if random.chance(0.5) {
        for i in 0..3 {
            let y = 0.4 - 0.42 * i as f32;
            let half = 0.62 - 0.14 * i as f32;
            brush.form(&polygon(&[(-half, y), (0.0, y - 0.75), (half, y)]), leaf.lighter(0.08 * i as f32));
        }
    } else {
        for _ in 0..7 {
            let (x, y) = (random.span(-0.45, 0.45), random.span(-0.75, 0.0));
            brush.form(&circle(x, y, random.span(0.25, 0.4)), leaf.lighter(random.span(0.0, 0.2)));
        }
    }
}

fn bush(brush: &mut Brush<'_>, random: &mut Random) {
    let leaf = Color::hsl(random.span(0.1, 0.42), random.span(0.2, 0.7), random.span(0.2, 0.5));
    for _ in 0..8 {
        let (x, y) = (random.span(-0.7, 0.7), random.span(0.0, 0.6));
        brush.form(&circle(x, y, random.span(0.25, 0.42)), leaf.lighter(random.span(0.0, 0.25)));
    }
    let berry = color::any(random);
    for _ in 0..random.below(12) {
        brush.fill(&circle(random.span(-0.8, 0.8), random.span(-0.2, 0.8), 0.06), berry);
    }
}

fn lamp(brush: &mut Brush<'_>, random: &mut Random) {
    let iron = color::any(random).darker(0.4);
    brush.bar((0.0, 1.0), (0.0, -0.6), iron, 0.1);
    brush.form(&rounded(-0.18, 0.85, 0.36, 0.15, 0.04), iron);
    let glow = Color::rgb(1.0, 0.93, 0.65);
    brush.form(&polygon(&[(-0.14, -0.55), (-0.24, -0.92), (0.24, -0.92), (0.14, -0.55)]), glow);
    brush.fill(&polygon(&[(-0.3, -0.9), (0.0, -1.08), (0.3, -0.9)]), iron);
}

fn bird(brush: &mut Brush<'_>, random: &mut Random) {
    let feathers = color::any(random);
    if random.chance(0.5) {
        let wings = [(-0.9, -0.3), (-0.45, -0.4), (0.0, 0.0), (0.45, -0.4), (0.9, -0.3)];
        brush.line(&curve(&wings), feathers.darker(0.4), 0.14);
    } else {
        brush.form(&limb(&[(-0.85, 0.2, 0.08), (-0.3, 0.05, 0.26), (0.25, -0.1, 0.28), (0.5, -0.35, 0.16)]), feathers);
        brush.form(&circle(0.48, -0.36, 0.2), feathers.lighter(0.15));
        brush.fill(&polygon(&[(0.64, -0.42), (0.9, -0.32), (0.64, -0.26)]), Color::rgb(0.95, 0.6, 0.1));
        brush.fill(&circle(0.54, -0.4, 0.045), BLACK);
        brush.form(&limb(&[(0.1, -0.1, 0.16), (-0.2, 0.05, 0.14), (-0.6, 0.22, 0.04)]), feathers.darker(0.3));
        brush.bar((0.0, 0.15), (0.0, 0.5), BLACK, 0.04);
    }
}

fn umbrella(brush: &mut Brush<'_>, random: &mut Random) {
    let (cloth, other) = (color::any(random), color::any(random));
    brush.line(&curve(&[(0.0, -0.5), (0.0, 0.7), (0.1, 0.88), (0.22, 0.75)]), BLACK.lighter(0.2), 0.06);
    for i in 0..4 {
        let (a, b) = (-0.9 + 0.45 * i as f32, -0.45 + 0.45 * i as f32);
        let panel = [(0.0, -0.75), (a * 0.8, -0.45), (a, 0.0), ((a + b) / 2.0, -0.1), (b, 0.0), (b * 0.8, -0.45)];
        brush.form(&polygon(&panel), if i % 2 == 0 { cloth } else { other });
    }
}

fn tire(brush: &mut Brush<'_>, random: &mut Random) {
    brush.form(&circle(0.0, 0.0, 0.8), BLACK.lighter(0.1));
    brush.form(&circle(0.0, 0.0, 0.48), color::any(random).mix(Color::gray(0.7), 0.6));
    brush.fill(&circle(0.0, 0.0, 0.14), BLACK);
    for i in 0..5 {
        brush.within(place(0.0, 0.0, i as f32 * std::f32::consts::TAU / 5.0, 1.0, 1.0), |brush| {
            brush.bar((0.16, 0.0), (0.42, 0.0), BLACK.faded(0.7), 0.1)
        });
    }
}

fn flower_pot(brush: &mut Brush<'_>, random: &mut Random) {
    let (clay, petal) = (color::any(random), color::any(random));
    for _ in 0..3 {
        let (x, y) = (random.span(-0.5, 0.5), random.span(-0.85, -0.3));
        brush.line(&curve(&[(0.0, 0.3), (x * 0.4, -0.1), (x, y)]), Color::rgb(0.25, 0.45, 0.2), 0.06);
        for i in 0..5 {
            let (px, py) = around(x, y, 0.14, 0.14, i as f32 / 5.0);
            brush.fill(&circle(px, py, 0.1), petal);
        }
        brush.fill(&circle(x, y, 0.08), Color::rgb(0.95, 0.8, 0.2));
    }
    brush.form(&polygon(&[(-0.42, 0.3), (0.42, 0.3), (0.3, 0.95), (-0.3, 0.95)]), clay);
    brush.form(&rounded(-0.48, 0.2, 0.96, 0.18, 0.04), clay.lighter(0.15));
}

fn sign(brush: &mut Brush<'_>, random: &mut Random) {
    let (board, ink) = (color::any(random), color::any(random));
    brush.bar((0.0, 1.0), (0.0, -0.3), Color::gray(0.5), 0.08);
    match random.below(3) {
        0 => {
            brush.form(&circle(0.0, -0.45, 0.48), board);
            brush.line(&arc(0.0, -0.45, 0.4, 0.4, 0.0, 1.0), WHITE, 0.06);
        }
        1 => brush.form(&polygon(&[(0.0, -0.95), (0.55, 0.0), (-0.55, 0.0)]), board),
        _ => brush.form(&rounded(-0.7, -0.85, 1.4, 0.65, 0.06), board),
    }
    brush.bar((-0.25, -0.45), (0.25, -0.45), ink, 0.14);
}

fn suitcase(brush: &mut Brush<'_>, random: &mut Random) {
    let hide = color::any(random);
    brush.line(&open(&[(-0.22, -0.45), (-0.22, -0.65), (0.22, -0.65), (0.22, -0.45)]), hide.darker(0.5), 0.09);
    brush.form(&rounded(-0.85, -0.48, 1.7, 1.2, 0.14), hide);
    for x in [-0.5, 0.5] {
        brush.bar((x, -0.48), (x, 0.72), hide.against(0.35), 0.12);
    }
    brush.bar((-0.85, 0.1), (0.85, 0.1), hide.darker(0.4), 0.04);
}

fn mushroom(brush: &mut Brush<'_>, random: &mut Random) {
    let cap = color::any(random);
    brush.form(&limb(&[(0.0, 0.85, 0.2), (0.0, 0.4, 0.14), (0.0, -0.1, 0.16)]), WHITE.darker(0.06));
    let shape = blob(&[(-0.75, 0.0), (-0.5, -0.5), (0.0, -0.72), (0.5, -0.5), (0.75, 0.0), (0.0, 0.12)]);
    brush.form(&shape, cap);
    for (x, y) in [(-0.35, -0.25), (0.05, -0.45), (0.4, -0.2), (0.05, -0.1)] {
        brush.fill(&ellipse(x, y, 0.11, 0.08), cap.against(0.7));
    }
}

fn car(brush: &mut Brush<'_>, random: &mut Random) {
    let paint = color::any(random);
    let body = [
        (-0.95, 0.35),
        (-0.92, 0.02),
        (-0.55, -0.06),
        (-0.3, -0.38),
        (0.35, -0.38),
        (0.6, -0.05),
        (0.92, 0.05),
        (0.95, 0.35),
    ];
    brush.form(&polygon(&body), paint);
    brush.fill(&polygon(&[(-0.42, -0.05), (-0.24, -0.3), (0.0, -0.3), (0.0, -0.05)]), Color::rgb(0.6, 0.75, 0.82));
    brush.fill(&polygon(&[(0.06, -0.05), (0.06, -0.3), (0.3, -0.3), (0.46, -0.05)]), Color::rgb(0.6, 0.75, 0.82));
    for x in [-0.52, 0.55] {
        brush.form(&circle(x, 0.36, 0.19), BLACK);
        brush.fill(&circle(x, 0.36, 0.09), Color::gray(0.7));
    }
}

/// Bent pipe: round metal that is not a horn.
fn pipe(brush: &mut Brush<'_>, random: &mut Random) {
    let metal = color::any(random);
    let (x, y) = (random.span(-0.4, 0.4), random.span(-0.4, 0.4));
    brush.tube(&curve(&[(-0.9, 0.6), (-0.4, y), (x, -0.2), (0.5, 0.3), (0.9, -0.5)]), metal, random.span(0.12, 0.25));
}

fn plate(brush: &mut Brush<'_>, random: &mut Random) {
    let clay = color::any(random).lighter(0.4);
    let flat = random.span(0.4, 1.0);
    brush.form(&ellipse(0.0, 0.0, 0.85, 0.85 * flat), clay);
    brush.form(&ellipse(0.0, 0.0, 0.55, 0.55 * flat), clay.darker(0.12));
    brush.line(&arc(0.0, 0.0, 0.75, 0.75 * flat, 0.0, 1.0), color::any(random), 0.05);
}

fn guitar(brush: &mut Brush<'_>, random: &mut Random) {
    let wood = color::any(random);
    brush.bar((0.0, 0.0), (0.0, -0.95), wood.darker(0.5), 0.14);
    brush.form(&rounded(-0.12, -1.05, 0.24, 0.2, 0.04), wood.darker(0.4));
    brush.form(
        &blob(&[
            (0.0, -0.2),
            (0.34, -0.1),
            (0.26, 0.2),
            (0.48, 0.55),
            (0.0, 0.95),
            (-0.48, 0.55),
            (-0.26, 0.2),
            (-0.34, -0.1),
        ]),
        wood,
    );
    brush.fill(&circle(0.0, 0.25, 0.16), BLACK);
    brush.bar((-0.2, 0.65), (0.2, 0.65), wood.darker(0.6), 0.07);
}

fn clock(brush: &mut Brush<'_>, random: &mut Random) {
    brush.form(&circle(0.0, 0.0, 0.8), color::any(random));
    brush.fill(&circle(0.0, 0.0, 0.66), WHITE);
    for hour in 0..12 {
        let turn = hour as f32 / 12.0;
        brush.bar(around(0.0, 0.0, 0.52, 0.52, turn), around(0.0, 0.0, 0.62, 0.62, turn), BLACK, 0.05);
    }
    for reach in [0.3, 0.5] {
        brush.bar((0.0, 0.0), around(0.0, 0.0, reach, reach, random.span(0.0, 1.0)), BLACK, 0.06);
    }
}
