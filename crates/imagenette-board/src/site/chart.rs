//! Charts as SVG: numbers go in, a text with the same bytes on every machine comes out.

use std::fmt::Write;

/// Sides of a chart, and the room around what is drawn, in the units of its view box.
const WIDTH: f64 = 1040.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 40.0;
/// Where a mark stands that has no such cost: outside of the picture.
const NOWHERE: f64 = -99.0;

/// A scale of ratios or of differences from numbers to places.
#[derive(Debug, Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    is_log: bool,
}

impl Scale {
    fn new(values: impl Iterator<Item = f64>, from: f64, to: f64, is_log: bool) -> Option<Self> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite() && (!is_log || *value > 0.0)) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            return None;
        }
        let (low, high) = match is_log {
            true => (low / 1.25, high * 1.25),
            false if low == high => (low - 1.0, high + 1.0),
            false => (low - 0.04 * (high - low), high + 0.04 * (high - low)),
        };
        Some(Self { low, high, from, to, is_log })
    }

    fn at(&self, value: f64) -> f64 {
        let position = |value: f64| if self.is_log { value.ln() } else { value };
        let share = (position(value) - position(self.low)) / (position(self.high) - position(self.low));
        self.from + share * (self.to - self.from)
    }

    /// Round numbers inside.
    fn ticks(&self) -> Vec<f64> {
        let candidates: Vec<f64> = if self.is_log {
            let decades = (self.low.log10().floor() as i32)..=(self.high.log10().ceil() as i32);
            let steps: &[f64] = match self.high / self.low {
                ratio if ratio > 200.0 => &[1.0],
                ratio if ratio > 6.0 => &[1.0, 2.0, 5.0],
                _ => &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            };
            decades.flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade))).collect()
        } else {
            let rough = (self.high - self.low) / 6.0;
            let power = 10f64.powf(rough.log10().floor());
            let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= rough);
            let step = step.unwrap_or(power);
            let first = (self.low / step).ceil() as i64;
            (0..12).map(|number| (first + number) as f64 * step).collect()
        };
        candidates.into_iter().filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }
}

/// What is drawn of an entry.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) href: String,
    /// Escaped.
    pub(super) label: String,
    /// Classes: division, badge, kind, photos, device.
    pub(super) classes: String,
    pub(super) shape: Shape,
    /// Error, a fraction, with its standard deviation.
    pub(super) error: f64,
    pub(super) sd: f64,
    /// Over each axis.
    pub(super) costs: [Option<f64>; 4],
}

/// The shape of a mark.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Circle,
    Square,
    Diamond,
}

impl Shape {
    fn path(self) -> &'static str {
        match self {
            Self::Circle => "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0",
            Self::Square => "M-4.5-4.5h9v9h-9z",
            Self::Diamond => "M0-6.5L6.5 0L0 6.5L-6.5 0z",
        }
    }
}

/// An axis of costs: its id in classes, its name, its variable in the style.
pub(super) const AXES: [(&str, &str, &str); 4] = [
    ("seconds", "seconds of training", "s"),
    ("flop", "PFLOP of training", "f"),
    ("dollars", "dollars", "d"),
    ("epochs", "epochs", "p"),
];

/// Error over each cost, all in one picture: a mark has a place for each axis, and the page chooses. `None` where
/// nothing has a cost.
pub(super) fn pareto(id: &str, marks: &[Mark]) -> Option<String> {
    let errors = || {
        marks.iter().flat_map(|mark| [mark.error, (mark.error - mark.sd).max(mark.error / 2.0), mark.error + mark.sd])
    };
    let up = Scale::new(errors(), HEIGHT - BOTTOM, TOP, true)?;
    let across: Vec<Option<Scale>> = (0..AXES.len())
        .map(|axis| Scale::new(marks.iter().filter_map(|mark| mark.costs[axis]), LEFT, WIDTH - RIGHT, true))
        .collect();
    let mut svg = begin(id, "Error over cost", "Marks lead to entries. The table of all entries has the same numbers.");
    rows(&mut svg, &up, |tick| format!("{}%", short(100.0 * tick)));
    label(&mut svg, "error", LEFT - 44.0, TOP + 2.0);
    for ((axis, (name, said, _)), scale) in AXES.iter().enumerate().zip(&across) {
        let Some(scale) = scale else { continue };
        let _ = write!(svg, "<g class=\"axis a-{name}\">");
        columns(&mut svg, scale, short);
        label(&mut svg, said, WIDTH / 2.0, HEIGHT - 6.0);
        let mut ends: Vec<(f64, f64)> = marks
            .iter()
            .filter_map(|mark| Some((mark.costs[axis]?, mark.error)))
            .filter(|(cost, _)| *cost > 0.0)
            .collect();
        ends.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
        let (mut best, mut path) = (f64::INFINITY, String::new());
        for (cost, error) in ends.into_iter().filter(|(_, error)| *error > 0.0) {
            if error < best {
                let command = if path.is_empty() { "M" } else { "H" };
                let _ = match command {
                    "M" => write!(path, "M{:.0} {:.0}", scale.at(cost), up.at(error)),
                    _ => write!(path, "H{:.0}V{:.0}", scale.at(cost), up.at(error)),
                };
                best = error;
            }
        }
        let _ = write!(svg, "<path class=\"step\" d=\"{path}H{:.0}\"/></g>", WIDTH - RIGHT);
    }
    for mark in marks {
        let place = |axis: usize| match (&across[axis], mark.costs[axis]) {
            (Some(scale), Some(cost)) if cost > 0.0 => scale.at(cost),
            _ => NOWHERE,
        };
        let y = up.at(mark.error.max(up.low));
        let bar = |error: f64| up.at(error.clamp(up.low, up.high)) - y;
        let (top, bottom) = (bar(mark.error + mark.sd), bar((mark.error - mark.sd).max(mark.error / 2.0)));
        let _ = write!(
            svg,
            "<a class=\"e {}\" href=\"{}\" style=\"--s:{:.0};--f:{:.0};--d:{:.0};--p:{:.0};--y:{y:.1}\"><title>{}</title>",
            mark.classes,
            mark.href,
            place(0),
            place(1),
            place(2),
            place(3),
            mark.label
        );
        if mark.sd > 0.0 {
            let _ = write!(svg, "<path class=\"bar\" d=\"M0 {top:.1}V{bottom:.1}\"/>");
        }
        let _ = write!(svg, "<path d=\"{}\"/></a>", mark.shape.path());
    }
    svg.push_str("</svg>");
    Some(svg)
}

/// A line of a chart: points, and how it is drawn.
pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// What a chart of lines is about.
pub(super) struct Lines<'l> {
    pub(super) id: &'l str,
    pub(super) title: &'l str,
    pub(super) across: &'l str,
    pub(super) upward: &'l str,
    /// Whether a line stays where it is until its next point.
    pub(super) is_stairs: bool,
    pub(super) lines: Vec<Line>,
    /// Single marks.
    pub(super) marks: Vec<(f64, f64)>,
}

/// A chart of lines. `None` where there are no two points across.
pub(super) fn lines(chart: &Lines<'_>, across_said: impl Fn(f64) -> String) -> Option<String> {
    let all = || chart.lines.iter().flat_map(|line| &line.points).chain(&chart.marks);
    let across = Scale::new(all().map(|point| point.0), LEFT, WIDTH - RIGHT, false)?;
    let up = Scale::new(all().map(|point| point.1), HEIGHT - BOTTOM, TOP, false)?;
    if all().count() < 2 {
        return None;
    }
    let mut svg = begin(chart.id, chart.title, chart.upward);
    rows(&mut svg, &up, short);
    columns(&mut svg, &across, across_said);
    label(&mut svg, chart.across, WIDTH / 2.0, HEIGHT - 6.0);
    for (x, y) in &chart.marks {
        let _ = write!(svg, "<circle class=\"old\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/>", across.at(*x), up.at(*y));
    }
    for line in &chart.lines {
        let _ = write!(svg, "<path class=\"{}\" d=\"", line.class);
        for (place, (x, y)) in line.points.iter().enumerate() {
            let (x, y) = (across.at(*x), up.at(*y));
            let _ = match (place, chart.is_stairs) {
                (0, _) => write!(svg, "M{x:.1} {y:.1}"),
                (_, true) => write!(svg, "H{x:.1}V{y:.1}"),
                (_, false) => write!(svg, "L{x:.1} {y:.1}"),
            };
        }
        svg.push_str("\"/>");
    }
    svg.push_str("</svg>");
    Some(svg)
}

fn begin(id: &str, title: &str, said: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"group\" aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{title}</title>\
         <desc id=\"{id}-d\">{said}</desc>"
    )
}

fn rows(svg: &mut String, scale: &Scale, said: impl Fn(f64) -> String) {
    for tick in scale.ticks() {
        let (y, text) = (scale.at(tick), said(tick));
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.0}\"/><text class=\"end\" x=\"{:.0}\" y=\"{:.1}\">{text}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0
        );
    }
}

fn columns(svg: &mut String, scale: &Scale, said: impl Fn(f64) -> String) {
    for tick in scale.ticks() {
        let (x, text) = (scale.at(tick), said(tick));
        let (bottom, below) = (HEIGHT - BOTTOM, HEIGHT - BOTTOM + 16.0);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/><text class=\"mid\" x=\"{x:.1}\" y=\"{below}\">{text}</text>"
        );
    }
}

fn label(svg: &mut String, text: &str, x: f64, y: f64) {
    let _ = write!(svg, "<text class=\"mid\" x=\"{:.0}\" y=\"{y:.0}\">{text}</text>", x.max(24.0));
}

/// A number with as few digits as tell it.
pub(super) fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.01 => 3,
        _ => 5,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_scales_hold_what_they_are_made_of() {
        let said: Vec<String> = [0.0, 0.05, 1.5, 12.34, 1234.6, 7.0].map(short).into();
        assert_eq!(said, ["0", "0.05", "1.5", "12.3", "1235", "7"]);
        let scale = Scale::new([0.05, 0.2].into_iter(), 0.0, 100.0, true).unwrap();
        assert!(scale.at(0.05) > 0.0 && scale.at(0.2) < 100.0 && (scale.at(0.1) - 50.0).abs() < 1e-9);
        let wide = Scale::new([0.05, 0.4].into_iter(), 0.0, 100.0, true).unwrap();
        assert_eq!(wide.ticks(), [0.05, 0.1, 0.2, 0.5]);
        assert!(Scale::new(std::iter::empty(), 0.0, 1.0, true).is_none());
        assert!(Scale::new([0.0].into_iter(), 0.0, 1.0, true).is_none());
    }

    #[test]
    fn the_frontier_goes_down_in_steps() {
        let mark = |cost, error| Mark {
            href: "x".into(),
            label: String::new(),
            classes: String::new(),
            shape: Shape::Circle,
            error,
            sd: 0.0,
            costs: [Some(cost), None, None, None],
        };
        let svg = pareto("c", &[mark(10.0, 0.1), mark(20.0, 0.2), mark(40.0, 0.05)]).unwrap();
        let path = svg.split("class=\"step\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        // From the first to the third: the second is worse and dearer.
        assert_eq!(path.matches('V').count(), 1, "{path}");
        assert!(!svg.contains("a-dollars") && svg.contains("--d:-99"), "{svg}");
        assert_eq!(pareto("c", &[]), None);
    }
}
