//! The runs of `sweep`: one for each seed of each combination of values, where the sweep itself looks for them.

use imagenette_train::recipe::plan::{Axis, trials};

use super::planner::{Planner, name, out, plain, texts};
use super::{Mark, Plan, Point, Word};
use crate::cli::Sweep;
use crate::commands::sweep;
use crate::recipes;

impl Planner<'_> {
    pub(super) fn sweep(&self, arguments: &Sweep) -> anyhow::Result<Plan> {
        let overrides = sweep::overrides(arguments);
        let recipe = recipes::read(&arguments.recipe, &overrides, self.program.parts())?;
        let axes: Vec<Axis> =
            arguments.set.iter().map(|text| Axis::parse(text).map_err(recipes::typed)).collect::<Result<_, _>>()?;
        let trials = trials(&recipe, &axes, self.program.parts().as_ref()).map_err(recipes::typed)?;
        let dataset = recipe.dataset.as_deref().map_or(String::new(), |name| format!("-{}", plain(name)));
        let folder = out(arguments.out.as_deref(), || format!("sweep-{}{dataset}", recipe.name))?;
        let first = arguments.seed.unwrap_or(recipe.seed);
        let mut points = Vec::new();
        for trial in &trials {
            // As the sweep itself names it, but for the seed at the end.
            let named = trial.folder_name(&axes, 0);
            let named = named.strip_suffix('0').expect("the seed is at the end");
            let mut begin = self.words(&["set", "seed", "runs", "out", "json"])?;
            begin.extend(
                axes.iter().zip(&trial.values).map(|(axis, value)| Word::Text(format!("--set={}={value}", axis.key))),
            );
            begin.extend([
                Word::Text("--runs=1".into()),
                Word::numbered("--seed=", ""),
                Word::Text(format!("--out={folder}")),
            ]);
            begin.extend(self.threads(arguments.machine.threads));
            points.push(Point { place: Word::numbered(format!("{folder}/{named}"), ""), begin, resume: None });
        }
        let mut last = texts(self.words(&["out", "seed"])?);
        last.extend([format!("--seed={first}"), format!("--out={folder}")]);
        Ok(Plan {
            name: name(&["sweep", &recipe.name]),
            typed: Vec::new(),
            points,
            first,
            count: arguments.runs.into(),
            mark: Mark::Run,
            last,
            threads: arguments.machine.threads,
            recipes: trials.into_iter().map(|trial| (String::new(), trial.recipe)).collect(),
        })
    }
}
