//! The shards of `make`.

use std::path::Path;

use imagenette_data::make::parts_folder;

use super::planner::{Planner, name, text};
use super::{Mark, Plan, Point, Word};
use crate::cli::Make;
use crate::commands::make;
use crate::terminal::Refusal;

impl Planner<'_> {
    pub(super) fn make(&self, arguments: &Make, shards: Option<u32>) -> anyhow::Result<Plan> {
        let Some(shards) = shards else {
            return Err(Refusal::usage(
                "make: expected a number of shards, found none",
                "say how many with --jobs N before `--`",
            ));
        };
        if arguments.shard.is_some() || arguments.merge.is_some() {
            return Err(Refusal::usage(
                "make: expected the whole work, found --shard or --merge",
                "the shards are the jobs, and whoever ends last merges them",
            ));
        }
        let Some(folder) = &arguments.out else {
            return Err(Refusal::usage(
                "make: expected a folder that all machines share, found none",
                "name it with --out after `--`",
            ));
        };
        let spec = make::resolved(arguments)?;
        let folder = text(folder)?;
        let parts = text(&parts_folder(Path::new(&folder), &spec))?;
        let mut begin = self.words(&["shard"])?;
        begin.push(Word::numbered("--shard=", format!("/{shards}")));
        begin.extend(self.threads(arguments.threads));
        let place = Word::numbered(format!("{parts}/"), format!("-of-{shards}"));
        let mut last = vec!["make".to_owned(), format!("--merge={parts}")];
        last.extend(self.only(&["members", "noise_from", "out", "form", "force", "json", "quiet"])?);
        Ok(Plan {
            name: name(&["make", &spec.name]),
            typed: Vec::new(),
            points: vec![Point { place, begin, resume: None }],
            first: 1,
            count: shards.into(),
            mark: Mark::Shard,
            last,
            threads: arguments.threads,
            recipes: Vec::new(),
        })
    }
}
