//! A verdict that `compare` left in a folder: `comparison.json` goes in; who was compared and what was found come out.

use std::path::{Path, PathBuf};

use imagenette_files::FileError;
use imagenette_files::format::Format;
use imagenette_files::input;
use imagenette_files::plain;
use imagenette_results::ResultsError;
use imagenette_results::statistics::Interval;
use serde::Deserialize;

/// The file of a verdict.
pub(crate) const FILE: &str = "comparison.json";
/// The file's format.
pub(crate) const FORMAT: Format = Format { name: "imagenette-comparison", oldest: 1, newest: 1 };
const HINT: &str = "repeat the command that made it in another folder, or leave it out";

/// What is read of it; the rest is for others.
#[derive(Debug, Deserialize)]
struct Stored {
    verdict: Option<String>,
    #[serde(default)]
    looks: Vec<Look>,
    #[serde(default)]
    baseline: Option<Side>,
    #[serde(default)]
    idea: Option<Side>,
}

#[derive(Debug, Deserialize)]
struct Look {
    baseline_runs: usize,
    idea_runs: usize,
    gain: f64,
    interval: [f64; 2],
}

/// One side of a comparison.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Side {
    /// The recipe's name.
    pub(crate) recipe: Option<String>,
    /// Its runs.
    #[serde(default)]
    pub(crate) runs: Vec<SideRun>,
}

/// A run of a side.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SideRun {
    /// Where it lies.
    pub(crate) folder: PathBuf,
}

/// A comparison that has ended.
#[derive(Debug, Clone)]
pub(crate) struct KeptVerdict {
    /// `helps`, `hurts`, `no-gain` or `not-clear`.
    pub(crate) verdict: String,
    /// The baseline.
    pub(crate) baseline: Side,
    /// The idea.
    pub(crate) idea: Side,
    /// Runs of the baseline and of the idea at the last look.
    pub(crate) runs: (usize, usize),
    /// The gain, a fraction.
    pub(crate) gain: f64,
    /// Its interval at the last look's own level.
    pub(crate) interval: Interval,
}

impl KeptVerdict {
    /// Reads the verdict in a folder; `None` where there is none, or the comparison has not ended.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or is of another format or version.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, ResultsError> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let malformed = |found: String| FileError::malformed(&path, FORMAT.expected(), found, HINT);
        let text = input::read_text(&path, input::TEXT_BYTES)?;
        FORMAT.check_json(&path, &text, HINT)?;
        let stored: Stored = serde_json::from_str(&text).map_err(|error| malformed(plain::json_error(&error)))?;
        let (Some(verdict), Some(look)) = (stored.verdict, stored.looks.last()) else { return Ok(None) };
        let (Some(baseline), Some(idea)) = (stored.baseline, stored.idea) else {
            return Err(malformed("a verdict without its two sides".into()).into());
        };
        let [low, high] = look.interval;
        let (runs, gain) = ((look.baseline_runs, look.idea_runs), look.gain);
        Ok(Some(Self { verdict, baseline, idea, runs, gain, interval: Interval { low, high } }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<KeptVerdict>, ResultsError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        KeptVerdict::read(folder.path())
    }

    const HEAD: &str = r#""format": "imagenette-comparison", "version": 1"#;

    #[test]
    fn what_has_ended_is_read_and_what_has_not_is_none() {
        let side = r#"{ "recipe": "a", "identity": "11", "runs": [{ "folder": "x", "seed": 1 }] }"#;
        let look = r#"{ "baseline_runs": 5, "idea_runs": 3, "gain": 0.01, "interval": [0.002, 0.02], "p": 0.001 }"#;
        let whole =
            format!(r#"{{ {HEAD}, "verdict": "helps", "looks": [{look}], "baseline": {side}, "idea": {side} }}"#);
        let found = read(&whole).unwrap().unwrap();
        assert_eq!((found.verdict.as_str(), found.runs, found.gain), ("helps", (5, 3), 0.01));
        assert_eq!(found.interval, Interval { low: 0.002, high: 0.02 });
        assert_eq!(found.baseline.runs[0].folder, Path::new("x"));
        assert!(read(&format!(r#"{{ {HEAD}, "design": {{}}, "verdict": null }}"#)).unwrap().is_none());
        assert!(KeptVerdict::read(Path::new("nowhere")).unwrap().is_none());
    }

    #[test]
    fn what_is_damaged_or_of_another_version_is_refused() {
        for (text, part) in [
            ("{", "imagenette-comparison version 1"),
            (r#"{ "format": "imagenette-comparison", "version": 2 }"#, "version 2"),
            (r#"{ "format": "other", "version": 1 }"#, "other"),
            (&format!(r#"{{ {HEAD}, "verdict": "helps", "looks": [{{}}] }}"#), "missing field"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(FILE), "{text}: {error}");
        }
    }
}
