//! The golf ball: dimples on a sphere that is rotated at random; on a tee, in grass, at the hole, or several of them.

use tiny_skia::Transform;

use crate::drawn::brush::Brush;
use crate::drawn::color::{self, BLACK, Color, WHITE};
use crate::drawn::draws::Draws;
use crate::drawn::shape::{arc, circle, ellipse, limb, polygon, rectangle};
use crate::random::Random;

const NATURAL: [Color; 4] = [WHITE, Color::gray(0.88), Color::rgb(0.95, 0.93, 0.4), Color::rgb(0.98, 0.7, 0.3)];

pub(super) fn draw(brush: &mut Brush<'_>, random: &mut Random) {
    let skin = color::mostly(random, &NATURAL, 0.6).lighter(0.15);
    match random.below(10) {
        0..=3 => {
            tee(brush, random);
            ball(brush, random, 0.0, -0.15, 0.78, skin);
        }
        4..=6 => {
            ball(brush, random, 0.0, 0.0, 0.9, skin);
            grass(brush, random, 0.82);
        }
        7 => {
            hole(brush, random);
            ball(brush, random, -0.25, 0.35, 0.55, skin);
        }
        _ => {
            let other = if random.chance(0.5) { skin } else { color::mostly(random, &NATURAL, 0.5) };
            ball(brush, random, 0.42, 0.25, 0.55, other);
            if random.chance(0.5) {
                ball(brush, random, 0.0, -0.42, 0.52, skin);
            }
            ball(brush, random, -0.42, 0.32, 0.58, skin);
        }
    }
}

/// A rotation of the sphere, from a random unit quaternion.
fn turned(random: &mut Random) -> [[f32; 3]; 3] {
    let q: Vec<f32> = (0..4).map(|_| random.normal() as f32).collect();
    let length = (q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]).sqrt().max(1e-6);
    let (w, x, y, z) = (q[0] / length, q[1] / length, q[2] / length, q[3] / length);
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

fn ball(brush: &mut Brush<'_>, random: &mut Random, x: f32, y: f32, radius: f32, skin: Color) {
    let rotation = turned(random);
    let count = random.below(70) + 130;
    let depth = random.span(0.22, 0.45);
    let mark = random.chance(0.5).then(|| color::any(random));
    let unit = Transform::from_row(radius, 0.0, 0.0, radius, x, y);
    brush.within(unit, |brush| {
        let (lx, ly) = brush.light();
        let sphere = circle(0.0, 0.0, 1.0);
        brush.form(&sphere, skin);
        let stops = [(0.0, skin.lighter(0.6)), (0.45, skin), (0.8, skin.darker(0.22)), (1.0, skin.darker(0.5))];
        brush.fill_radial(&sphere, (lx * 0.45, ly * 0.45), 1.5, &stops);
        if let Some(color) = mark {
            // A maker's name and number, as strokes of print.
            for (x, width) in [(-0.36, 0.12), (-0.2, 0.2), (0.04, 0.1), (0.18, 0.18)] {
                brush.bar((x, -0.04), (x + width, -0.04), color, 0.14);
            }
            brush.bar((-0.05, 0.2), (0.05, 0.2), color.darker(0.3), 0.13);
        }
        dimples(brush, rotation, count, depth, skin);
        brush.fill(&ellipse(lx * 0.5, ly * 0.5, 0.16, 0.12), Color::gray(1.0).faded(0.45));
    });
}

/// Dimples on a Fibonacci lattice, each seen as an ellipse with its far wall in shade and its near wall lit.
fn dimples(brush: &mut Brush<'_>, rotation: [[f32; 3]; 3], count: u32, depth: f32, skin: Color) {
    let golden = 2.399_963_2;
    let size = 1.62 / (count as f32).sqrt();
    let (lx, ly) = brush.light();
    for i in 0..count {
        let height = 1.0 - 2.0 * (i as f32 + 0.5) / count as f32;
        let ring = (1.0 - height * height).max(0.0).sqrt();
        let (sin, cos) = crate::drawn::shape::sin_cos(golden * i as f32);
        let point = [ring * cos, ring * sin, height];
        let seen = |row: [f32; 3]| row[0] * point[0] + row[1] * point[1] + row[2] * point[2];
        let (x, y, z) = (seen(rotation[0]), seen(rotation[1]), seen(rotation[2]));
        if z < 0.12 {
            continue;
        }
        // Axes of the ellipse: shortened toward the rim of the ball.
        let rho = (x * x + y * y).sqrt();
        let (ux, uy) = if rho > 1e-4 { (x / rho, y / rho) } else { (1.0, 0.0) };
        let place = Transform::from_row(ux * z * size, uy * z * size, -uy * size, ux * size, x, y);
        brush.within(place, |brush| {
            let (lx, ly) = brush.light();
            let wall = ((lx * 0.9, ly * 0.9), (-lx * 0.9, -ly * 0.9));
            brush.fill_stops(
                &circle(0.0, 0.0, 0.86),
                wall.0,
                wall.1,
                &[
                    (0.0, BLACK.faded(depth * 1.5)),
                    (0.55, skin.darker(0.3).faded(depth)),
                    (1.0, Color::gray(1.0).faded(depth)),
                ],
            );
        });
    }
    brush.line(&arc(-lx * 0.02, -ly * 0.02, 0.98, 0.98, 0.0, 1.0), skin.darker(0.4).faded(0.35), 0.03);
}

fn tee(brush: &mut Brush<'_>, random: &mut Random) {
    let peg = color::any(random);
    brush
        .form(&limb(&[(0.0, 0.5, 0.2), (0.0, 0.66, 0.16), (0.0, 0.78, 0.07), (0.0, 1.1, 0.05), (0.0, 1.3, 0.03)]), peg);
    brush.form(&ellipse(0.0, 0.58, 0.24, 0.06), peg.lighter(0.2));
}

/// Blades in front of whatever stands in the grass.
fn grass(brush: &mut Brush<'_>, random: &mut Random, ground: f32) {
    let green = Color::hsl(random.span(0.18, 0.38), random.span(0.3, 0.7), random.span(0.25, 0.5));
    for _ in 0..46 {
        let x = random.span(-1.1, 1.1);
        let (lean, tall) = (random.span(-0.15, 0.15), random.span(0.15, 0.5));
        let blade = polygon(&[(x - 0.03, ground + 0.2), (x + lean, ground + 0.12 - tall), (x + 0.03, ground + 0.2)]);
        brush.fill(&blade, green.mix(color::muted(random), 0.2).lighter(random.span(0.0, 0.25)));
    }
}

fn hole(brush: &mut Brush<'_>, random: &mut Random) {
    brush.form(&ellipse(0.5, 0.72, 0.36, 0.12), BLACK);
    brush.line(&arc(0.5, 0.72, 0.36, 0.12, 0.5, 1.0), WHITE.darker(0.2), 0.03);
    brush.fill(&rectangle(0.47, -1.0, 0.06, 1.74), WHITE.darker(0.1));
    let flag = color::any(random);
    brush.form(&polygon(&[(0.53, -1.0), (1.05, -0.82), (0.53, -0.6)]), flag);
}
