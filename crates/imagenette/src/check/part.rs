//! A part or a recipe, held to what every part promises.

use std::path::Path;

use imagenette_data::DataError;
use imagenette_files::Hint;
use imagenette_files::nearest::nearest;
use imagenette_train::parts::Parts;
use imagenette_train::recipe::PartKind;
use imagenette_train::run::watch::TrainWatch;
use imagenette_train::study::promises;
use imagenette_train::{Recipe, TrainError};
use serde::Serialize;

use crate::terminal::Refusal;
use crate::{Program, interrupt, recipes};

/// What was found of a part or a recipe.
#[derive(Serialize)]
pub(crate) struct CheckedPart {
    name: String,
    pub(crate) holds: bool,
    said: String,
    #[serde(skip)]
    pub(crate) hint: Option<String>,
}

impl CheckedPart {
    pub(crate) fn line(&self) -> String {
        format!("{}: {}: {}", self.name, if self.holds { "holds" } else { "fails" }, self.said)
    }
}

/// The names of all parts that a program brings.
pub(crate) fn own_names(parts: &Parts) -> Vec<String> {
    let shipped = Parts::shipped();
    let own = PartKind::ALL.into_iter().flat_map(|kind| {
        let is_own = move |name: &&str| !shipped_names(kind).contains(name);
        parts.names(kind).into_iter().filter(is_own).map(str::to_owned)
    });
    own.filter(|name| !PartKind::ALL.into_iter().any(|kind| shipped.names(kind).contains(&name.as_str()))).collect()
}

fn shipped_names(kind: PartKind) -> &'static [&'static str] {
    kind.shipped()
}

/// Goes on until somebody asks it to stop.
struct UntilAsked;

impl TrainWatch for UntilAsked {
    fn interrupted(&self) -> bool {
        interrupt::asked()
    }
}

/// Checks a part by its name in the recipe `default`, or a recipe as it is.
pub(crate) fn check(named: &str, program: &Program) -> anyhow::Result<CheckedPart> {
    let text = recipe(named, program)?;
    let (holds, said, hint) = match promises::check_with(program.parts(), &text, &UntilAsked) {
        Err(error @ TrainError::Data(DataError::Interrupted)) => return Err(error.into()),
        Ok(report) => (true, report.to_string(), None),
        Err(error) => (false, error.to_string(), error.hint()),
    };
    Ok(CheckedPart { name: named.to_owned(), holds, said, hint })
}

/// The recipe that names the part, or the one that was named.
fn recipe(named: &str, program: &Program) -> anyhow::Result<String> {
    let parts = program.parts();
    let names = |kind: PartKind| -> Vec<&'static str> {
        parts.names(kind).into_iter().chain(shipped_names(kind).iter().copied()).collect()
    };
    if let Some(kind) = PartKind::ALL.into_iter().find(|kind| names(*kind).contains(&named)) {
        let settings = match kind {
            PartKind::Optimizer => ", learning_rate = 0.02",
            PartKind::Selection => ", keep = 0.5",
            _ => "",
        };
        let mut changes = vec![(kind.key().to_owned(), format!("{{ kind = '{named}'{settings} }}"))];
        if kind == PartKind::Method {
            // There must be photos without labels, and shipped ways have no use for smoothed ones.
            changes.push(("task".into(), "labels-4".into()));
            changes.push(("loss.label_smoothing".into(), "0.0".into()));
        }
        return Ok(recipes::read("default", &changes, parts)
            .map_err(|error| error.context(format!("{kind} `{named}` in the recipe `default`")))?
            .to_toml());
    }
    let is_recipe = Path::new(named).is_file() || Recipe::shipped_text(named).is_ok();
    if is_recipe {
        return Ok(recipes::read(named, &[], parts)?.to_toml());
    }
    let known: Vec<&str> = PartKind::ALL.into_iter().flat_map(names).collect();
    let hint = match nearest(named, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name the folder that `imagenette train` made, a part as recipes call it, or a recipe's file".into(),
    };
    Err(Refusal::error(format!("expected a run's folder, a part or a recipe, found `{named}`"), hint))
}
