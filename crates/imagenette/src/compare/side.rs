//! A side as it was named: a recipe, a command, or a folder of finished runs.

use std::path::Path;

use imagenette_files::hash;
use imagenette_results::check::Twins;
use imagenette_results::{Run, run_folder};
use imagenette_train::Recipe;
use imagenette_train::parts::Parts;

use super::outcome::{self, SideRun};
use super::template::Template;
use crate::cli::Compare;
use crate::prepared::Preparation;
use crate::recipes;
use crate::terminal::Refusal;

/// How deep runs lie in a folder that is named as a side.
const DEPTH: u32 = 2;

/// One side: what is trained, or runs that are there.
pub(super) enum Side {
    /// A recipe of this program.
    Recipe(Box<Recipe>),
    /// A command in any language.
    Command(Box<Template>),
    /// Runs that are finished.
    Finished {
        /// The folder that was named.
        named: String,
        /// The runs by their seeds.
        runs: Vec<SideRun>,
    },
}

/// Both sides; no idea where the store is only filled.
pub(super) struct Sides {
    pub(super) base: Side,
    pub(super) idea: Option<Side>,
}

impl Sides {
    /// What the arguments name, at a budget of so many epochs where one is asked for.
    pub(super) fn named(
        arguments: &Compare,
        epochs: Option<u32>,
        preparation: &Preparation<'_>,
    ) -> anyhow::Result<Self> {
        // Beside a command as the baseline the first name is the idea's.
        let (base_named, idea_named) = match (&arguments.base_command, &arguments.base, &arguments.idea) {
            (Some(_), Some(_), Some(second)) => {
                return Err(Refusal::error(
                    format!("`{second}` is a side too many: --base-command is the baseline"),
                    "name the idea alone beside --base-command",
                ));
            }
            (Some(_), idea, None) => (None, idea.as_deref()),
            (_, base, idea) => (base.as_deref(), idea.as_deref()),
        };
        let reader = Reader { arguments, epochs, preparation };
        let base = match (&arguments.base_command, base_named) {
            (Some(text), _) => reader.command(text, "--base-command", &arguments.base_set, "--base-set")?,
            (None, Some(named)) => reader.named(named, &arguments.base_set)?,
            (None, None) => {
                return Err(Refusal::error(
                    "there is no baseline to compare with",
                    "name a recipe or a folder of runs, or give --base-command 'COMMAND {seed} {out}'",
                ));
            }
        };
        if arguments.only_base.is_some() {
            if idea_named.is_some() || arguments.idea_command.is_some() || !arguments.set.is_empty() {
                return Err(Refusal::error(
                    "--only-base fills the store with runs of the baseline, and an idea is named too",
                    "leave the idea out, or leave --only-base out",
                ));
            }
            return Ok(Self { base, idea: None });
        }
        let idea = match (&arguments.idea_command, idea_named, base_named) {
            (Some(_), Some(named), _) => {
                return Err(Refusal::error(
                    format!("`{named}` is a side too many: --idea-command is the idea"),
                    "leave one of them out",
                ));
            }
            (Some(text), None, _) => reader.command(text, "--idea-command", &arguments.set, "--set")?,
            (None, Some(named), _) => reader.named(named, &arguments.set)?,
            (None, None, Some(base)) if !arguments.set.is_empty() => {
                reader.named(base, &[&arguments.base_set[..], &arguments.set[..]].concat())?
            }
            (None, None, _) => {
                return Err(Refusal::error(
                    "there is no idea to compare",
                    "name a recipe or a folder of runs after the baseline, change a key with --set KEY=VALUE, or \
                     give --idea-command",
                ));
            }
        };
        Ok(Self { base, idea: Some(idea) })
    }
}

struct Reader<'a, 'p> {
    arguments: &'a Compare,
    epochs: Option<u32>,
    preparation: &'a Preparation<'p>,
}

impl Reader<'_, '_> {
    fn command(&self, text: &str, flag: &str, set: &[String], set_flag: &str) -> anyhow::Result<Side> {
        if !set.is_empty() {
            return Err(Refusal::error(
                format!("{set_flag}: a command has no keys of a recipe"),
                format!("write the setting into {flag}, or name a recipe"),
            ));
        }
        let template = Template::parse(text, flag)?;
        if self.epochs.is_none() && template.uses("epochs") {
            return Err(Refusal::error(
                format!("{flag}: it has {{epochs}}, and nothing says how many"),
                "add --epochs N",
            ));
        }
        if self.arguments.epochs.len() > 1 && !template.uses("epochs") {
            return Err(Refusal::error(
                format!("{flag}: several budgets are asked for, and it has no {{epochs}}"),
                "put {epochs} into the command, or name one budget",
            ));
        }
        Ok(Side::Command(Box::new(template)))
    }

    fn named(&self, named: &str, set: &[String]) -> anyhow::Result<Side> {
        if Path::new(named).is_dir() {
            return self.finished(named, set);
        }
        let mut overrides = recipes::settings(set)?;
        overrides.extend(recipes::dataset(self.arguments.dataset.as_deref()));
        overrides.extend(self.epochs.map(|epochs| ("epochs".to_owned(), epochs.to_string())));
        // `{:?}` keeps a point or an exponent, so that TOML reads a float.
        overrides.extend(self.arguments.hold_out.map(|share| ("hold_out".to_owned(), format!("{share:?}"))));
        Ok(Side::Recipe(Box::new(self.preparation.settled_recipe(named, &overrides)?)))
    }

    fn finished(&self, named: &str, set: &[String]) -> anyhow::Result<Side> {
        let changed = match (set.is_empty(), self.epochs, self.arguments.hold_out) {
            (false, _, _) => Some("no key of theirs can be changed"),
            (true, Some(_), _) => Some("their --epochs cannot be changed"),
            (true, None, Some(_)) => Some("what they held out cannot be changed"),
            (true, None, None) => None,
        };
        if let Some(what) = changed {
            return Err(Refusal::error(
                format!("{named}: these runs are finished, and {what}"),
                "leave the settings out, or name a recipe",
            ));
        }
        let mut read: Vec<Run> = Vec::new();
        for folder in run_folder::find(Path::new(named), DEPTH)?.finished {
            let run = Run::read(&folder)?;
            if let Some(twins) = read.iter().find_map(|known| Twins::of(known, &run)) {
                return Err(twins.error().into());
            }
            read.push(run);
        }
        let mut runs = read.into_iter().map(SideRun::of).collect::<anyhow::Result<Vec<SideRun>>>()?;
        runs.extend(outcome::of_commands(Path::new(named), DEPTH)?);
        runs.sort_by_key(|run| run.seed);
        Ok(Side::Finished { named: named.to_owned(), runs })
    }
}

impl Side {
    /// A name for messages and folders.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Recipe(recipe) => recipe.name.clone(),
            Self::Command(template) => template.name(),
            Self::Finished { named, .. } => {
                Path::new(named).file_name().map_or("runs".into(), |name| name.to_string_lossy().into())
            }
        }
    }

    /// What sets the side apart from all others: the recipe with the source of own parts, the command with the files
    /// that it names, or what the runs were trained by.
    pub(super) fn identity(&self, parts: &Parts) -> String {
        match self {
            Self::Recipe(recipe) => {
                let own = parts.account(recipe);
                let canonical = recipe.canonical_sha256();
                if own.is_empty() {
                    return canonical;
                }
                // The same recipe with a part whose source was changed is another idea.
                let sources: Vec<String> = own.iter().map(|part| part.source_sha256.clone()).collect();
                hash::sha256(format!("{canonical} {}", sources.join(" ")))
            }
            Self::Command(template) => template.identity(),
            Self::Finished { named, runs } => {
                runs.first().map_or_else(|| hash::sha256(named), |run| run.trained_by.clone())
            }
        }
    }

    /// The recipe of a side that this program trains.
    pub(super) fn recipe(&self) -> Option<&Recipe> {
        match self {
            Self::Recipe(recipe) => Some(recipe),
            _ => None,
        }
    }
}
