//! Backgrounds: ten families of places, the same for every class, from sky and streets to rooms and plain studio
//! paper.

use super::brush::Brush;
use super::color::{self, Color};
use super::draws::Draws;
use super::shape::{P, blob, circle, curve, ellipse, polygon, rectangle};
use crate::random::Random;

/// Paints the whole picture; returns the y coordinate in pixels of the ground line, on which things stand.
pub(super) fn paint(brush: &mut Brush<'_>, random: &mut Random, width: f32, height: f32) -> f32 {
    let horizon = height * random.span(0.35, 0.8);
    let family = [hills, meadow, water, street, forest, room, table, studio, lights, mountains];
    random.pick(&family)(brush, random, Frame { width, height, horizon });
    horizon
}

#[derive(Clone, Copy)]
struct Frame {
    width: f32,
    height: f32,
    horizon: f32,
}

impl Frame {
    fn whole(self) -> tiny_skia::Path {
        rectangle(0.0, 0.0, self.width, self.height)
    }

    fn below(self) -> tiny_skia::Path {
        rectangle(0.0, self.horizon, self.width, self.height - self.horizon)
    }
}

fn sky(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    let top = match random.below(5) {
        0 => Color::hsl(random.span(0.0, 0.12), random.span(0.3, 0.8), random.span(0.5, 0.7)),
        1 => Color::gray(random.span(0.5, 0.85)),
        2 => Color::hsl(random.span(0.58, 0.75), random.span(0.2, 0.6), random.span(0.12, 0.35)),
        _ => Color::hsl(random.span(0.52, 0.62), random.span(0.3, 0.8), random.span(0.45, 0.75)),
    };
    let low = top.mix(color::muted(random).lighter(0.5), random.span(0.3, 0.9));
    brush.fill_linear(&frame.whole(), ((0.0, 0.0), top), ((0.0, frame.height * 0.8), low));
    if random.chance(0.6) {
        let white = Color::gray(random.span(0.75, 1.0));
        for _ in 0..random.below(5) + 1 {
            let (x, y) = (random.span(0.0, frame.width), random.span(0.0, frame.horizon));
            let size = random.span(6.0, 22.0);
            for _ in 0..6 {
                let (dx, dy) = (random.span(-2.0, 2.0) * size, random.span(-0.4, 0.4) * size);
                brush.fill(&ellipse(x + dx, y + dy, size * random.span(0.6, 1.3), size * 0.5), white.faded(0.5));
            }
        }
    }
}

/// A hilly line across the whole width, closed downward.
fn ridge(random: &mut Random, frame: Frame, base: f32, rise: f32, steps: usize) -> Vec<P> {
    let mut points: Vec<P> = (0..=steps)
        .map(|i| (frame.width * (i as f32 / steps as f32 * 1.2 - 0.1), base - rise * random.span(0.0, 1.0)))
        .collect();
    points.push((frame.width * 1.2, frame.height * 1.3));
    points.push((-frame.width * 0.2, frame.height * 1.3));
    points
}

fn ground_color(random: &mut Random) -> Color {
    match random.below(4) {
        0 => color::muted(random),
        1 => Color::hsl(random.span(0.05, 0.14), random.span(0.2, 0.6), random.span(0.3, 0.7)),
        _ => Color::hsl(random.span(0.17, 0.4), random.span(0.2, 0.65), random.span(0.25, 0.55)),
    }
}

fn hills(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    sky(brush, random, frame);
    let mut green = ground_color(random);
    for layer in 0..3 {
        let base = frame.horizon + (layer as f32 - 1.0) * frame.height * 0.1;
        let points = ridge(random, frame, base, frame.height * 0.18, 6);
        brush.form(&blob(&points), green.lighter(0.3 - 0.15 * layer as f32));
        green = green.mix(ground_color(random), 0.25);
    }
    specks(brush, random, frame, 40, green);
}

/// Tufts, stones and crumbs on the ground.
fn specks(brush: &mut Brush<'_>, random: &mut Random, frame: Frame, count: u32, near: Color) {
    for _ in 0..count {
        let y = random.span(frame.horizon, frame.height);
        let size = 0.5 + 4.0 * (y - frame.horizon) / (frame.height - frame.horizon).max(1.0);
        let x = random.span(0.0, frame.width);
        let tone = if random.chance(0.5) { near.lighter(0.3) } else { near.darker(0.35) };
        brush.fill(&ellipse(x, y, size * random.span(0.5, 1.6), size * 0.5), tone.faded(0.6));
    }
}

fn meadow(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    let green = ground_color(random);
    let far = green.mix(color::muted(random), 0.5);
    brush.fill_linear(&frame.whole(), ((0.0, 0.0), far.lighter(0.2)), ((0.0, frame.height), green.darker(0.15)));
    for _ in 0..random.below(220) + 80 {
        let (x, y) = (random.span(0.0, frame.width), random.span(0.0, frame.height * 1.1));
        let (lean, tall) = (random.span(-3.0, 3.0), random.span(3.0, 12.0) * (0.4 + y / frame.height));
        let tone = if random.chance(0.5) { green.lighter(0.3) } else { green.darker(0.3) };
        brush.line(&curve(&[(x, y), (x + lean * 0.3, y - tall * 0.5), (x + lean, y - tall)]), tone.faded(0.7), 1.2);
    }
    if random.chance(0.4) {
        let petal = color::any(random).lighter(0.2);
        for _ in 0..random.below(20) + 5 {
            let (x, y) = (random.span(0.0, frame.width), random.span(0.0, frame.height));
            brush.fill(&circle(x, y, random.span(1.0, 2.8)), petal);
        }
    }
}

fn water(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    sky(brush, random, frame);
    let blue = match random.below(3) {
        0 => color::muted(random),
        _ => Color::hsl(random.span(0.42, 0.62), random.span(0.25, 0.7), random.span(0.25, 0.55)),
    };
    let whole = random.chance(0.4);
    let frame = if whole { Frame { horizon: 0.0, ..frame } } else { frame };
    brush.fill_linear(
        &frame.below(),
        ((0.0, frame.horizon), blue.lighter(0.35)),
        ((0.0, frame.height), blue.darker(0.3)),
    );
    for _ in 0..70 {
        let y = random.span(frame.horizon, frame.height);
        let near = 0.3 + (y - frame.horizon) / (frame.height - frame.horizon).max(1.0);
        let (x, reach) = (random.span(-10.0, frame.width), random.span(6.0, 26.0) * near);
        let wave = [(x, y), (x + reach * 0.3, y - 1.6 * near), (x + reach * 0.7, y + 1.6 * near), (x + reach, y)];
        let tone = if random.chance(0.6) { blue.lighter(0.5) } else { blue.darker(0.4) };
        brush.line(&curve(&wave), tone.faded(0.55), random.span(0.8, 2.2) * near);
    }
}

fn street(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    sky(brush, random, frame);
    let mut x = random.span(-30.0, 0.0);
    while x < frame.width {
        let (wide, tall) = (random.span(25.0, 60.0), random.span(0.3, 1.1) * frame.horizon);
        let wall = color::muted(random);
        brush.form(&rectangle(x, frame.horizon - tall, wide, tall + 2.0), wall);
        let pane = wall.against(random.span(0.3, 0.7));
        let (step_x, step_y) = (random.span(8.0, 14.0), random.span(9.0, 16.0));
        let mut wy = frame.horizon - tall + 5.0;
        while wy < frame.horizon - step_y {
            let mut wx = x + 4.0;
            while wx < x + wide - step_x * 0.6 {
                brush.fill(&rectangle(wx, wy, step_x * 0.55, step_y * 0.6), pane);
                wx += step_x;
            }
            wy += step_y;
        }
        x += wide + random.span(-2.0, 8.0);
    }
    let road = Color::gray(random.span(0.25, 0.6)).mix(color::muted(random), 0.3);
    brush.form(&frame.below(), road);
    brush.bar((0.0, frame.horizon + 4.0), (frame.width, frame.horizon + 4.0), road.lighter(0.4), 5.0);
    if random.chance(0.6) {
        let y = random.span(frame.horizon, frame.height);
        for i in 0..8 {
            let x = i as f32 * 34.0;
            brush.bar((x, y), (x + 20.0, y), Color::gray(0.9), 3.0);
        }
    }
    specks(brush, random, frame, 25, road);
}

fn forest(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    let leaf = ground_color(random);
    brush.fill_linear(&frame.whole(), ((0.0, 0.0), leaf.lighter(0.4)), ((0.0, frame.height), leaf.darker(0.4)));
    let bark = Color::hsl(random.span(0.04, 0.12), random.span(0.1, 0.4), random.span(0.15, 0.45));
    for _ in 0..random.below(6) + 3 {
        let (x, half) = (random.span(0.0, frame.width), random.span(2.0, 9.0));
        let foot = frame.horizon + random.span(-10.0, 25.0);
        let lean = random.span(-8.0, 8.0);
        brush.form(
            &polygon(&[
                (x - half + lean, -4.0),
                (x + half + lean, -4.0),
                (x + half * 1.4, foot),
                (x - half * 1.4, foot),
            ]),
            bark,
        );
    }
    for _ in 0..random.below(90) + 50 {
        let (x, y) = (random.span(0.0, frame.width), random.span(-5.0, frame.horizon));
        let tone =
            if random.chance(0.5) { leaf.lighter(random.span(0.0, 0.4)) } else { leaf.darker(random.span(0.0, 0.4)) };
        brush.fill(&ellipse(x, y, random.span(3.0, 12.0), random.span(3.0, 9.0)), tone.faded(0.8));
    }
    specks(brush, random, frame, 60, leaf);
}

fn room(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    let wall = color::muted(random);
    brush.form(&frame.whole(), wall);
    let mark = wall.against(random.span(0.08, 0.25));
    let step = random.span(10.0, 26.0);
    let pattern = random.below(4);
    for i in 0..(frame.width / step) as usize + 1 {
        let x = i as f32 * step;
        match pattern {
            0 => brush.bar((x, 0.0), (x, frame.horizon), mark, step * 0.4),
            1 => (0..(frame.horizon / step) as usize + 1).for_each(|j| {
                let shift = step * 0.5 * (j % 2) as f32;
                brush.fill(&circle(x + shift, j as f32 * step, step * 0.18), mark);
            }),
            2 => brush.bar((0.0, x), (frame.width, x), mark, step * 0.1),
            _ => {}
        }
    }
    if random.chance(0.5) {
        let (x, y) = (random.span(0.0, frame.width * 0.8), random.span(0.0, frame.horizon * 0.5));
        let (wide, tall) = (random.span(25.0, 60.0), random.span(25.0, 50.0));
        brush.form(&rectangle(x, y, wide, tall), color::any(random).darker(0.3));
        let pane = color::muted(random).lighter(0.5);
        brush.fill(&rectangle(x + 3.0, y + 3.0, wide - 6.0, tall - 6.0), pane);
        brush.fill(
            &blob(&[(x + 5.0, y + tall - 4.0), (x + wide * 0.4, y + tall * 0.4), (x + wide - 5.0, y + tall - 4.0)]),
            color::any(random),
        );
    }
    floor(brush, random, frame);
}

/// Boards, tiles or a plain floor below the horizon.
fn floor(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    let tone = if random.chance(0.5) {
        Color::hsl(random.span(0.05, 0.11), random.span(0.2, 0.6), random.span(0.25, 0.6))
    } else {
        color::muted(random)
    };
    brush.form(&frame.below(), tone);
    let middle = frame.width * random.span(0.2, 0.8);
    if random.chance(0.6) {
        for i in -12..=12 {
            let (near, far) = (middle + i as f32 * 40.0, middle + i as f32 * 18.0);
            brush.bar((far, frame.horizon), (near, frame.height), tone.darker(0.35).faded(0.7), 1.2);
        }
    }
    if random.chance(0.4) {
        let mut step = 4.0;
        let mut y = frame.horizon;
        while y < frame.height {
            brush.bar((0.0, y), (frame.width, y), tone.darker(0.3).faded(0.6), 1.2);
            step *= 1.5;
            y += step;
        }
    }
    brush.bar((0.0, frame.horizon), (frame.width, frame.horizon), tone.darker(0.4), random.span(1.0, 4.0));
}

fn table(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    let wall = color::muted(random);
    let other = wall.mix(color::muted(random), 0.5);
    brush.fill_linear(&frame.whole(), ((0.0, 0.0), wall), ((frame.width, frame.horizon), other));
    let cloth = color::any(random).mix(color::muted(random), 0.5);
    brush.form(&frame.below(), cloth);
    let check = cloth.against(random.span(0.15, 0.45)).faded(0.6);
    match random.below(3) {
        0 => {
            let step = random.span(14.0, 30.0);
            for i in 0..14 {
                let (x, y) = (i as f32 * step, frame.horizon + i as f32 * step * 0.7);
                brush.bar((x, frame.horizon), (x * 1.3 - 20.0, frame.height), check, step * 0.4);
                brush.bar((0.0, y), (frame.width, y), check, step * 0.25);
            }
        }
        1 => {
            for _ in 0..24 {
                let y = random.span(frame.horizon, frame.height);
                let grain = [
                    (0.0, y),
                    (frame.width * 0.4, y + random.span(-3.0, 3.0)),
                    (frame.width, y + random.span(-4.0, 4.0)),
                ];
                brush.line(&curve(&grain), check, random.span(0.6, 2.0));
            }
        }
        _ => {}
    }
    if random.chance(0.6) {
        let shine = Color::gray(1.0).faded(0.15);
        brush.fill(&ellipse(random.span(0.0, frame.width), frame.horizon + 20.0, 70.0, 14.0), shine);
    }
}

fn studio(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    let paper = if random.chance(0.5) { color::muted(random) } else { color::any(random) };
    let center = (random.span(0.0, frame.width), random.span(0.0, frame.height));
    let stops = [(0.0, paper.lighter(random.span(0.0, 0.5))), (1.0, paper.darker(random.span(0.0, 0.5)))];
    brush.fill_radial(&frame.whole(), center, frame.width, &stops);
    if random.chance(0.5) {
        let other = color::any(random).mix(paper, 0.3);
        for _ in 0..random.below(6) + 2 {
            let (x, y, size) = (random.span(0.0, frame.width), random.span(0.0, frame.height), random.span(10.0, 60.0));
            let lean = random.span(-1.0, 1.0) * size;
            let shape = match random.below(3) {
                0 => circle(x, y, size * 0.6),
                1 => polygon(&[(x, y), (x + size, y + lean), (x + lean, y + size)]),
                _ => polygon(&[
                    (x, y),
                    (x + size, y + lean * 0.3),
                    (x + size * 0.8, y + size),
                    (x - lean * 0.2, y + size * 0.8),
                ]),
            };
            brush.fill(&shape, other.against(random.span(0.0, 0.4)).faded(random.span(0.3, 0.9)));
        }
    }
}

fn lights(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    let dark = color::any(random).darker(random.span(0.2, 0.7));
    brush.fill_linear(
        &frame.whole(),
        ((0.0, 0.0), dark),
        ((frame.width, frame.height), color::any(random).darker(0.4)),
    );
    for _ in 0..random.below(30) + 15 {
        let (x, y) = (random.span(0.0, frame.width), random.span(0.0, frame.height));
        brush.fill(&circle(x, y, random.span(4.0, 22.0)), color::any(random).lighter(0.2).faded(random.span(0.1, 0.5)));
    }
}

fn mountains(brush: &mut Brush<'_>, random: &mut Random, frame: Frame) {
    sky(brush, random, frame);
    let rock = color::muted(random);
    let snow = Color::gray(0.95);
    for layer in 0..2 {
        let mut x = random.span(-60.0, 0.0);
        while x < frame.width {
            let (half, tall) = (random.span(30.0, 70.0), frame.height * random.span(0.2, 0.55));
            let (peak, foot) = ((x + half, frame.horizon - tall), frame.horizon + 4.0);
            let tone = rock.lighter(0.3 - 0.2 * layer as f32);
            brush.form(&polygon(&[(x, foot), peak, (x + half * 2.0, foot)]), tone);
            let at = |s: f32, down: f32| (peak.0 + s * half * down, peak.1 + tall * down);
            brush.fill(
                &polygon(&[peak, at(1.0, 0.35), at(0.3, 0.25), at(0.0, 0.4), at(-0.4, 0.25), at(-1.0, 0.35)]),
                snow,
            );
            x += half * random.span(0.9, 1.6);
        }
    }
    let ground = if random.chance(0.4) { snow.darker(0.08) } else { ground_color(random) };
    brush.form(&frame.below(), ground);
    specks(brush, random, frame, 30, ground);
}
