//! What this machine's time costs, for a run's record and for its budget: the user's own price, that of a machine in
//! the table, or of the one that the cloud says this is.

use imagenette_data::store::Store;
use imagenette_files::Hint;
use imagenette_results::ResultsError;
use imagenette_results::attempt::Price;
use imagenette_results::prices::table::OLD_DAYS;
use imagenette_results::prices::{Market, PriceError, PriceTable};

use crate::cli::BudgetFlags;
use crate::cloud::{self, Here};
use crate::numbers::counted;
use crate::prices::today;
use crate::terminal::{Refusal, Terminal};

/// What this machine costs; `None` where nobody says it.
///
/// # Errors
/// When the machine is in no table, its price absent, or `is_needed` and nobody says it.
pub(crate) fn price(
    flags: &BudgetFlags,
    is_needed: bool,
    store: &Store,
    terminal: &Terminal,
) -> anyhow::Result<Option<Price>> {
    let is_told = flags.machine.is_some() || flags.price_per_hour.is_some();
    let here = match cloud::here() {
        Ok(here) => here,
        // Whoever says the price need not be believed by a cloud.
        Err(_) if is_told => None,
        Err(error) if is_needed => return Err(error),
        Err(error) => {
            terminal.say(&format!("warning: what this machine costs is not recorded: {error}"));
            None
        }
    };
    let named = flags.machine.clone().or_else(|| here.as_ref().map(|here| here.machine.clone()));
    let zone = here.as_ref().filter(|here| flags.machine.as_ref().is_none_or(|named| *named == here.machine));
    let zone = zone.and_then(|here| here.zone.clone());
    if let Some(per_hour) = flags.price_per_hour {
        let machine = named.unwrap_or_else(|| "this machine".into());
        return Ok(Some(Price { machine, dollars_per_hour: per_hour.dollars(), source: "user".into(), zone }));
    }
    let Some(machine) = named else {
        return if is_needed { Err(nobody_says()) } else { Ok(None) };
    };
    match of_table(&machine, zone, flags, here.as_ref(), store, terminal) {
        Ok(price) => Ok(Some(price)),
        // A machine that the cloud names and the table lacks costs what nobody said.
        Err(error) if !is_told && !is_needed => {
            terminal.say(&format!("warning: what this machine costs is not recorded: {error}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn of_table(
    machine: &str,
    zone: Option<String>,
    flags: &BudgetFlags,
    here: Option<&Here>,
    store: &Store,
    terminal: &Terminal,
) -> anyhow::Result<Price> {
    let table = PriceTable::current(store.root())?;
    let is_on_demand =
        flags.on_demand || (flags.machine.is_none() && here.is_some_and(|here| here.is_spot == Some(false)));
    let market = if is_on_demand { Market::OnDemand } else { Market::Spot };
    let found = match table.price(machine, market) {
        // Not every machine can be had for less.
        Err(PriceError::Absent { market: Market::Spot, .. }) => table.price(machine, Market::OnDemand),
        found => found,
    };
    let found = found.map_err(|error| match &flags.machine {
        // It was typed.
        Some(_) => Refusal::usage(error.to_string(), error.hint().unwrap_or_default()),
        None => ResultsError::from(error).into(),
    })?;
    let days = table.days_old(today());
    let age = match days {
        ..=OLD_DAYS => String::new(),
        _ => format!(", {} old: `imagenette prices update` fetches today's", counted(days as u64, "day")),
    };
    let market = found.market.map_or(String::new(), |market| format!(" {market}"));
    terminal.say(&format!("{machine}{market} costs {} ({}{age})", found.per_hour, found.source));
    Ok(Price {
        machine: machine.into(),
        dollars_per_hour: found.per_hour.dollars(),
        source: format!("{}{market}", found.source),
        zone,
    })
}

fn nobody_says() -> anyhow::Error {
    Refusal::usage(
        "--budget: expected to know what this machine costs, found no price",
        "name the machine, as in `--machine c7a.large` (`imagenette prices` lists them), or say its price: \
         `--price-per-hour 0.045`; `--minutes 10` needs none",
    )
}
