//! What may be typed after `prices`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use imagenette_results::prices::{Cloud, PricePerHour};

use super::values;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette prices --cloud aws --sort spot\n\
        \x20\x20imagenette prices --reach 93\n\
        \x20\x20imagenette prices --recipe epochs-30 --measured c7a.large=runs/epochs-30-imagenette2-160-s1\n\
        \x20\x20imagenette prices --recipe epochs-30 --price-per-hour 0.02\n\
        \x20\x20imagenette prices update\n\n\
        Dollars of a run are its seconds, a minute at least, and a minute of starting the machine, at the price of \
        the whole machine; disks, addresses and traffic are not in them. Seconds that nobody measured on a machine are \
        called estimated: they are those of two Zen 4 cores, over its cores, by what its kernels reach.\n\
        Where AWS_EC2_METADATA_SERVICE_ENDPOINT or GCE_METADATA_HOST is set, the cloud is asked which machine this \
        is.")]
pub(crate) struct Prices {
    #[command(subcommand)]
    pub(crate) verb: Option<PricesVerb>,
    /// Only machines of this cloud
    #[arg(long, value_name = "aws|gcp", value_parser = Cloud::from_str)]
    pub(crate) cloud: Option<Cloud>,
    /// Order of the machines [default: cost with a recipe, else spot]
    #[arg(long, value_enum)]
    pub(crate) sort: Option<SortBy>,
    /// What this recipe costs on each: a name (`train --list` shows them) or a .toml file
    #[arg(short, long, value_name = "NAME|FILE")]
    pub(crate) recipe: Option<String>,
    /// What it costs on each to reach so many percent of top-1, by the cheapest recipe that is known to
    #[arg(long, value_name = "PERCENT", conflicts_with = "recipe", value_parser = values::number)]
    pub(crate) reach: Option<f64>,
    /// Take the seconds of a run of the recipe that was made on this machine; may be repeated
    #[arg(long, value_name = "MACHINE=RUN", value_hint = ValueHint::DirPath)]
    pub(crate) measured: Vec<String>,
    /// Leave spot prices out
    #[arg(long)]
    pub(crate) on_demand: bool,
    /// Only this machine
    #[arg(long, value_name = "NAME")]
    pub(crate) machine: Option<String>,
    /// Your own price in dollars, of --machine or else of the machine that this runs on
    #[arg(long, value_name = "DOLLARS", value_parser = price)]
    pub(crate) price_per_hour: Option<PricePerHour>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What else can be done with prices.
#[derive(Debug, Subcommand)]
pub(crate) enum PricesVerb {
    /// Fetch today's prices of the machines in the table from the public catalogue of SkyPilot
    Update(PricesUpdate),
}

#[derive(Debug, Args)]
pub(crate) struct PricesUpdate {
    /// Where the catalogue is instead: an address below which are aws/vms.csv and gcp/vms.csv
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) from: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What machines are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortBy {
    /// Dollars of the recipe, the cheapest first
    Cost,
    /// Spot price
    Spot,
    /// Price on demand
    OnDemand,
    /// Cores, the most first
    Cores,
    /// Name
    Name,
}

/// A price as it is typed.
pub(crate) fn price(text: &str) -> Result<PricePerHour, String> {
    text.parse().map_err(|error: imagenette_results::prices::PriceError| error.to_string())
}

/// A machine and the folder of a run that was made on it, as they are typed.
pub(crate) fn measured(text: &str) -> Option<(&str, PathBuf)> {
    let (machine, run) = text.split_once('=')?;
    (!machine.is_empty() && !run.is_empty()).then(|| (machine, run.into()))
}
