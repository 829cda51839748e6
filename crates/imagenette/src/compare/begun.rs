//! `comparison.json`: the design from the start, so that it cannot be changed once runs have been looked at, and every
//! number at the end.

use std::path::{Path, PathBuf};

use imagenette_files::atomic;
use imagenette_files::input;
use imagenette_files::plain;
use imagenette_results::comparison::Design;
use serde_json::{Value, json};

use crate::cli::Compare;
use crate::kept_verdict;
pub(super) use crate::kept_verdict::FILE as COMPARISON_FILE;
use crate::terminal::Refusal;

/// The name of its format.
pub(super) const FORMAT: &str = kept_verdict::FORMAT.name;
/// What to do for a longer look.
const AFRESH: &str = "to look again or for longer, start afresh: other seeds (`--seed`) in another folder (`--out`)";

/// What is in a comparison's folder when a command begins.
pub(super) struct Begun {
    path: PathBuf,
    known: Option<Value>,
}

impl Begun {
    /// Reads what an earlier command left.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(COMPARISON_FILE);
        if !path.exists() {
            return Ok(Self { path, known: None });
        }
        let text = input::read_text(&path, input::TEXT_BYTES)?;
        let damaged = |found: String| {
            Refusal::error(
                format!("{}: expected a comparison of this program, found {found}", path.display()),
                "the runs beside it are whole: remove the file only if you know the design that it was begun with, \
                 or name another --out",
            )
        };
        let known: Value = serde_json::from_str(&text).map_err(|error| damaged(plain::json_error(&error)))?;
        if known["format"] != FORMAT || known["design"]["stored_baseline"].as_u64().is_none() {
            return Err(damaged("something else".into()));
        }
        if known["version"] != 1 {
            return Err(damaged(format!("version {}", known["version"])));
        }
        Ok(Self { path, known: Some(known) })
    }

    /// How many runs of the baseline were stored when the comparison began; `None` where none has begun.
    pub(super) fn stored_baseline(&self) -> Option<usize> {
        self.known.as_ref().and_then(|known| known["design"]["stored_baseline"].as_u64()).map(|stored| stored as usize)
    }

    /// Refuses another design or other sides than those that the comparison was begun with, and writes a new one down.
    /// `is_untouched` says that no run of the idea is there: then nothing has been looked at, and a mended command may
    /// take the place of the one that failed.
    pub(super) fn settle(&self, design: &Value, sides: &Value, is_untouched: bool) -> anyhow::Result<()> {
        let path = self.path.display();
        if let Some(known) = &self.known {
            if known["design"] != *design {
                let found = format!("{path}: this comparison was begun by another design: {}", known["design"]);
                return Err(Refusal::error(found, AFRESH));
            }
            if known["sides"] == *sides {
                return Ok(());
            }
            if !is_untouched || !known["verdict"].is_null() {
                let side = |sides: &Value| format!("{} against {}", sides["idea"]["name"], sides["baseline"]["name"]);
                let what = match side(&known["sides"]) == side(sides) {
                    true => "the same names with other settings, sources, photos or budget".to_owned(),
                    false => side(&known["sides"]),
                };
                let found = format!("{path}: this comparison was begun with other sides ({what})");
                return Err(Refusal::error(found, "name another folder (`--out`) for another comparison"));
            }
        }
        let begun = json!({ "format": FORMAT, "version": 1, "design": design, "sides": sides, "verdict": null });
        write(&self.path, &begun)
    }
}

/// Writes a comparison down: complete or absent.
pub(super) fn write(path: &Path, comparison: &Value) -> anyhow::Result<()> {
    Ok(atomic::write_bytes(path, format!("{comparison:#}\n").as_bytes())?)
}

/// What is settled before the first run.
pub(super) fn design_json(design: &Design, arguments: &Compare) -> Value {
    json!({
        "max_runs": design.max_runs, "alpha": design.alpha, "margin": design.margin, "strict": arguments.strict,
        "first_seed": arguments.seed, "stored_baseline": design.stored_baseline,
    })
}
