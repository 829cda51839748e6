//! `prices`: what machines of clouds cost, on which of them a recipe costs least, and today's prices.

use std::process::ExitCode;

use imagenette_data::store::Store;
use imagenette_results::prices::table::{Listed, OLD_DAYS};
use imagenette_results::prices::{Machine, Market, Price, PriceTable};
use imagenette_results::{ResultsError, Run};
use imagenette_train::Device;
use imagenette_train::recipe::precision::PrecisionChoice;
use imagenette_train::run::arithmetic;
use serde_json::{Value, json};

use crate::Program;
use crate::cli::{Prices, PricesUpdate, PricesVerb, SortBy, measured};
use crate::cloud::{self, Here};
use crate::numbers::{counted, thousands};
use crate::prices::forecast::{self, Work};
use crate::prices::rows::{Row, as_json, conclusion, lines, sort};
use crate::prices::{fetch, today};
use crate::recipes;
use crate::terminal::{Refusal, Terminal, print, print_json, print_words};

pub(crate) fn run(arguments: &Prices, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let store = Store::open_default()?;
    if let Some(PricesVerb::Update(update)) = &arguments.verb {
        return renew(update, &store, terminal);
    }
    let table = PriceTable::current(store.root())?;
    // Whoever names a machine need not know what this one is.
    let here = if arguments.machine.is_none() { cloud::here()? } else { None };
    let work = work(arguments, program, &table)?;
    let mut rows = rows(arguments, &table, here.as_ref(), work.as_ref())?;
    sort(&mut rows, arguments.sort.unwrap_or(if work.is_some() { SortBy::Cost } else { SortBy::Spot }));
    let cheapest = rows.iter().filter_map(|row| Some((row, row.least()?))).min_by(|one, other| {
        let dollars = |(_, (_, dollars)): &(&Row, (Option<Market>, f64))| *dollars;
        dollars(one).total_cmp(&dollars(other))
    });
    if arguments.json {
        print_json(&as_json(&table, here.as_ref(), work.as_ref(), &rows, cheapest))?;
        return Ok(ExitCode::SUCCESS);
    }
    say_age(&table, terminal);
    if let Some(here) = &here {
        let market = here.is_spot.map_or("", |is_spot| if is_spot { ", a spot machine" } else { ", on demand" });
        let zone = here.zone.as_ref().map_or(String::new(), |zone| format!(" in {zone}"));
        print(&format!("this machine: {} of {}{zone}{market}", here.machine, here.cloud))?;
    }
    lines(&rows, here.as_ref(), work.is_some()).iter().try_for_each(|line| print(line))?;
    if let Some(work) = &work {
        conclusion(work, cheapest).iter().try_for_each(|line| print_words(line))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches today's prices.
fn renew(arguments: &PricesUpdate, store: &Store, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    // A damaged table is replaced: its machines are those that ship.
    let old = PriceTable::current(store.root()).unwrap_or_else(|_| PriceTable::shipped());
    let old = with_shipped(old);
    let fetched = fetch::fetch(&old, arguments.from.as_deref(), terminal).inspect_err(|_| say_age(&old, terminal))?;
    let path = PriceTable::path(store.root());
    std::fs::create_dir_all(store.root()).map_err(imagenette_files::FileError::io("create", store.root()))?;
    fetched.table.write(&path)?;
    if arguments.json {
        let clouds: serde_json::Map<String, Value> =
            fetched.counted.iter().map(|(cloud, counted)| (cloud.name().into(), json!(counted))).collect();
        print_json(&json!({ "file": path, "commit": fetched.commit, "read": today(), "clouds": clouds }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for (cloud, read) in &fetched.counted {
        print(&format!(
            "{cloud}: prices of {} in {} rows; {} of our machines' that are none were left out",
            counted(read.machines as u64, "machine"),
            thousands(read.rows),
            counted(read.dropped, "price"),
        ))?;
    }
    print(&format!("they are in {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// A table with the machines that ship and that it lacks: an older program may have fetched it.
fn with_shipped(mut table: PriceTable) -> PriceTable {
    for listed in PriceTable::shipped().rows {
        if table.machine(&listed.machine.name).is_err() {
            table.rows.push(listed);
        }
    }
    table
}

/// Says of which day the prices are, and that they are old where they are.
fn say_age(table: &PriceTable, terminal: &Terminal) {
    let (days, today) = (table.days_old(today()), today());
    let mut sources: Vec<String> = table.rows.iter().map(|listed| listed.source().to_string()).collect();
    sources.sort();
    sources.dedup();
    let age = match days {
        0 => "of today".into(),
        1.. => format!("{} old", counted(days as u64, "day")),
        _ => format!("of {}, which has not come by this machine's clock ({today})", table.day()),
    };
    let hint = if days > OLD_DAYS { "; `imagenette prices update` fetches today's" } else { "" };
    terminal.say(&format!("prices {age}{hint}: {}", sources.join("; ")));
}

/// The recipe whose costs are asked for.
fn work(arguments: &Prices, program: &Program, table: &PriceTable) -> anyhow::Result<Option<Work>> {
    let named = match (&arguments.recipe, arguments.reach) {
        (Some(named), _) => named.clone(),
        (None, Some(percent)) => cheapest_that_reaches(percent)?,
        (None, None) if arguments.measured.is_empty() && arguments.sort != Some(SortBy::Cost) => return Ok(None),
        (None, None) => {
            return Err(Refusal::usage(
                "no recipe is named, and its cost is asked for",
                "add --recipe NAME or --reach 93",
            ));
        }
    };
    let recipe = recipes::read(&named, &[], program.parts())?;
    let mut work = Work::of(&named, &recipe, program)?;
    for text in &arguments.measured {
        let Some((machine, folder)) = measured(text) else {
            return Err(Refusal::usage(
                format!("--measured: expected MACHINE=RUN, found `{text}`"),
                "for example --measured c7a.large=runs/epochs-30-imagenette2-160-s1",
            ));
        };
        if arguments.price_per_hour.is_none() {
            table.machine(machine).map_err(ResultsError::from)?;
        }
        work.measure(machine, &Run::read(&folder)?, program)?;
    }
    Ok(Some(work))
}

/// The recipe that takes the least time of those that are known to reach so many percent.
fn cheapest_that_reaches(percent: f64) -> anyhow::Result<String> {
    let speeds = forecast::speeds();
    let reach = speeds.iter().filter(|speed| 100.0 * speed.top_1 >= percent && percent > 0.0);
    let fastest = reach.min_by(|one, other| one.seconds.total_cmp(&other.seconds));
    fastest.map(|speed| speed.recipe.clone()).ok_or_else(|| {
        let best = speeds.iter().map(|speed| 100.0 * speed.top_1).fold(0.0, f64::max);
        Refusal::error(
            format!("--reach: expected a percentage that a recipe is known to reach, found {percent}"),
            format!("above 0 and at most {best:.2}, which `epochs-60` reaches"),
        )
    })
}

fn rows(arguments: &Prices, table: &PriceTable, here: Option<&Here>, work: Option<&Work>) -> anyhow::Result<Vec<Row>> {
    if let Some(per_hour) = arguments.price_per_hour {
        let machine = own_machine(arguments, table, here)?;
        let forecast = work.and_then(|work| work.on(&machine));
        let on_demand = Some(Price::of_user(per_hour, Some(machine.name.clone())));
        return Ok(vec![Row { machine, is_own: true, on_demand, spot: None, forecast }]);
    }
    let chosen: Vec<&Listed> = match &arguments.machine {
        Some(name) => vec![table.machine(name).map_err(ResultsError::from)?],
        None => table.rows.iter().collect(),
    };
    let is_wanted = |listed: &&&Listed| arguments.cloud.is_none_or(|cloud| listed.machine.cloud == cloud);
    let row = |listed: &&Listed| {
        let price = |market| table.price(&listed.machine.name, market).ok();
        Row {
            machine: listed.machine.clone(),
            is_own: false,
            on_demand: price(Market::OnDemand),
            spot: price(Market::Spot).filter(|_| !arguments.on_demand),
            forecast: work.and_then(|work| work.on(&listed.machine)),
        }
    };
    let rows: Vec<Row> = chosen.iter().filter(is_wanted).map(row).collect();
    if rows.is_empty() {
        return Err(Refusal::error("no machine of the table is of this cloud", "leave --cloud or --machine out"));
    }
    Ok(rows)
}

/// The machine that a user's own price is of: the one that is named, the one that the cloud says, or this one.
fn own_machine(arguments: &Prices, table: &PriceTable, here: Option<&Here>) -> anyhow::Result<Machine> {
    let named = arguments.machine.as_deref().or(here.map(|here| here.machine.as_str()));
    if let Some(listed) = named.and_then(|named| table.machine(named).ok()) {
        return Ok(listed.machine.clone());
    }
    let device = Device::cpu().with_precision(PrecisionChoice::Auto)?;
    let observed = imagenette_results::environment::Machine::observe();
    let cores = u32::try_from(observed.cores).unwrap_or(u32::MAX);
    Ok(Machine {
        cloud: here.map_or(imagenette_results::prices::Cloud::Aws, |here| here.cloud),
        name: named.unwrap_or("this machine").into(),
        vcpus: cores,
        cores,
        kernels: arithmetic(&device).level.unwrap_or_else(|| "portable".into()),
        memory_gib: observed.memory_bytes as f64 / f64::from(1 << 30),
        accelerator: None,
        accelerators: 0,
        on_demand: None,
        spot: None,
        spot_zones: None,
    })
}
