//! Machines in rows: their prices, what a recipe costs on each, and what follows, as text and as JSON.

use imagenette_results::prices::{Machine, Market, Price, PriceSource, PriceTable};
use serde_json::{Value, json};

use super::forecast::{Forecast, Known, Work};
use super::today;
use crate::cli::SortBy;
use crate::cloud::Here;
use crate::numbers::{counted, seconds};

/// A machine with what is known of it.
pub(crate) struct Row {
    pub(crate) machine: Machine,
    /// Whether it is the user's own price.
    pub(crate) is_own: bool,
    pub(crate) on_demand: Option<Price>,
    pub(crate) spot: Option<Price>,
    pub(crate) forecast: Option<Forecast>,
}

impl Row {
    /// What the recipe costs on it at one of its prices.
    fn dollars(&self, price: Option<&Price>) -> Option<f64> {
        Some(self.forecast.as_ref()?.dollars(price?.per_hour))
    }

    /// The least that it costs, and at which of its prices.
    pub(crate) fn least(&self) -> Option<(Option<Market>, f64)> {
        let of = |price: &Option<Price>| {
            let dollars = self.dollars(price.as_ref())?;
            Some((price.as_ref()?.market, dollars))
        };
        let all = [of(&self.spot), of(&self.on_demand)];
        all.into_iter().flatten().min_by(|one, other| one.1.total_cmp(&other.1))
    }
}

/// Sorts rows; what is not known comes last.
pub(crate) fn sort(rows: &mut [Row], by: SortBy) {
    let known = |number: Option<f64>| number.unwrap_or(f64::INFINITY);
    let price = |price: &Option<Price>| known(price.as_ref().map(|price| price.per_hour.dollars()));
    rows.sort_by(|one, other| match by {
        SortBy::Cost => known(one.least().map(|least| least.1)).total_cmp(&known(other.least().map(|least| least.1))),
        SortBy::Spot => price(&one.spot).total_cmp(&price(&other.spot)),
        SortBy::OnDemand => price(&one.on_demand).total_cmp(&price(&other.on_demand)),
        SortBy::Cores => other.machine.cores.cmp(&one.machine.cores),
        SortBy::Name => one.machine.name.cmp(&other.machine.name),
    });
}

/// The rows as a table.
pub(crate) fn lines(rows: &[Row], here: Option<&Here>, has_work: bool) -> Vec<String> {
    let mut header = vec!["machine", "cloud", "cores", "memory", "kernels", "GPU", "on demand", "spot"];
    if has_work {
        header.extend(["time", "", "$ on demand", "$ spot"]);
    }
    let mut cells: Vec<Vec<String>> = vec![header.into_iter().map(String::from).collect()];
    let dash = || "-".to_owned();
    let price =
        |price: &Option<Price>| price.as_ref().map_or_else(dash, |price| format!("{:.4}", price.per_hour.dollars()));
    let dollars = |dollars: Option<f64>| dollars.map_or_else(dash, |dollars| format!("{dollars:.3}"));
    for row in rows {
        let machine = &row.machine;
        let mark = if here.is_some_and(|here| here.machine == machine.name) { " *" } else { "" };
        let gpu = machine.accelerator.as_ref().map_or_else(dash, |name| format!("{} {name}", machine.accelerators));
        let mut line = vec![
            format!("{}{mark}", machine.name),
            if row.is_own { "yours".into() } else { machine.cloud.to_string() },
            machine.cores.to_string(),
            format!("{:.0} GiB", machine.memory_gib),
            machine.kernels.clone(),
            gpu,
            price(&row.on_demand),
            price(&row.spot),
        ];
        if has_work {
            line.extend(match &row.forecast {
                Some(forecast) => [seconds(forecast.seconds), forecast.known.word().into()],
                None => ["not known".into(), String::new()],
            });
            line.extend([row.dollars(row.on_demand.as_ref()), row.dollars(row.spot.as_ref())].map(dollars));
        }
        cells.push(line);
    }
    let width = |column: usize| cells.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..cells[0].len()).map(width).collect();
    let line = |line: &Vec<String>| {
        let padded: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

/// What follows from the table.
pub(crate) fn conclusion(work: &Work, cheapest: Option<(&Row, (Option<Market>, f64))>) -> Vec<String> {
    let reached = work.top_1.map_or(String::new(), |(top_1, runs)| {
        format!(" ({:.2}% top-1, {} on squashed photos)", 100.0 * top_1, counted(runs.into(), "run"))
    });
    let Some((row, (market, dollars))) = cheapest else {
        return vec![format!("{}{reached}: what it costs on these machines is not known", work.recipe)];
    };
    let forecast = row.forecast.as_ref().expect("what has a cost has a time");
    let how = match &forecast.known {
        Known::Measured { run } => format!("measured by {run}"),
        Known::Estimated { from } => format!("estimated: {from}"),
    };
    let price = row.on_demand.iter().chain(&row.spot).find(|price| price.market == market);
    let source = price.map_or(String::new(), |price| match &price.source {
        PriceSource::User => format!(" at your price of {}", price.per_hour),
        PriceSource::Table { .. } => format!(" at {}", price.per_hour),
    });
    let market = market.map_or(String::new(), |market| format!(" {market}"));
    vec![
        format!(
            "{}{reached} costs least on {}{market}: ${dollars:.3} for {}{source}, a minute of starting included",
            work.recipe,
            row.machine.name,
            seconds(forecast.seconds)
        ),
        format!("its time is {how}"),
    ]
}

/// All of it, for programs.
pub(crate) fn as_json(
    table: &PriceTable,
    here: Option<&Here>,
    work: Option<&Work>,
    rows: &[Row],
    cheapest: Option<(&Row, (Option<Market>, f64))>,
) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let Row { machine, is_own, on_demand, spot, forecast } = row;
            json!({
                "machine": machine.name, "cloud": if *is_own { None } else { Some(machine.cloud) },
                "vcpus": machine.vcpus, "cores": machine.cores, "kernels": machine.kernels,
                "memory_gib": machine.memory_gib, "accelerator": machine.accelerator,
                "accelerators": machine.accelerators, "spot_zones": machine.spot_zones, "price": on_demand,
                "spot_price": spot, "forecast": forecast, "dollars": row.dollars(on_demand.as_ref()),
                "spot_dollars": row.dollars(spot.as_ref()),
            })
        })
        .collect();
    json!({
        "read": table.day(), "days_old": table.days_old(today()), "here": here,
        "recipe": work.map(|work| json!({
            "name": work.recipe, "top_1": work.top_1.map(|known| known.0), "runs": work.top_1.map(|known| known.1),
        })),
        "machines": rows,
        "cheapest": cheapest.map(|(row, (market, dollars))| json!({
            "machine": row.machine.name, "market": market, "dollars": dollars,
        })),
    })
}
