//! Numbers as people read them.

use imagenette_results::RunRecord;
use imagenette_results::run_record::Counts;

/// Bytes in decimal units: `99.0 MB`.
pub(crate) fn bytes(value: u64) -> String {
    match value {
        0..1_000_000 => format!("{:.1} kB", value as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", value as f64 / 1e6),
        _ => format!("{:.2} GB", value as f64 / 1e9),
    }
}

/// A number with its thousands apart: `9,469`.
pub(crate) fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things, in the plural unless there is one: `1 epoch`, `9,469 photos`.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// A time: `7.3 s`, `4 min 05 s`, `2 h 03 min`.
pub(crate) fn seconds(value: f64) -> String {
    let whole = value.round() as u64;
    match whole {
        0..100 => format!("{value:.1} s"),
        100..6000 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Top-1 in percent; of a network that learned without labels by each of its judges.
pub(crate) fn top1(record: &RunRecord) -> String {
    let percent = |counts: Counts| format!("{:.2}%", 100.0 * counts.accuracy());
    let judged = record.judged.iter().map(|judged| match judged.by.as_str() {
        "k-nn-20" => format!("{} by 20 neighbors", percent(judged.counts)),
        "k-nn-200" => format!("{} by 200", percent(judged.counts)),
        "linear" => format!("{} by a linear layer", percent(judged.counts)),
        other => format!("{} by {other}", percent(judged.counts)),
    });
    if record.judged.is_empty() { percent(record.result) } else { judged.collect::<Vec<_>>().join(", ") }
}

/// How long a run is: `4 epochs`, or `17.1 epochs` of one whose length was planned while it ran.
pub(crate) fn epochs(record: &RunRecord) -> String {
    match record.epochs_shown().as_str() {
        "1" => "1 epoch".into(),
        shown => format!("{shown} epochs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(9_469), "9,469");
        assert_eq!(thousands(13), "13");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!([0, 1, 2, 9_469].map(|count| counted(count, "photo")).join("; "), {
            "0 photos; 1 photo; 2 photos; 9,469 photos"
        });
        assert_eq!(
            (seconds(7.25), seconds(245.2), seconds(7_380.0)),
            ("7.2 s".into(), "4 min 05 s".into(), "2 h 03 min".into())
        );
        assert_eq!(
            (bytes(99_003_388), bytes(1_557_161_267), bytes(12)),
            ("99.0 MB".into(), "1.56 GB".into(), "0.0 kB".into())
        );
    }
}
