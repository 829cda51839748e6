//! The runs of `compare`: one for each seed of each side.

use std::path::Path;

use super::planner::{Planner, name, out, plain, refuse_own_seeds};
use super::{Mark, Plan, Point, Word};
use crate::cli::Compare;
use crate::recipes;
use crate::terminal::Refusal;

impl Planner<'_> {
    /// Both sides are trained apart, each run at its own place, and compared as finished runs: with all of them there,
    /// nothing is saved by looking early.
    pub(super) fn compare(&self, arguments: &Compare) -> anyhow::Result<Plan> {
        let refuse =
            |found: &str, hint: &str| Err(Refusal::usage(format!("compare: {found} cannot be spread over jobs"), hint));
        if arguments.base_command.is_some() || arguments.idea_command.is_some() {
            return refuse(
                "a command in another language",
                "run `imagenette compare` itself on one machine, with --parallel",
            );
        }
        if arguments.only_base.is_some() || arguments.confirm.is_some() {
            return refuse("--only-base or --confirm", "submit `train` with the seeds that are wanted");
        }
        if arguments.epochs.len() > 1 {
            return refuse("several budgets of --epochs", "submit one comparison for each");
        }
        let Some(base) = &arguments.base else {
            return Err(Refusal::usage("there is no baseline to compare with", "name a recipe after `compare`"));
        };
        if arguments.idea.is_none() && arguments.set.is_empty() {
            return Err(Refusal::usage(
                "there is no idea to compare",
                "name a recipe after the baseline, or change a key with --set",
            ));
        }
        let mut idea_set = if arguments.idea.is_none() { arguments.base_set.clone() } else { Vec::new() };
        idea_set.extend(arguments.set.iter().cloned());
        let sides = [("base", base, &arguments.base_set), ("idea", arguments.idea.as_ref().unwrap_or(base), &idea_set)];
        let dataset = arguments.dataset.as_deref().map_or(String::new(), |name| format!("-{}", plain(name)));
        let mut overrides = Vec::new();
        overrides.extend(recipes::dataset(arguments.dataset.as_deref()));
        overrides.extend(arguments.epochs.first().map(|epochs| ("epochs".to_owned(), epochs.to_string())));
        overrides.extend(arguments.hold_out.map(|share| ("hold_out".to_owned(), format!("{share:?}"))));
        refuse_own_seeds(&idea_set)?;
        refuse_own_seeds(&arguments.base_set)?;
        let (mut points, mut recipes) = (Vec::new(), Vec::new());
        let folder = out(arguments.out.as_deref(), || {
            let changed = recipes::settings_in_names(&arguments.set);
            let idea = arguments.idea.as_deref().map_or(String::new(), |idea| format!("-{}", plain(idea)));
            format!("compare-{}{idea}{changed}{dataset}", plain(base))
        })?;
        for (side, named, set) in sides {
            if Path::new(named).is_dir() {
                return refuse(
                    "a folder of finished runs",
                    "submit `train` for the other side, then compare both folders",
                );
            }
            let recipe =
                recipes::read(named, &[&recipes::settings(set)?[..], &overrides].concat(), self.program.parts())?;
            let mut begin = vec![Word::Text("train".into()), Word::Text(format!("--recipe={named}"))];
            begin.extend(set.iter().map(|pair| Word::Text(format!("--set={pair}"))));
            let flag = |flag: &str, value: Option<String>| value.map(|value| Word::Text(format!("--{flag}={value}")));
            begin.extend(flag("dataset", arguments.dataset.clone()));
            begin.extend(flag("epochs", arguments.epochs.first().map(u32::to_string)));
            begin.extend(flag("hold-out", arguments.hold_out.map(|share| share.to_string())));
            begin.extend(["--evaluate-every=0", "--runs=1"].map(|word| Word::Text(word.into())));
            begin.extend([Word::numbered("--seed=", ""), Word::numbered(format!("--out={folder}/{side}/s"), "")]);
            let mut resume = vec![Word::Text("train".into()), Word::Text("--evaluate-every=0".into())];
            resume.push(Word::numbered(format!("--resume={folder}/{side}/s"), ""));
            for words in [&mut begin, &mut resume] {
                words.extend(self.only(&["device", "ops", "threads", "offline"])?.into_iter().map(Word::Text));
                words.extend(self.threads(arguments.machine.threads));
            }
            let place = Word::numbered(format!("{folder}/{side}/s"), "");
            points.push(Point { place, begin, resume: Some(resume) });
            recipes.push((named.clone(), recipe));
        }
        let mut last = vec!["compare".to_owned(), format!("{folder}/base"), format!("{folder}/idea")];
        // What says how the finished runs are judged.
        last.extend(self.only(&["margin", "strict", "unequal_cost", "json", "quiet"])?);
        last.push(format!("--out={folder}/verdict"));
        Ok(Plan {
            name: name(&["compare", &plain(base)]),
            typed: Vec::new(),
            points,
            first: arguments.seed,
            count: arguments.max_runs.into(),
            mark: Mark::Run,
            last,
            threads: arguments.machine.threads,
            recipes,
        })
    }
}
