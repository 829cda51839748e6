//! The brush: shapes in the coordinates of an object go in; painted with light and outline they go onto a layer of a
//! picture.
//!
//! Objects are drawn around the origin, about one unit in every direction, y downward; the transform does the rest.

use tiny_skia::{
    FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Mask, Paint, Path, Pixmap, Point, RadialGradient,
    Shader, SpreadMode, Stroke, Transform,
};

use super::color::Color;
use super::shape::{P, open, sin_cos};

/// Translates, then rotates by `angle` radians, then scales: how a part is put in its place.
pub(super) fn place(x: f32, y: f32, angle: f32, scale_x: f32, scale_y: f32) -> Transform {
    let (sin, cos) = sin_cos(angle);
    Transform::from_row(cos * scale_x, sin * scale_x, -sin * scale_y, cos * scale_y, x, y)
}

/// The look that all parts of a picture share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Where the light comes from, as a unit vector in the picture.
    pub(super) light: P,
    /// How much the lit and the shaded side differ, in 0..1.
    pub(super) relief: f32,
    /// Width of the dark line around forms, in pixels of the picture; 0 for none.
    pub(super) outline_px: f32,
}

/// Paints onto one layer of a picture.
pub(super) struct Brush<'a> {
    layer: &'a mut Pixmap,
    transform: Transform,
    clip: Option<Mask>,
    style: Style,
}

impl<'a> Brush<'a> {
    pub(super) fn new(layer: &'a mut Pixmap, transform: Transform, style: Style) -> Self {
        Self { layer, transform, clip: None, style }
    }

    /// Paints with another transform applied before the current one.
    pub(super) fn within(&mut self, transform: Transform, paint: impl FnOnce(&mut Brush<'_>)) {
        let mut inner = Brush {
            layer: self.layer,
            transform: self.transform.pre_concat(transform),
            clip: self.clip.take(),
            style: self.style,
        };
        paint(&mut inner);
        self.clip = inner.clip;
    }

    /// Paints only inside this shape.
    pub(super) fn clipped(&mut self, shape: &Path, paint: impl FnOnce(&mut Brush<'_>)) {
        let outer = self.clip.take();
        let mut mask = outer.clone().unwrap_or_else(|| {
            let mut mask = Mask::new(self.layer.width(), self.layer.height()).expect("a layer is never empty");
            mask.data_mut().fill(255);
            mask
        });
        mask.intersect_path(shape, FillRule::Winding, true, self.transform);
        self.clip = Some(mask);
        paint(self);
        self.clip = outer;
    }

    /// Paints a part without the outline of forms: for small things on a larger one.
    pub(super) fn plain(&mut self, paint: impl FnOnce(&mut Brush<'_>)) {
        let outline_px = std::mem::replace(&mut self.style.outline_px, 0.0);
        paint(self);
        self.style.outline_px = outline_px;
    }

    /// The number of pixels in a unit.
    pub(super) fn unit_px(&self) -> f32 {
        let t = self.transform;
        (t.sx * t.sy - t.kx * t.ky).abs().sqrt().max(1e-3)
    }

    /// Whether the current coordinates are a mirror image, in which writing is reversed.
    pub(super) fn mirrored(&self) -> bool {
        self.transform.sx * self.transform.sy - self.transform.kx * self.transform.ky < 0.0
    }

    /// Where the light comes from, in the current coordinates.
    pub(super) fn light(&self) -> P {
        let t = self.transform;
        let (x, y) = self.style.light;
        // The transpose maps directions of gradients back to local coordinates.
        let (x, y) = (t.sx * x + t.ky * y, t.kx * x + t.sy * y);
        let length = (x * x + y * y).sqrt().max(1e-6);
        (x / length, y / length)
    }

    /// One flat color.
    pub(super) fn fill(&mut self, shape: &Path, color: Color) {
        self.paint(shape, Shader::SolidColor(skia(color)));
    }

    /// A gradient from one point to another.
    pub(super) fn fill_linear(&mut self, shape: &Path, from: (P, Color), to: (P, Color)) {
        self.fill_stops(shape, from.0, to.0, &[(0.0, from.1), (1.0, to.1)]);
    }

    /// A gradient through several colors.
    pub(super) fn fill_stops(&mut self, shape: &Path, from: P, to: P, stops: &[(f32, Color)]) {
        let gradient = LinearGradient::new(
            Point::from_xy(from.0, from.1),
            Point::from_xy(to.0, to.1),
            stops.iter().map(|&(at, color)| GradientStop::new(at, skia(color))).collect(),
            SpreadMode::Pad,
            Transform::identity(),
        );
        self.paint(shape, gradient.unwrap_or(Shader::SolidColor(skia(stops[0].1))));
    }

    /// A gradient from a center outward.
    pub(super) fn fill_radial(&mut self, shape: &Path, center: P, radius: f32, stops: &[(f32, Color)]) {
        let center = Point::from_xy(center.0, center.1);
        let gradient = RadialGradient::new(
            center,
            0.0,
            center,
            radius,
            stops.iter().map(|&(at, color)| GradientStop::new(at, skia(color))).collect(),
            SpreadMode::Pad,
            Transform::identity(),
        );
        self.paint(shape, gradient.unwrap_or(Shader::SolidColor(skia(stops[0].1))));
    }

    /// A body with a lit and a shaded side, and an outline where the style has one.
    pub(super) fn form(&mut self, shape: &Path, color: Color) {
        let bounds = shape.bounds();
        let (cx, cy) = ((bounds.left() + bounds.right()) / 2.0, (bounds.top() + bounds.bottom()) / 2.0);
        let (lx, ly) = self.light();
        let reach = lx.abs() * bounds.width() / 2.0 + ly.abs() * bounds.height() / 2.0;
        let relief = self.style.relief;
        self.fill_stops(
            shape,
            (cx + lx * reach, cy + ly * reach),
            (cx - lx * reach, cy - ly * reach),
            &[(0.0, color.lighter(relief * 0.5)), (0.4, color), (1.0, color.darker(relief * 0.6))],
        );
        if self.style.outline_px > 0.0 {
            let width = self.style.outline_px / self.unit_px();
            self.line(shape, color.darker(0.65), width);
        }
    }

    /// A line of this width with round ends.
    pub(super) fn line(&mut self, path: &Path, color: Color, width: f32) {
        let stroke = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        let paint = solid(Shader::SolidColor(skia(color)));
        self.layer.stroke_path(path, &paint, &stroke, self.transform, self.clip.as_ref());
    }

    /// A line with square ends: bars, slats, edges.
    pub(super) fn bar(&mut self, from: P, to: P, color: Color, width: f32) {
        let stroke = Stroke { width, ..Stroke::default() };
        let paint = solid(Shader::SolidColor(skia(color)));
        self.layer.stroke_path(&open(&[from, to]), &paint, &stroke, self.transform, self.clip.as_ref());
    }

    /// A round tube along a path: dark edges and a highlight.
    pub(super) fn tube(&mut self, path: &Path, color: Color, width: f32) {
        let edge = (self.style.outline_px / self.unit_px()).max(width * 0.12);
        self.line(path, color.darker(0.55), width + edge);
        self.line(path, color.darker(0.12), width * 0.85);
        self.line(path, color.lighter(0.25), width * 0.5);
        self.line(path, color.lighter(0.7), width * 0.16);
    }

    fn paint(&mut self, shape: &Path, shader: Shader<'_>) {
        self.layer.fill_path(shape, &solid(shader), FillRule::Winding, self.transform, self.clip.as_ref());
    }
}

fn solid(shader: Shader<'_>) -> Paint<'_> {
    Paint { shader, anti_alias: true, ..Paint::default() }
}

fn skia(color: Color) -> tiny_skia::Color {
    let unit = |value: f32| value.clamp(0.0, 1.0);
    tiny_skia::Color::from_rgba(unit(color.red), unit(color.green), unit(color.blue), unit(color.alpha))
        .expect("every channel is clamped to 0..1")
}
