//! A new table from the public catalogue of SkyPilot: for each cloud a CSV file with a row for each machine in each
//! zone goes in as it is read, and the prices of the machines that we know come out.
//!
//! Columns are found by their names, since their order differs between clouds. Rows whose prices are no prices are
//! dropped and counted: sentinels (700 dollars), none at all, spot prices that are the price on demand or exactly a
//! tenth of it (both stand where there is no spot market), zones that are no usual ones, and zones that are there
//! twice.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use imagenette_files::Hint;
use jiff::civil::Date;
use serde::Serialize;

use super::machine::Cloud;
use super::price::PricePerHour;
use super::table::{Listed, PriceTable, said};

/// The columns that are needed.
const COLUMNS: [&str; 5] = ["InstanceType", "Price", "SpotPrice", "Region", "AvailabilityZone"];

/// What can be wrong with a catalogue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// It is no catalogue.
    #[error("the catalogue of {cloud}: expected a table with the columns {}, found {found}", COLUMNS.join(", "))]
    Malformed {
        /// Whose it is.
        cloud: Cloud,
        /// What was found.
        found: String,
    },
    /// It is a catalogue, but none of our machines is in it.
    #[error("the catalogue of {cloud}: expected prices of some of {wanted} machines, found none in {rows} rows")]
    Empty {
        /// Whose it is.
        cloud: Cloud,
        /// How many machines were looked for.
        wanted: usize,
        /// How many rows it has.
        rows: u64,
    },
}

impl Hint for CatalogueError {
    fn hint(&self) -> Option<String> {
        Some("nothing was changed; try again later, or give a price of your own: --price-per-hour 0.045".into())
    }
}

/// What was read of one catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Rows in it.
    pub rows: u64,
    /// Rows of our machines, in the regions that count.
    pub ours: u64,
    /// Prices that were dropped, since they are none.
    pub dropped: u64,
    /// Machines that it has a price for.
    pub machines: usize,
}

/// What was found of one machine.
#[derive(Default)]
struct Found {
    on_demand: Option<PricePerHour>,
    /// By zone.
    spot: BTreeMap<String, PricePerHour>,
}

/// The machines of one cloud in a table, with the prices that its catalogue has now. A machine that it does not have
/// keeps the prices and the day of the old table.
///
/// # Errors
/// When it is no catalogue, or has none of the machines.
pub fn update(
    old: &PriceTable,
    cloud: Cloud,
    catalogue: impl Read,
    (name, commit, day): (&str, Option<&str>, Date),
) -> Result<(Vec<Listed>, Counted), CatalogueError> {
    let malformed = |found: String| CatalogueError::Malformed { cloud, found };
    let mut reader = csv::Reader::from_reader(catalogue);
    let header = reader.headers().map_err(|error| malformed(said(&error)))?.clone();
    let place = |column: &str| {
        let place = header.iter().position(|known| known == column);
        place.ok_or_else(|| malformed(format!("none that is called {column}")))
    };
    let [machine, price, spot, region, zone] = COLUMNS.map(place);
    let (machine, price, spot, region, zone) = (machine?, price?, spot?, region?, zone?);

    let ours = || old.rows.iter().filter(|listed| listed.machine.cloud == cloud);
    let wanted: BTreeSet<&str> = ours().map(|listed| listed.machine.name.as_str()).collect();
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    let mut counted = Counted { rows: 0, ours: 0, dropped: 0, machines: 0 };
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| malformed(said(&error)))? {
        counted.rows += 1;
        let field = |place: usize| record.get(place).unwrap_or_default().trim();
        let (at_home, in_spot) = (field(region) == cloud.home_region(), cloud.spot_regions().contains(&field(region)));
        if !wanted.contains(field(machine)) || !(at_home || in_spot) {
            continue;
        }
        counted.ours += 1;
        let on_demand = PricePerHour::new(field(price).parse().unwrap_or(f64::NAN)).ok();
        let spot = spot_price(field(spot), on_demand);
        counted.dropped += u64::from(on_demand.is_none()) + u64::from(spot.is_none());
        if !is_usual_zone(cloud, field(zone)) {
            continue;
        }
        let found = found.entry(field(machine).to_owned()).or_default();
        if let (Some(price), true) = (on_demand, at_home) {
            let known = found.on_demand.filter(|known| *known <= price);
            found.on_demand = Some(known.unwrap_or(price));
        }
        if let (Some(price), true) = (spot, in_spot) {
            found.spot.entry(field(zone).to_owned()).or_insert(price);
        }
    }
    found.retain(|_, found| found.on_demand.is_some() || !found.spot.is_empty());
    counted.machines = found.len();
    if found.is_empty() && !wanted.is_empty() {
        return Err(CatalogueError::Empty { cloud, wanted: wanted.len(), rows: counted.rows });
    }
    let renewed = ours().map(|listed| match found.get(&listed.machine.name) {
        None => listed.clone(),
        Some(found) => {
            let mut machine = listed.machine.clone();
            machine.on_demand = found.on_demand;
            machine.spot = median(found.spot.values().copied().collect());
            machine.spot_zones = (!found.spot.is_empty()).then_some(found.spot.len() as u32);
            Listed { machine, catalogue: name.into(), commit: commit.map(Into::into), day }
        }
    });
    Ok((renewed.collect(), counted))
}

/// A spot price, where there is a market for it.
fn spot_price(text: &str, on_demand: Option<PricePerHour>) -> Option<PricePerHour> {
    let spot = PricePerHour::new(text.parse().ok()?).ok()?;
    let is_market = on_demand.is_none_or(|full| {
        let is_tenth = (spot.dollars() - full.dollars() / 10.0).abs() < 1e-9;
        spot < full && !is_tenth
    });
    is_market.then_some(spot)
}

/// Whether a zone is a usual one of its region: `use1-az4`, `us-central1-a`. Local zones (`use1-atl2-az1`) and those
/// of other hardware (`us-south1-ai1b`) have prices and markets of their own.
fn is_usual_zone(cloud: Cloud, zone: &str) -> bool {
    let last = zone.rsplit('-').next().unwrap_or_default();
    match cloud {
        Cloud::Aws => zone.matches('-').count() == 1 && last.starts_with("az"),
        Cloud::Gcp => last.len() == 1 && last.bytes().all(|letter| letter.is_ascii_lowercase()),
    }
}

fn median(mut prices: Vec<PricePerHour>) -> Option<PricePerHour> {
    prices.sort_by(|one, other| one.dollars().total_cmp(&other.dollars()));
    let middle = prices.len() / 2;
    match prices.len() {
        0 => None,
        count if count % 2 == 1 => Some(prices[middle]),
        _ => {
            let mean = (prices[middle - 1].dollars() + prices[middle].dollars()) / 2.0;
            // Of prices with so many digits, the mean has one more.
            PricePerHour::new((mean * 1e6).round() / 1e6).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::Market;

    const AWS: &str = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,\
                       AvailabilityZone,Arch\n";
    const GCP: &str = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,\
                       Price,SpotPrice\n";

    fn source() -> (&'static str, Option<&'static str>, Date) {
        ("test", Some("0123456"), "2026-12-01".parse().unwrap())
    }

    fn updated(cloud: Cloud, text: &str) -> Result<(PriceTable, Counted), CatalogueError> {
        let (rows, counted) = update(&PriceTable::shipped(), cloud, text.as_bytes(), source())?;
        Ok((PriceTable { rows }, counted))
    }

    fn aws(rows: &[(&str, &str, &str, &str)]) -> String {
        let row = |(price, spot, region, zone): &(&str, &str, &str, &str)| {
            format!("c7a.large,,,2,4,\"{{'Gpus': [1, 2]}}\",{price},{spot},{region},{zone},x86_64\n")
        };
        format!("{AWS}{}", rows.iter().map(row).collect::<String>())
    }

    #[test]
    fn the_median_of_usual_zones_counts_and_what_is_no_price_is_dropped() {
        let text = aws(&[
            ("0.11", "0.05", "us-east-1", "use1-az4"),
            ("0.11", "0.03", "us-east-2", "use2-az1"),
            ("0.11", "0.04", "us-west-2", "usw2-az1"),
            ("0.11", "0.09", "us-west-2", "usw2-az2"),
            ("0.11", "0.001", "us-west-2", "usw2-az2"),     // There twice.
            ("0.14", "0.01", "us-east-1", "use1-atl2-az1"), // A local zone.
            ("0.09", "0.01", "eu-south-2", "eus2-az1"),     // Another region.
            ("0.11", "0.11", "us-east-1", "use1-az1"),      // No market.
            ("0.11", "0.011", "us-east-1", "use1-az2"),     // Exactly a tenth: no market.
            ("0.11", "", "us-east-1", "use1-az3"),
            ("700.0", "700.0", "us-east-1", "use1-az5"), // A sentinel.
            ("nan", "-1", "us-east-1", "use1-az6"),
        ]);
        let (table, counted) = updated(Cloud::Aws, &text).unwrap();
        let machine = &table.machine("c7a.large").unwrap().machine;
        assert_eq!(machine.on_demand.unwrap().dollars(), 0.11);
        assert_eq!(machine.spot.unwrap().dollars(), 0.045);
        assert_eq!(machine.spot_zones, Some(4));
        assert_eq!(counted, Counted { rows: 12, ours: 11, dropped: 7, machines: 1 });
        let price = table.price("c7a.large", Market::Spot).unwrap();
        assert_eq!(price.source.to_string(), "test at 0123456, read on 2026-12-01");
        // What the catalogue does not have stays as it was, with its own day.
        assert_eq!(
            table.price("c7a.xlarge", Market::Spot).unwrap().source.to_string().split(' ').next_back(),
            Some("2026-11-27")
        );
        assert!(table.rows.iter().all(|listed| listed.machine.cloud == Cloud::Aws));
    }

    #[test]
    fn columns_are_found_by_name_whatever_their_order() {
        let row = |name: &str, zone: &str, price: &str, spot: &str| {
            format!("{name},2,4,,,\"['a', \"\"b\"\"]\",us-central1,{zone},{price},{spot}\n")
        };
        let text = [
            GCP,
            &row("c4-highcpu-2", "us-central1-a", "0.09", "0.03"),
            &row("c4-highcpu-2", "us-central1-ai1b", "0.01", "0.002"),
            &row("", "us-central1-a", "2.9", "1.1"), // A GPU alone.
        ]
        .concat();
        let (table, counted) = updated(Cloud::Gcp, &text).unwrap();
        let machine = &table.machine("c4-highcpu-2").unwrap().machine;
        assert_eq!((machine.on_demand.unwrap().dollars(), machine.spot.unwrap().dollars()), (0.09, 0.03));
        assert_eq!((counted.rows, counted.machines), (3, 1));
    }

    #[test]
    fn what_is_no_catalogue_is_refused() {
        let cases = [
            ("", "none that is called InstanceType"),
            ("<html><body>404</body></html>\n", "none that is called InstanceType"),
            ("InstanceType,Price,Region,AvailabilityZone\n", "none that is called SpotPrice"),
            (&format!("{AWS}c7a.large,,,2\n"), "line 2: 4 columns instead of 11"),
        ];
        for (text, expected) in cases {
            let error = updated(Cloud::Aws, text).expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.hint().unwrap().starts_with("nothing was changed"));
        }
        let error = updated(Cloud::Aws, AWS).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the catalogue of aws: expected prices of some of 16 machines, found none in 0 rows"
        );
        let mut bytes = aws(&[("0.11", "0.05", "us-east-1", "use1-az4")]).into_bytes();
        bytes.extend(b"c7a.large,\xff\xfe,,2,4,,1,1,us-east-1,use1-az1,x\n");
        let error = update(&PriceTable::shipped(), Cloud::Aws, bytes.as_slice(), source()).unwrap_err();
        assert!(error.to_string().contains("no UTF-8"), "{error}");
    }
}
