//! What the user may type about tasks of little data.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::values;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette task --list\n\
        \x20\x20imagenette task show labels-10% --dataset imagenette2-160\n\
        \x20\x20imagenette train --task labels-10% --draw 2\n\n\
        A task says which labels may be used; its lists follow from file names and are the same for everybody.")]
pub(crate) struct Task {
    /// What to do with a task
    #[command(subcommand)]
    pub(crate) verb: Option<TaskVerb>,
    /// List the tasks, as is done without anything
    #[arg(long)]
    pub(crate) list: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TaskVerb {
    /// Show a task: its rules, and how many photos it has in a dataset
    Show(TaskShow),
}

#[derive(Debug, Args)]
pub(crate) struct TaskShow {
    /// The task's name, for example labels-10%
    pub(crate) name: String,
    /// Count its photos in this dataset, a name or a folder
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Which of its fixed draws
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = values::at_least::<u32>(1))]
    pub(crate) draw: u32,
    /// Write its photos as a table: path, role, the label that is trained with
    #[arg(short, long, value_name = "FILE.csv", requires = "dataset", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
