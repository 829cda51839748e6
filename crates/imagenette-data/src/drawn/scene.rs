//! One picture: its format, the place, things around the object, the object with its shadow, obstacles in front of it,
//! and the light over everything.

use tiny_skia::{Pixmap, Transform};

use super::brush::{Brush, Style, place};
use super::color::Color;
use super::draws::Draws;
use super::finish::{self, Development};
use super::shape::{ellipse, polygon, sin_cos};
use super::{backdrop, clutter, objects, obstacle};
use crate::image::Pixels;
use crate::random::Random;

/// The shortest side of every picture.
const SHORT_PX: f32 = 160.0;

/// Draws the picture that this stream of random numbers describes.
pub(super) fn picture(label: u16, random: &mut Random) -> Pixels {
    let long = (SHORT_PX * if random.chance(0.2) { 1.0 } else { random.span(1.05, 1.5) }) as u32;
    let (width, height) = if random.chance(0.35) { (SHORT_PX as u32, long) } else { (long, SHORT_PX as u32) };
    let mut scene = Scene::new(width, height, random);
    let horizon = scene.backdrop(random);
    scene.around(random, horizon);
    if random.chance(0.65) {
        let radius = random.below(3) as usize + 1;
        soften(&mut scene.canvas, radius);
    }
    scene.object(label, random);
    for _ in 0..*random.pick(&[0, 0, 0, 1, 1, 2]) {
        scene.obstacle(random);
    }
    scene.light(random);
    scene.develop(random)
}

struct Scene {
    canvas: Pixmap,
    style: Style,
}

impl Scene {
    fn new(width: u32, height: u32, random: &mut Random) -> Self {
        // The light comes from anywhere above.
        let (sin, cos) = sin_cos(random.span(-2.8, -0.34));
        let style = Style {
            light: (cos, sin),
            relief: random.span(0.15, 0.8),
            outline_px: if random.chance(0.4) { random.span(0.6, 1.5) } else { 0.0 },
        };
        Self { canvas: layer(width, height), style }
    }

    fn size(&self) -> (f32, f32) {
        (self.canvas.width() as f32, self.canvas.height() as f32)
    }

    /// Paints the place; returns the height of its ground line in pixels.
    fn backdrop(&mut self, random: &mut Random) -> f32 {
        let (width, height) = self.size();
        let style = Style { outline_px: 0.0, ..self.style };
        backdrop::paint(&mut Brush::new(&mut self.canvas, Transform::identity(), style), random, width, height)
    }

    /// Small things behind the object, on all sides.
    fn around(&mut self, random: &mut Random, horizon: f32) {
        let (width, height) = self.size();
        for _ in 0..random.below(6) {
            let size = SHORT_PX * random.span(0.06, 0.2);
            let x = random.span(0.0, width);
            let y = if random.chance(0.7) {
                (horizon + random.span(-0.5, 1.5) * size).min(height)
            } else {
                random.span(0.0, height)
            };
            let transform = place(x, y, random.span(-0.3, 0.3), size * random.sign(), size);
            clutter::thing(&mut Brush::new(&mut self.canvas, transform, self.style), random);
        }
    }

    fn object(&mut self, label: u16, random: &mut Random) {
        let (width, height) = self.size();
        let stance = objects::stance(label);
        let radius = SHORT_PX * random.span(0.36, 0.56) * stance.size;
        // Now and then a part is outside the picture.
        let margin = if random.chance(0.12) { 0.5 } else { 0.85 };
        let room = |side: f32| (side / 2.0 - margin * radius).max(side * 0.04);
        let (x, y) =
            (width / 2.0 + random.span(-1.0, 1.0) * room(width), height / 2.0 + random.span(-1.0, 1.0) * room(height));
        let tilt = random.span(-1.0, 1.0) * stance.tilt;
        let stretch = 1.0 + random.span(-0.1, 0.12) * stance.give;
        let (skew_x, skew_y) = (random.span(-0.14, 0.14) * stance.give, random.span(-0.1, 0.1) * stance.give);
        let transform = place(x, y, tilt, radius * stretch * random.sign(), radius / stretch)
            .pre_concat(Transform::from_row(1.0, skew_y, skew_x, 1.0, 0.0, 0.0));
        if stance.grounded && random.chance(0.8) {
            let depth = random.span(0.1, 0.5);
            let soft = Color::gray(0.0).faded(depth);
            let mut brush = Brush::new(&mut self.canvas, transform, self.style);
            let stops = [(0.0, soft), (0.6, soft.faded(0.6)), (1.0, soft.faded(0.0))];
            brush.within(place(0.0, 0.86, 0.0, 1.0, 0.2), |brush| {
                brush.fill_radial(&ellipse(0.0, 0.0, 1.1, 1.1), (0.0, 0.0), 1.1, &stops);
            });
        }
        let mut own = layer(self.canvas.width(), self.canvas.height());
        objects::draw(label, &mut Brush::new(&mut own, transform, self.style), random);
        if random.chance(0.6) {
            self.cast_shadow(&own, random);
        }
        finish::lay_over(self.canvas.data_mut(), own.data());
    }

    /// A soft shadow of the whole layer, away from the light.
    fn cast_shadow(&mut self, own: &Pixmap, random: &mut Random) {
        let (radius, reach, strength) = (random.below(4) as usize + 1, random.span(2.0, 14.0), random.span(0.15, 0.55));
        let (lx, ly) = self.style.light;
        let by = ((-lx * reach) as isize, (-ly * reach) as isize);
        let width = own.width() as usize;
        finish::cast_shadow(self.canvas.data_mut(), own.data(), width, radius, by, strength);
    }

    fn obstacle(&mut self, random: &mut Random) {
        let (width, height) = self.size();
        let mut own = layer(self.canvas.width(), self.canvas.height());
        obstacle::paint(&mut Brush::new(&mut own, Transform::identity(), self.style), random, width, height);
        soften(&mut own, random.below(3) as usize);
        finish::lay_over(self.canvas.data_mut(), own.data());
    }

    /// Bands and pools of light or shade over the whole picture.
    fn light(&mut self, random: &mut Random) {
        if !random.chance(0.5) {
            return;
        }
        let (width, height) = self.size();
        let mut own = layer(self.canvas.width(), self.canvas.height());
        let mut brush = Brush::new(&mut own, Transform::identity(), self.style);
        for _ in 0..random.below(3) + 1 {
            let tone = if random.chance(0.6) { Color::gray(0.0) } else { Color::rgb(1.0, 0.95, 0.8) };
            let tone = tone.faded(random.span(0.1, 0.35));
            let (x, y) = (random.span(0.0, width), random.span(0.0, height));
            if random.chance(0.5) {
                let (band, lean) = (random.span(10.0, 60.0), random.span(-80.0, 80.0));
                brush.fill(
                    &polygon(&[(x, -5.0), (x + band, -5.0), (x + band + lean, height + 5.0), (x + lean, height + 5.0)]),
                    tone,
                );
            } else {
                let size = random.span(25.0, 90.0);
                brush.fill_radial(
                    &ellipse(x, y, size, size),
                    (x, y),
                    size,
                    &[(0.0, tone), (0.7, tone.faded(0.7)), (1.0, tone.faded(0.0))],
                );
            }
        }
        soften(&mut own, random.below(4) as usize);
        finish::lay_over(self.canvas.data_mut(), own.data());
    }

    fn develop(self, random: &mut Random) -> Pixels {
        let (width_px, height_px) = (self.canvas.width(), self.canvas.height());
        // The backdrop covers every pixel, so nothing is premultiplied by less than one.
        let mut rgb: Vec<u8> =
            self.canvas.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Development::draw(random).apply(&mut rgb, width_px as usize, height_px as usize, random);
        Pixels { width_px, height_px, rgb }
    }
}

fn soften(layer: &mut Pixmap, radius: usize) {
    let width = layer.width() as usize;
    finish::blur::<4>(layer.data_mut(), width, radius);
}

fn layer(width: u32, height: u32) -> Pixmap {
    Pixmap::new(width, height).expect("pictures are a few hundred pixels wide and high")
}
