//! The church: tower with steeple and cross, arched windows, door; from the front, from the side, domed, or
//! twin-towered.

use tiny_skia::{Path, PathBuilder};

use crate::drawn::brush::Brush;
use crate::drawn::color::{self, BLACK, Color, WHITE};
use crate::drawn::draws::Draws;
use crate::drawn::shape::{arc, around, blob, circle, curve, ellipse, open, polygon, rectangle};
use crate::random::Random;

/// What a church is built of.
#[derive(Clone, Copy)]
struct Build {
    wall: Color,
    roof: Color,
    glass: Color,
    door: Color,
    gold: Color,
    bricks: bool,
}

pub(super) fn draw(brush: &mut Brush<'_>, random: &mut Random) {
    let stones = [
        WHITE,
        Color::rgb(0.75, 0.68, 0.55),
        Color::rgb(0.6, 0.3, 0.22),
        Color::gray(0.55),
        Color::rgb(0.85, 0.75, 0.5),
    ];
    let roofs =
        [Color::rgb(0.5, 0.22, 0.16), Color::gray(0.3), Color::rgb(0.35, 0.5, 0.42), Color::rgb(0.25, 0.25, 0.35)];
    let build = Build {
        wall: color::mostly(random, &stones, 0.6),
        roof: color::mostly(random, &roofs, 0.6),
        glass: if random.chance(0.5) { BLACK.lighter(0.12) } else { color::any(random) },
        door: color::mostly(random, &[Color::rgb(0.35, 0.2, 0.1), Color::rgb(0.5, 0.12, 0.1)], 0.6),
        gold: *random.pick(&[Color::rgb(0.85, 0.68, 0.2), BLACK, WHITE]),
        bricks: random.chance(0.5),
    };
    match random.below(10) {
        0..=3 => chapel(brush, random, build),
        4..=6 => long_side(brush, random, build),
        7..=8 => twin_towers(brush, random, build),
        _ => domed(brush, random, build),
    }
}

/// A window or door with an arch: round or pointed.
fn arched(x: f32, bottom: f32, width: f32, height: f32, pointed: bool) -> Path {
    let (half, spring) = (width / 2.0, bottom - height + width / 2.0);
    let mut b = PathBuilder::new();
    b.move_to(x - half, bottom);
    b.line_to(x - half, spring);
    let peak = if pointed { spring - width * 0.85 } else { spring - half };
    if pointed {
        b.quad_to(x - half, spring - width * 0.45, x, peak);
        b.quad_to(x + half, spring - width * 0.45, x + half, spring);
    } else {
        b.cubic_to(x - half, spring - half * 0.55, x - half * 0.55, peak, x, peak);
        b.cubic_to(x + half * 0.55, peak, x + half, spring - half * 0.55, x + half, spring);
    }
    b.line_to(x + half, bottom);
    b.close();
    b.finish().expect("an arch has finite points")
}

fn window(brush: &mut Brush<'_>, build: Build, x: f32, bottom: f32, width: f32, height: f32, pointed: bool) {
    let pane = arched(x, bottom, width, height, pointed);
    brush.line(&pane, build.wall.lighter(0.35), width * 0.3);
    brush.fill(&pane, build.glass);
    brush.bar((x, bottom), (x, bottom - height), build.wall.lighter(0.2), width * 0.1);
    brush.bar(
        (x - width / 2.0, bottom - height * 0.45),
        (x + width / 2.0, bottom - height * 0.45),
        build.wall.lighter(0.2),
        width * 0.1,
    );
}

fn portal(brush: &mut Brush<'_>, build: Build, x: f32, bottom: f32, width: f32, height: f32, pointed: bool) {
    let outline = arched(x, bottom, width, height, pointed);
    brush.line(&outline, build.wall.lighter(0.4), width * 0.22);
    brush.fill(&outline, build.door);
    brush.bar((x, bottom), (x, bottom - height), build.door.darker(0.5), width * 0.05);
    brush.fill(&circle(x - width * 0.12, bottom - height * 0.4, width * 0.05), build.gold);
    brush.fill(&circle(x + width * 0.12, bottom - height * 0.4, width * 0.05), build.gold);
    brush.fill(&rectangle(x - width * 0.75, bottom - 0.02, width * 1.5, 0.04), Color::gray(0.6));
}

fn cross(brush: &mut Brush<'_>, x: f32, bottom: f32, height: f32, color: Color) {
    let bar = height * 0.17;
    brush.bar((x, bottom), (x, bottom - height), color, bar);
    brush.bar((x - height * 0.32, bottom - height * 0.66), (x + height * 0.32, bottom - height * 0.66), color, bar);
}

fn wall(brush: &mut Brush<'_>, build: Build, shape: &Path) {
    brush.form(shape, build.wall);
    if build.bricks {
        let bounds = shape.bounds();
        brush.clipped(shape, |brush| {
            let mut y = bounds.top();
            let mut row = 0;
            while y < bounds.bottom() {
                brush.bar((bounds.left(), y), (bounds.right(), y), build.wall.darker(0.35).faded(0.45), 0.012);
                let mut x = bounds.left() + 0.06 * (row % 2) as f32;
                while x < bounds.right() {
                    brush.bar((x, y), (x, y + 0.07), build.wall.darker(0.35).faded(0.45), 0.012);
                    x += 0.12;
                }
                y += 0.07;
                row += 1;
            }
        });
    }
}

/// Where a tower stands and how tall it and its roof are.
#[derive(Clone, Copy)]
struct Tower {
    x: f32,
    half: f32,
    top: f32,
    spire: f32,
    pointed: bool,
}

/// A tower with windows, clock and a roof with a cross.
fn tower(brush: &mut Brush<'_>, random: &mut Random, build: Build, tower: Tower) {
    let Tower { x, half, top, spire, pointed } = tower;
    wall(brush, build, &rectangle(x - half, top, half * 2.0, 0.88 - top));
    brush.form(&rectangle(x - half * 1.12, top - 0.02, half * 2.24, 0.06), build.wall.darker(0.2));
    window(brush, build, x, top + half * 1.5, half * 0.55, half * 1.1, pointed);
    if random.chance(0.6) {
        let (y, radius) = (top + half * 2.2, half * 0.45);
        brush.form(&circle(x, y, radius), WHITE);
        brush.bar((x, y), (x, y - radius * 0.75), BLACK, radius * 0.15);
        brush.bar((x, y), (x + radius * 0.5, y + radius * 0.2), BLACK, radius * 0.15);
    }
    let peak = top - spire;
    let height = random.span(0.14, 0.22);
    cross(brush, x, peak + 0.03, height, build.gold);
    if random.chance(0.75) {
        brush.form(&polygon(&[(x - half * 1.15, top), (x, peak), (x + half * 1.15, top)]), build.roof);
        brush.fill(
            &polygon(&[(x, peak), (x + half * 1.15, top), (x + half * 0.25, top)]),
            build.roof.darker(0.3).faded(0.6),
        );
    } else {
        onion(brush, build, x, top, half, spire);
    }
}

fn onion(brush: &mut Brush<'_>, build: Build, x: f32, base: f32, half: f32, height: f32) {
    let at = |dx: f32, up: f32| (x + dx * half, base - up * height);
    let dome = [
        at(-0.75, 0.0),
        at(-1.15, 0.25),
        at(-0.9, 0.5),
        at(-0.35, 0.72),
        at(-0.06, 1.0),
        at(0.06, 1.0),
        at(0.35, 0.72),
        at(0.9, 0.5),
        at(1.15, 0.25),
        at(0.75, 0.0),
    ];
    brush.form(&blob(&dome), build.roof);
    brush.line(&curve(&[at(-0.4, 0.1), at(-0.5, 0.4)]), build.roof.lighter(0.5).faded(0.6), half * 0.12);
}

fn gable(brush: &mut Brush<'_>, build: Build, left: f32, right: f32, eaves: f32, peak: f32) {
    let middle = (left + right) / 2.0;
    wall(brush, build, &polygon(&[(left, 0.88), (left, eaves), (middle, peak), (right, eaves), (right, 0.88)]));
    let roof = open(&[(left - 0.06, eaves + 0.05), (middle, peak), (right + 0.06, eaves + 0.05)]);
    brush.line(&roof, build.roof.darker(0.3), 0.09);
    brush.line(&roof, build.roof, 0.06);
}

fn chapel(brush: &mut Brush<'_>, random: &mut Random, build: Build) {
    let pointed = random.chance(0.5);
    let (half, tower_half) = (random.span(0.48, 0.62), random.span(0.16, 0.24));
    let (eaves, top) = (random.span(0.1, 0.25), random.span(-0.5, -0.25));
    let behind = random.chance(0.5);
    let spire = random.span(0.4, 0.62);
    if behind {
        tower(brush, random, build, Tower { x: 0.0, half: tower_half, top, spire, pointed });
    }
    gable(brush, build, -half, half, eaves, -0.2);
    if !behind {
        tower(brush, random, build, Tower { x: 0.0, half: tower_half, top, spire, pointed });
    }
    for side in [-1.0, 1.0] {
        window(brush, build, side * (half + tower_half) / 2.0, 0.7, 0.13, 0.36, pointed);
    }
    if behind {
        brush.form(&circle(0.0, 0.1, 0.13), build.wall.lighter(0.3));
        brush.fill(&circle(0.0, 0.1, 0.1), build.glass);
        for turn in 0..4 {
            let (x, y) = around(0.0, 0.1, 0.1, 0.1, turn as f32 / 8.0);
            brush.bar((-x, 0.2 - y), (x, y), build.wall.lighter(0.2), 0.014);
        }
    }
    portal(brush, build, 0.0, 0.88, 0.22, 0.42, pointed);
}

fn long_side(brush: &mut Brush<'_>, random: &mut Random, build: Build) {
    let pointed = random.chance(0.5);
    let (eaves, ridge) = (random.span(0.2, 0.32), random.span(-0.2, 0.0));
    wall(brush, build, &rectangle(-0.25, eaves, 1.2, 0.88 - eaves));
    let roof = polygon(&[(-0.3, eaves + 0.03), (-0.25, ridge), (0.88, ridge), (1.0, eaves + 0.03)]);
    brush.form(&roof, build.roof);
    brush.clipped(&roof, |brush| {
        for i in 0..6 {
            let y = ridge + (eaves - ridge) * i as f32 / 5.0;
            brush.bar((-0.4, y), (1.1, y), build.roof.darker(0.4).faded(0.4), 0.014);
        }
    });
    let count = random.below(2) + 3;
    for i in 0..count {
        let x = -0.02 + 0.92 * (i as f32 + 0.3) / count as f32;
        window(brush, build, x, 0.72, 0.13, 0.34, pointed);
    }
    let (top, spire) = (random.span(-0.5, -0.25), random.span(0.38, 0.6));
    let half = random.span(0.2, 0.28);
    tower(brush, random, build, Tower { x: -0.5, half, top, spire, pointed });
    portal(brush, build, -0.5, 0.88, 0.2, 0.4, pointed);
    if random.chance(0.3) {
        cross(brush, 0.86, ridge, 0.14, build.gold);
    }
}

fn twin_towers(brush: &mut Brush<'_>, random: &mut Random, build: Build) {
    let pointed = random.chance(0.7);
    let (top, spire, half) = (random.span(-0.4, -0.2), random.span(0.4, 0.6), random.span(0.17, 0.22));
    gable(brush, build, -0.45, 0.45, 0.0, -0.32);
    cross(brush, 0.0, -0.32, 0.16, build.gold);
    brush.form(&circle(0.0, 0.08, 0.2), build.wall.lighter(0.3));
    brush.fill(&circle(0.0, 0.08, 0.165), build.glass);
    for turn in 0..4 {
        let (x, y) = around(0.0, 0.08, 0.165, 0.165, turn as f32 / 8.0);
        brush.bar((-x, 0.16 - y), (x, y), build.wall.lighter(0.2), 0.018);
    }
    brush.line(&arc(0.0, 0.08, 0.08, 0.08, 0.0, 1.0), build.wall.lighter(0.2), 0.018);
    portal(brush, build, 0.0, 0.88, 0.26, 0.46, pointed);
    let turret = random.below(2);
    for side in [-1.0, 1.0] {
        // Both towers use the same random draws, so that they look alike.
        let mut twin = random.clone();
        tower(brush, &mut twin, build, Tower { x: side * 0.52, half, top, spire, pointed });
        window(brush, build, side * 0.52, 0.72, 0.11, 0.3, pointed);
        if turret == 1 {
            brush.form(&rectangle(side * 0.52 - half * 1.1, 0.3, half * 2.2, 0.05), build.wall.darker(0.15));
        }
    }
}

fn domed(brush: &mut Brush<'_>, random: &mut Random, build: Build) {
    wall(brush, build, &rectangle(-0.6, 0.1, 1.2, 0.78));
    brush.form(&rectangle(-0.65, 0.06, 1.3, 0.08), build.wall.darker(0.15));
    let tall = random.span(0.5, 0.68);
    for side in [-1.0, 1.0] {
        wall(brush, build, &rectangle(side * 0.42 - 0.12, -0.15, 0.24, 0.25));
        cross(brush, side * 0.42, -0.42, 0.15, build.gold);
        onion(brush, build, side * 0.42, -0.14, 0.14, 0.3);
    }
    wall(brush, build, &rectangle(-0.24, -0.2, 0.48, 0.3));
    for x in [-0.13, 0.0, 0.13] {
        window(brush, build, x, 0.04, 0.06, 0.18, false);
    }
    cross(brush, 0.0, -0.18 - tall, 0.2, build.gold);
    onion(brush, build, 0.0, -0.18, 0.27, tall);
    for side in [-1.0, 1.0] {
        window(brush, build, side * 0.4, 0.68, 0.14, 0.36, false);
    }
    portal(brush, build, 0.0, 0.88, 0.26, 0.5, false);
    brush.fill(&ellipse(0.0, 0.2, 0.06, 0.06), build.gold);
}
