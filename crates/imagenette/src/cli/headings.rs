//! Flags of the verbs that have many, in groups: a reader of the help looks for the group first.

use clap::{Arg, ArgAction, Command};

use super::LAST;

/// A heading and the flags below it.
type Group = (&'static str, &'static [&'static str]);

/// Groups of the verbs that train.
const TRAINING: [Group; 7] = [
    (
        "What is trained",
        &[
            "recipe",
            "quick",
            "epochs",
            "resolution",
            "batch_size",
            "precision",
            "learning_rate",
            "seed",
            "runs",
            "initial",
            "more",
            "set",
            "base_set",
            "lowest",
            "highest",
            "steps",
            "list",
        ],
    ),
    (
        "Budget in place of epochs, and price of the machine",
        &["budget", "minutes", "machine", "on_demand", "price_per_hour", "dry_run"],
    ),
    ("Photos", &["dataset", "task", "draw", "hold_out", "folds", "offline"]),
    ("What is measured", &["train", "only", "photos"]),
    ("Verdict", &["margin", "max_runs", "strict", "confirm", "only_base", "unequal_cost"]),
    ("Commands in any language", &["base_command", "idea_command", "timeout"]),
    (
        "Run and output",
        &[
            "out",
            "resume",
            "resume_if_present",
            "changed_machine",
            "evaluate_every",
            "tensorboard",
            "csv",
            "json",
            "parallel",
            "engine",
            "device",
            "ops",
            "threads",
        ],
    ),
];
/// Groups of `make`.
const MAKING: [Group; 4] = [
    ("What it is made of", &["from", "classes", "members", "val_list", "noise_from"]),
    (
        "What is made",
        &["split", "sizes", "filter", "quality", "subsampling", "keep_orientation", "seed", "noise", "name", "form"],
    ),
    ("Parts on several machines", &["shard", "merge"]),
    ("Run and output", &["out", "strict", "force", "threads", "json"]),
];

fn groups(verb: &str) -> &'static [Group] {
    match verb {
        "train" | "sweep" | "compare" | "find-lr" | "bench" => &TRAINING,
        "make" => &MAKING,
        _ => &[],
    }
}

/// What stands last: the flags that every verb has.
const GENERAL: &str = "General";

/// A verb whose flags stand in groups, those that every verb has in the last one.
pub(super) fn grouped(verb: Command, quiet: &Arg) -> Command {
    let groups = groups(verb.get_name());
    if groups.is_empty() {
        return verb;
    }
    let verb = verb.mut_args(|arg| {
        let heading = groups.iter().find(|(_, flags)| flags.contains(&arg.get_id().as_str()));
        match heading {
            Some((heading, _)) if !arg.is_positional() => arg.help_heading(*heading),
            _ => arg,
        }
    });
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).display_order(LAST + 1);
    let help = help.help("Print help").help_heading(GENERAL);
    verb.disable_help_flag(true).arg(quiet.clone().help_heading(GENERAL)).arg(help)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_flag_of_a_verb_with_groups_is_in_one_and_no_group_names_a_flag_that_is_not() {
        let program = super::super::Cli::command();
        for groups in [&TRAINING[..], &MAKING[..]] {
            let named: BTreeSet<String> = groups.iter().flat_map(|(_, flags)| *flags).map(|id| (*id).into()).collect();
            let verbs = program.get_subcommands().filter(|verb| self::groups(verb.get_name()) == groups);
            let flags: BTreeSet<String> = verbs
                .flat_map(|verb| verb.get_arguments())
                .filter(|arg| !arg.is_positional() && arg.get_id() != "help")
                .map(|arg| arg.get_id().to_string())
                .collect();
            assert_eq!(named, flags);
        }
    }
}
