//! The table of prices: the one that ships, or a newer one that was fetched, as a CSV file.
//!
//! A row is a machine with its two prices and where they are from. Whatever no machine can be or cost is refused by
//! its line: a table decides how long a run may last.

use std::path::{Path, PathBuf};

use imagenette_files::format::{Format, Head};
use imagenette_files::{FileError, atomic, input, nearest};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::machine::{Cloud, Machine};
use super::price::{Market, Price, PriceError, PricePerHour, PriceSource};
use crate::error::Result;

/// The file name of a table that was fetched, in the folder of the program's own files.
pub const PRICES_FILE: &str = "prices.csv";
/// From how many days on prices are called old: spot prices move in hours, prices on demand in years.
pub const OLD_DAYS: i64 = 30;

const SHIPPED: &str = include_str!("machines.csv");
const FORMAT: Format = Format { name: "imagenette-prices", oldest: 1, newest: 1 };
const HINT: &str = "remove the file, or fetch it again with `imagenette prices update`";
/// The most rows: a table is made by hand or by `prices update`, and has dozens.
const MOST_ROWS: usize = 10_000;
/// The longest text in a row.
const LONGEST_TEXT: usize = 200;

/// A machine of the table with where its prices are from.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The machine.
    pub machine: Machine,
    /// The catalogue that the prices are of.
    pub catalogue: String,
    /// Its commit, where it is known.
    pub commit: Option<String>,
    /// The day on which it was read.
    pub day: Date,
}

/// Machines and what they cost.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceTable {
    /// Its rows, in the order of the file.
    pub rows: Vec<Listed>,
}

/// A row as the file has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    cloud: Cloud,
    machine: String,
    vcpus: u32,
    cores: u32,
    kernels: String,
    memory_gib: f64,
    accelerator: Option<String>,
    accelerators: u32,
    on_demand: Option<f64>,
    spot: Option<f64>,
    spot_zones: Option<u32>,
    catalogue: String,
    commit: Option<String>,
    read: Date,
}

impl PriceTable {
    /// The table that ships.
    pub fn shipped() -> Self {
        Self::from_csv(Path::new("machines.csv"), SHIPPED).expect("the table that ships can be read")
    }

    /// The table that counts: the one that was fetched into this folder, else the one that ships.
    ///
    /// # Errors
    /// When a table is there and cannot be read, or is damaged.
    pub fn current(folder: &Path) -> Result<Self> {
        let path = Self::path(folder);
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::shipped()),
            _ => Self::read(&path),
        }
    }

    /// Where a table is kept that was fetched.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(PRICES_FILE)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// When it cannot be read, or a row is not what a machine can be or cost.
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_csv(path, &input::read_text(path, input::TEXT_BYTES)?)
    }

    fn from_csv(path: &Path, text: &str) -> Result<Self> {
        let malformed = |found: String| FileError::malformed(path, FORMAT.expected(), found, HINT);
        let first = text.lines().next().unwrap_or_default();
        let mut head = first.strip_prefix("# ").unwrap_or_default().split(' ');
        let head = match (head.next(), head.next().map(str::parse), head.next()) {
            (Some(format), Some(Ok(version)), None) => Head { format: format.into(), version },
            _ => return Err(malformed("a file without its head".into()).into()),
        };
        FORMAT.check(path, &head, HINT)?;
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        let mut rows: Vec<Listed> = Vec::new();
        for row in reader.deserialize() {
            let row: Row = row.map_err(|error| malformed(said(&error)))?;
            let place = format!("`{}`: ", row.machine);
            let listed = row.listed().map_err(|found| malformed(format!("{place}{found}")))?;
            if rows.iter().any(|known| known.machine.name == listed.machine.name) {
                return Err(malformed(format!("{place}there twice")).into());
            }
            if rows.len() == MOST_ROWS {
                return Err(malformed(format!("more than {MOST_ROWS} machines")).into());
            }
            rows.push(listed);
        }
        if rows.is_empty() {
            return Err(malformed("no machine".into()).into());
        }
        Ok(Self { rows })
    }

    /// Writes the table: complete, or as it was before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for listed in &self.rows {
            writer.serialize(Row::of(listed)).expect("a row is text and numbers");
        }
        let rows = writer.into_inner().expect("memory takes every row");
        let head = format!("# {} {}\n", FORMAT.name, FORMAT.newest);
        Ok(atomic::write_bytes(path, &[head.as_bytes(), &rows].concat())?)
    }

    /// A machine by its name.
    ///
    /// # Errors
    /// When the table does not have it.
    pub fn machine(&self, name: &str) -> Result<&Listed, PriceError> {
        let known = || self.rows.iter().map(|listed| listed.machine.name.as_str());
        let found = self.rows.iter().find(|listed| listed.machine.name == name);
        found.ok_or_else(|| {
            let near = nearest::nearest(name, known()).map(|near| format!("did you mean `{near}`? "));
            let hint = format!(
                "{}`imagenette prices` lists all; for another one give your own: --price-per-hour 0.045",
                near.unwrap_or_default()
            );
            PriceError::UnknownMachine { found: name.into(), hint }
        })
    }

    /// What a machine costs.
    ///
    /// # Errors
    /// When the table does not have the machine, or has no such price for it.
    pub fn price(&self, name: &str, market: Market) -> Result<Price, PriceError> {
        let listed = self.machine(name)?;
        let per_hour = listed.machine.price(market);
        let per_hour = per_hour.ok_or_else(|| PriceError::Absent { machine: name.into(), market })?;
        Ok(Price { per_hour, machine: Some(name.into()), market: Some(market), source: listed.source() })
    }

    /// The day of the oldest of its prices.
    pub fn day(&self) -> Date {
        self.rows.iter().map(|listed| listed.day).min().expect("a table has a row at least")
    }

    /// How many days old it is today.
    pub fn days_old(&self, today: Date) -> i64 {
        days_between(self.day(), today)
    }

    /// Refuses a table that is older than this many days, or of a day that has not come.
    ///
    /// # Errors
    /// When it is.
    pub fn check_age(&self, today: Date, most_days: i64) -> Result<(), PriceError> {
        let (day, days) = (self.day(), self.days_old(today));
        match days {
            // A day's difference is that of clocks and of time zones.
            ..-1 => Err(PriceError::FromTheFuture { day, today }),
            _ if days > most_days => Err(PriceError::Stale { day, days, most_days }),
            _ => Ok(()),
        }
    }
}

impl Listed {
    /// Where its prices are from.
    pub fn source(&self) -> PriceSource {
        PriceSource::Table { catalogue: self.catalogue.clone(), commit: self.commit.clone(), day: self.day }
    }
}

impl Row {
    fn of(Listed { machine, catalogue, commit, day }: &Listed) -> Self {
        Self {
            cloud: machine.cloud,
            machine: machine.name.clone(),
            vcpus: machine.vcpus,
            cores: machine.cores,
            kernels: machine.kernels.clone(),
            memory_gib: machine.memory_gib,
            accelerator: machine.accelerator.clone(),
            accelerators: machine.accelerators,
            on_demand: machine.on_demand.map(PricePerHour::dollars),
            spot: machine.spot.map(PricePerHour::dollars),
            spot_zones: machine.spot_zones,
            catalogue: catalogue.clone(),
            commit: commit.clone(),
            read: *day,
        }
    }

    /// The row as a machine; the error is what was found that no machine can be or cost.
    fn listed(self) -> std::result::Result<Listed, String> {
        let texts = [Some(&self.machine), Some(&self.kernels), Some(&self.catalogue)];
        for text in texts.into_iter().chain([self.accelerator.as_ref(), self.commit.as_ref()]).flatten() {
            if text.trim().is_empty() || text.len() > LONGEST_TEXT || text.contains(char::is_control) {
                return Err(format!("`{}` as a text", text.escape_debug()));
            }
        }
        if !(self.memory_gib > 0.0 && self.memory_gib.is_finite()) {
            return Err(format!("memory of {} GiB", self.memory_gib));
        }
        if self.vcpus == 0 || self.cores == 0 || self.cores > self.vcpus {
            return Err(format!("{} cores in {} virtual processors", self.cores, self.vcpus));
        }
        let price =
            |dollars: Option<f64>| dollars.map(PricePerHour::new).transpose().map_err(|error| error.to_string());
        Ok(Listed {
            machine: Machine {
                cloud: self.cloud,
                vcpus: self.vcpus,
                cores: self.cores,
                kernels: self.kernels,
                memory_gib: self.memory_gib,
                accelerator: self.accelerator,
                accelerators: self.accelerators,
                on_demand: price(self.on_demand)?,
                spot: price(self.spot)?,
                spot_zones: self.spot_zones,
                name: self.machine,
            },
            catalogue: self.catalogue,
            commit: self.commit,
            day: self.read,
        })
    }
}

/// Days from one day to another.
fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

/// What is wrong with a row, in words that a user knows.
pub(super) fn said(error: &csv::Error) -> String {
    let place = error.position().map(|position| format!("line {}: ", position.line())).unwrap_or_default();
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} columns instead of {expected_len}"),
        csv::ErrorKind::Utf8 { .. } => "text that is no UTF-8".into(),
        csv::ErrorKind::Deserialize { err, .. } => match err.field() {
            Some(field) => format!("column {}: {}", field + 1, err.kind()),
            None => err.kind().to_string(),
        },
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => "no table".into(),
    };
    format!("{place}{what}")
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;

    fn read(text: &str) -> Result<PriceTable> {
        PriceTable::from_csv(Path::new("prices.csv"), text)
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn the_table_that_ships_has_prices_that_say_where_they_are_from() {
        let table = PriceTable::shipped();
        assert!(table.rows.len() >= 15, "{}", table.rows.len());
        let price = table.price("c7a.large", Market::Spot).unwrap();
        assert_eq!((price.per_hour.dollars(), price.machine.as_deref()), (0.045, Some("c7a.large")));
        let source = "skypilot-catalog v8 aws at 00148f2, read on 2026-11-27";
        assert_eq!(price.source.to_string(), source);
        for Listed { machine, .. } in &table.rows {
            assert!(machine.on_demand.is_some() && machine.spot < machine.on_demand, "{}", machine.name);
        }
    }

    #[test]
    fn a_machine_or_a_price_that_is_not_there_is_refused_with_what_to_do() {
        let table = PriceTable::shipped();
        let error = table.price("c7a.larg", Market::Spot).unwrap_err();
        assert_eq!(error.to_string(), "expected a machine of the table of prices, found `c7a.larg`");
        assert!(error.hint().unwrap().starts_with("did you mean `c7a.large`? "));
        let error = table.price("c7i.large", Market::Spot).unwrap_err();
        assert_eq!(error.to_string(), "expected a price of `c7i.large` as a spot machine, found none in the table");
        assert!(error.hint().unwrap().contains("--price-per-hour"));
        assert!(table.price("c7i.large", Market::OnDemand).is_ok());
    }

    #[test]
    fn an_old_table_and_one_of_tomorrow_are_known() {
        let table = PriceTable::shipped();
        assert_eq!(table.days_old(day("2026-12-27")), 30);
        table.check_age(day("2026-12-27"), OLD_DAYS).unwrap();
        table.check_age(day("2026-11-26"), OLD_DAYS).unwrap();
        let error = table.check_age(day("2026-12-28"), OLD_DAYS).unwrap_err();
        assert_eq!(error.to_string(), "expected prices of the last 30 days, found those of 2026-11-27, 31 days old");
        assert!(error.hint().unwrap().contains("prices update"));
        assert!(matches!(table.check_age(day("2020-01-01"), OLD_DAYS), Err(PriceError::FromTheFuture { .. })));
    }

    #[test]
    fn what_is_written_reads_back_and_counts_instead_of_what_ships() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(PriceTable::current(folder.path()).unwrap(), PriceTable::shipped());
        let mut table = PriceTable::shipped();
        table.rows.truncate(3);
        table.rows[1].machine.spot = None;
        table.rows[2].commit = None;
        table.write(&PriceTable::path(folder.path())).unwrap();
        assert_eq!(PriceTable::current(folder.path()).unwrap(), table);
    }

    #[test]
    fn a_table_that_was_cut_or_changed_is_refused_and_says_what_to_do() {
        let head = SHIPPED.lines().take(2).collect::<Vec<_>>().join("\n");
        let row = SHIPPED.lines().nth(2).unwrap();
        let with = |from: &str, to: &str| format!("{head}\n{}\n", row.replacen(from, to, 1));
        read(&with("", "")).unwrap();
        let cases = [
            (String::new(), "without its head"),
            ("<html>\n".into(), "without its head"),
            (format!("{head}\n"), "no machine"),
            (with("0.10264", "-1"), "`c7a.large`: expected a price above 0"),
            (with("0.10264", "700"), "found 700"),
            (with("0.10264", "NaN"), "found NaN"),
            (with("0.10264", "cheap"), "line 3: column 9"),
            (with(",2,2,", ",2,3,"), "3 cores in 2 virtual processors"),
            (with(",2,2,", ",2,"), "line 3: 13 columns instead of 14"),
            (with("aws", "azure"), "line 3: "),
            (with("c7a.large", "c7a\u{1b}[2J"), "as a text"),
            (with("2026-11-27", "yesterday"), "line 3: "),
            (format!("{}{row}\n", with("", "")), "`c7a.large`: there twice"),
        ];
        for (text, expected) in cases {
            let error = read(&text).expect_err(expected);
            assert!(error.to_string().contains(expected), "{expected}: {error}");
            assert!(
                error.to_string().starts_with("prices.csv: expected imagenette-prices version 1, found "),
                "{error}"
            );
            assert!(error.hint().unwrap().contains("imagenette prices update"));
        }
        let newer = read(&SHIPPED.replacen("prices 1", "prices 2", 1)).unwrap_err();
        assert!(newer.hint().unwrap().contains("a newer imagenette wrote it"));
    }
}
