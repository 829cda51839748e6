//! Points go in, shapes come out as paths: boxes, ellipses, polygons, smooth curves through points, limbs along a
//! spine.

use tiny_skia::{Path, PathBuilder, Rect};

/// A point in the current coordinates.
pub(super) type P = (f32, f32);

/// Sine and cosine of an angle in radians, the same bits on every platform.
pub(super) fn sin_cos(angle: f32) -> (f32, f32) {
    (libm::sinf(angle), libm::cosf(angle))
}

fn finish(builder: PathBuilder) -> Path {
    builder.finish().expect("every shape has finite points and at least one segment")
}

/// An ellipse.
pub(super) fn ellipse(x: f32, y: f32, radius_x: f32, radius_y: f32) -> Path {
    let mut builder = PathBuilder::new();
    let (rx, ry) = (radius_x.max(1e-3), radius_y.max(1e-3));
    builder.push_oval(Rect::from_ltrb(x - rx, y - ry, x + rx, y + ry).expect("radii are positive"));
    finish(builder)
}

/// A circle.
pub(super) fn circle(x: f32, y: f32, radius: f32) -> Path {
    ellipse(x, y, radius, radius)
}

/// A rectangle, by its upper left corner and its size.
pub(super) fn rectangle(x: f32, y: f32, width: f32, height: f32) -> Path {
    polygon(&[(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
}

/// A rectangle with rounded corners.
pub(super) fn rounded(x: f32, y: f32, width: f32, height: f32, radius: f32) -> Path {
    let r = radius.min(width / 2.0).min(height / 2.0);
    let (right, bottom) = (x + width, y + height);
    let mut b = PathBuilder::new();
    b.move_to(x + r, y);
    b.line_to(right - r, y);
    b.quad_to(right, y, right, y + r);
    b.line_to(right, bottom - r);
    b.quad_to(right, bottom, right - r, bottom);
    b.line_to(x + r, bottom);
    b.quad_to(x, bottom, x, bottom - r);
    b.line_to(x, y + r);
    b.quad_to(x, y, x + r, y);
    b.close();
    finish(b)
}

/// Straight lines from point to point.
pub(super) fn open(points: &[P]) -> Path {
    let mut builder = PathBuilder::new();
    builder.move_to(points[0].0, points[0].1);
    points[1..].iter().for_each(|&(x, y)| builder.line_to(x, y));
    finish(builder)
}

/// A polygon.
pub(super) fn polygon(points: &[P]) -> Path {
    let mut builder = PathBuilder::new();
    builder.move_to(points[0].0, points[0].1);
    points[1..].iter().for_each(|&(x, y)| builder.line_to(x, y));
    builder.close();
    finish(builder)
}

/// A smooth open curve through the points (Catmull-Rom).
pub(super) fn curve(points: &[P]) -> Path {
    let at = |i: isize| points[i.clamp(0, points.len() as isize - 1) as usize];
    spline(points.len() - 1, at, points[0], false)
}

/// A smooth closed curve through the points (Catmull-Rom).
pub(super) fn blob(points: &[P]) -> Path {
    let at = |i: isize| points[i.rem_euclid(points.len() as isize) as usize];
    spline(points.len(), at, points[0], true)
}

fn spline(segments: usize, at: impl Fn(isize) -> P, start: P, closed: bool) -> Path {
    let mut b = PathBuilder::new();
    b.move_to(start.0, start.1);
    for i in 0..segments as isize {
        let (before, from, to, after) = (at(i - 1), at(i), at(i + 1), at(i + 2));
        b.cubic_to(
            from.0 + (to.0 - before.0) / 6.0,
            from.1 + (to.1 - before.1) / 6.0,
            to.0 - (after.0 - from.0) / 6.0,
            to.1 - (after.1 - from.1) / 6.0,
            to.0,
            to.1,
        );
    }
    if closed {
        b.close();
    }
    finish(b)
}

/// A limb along a spine of (x, y, half width): legs, necks, bells, tails.
pub(super) fn limb(spine: &[(f32, f32, f32)]) -> Path {
    let last = spine.len() - 1;
    let side = |i: usize, sign: f32| {
        let (before, after) = (spine[i.saturating_sub(1)], spine[(i + 1).min(last)]);
        let (dx, dy) = (after.0 - before.0, after.1 - before.1);
        let length = (dx * dx + dy * dy).sqrt().max(1e-6);
        let (x, y, half) = spine[i];
        (x - dy / length * half * sign, y + dx / length * half * sign)
    };
    let mut points: Vec<P> = (0..=last).map(|i| side(i, 1.0)).collect();
    points.extend((0..=last).rev().map(|i| side(i, -1.0)));
    blob(&points)
}

/// A point on an ellipse around (x, y), `turn` in turns from the right, clockwise on screen.
pub(super) fn around(x: f32, y: f32, radius_x: f32, radius_y: f32, turn: f32) -> P {
    let (sin, cos) = sin_cos(turn * std::f32::consts::TAU);
    (x + cos * radius_x, y + sin * radius_y)
}

/// Part of an ellipse, from one turn to another.
pub(super) fn arc(x: f32, y: f32, radius_x: f32, radius_y: f32, from: f32, to: f32) -> Path {
    let steps = (((to - from).abs() * 20.0).ceil() as usize).max(3);
    let points: Vec<P> =
        (0..=steps).map(|i| around(x, y, radius_x, radius_y, from + (to - from) * i as f32 / steps as f32)).collect();
    curve(&points)
}
