//! What stands between the viewer and the object: grass, a twig, a pole, a fence, or a thing close by.

use super::brush::{Brush, place};
use super::clutter;
use super::color::{self, Color};
use super::draws::Draws;
use super::shape::{P, blob, open, polygon};
use crate::random::Random;

/// Paints something close to the viewer that covers part of the picture of `width` by `height` pixels.
pub(super) fn paint(brush: &mut Brush<'_>, random: &mut Random, width: f32, height: f32) {
    match random.below(5) {
        0 => blades(brush, random, width, height),
        1 => twig(brush, random, width, height),
        2 => {
            let (x, half) = (random.span(0.0, width), random.span(2.0, 7.0));
            let lean = random.span(-15.0, 15.0);
            let tone = color::any(random);
            brush.form(
                &polygon(&[
                    (x - half + lean, -5.0),
                    (x + half + lean, -5.0),
                    (x + half, height + 5.0),
                    (x - half, height + 5.0),
                ]),
                tone,
            );
        }
        3 => {
            let size = random.span(0.2, 0.34) * height.min(width);
            let x =
                if random.chance(0.5) { random.span(-0.2, 0.6) * size } else { width - random.span(-0.2, 0.6) * size };
            let y = height - random.span(0.0, 0.7) * size;
            brush.within(place(x, y, random.span(-0.3, 0.3), size, size), |brush| clutter::thing(brush, random));
        }
        _ => fence(brush, random, width, height),
    }
}

fn blades(brush: &mut Brush<'_>, random: &mut Random, width: f32, height: f32) {
    let green = Color::hsl(random.span(0.1, 0.4), random.span(0.2, 0.7), random.span(0.2, 0.5));
    for _ in 0..random.below(30) + 12 {
        let (x, tall, lean) = (random.span(0.0, width), random.span(0.08, 0.34) * height, random.span(-14.0, 14.0));
        let blade = polygon(&[(x - 2.5, height + 4.0), (x + lean, height - tall), (x + 2.5, height + 4.0)]);
        brush.fill(&blade, green.lighter(random.span(0.0, 0.3)));
    }
}

fn twig(brush: &mut Brush<'_>, random: &mut Random, width: f32, height: f32) {
    let from = (if random.chance(0.5) { 0.0 } else { width }, random.span(0.0, 0.4) * height);
    let to = (width * random.span(0.3, 0.7), random.span(-0.1, 0.35) * height);
    brush.line(&open(&[from, to]), Color::rgb(0.3, 0.22, 0.15), 2.5);
    let leaf = color::any(random).mix(Color::rgb(0.3, 0.5, 0.2), 0.6);
    for _ in 0..random.below(12) + 6 {
        let share = random.uniform() as f32;
        let (x, y) = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
        brush.within(place(x, y, random.span(0.0, std::f32::consts::TAU), 1.0, 1.0), |brush| {
            brush.form(&blob(&[(0.0, 0.0), (6.0, -4.0), (15.0, 0.0), (6.0, 4.0)]), leaf.lighter(0.15));
        });
    }
}

fn fence(brush: &mut Brush<'_>, random: &mut Random, width: f32, height: f32) {
    let paint = color::any(random);
    let (top, step) = (height * random.span(0.72, 0.88), random.span(16.0, 34.0));
    let slat = step * random.span(0.2, 0.5);
    brush.bar((0.0, top + 10.0), (width, top + 10.0), paint.darker(0.2), 5.0);
    for i in 0..(width / step) as usize + 1 {
        let x = i as f32 * step;
        let points: [P; 5] = [
            (x, height + 2.0),
            (x, top),
            (x + slat / 2.0, top - slat / 2.0),
            (x + slat, top),
            (x + slat, height + 2.0),
        ];
        brush.form(&polygon(&points), paint);
    }
}
