//! The rows of the old public leaderboard, as a reference beside runs on Imagenette.

use imagenette_data::edition::Edition;
use imagenette_results::run_group::RunGroup;

use super::axes::Axis;
use super::lines::Reference;

/// References end at so many times the last cost of the runs: a far one would press the runs together.
const FARTHEST: f64 = 2.0;

/// A row: resolution in pixels, epochs, top-1 in percent as the board prints it.
struct Row(u32, u32, f64);

/// fastai/imagenette, README at commit ba8db39; the row of 5 epochs at 128 px is that of its author,
/// radekosmulski/imagenette-LB-entry (mean of five runs).
const ROWS: [Row; 12] = [
    Row(128, 5, 87.43),
    Row(128, 20, 91.57),
    Row(128, 80, 93.55),
    Row(128, 200, 94.24),
    Row(192, 5, 86.76),
    Row(192, 20, 92.50),
    Row(192, 80, 94.50),
    Row(192, 200, 95.03),
    Row(256, 5, 86.85),
    Row(256, 20, 93.53),
    Row(256, 80, 94.90),
    Row(256, 200, 95.11),
];
/// The training photos of an epoch.
const PHOTOS: f64 = 9469.0;
/// Operations that xse_resnext50, the network of all rows, takes for a photo at 128 px: 1.46 GMAC forward, two
/// operations each, and twice the forward pass backward.
const FLOP_AT_128_PX: f64 = 3.0 * 2.0 * 1.46e9;

/// The board's rows that go with these groups over an axis, up to twice the last cost that is drawn, and what they are
/// in words; none where the photos are others, or no row has such a cost.
pub(super) fn beside(groups: &[RunGroup], axis: Axis, last: f64) -> (Vec<Reference>, Option<String>) {
    let Some(board) = OldBoard::of(groups) else { return (Vec::new(), None) };
    let references = board.over(axis, last);
    let note = (!references.is_empty()).then(|| board.note());
    (references, note)
}

/// The board's rows at one resolution.
struct OldBoard {
    px: u32,
}

impl OldBoard {
    /// The rows that are nearest to these groups: those of the least resolution that is not below theirs. `None` where
    /// the photos are others, or were held out.
    fn of(groups: &[RunGroup]) -> Option<Self> {
        let imagenette = Edition::ImagenetteV2.name();
        let is_other = |group: &RunGroup| group.is_held_out() || group.runs[0].record.dataset.edition != imagenette;
        if groups.is_empty() || groups.iter().any(is_other) {
            return None;
        }
        let px = groups.iter().flat_map(|group| numbers(&group.resolution())).max()?;
        Some(Self { px: ROWS.iter().map(|row| row.0).find(|known| px <= *known)? })
    }

    /// The rows over an axis, up to what is drawn; none over seconds, which no row has.
    fn over(&self, axis: Axis, last: f64) -> Vec<Reference> {
        let side = f64::from(self.px) / 128.0;
        let of = |epochs: u32| match axis {
            Axis::Epochs => Some(f64::from(epochs)),
            Axis::Flop => Some(f64::from(epochs) * PHOTOS * FLOP_AT_128_PX * side * side / 1e15),
            Axis::Seconds => None,
        };
        let rows = ROWS.iter().filter(|row| row.0 == self.px);
        let reference = |row: &Row| {
            let name = format!("{:.2}%, {} epochs", row.2, row.1);
            Some(Reference { x: of(row.1)?, y: row.2 / 100.0, name })
        };
        rows.filter_map(reference).filter(|row| row.x <= FARTHEST * last).collect()
    }

    /// What the references are, in words.
    fn note(&self) -> String {
        format!(
            "gray circles: the old leaderboard at {} px (fastai/imagenette, ba8db39), on the official archives",
            self.px
        )
    }
}

/// The whole numbers in a text.
fn numbers(text: &str) -> Vec<u32> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_they_cost() {
        let board = OldBoard { px: 128 };
        let epochs: Vec<f64> = board.over(Axis::Epochs, 10.0).iter().map(|row| row.x).collect();
        assert_eq!(epochs, [5.0, 20.0]);
        assert!(board.over(Axis::Seconds, 1e9).is_empty());
        let flop = board.over(Axis::Flop, 1.0);
        assert!((flop[0].x - 0.4147).abs() < 1e-3 && flop[0].name == "87.43%, 5 epochs", "{flop:?}");
        assert!((OldBoard { px: 256 }.over(Axis::Flop, 1.0)[0].x - 4.0 * flop[0].x).abs() < 1e-9);
        assert_eq!(numbers("64, 96, 128"), [64, 96, 128]);
    }
}
