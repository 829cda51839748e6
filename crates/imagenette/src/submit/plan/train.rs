//! The runs of `train --runs`: one for each seed.

use super::planner::{Planner, name, out, plain, refuse_own_seeds};
use super::{Mark, Plan, Point, Word};
use crate::cli::{Train, WHAT_IS_TRAINED};
use crate::commands::train;
use crate::recipes;
use crate::terminal::Refusal;
use imagenette_train::recipe::Budget;

impl Planner<'_> {
    pub(super) fn train(&self, arguments: &Train) -> anyhow::Result<Plan> {
        if arguments.list || arguments.resume.is_some() {
            return Err(Refusal::usage(
                "expected a training that begins, found --list or --resume",
                "the jobs of a submitted training go on by themselves",
            ));
        }
        let named = arguments.recipe.clone().or(arguments.quick.then(|| "quick".into()));
        let Some(named) = named else {
            return Err(Refusal::usage(
                "train: expected a recipe, found none",
                "name one with --recipe: which dataset the machines have, and so the usual recipe, is not known here",
            ));
        };
        refuse_own_seeds(&arguments.set)?;
        let recipe = recipes::read(&named, &train::flags(arguments)?, self.program.parts())?;
        let prices = &arguments.budget;
        if matches!(recipe.budget, Some(Budget::Dollars(_)))
            && prices.machine.is_none()
            && prices.price_per_hour.is_none()
        {
            return Err(Refusal::usage(
                "--budget: expected to know what the machines cost, found no price",
                "say it to the training: `-- train --budget 0.05 --machine c7a.large`, or `--price-per-hour 0.045`",
            ));
        }
        let dataset = recipe.dataset.as_deref().map_or(String::new(), |name| format!("-{}", plain(name)));
        let changed = recipes::settings_in_names(&arguments.set);
        let folder = out(arguments.out.as_deref(), || format!("{}{changed}{dataset}", recipe.name))?;
        let place = Word::numbered(format!("{folder}/s"), "");
        let own = || {
            let seed = Word::numbered("--seed=", "");
            [seed, Word::numbered(format!("--out={folder}/s"), "")]
                .into_iter()
                .chain(self.threads(arguments.machine.threads))
        };
        let mut begin = self.words(&["seed", "runs", "out"])?;
        // What a recipe says of `runs` is what its jobs are.
        begin.extend([Word::Text("--runs=1".into())]);
        begin.extend(own());
        let mut resume = self.words(&WHAT_IS_TRAINED)?;
        resume.push(Word::numbered(format!("--resume={folder}/s"), ""));
        resume.extend(self.threads(arguments.machine.threads));
        Ok(Plan {
            name: name(&["train", &recipe.name]),
            typed: Vec::new(),
            points: vec![Point { place, begin, resume: Some(resume) }],
            first: recipe.seed,
            count: recipe.runs.into(),
            mark: Mark::Run,
            last: vec!["runs".into(), folder],
            threads: arguments.machine.threads,
            recipes: vec![(named, recipe)],
        })
    }
}
