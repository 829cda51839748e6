//! `submit`: the runs of a command become jobs of an engine that is there. A command line goes in, a job file comes
//! out.
//!
//! [`plan`] says which runs a command has and where each goes, [`typed`] gives back what was typed, [`resources`] says
//! what one of them needs; [`script`] is the part of the file that is the same everywhere, a script that turns the
//! number of a job into its run; [`slurm`], [`skypilot`] and [`kubernetes`] put it into what each engine reads, the
//! last two by [`yaml`]. Nothing here schedules: what is tried again, where and when, is the engine's.

pub(crate) mod kubernetes;
pub(crate) mod plan;
mod resources;
mod script;
pub(crate) mod skypilot;
pub(crate) mod slurm;
mod typed;
mod yaml;

pub(crate) use plan::Plan;
pub(crate) use resources::Resources;

/// What a job file is made of, whoever runs it.
pub(crate) struct Jobs<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) resources: Resources,
    /// Jobs at once, at most.
    pub(crate) at_once: Option<u32>,
    /// The program as it is called on the machines.
    pub(crate) program: &'a str,
}

/// A text in a comment: one line without codes.
fn comment(text: &str) -> String {
    text.chars().map(|letter| if yaml::is_plain(letter) { letter } else { '?' }).collect()
}
