//! What may be typed of what a run may take, and of what its machine costs.

use clap::Args;
use imagenette_results::prices::PricePerHour;

use super::values;

/// What a run may take, in place of epochs, and what its machine costs.
#[derive(Debug, Clone, Args)]
pub(crate) struct BudgetFlags {
    /// Train for so many dollars of this machine's time in place of epochs: as long as they last, and to the end of the
    /// schedule
    #[arg(long, value_name = "DOLLARS", value_parser = values::number, conflicts_with_all = ["epochs", "minutes", "more"])]
    pub(crate) budget: Option<f64>,
    /// The same for so many minutes, from the start of the program to its end
    #[arg(long, value_name = "N", value_parser = values::number, conflicts_with_all = ["epochs", "more"])]
    pub(crate) minutes: Option<f64>,
    /// The machine that this is, for its price (`prices` lists them) [default: what the cloud says]
    #[arg(long, value_name = "NAME")]
    pub(crate) machine: Option<String>,
    /// Its price on demand, not as a spot machine
    #[arg(long, conflicts_with = "price_per_hour")]
    pub(crate) on_demand: bool,
    /// Your own price of it, in dollars
    #[arg(long, value_name = "DOLLARS", value_parser = super::prices::price)]
    pub(crate) price_per_hour: Option<PricePerHour>,
    /// Measure some steps, say how long the run would be and when it would end, and train nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Go on with the run in --out if there is one, else begin it; a finished one is said again
    #[arg(long, requires = "out", conflicts_with = "resume")]
    pub(crate) resume_if_present: bool,
}
