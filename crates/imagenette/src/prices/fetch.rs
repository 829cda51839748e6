//! The public catalogue of prices, as it comes through the network: addresses go in, a new table comes out.

use std::io::{self, Read};
use std::time::Duration;

use imagenette_results::ResultsError;
use imagenette_results::prices::catalogue::{self, Counted};
use imagenette_results::prices::{Cloud, PriceTable};

use super::today;
use crate::interrupt;
use crate::terminal::{Refusal, Terminal};

/// SkyPilot's catalogue, refreshed every seven hours.
const CATALOGUE: &str = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog";
/// Where its newest commit is asked for: the address with a commit never changes, so that a price can be looked up.
const COMMITS: &str = "https://api.github.com/repos/skypilot-org/skypilot-catalog/commits?per_page=1";
/// The catalogue's name in tables, with the version of its columns.
const NAME: &str = "skypilot-catalog v8";

const CONNECT: Duration = Duration::from_secs(15);
/// The longest time without a byte.
const STALL: Duration = Duration::from_secs(30);
/// The most bytes of a catalogue: one has about 4 MB.
const MOST_BYTES: u64 = 256 << 20;
const MOST_BYTES_OF_COMMITS: u64 = 1 << 20;

/// A new table, with what was read for it of each cloud.
pub(crate) struct Fetched {
    pub(crate) table: PriceTable,
    pub(crate) counted: Vec<(Cloud, Counted)>,
    pub(crate) commit: Option<String>,
}

/// Fetches the catalogues of all clouds. The table changes as a whole, or not at all.
pub(crate) fn fetch(old: &PriceTable, from: Option<&str>, terminal: &Terminal) -> anyhow::Result<Fetched> {
    let commit = match from {
        Some(_) => None,
        None => newest_commit(terminal),
    };
    let base = match from {
        Some(address) => address.trim_end_matches('/').to_owned(),
        None => format!("{CATALOGUE}/{}/catalogs/v8", commit.as_deref().unwrap_or("master")),
    };
    let (mut rows, mut counted) = (Vec::new(), Vec::new());
    for cloud in Cloud::ALL {
        let url = format!("{base}/{cloud}/vms.csv");
        terminal.say(&format!("reading {url}"));
        let short = commit.as_deref().map(|commit| &commit[..7]);
        let name = if from.is_some() { base.clone() } else { format!("{NAME} {cloud}") };
        let body = Body { inner: open(&url)?, error: None };
        let (renewed, count) = read(old, cloud, body, &url, (&name, short))?;
        rows.extend(renewed);
        counted.push((cloud, count));
    }
    Ok(Fetched { table: PriceTable { rows }, counted, commit })
}

fn read(
    old: &PriceTable,
    cloud: Cloud,
    mut body: Body<impl Read>,
    url: &str,
    (name, commit): (&str, Option<&str>),
) -> anyhow::Result<(Vec<imagenette_results::prices::table::Listed>, Counted)> {
    let read = catalogue::update(old, cloud, &mut body, (name, commit, today()));
    interrupt::check()?;
    // What broke off is said as that, not as a table that ends too early.
    if let Some(error) = body.error {
        return Err(unreachable(url, &error));
    }
    Ok(read.map_err(ResultsError::from)?)
}

/// The newest commit of the catalogue. Without it the prices are the same, but nobody can look them up later.
fn newest_commit(terminal: &Terminal) -> Option<String> {
    let read = || -> anyhow::Result<String> {
        let mut text = String::new();
        open(COMMITS)?.take(MOST_BYTES_OF_COMMITS).read_to_string(&mut text)?;
        commit_in(&text).ok_or_else(|| anyhow::anyhow!("no commit in its answer"))
    };
    match read() {
        Ok(commit) => Some(commit),
        Err(error) => {
            terminal.say(&format!("the catalogue's commit is not known, and will not be in the table: {error}"));
            None
        }
    }
}

/// The first commit in GitHub's list.
fn commit_in(text: &str) -> Option<String> {
    let list: serde_json::Value = serde_json::from_str(text).ok()?;
    let commit = list.get(0)?.get("sha")?.as_str()?;
    (commit.len() == 40 && commit.bytes().all(|letter| letter.is_ascii_hexdigit())).then(|| commit.to_owned())
}

fn open(url: &str) -> anyhow::Result<impl Read + use<>> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("imagenette/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(STALL))
        .timeout_per_read(Some(STALL));
    // A proxy cannot reach a server on this machine.
    let is_here = ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|here| url.starts_with(here));
    let config = if is_here { config.proxy(None) } else { config };
    let agent: ureq::Agent = config.build().into();
    let answer = agent.get(url).call().map_err(|error| unreachable(url, &error))?;
    match answer.status().as_u16() {
        200 => Ok(answer.into_body().into_with_config().limit(MOST_BYTES).reader()),
        status => Err(unreachable(url, &format!("status {status}"))),
    }
}

fn unreachable(url: &str, found: &dyn std::fmt::Display) -> anyhow::Error {
    Refusal::error(
        format!("{url}: expected the catalogue of prices, found {found}"),
        "try again where there is a network; without one the table that is here goes on to count",
    )
}

/// A body as it comes, until somebody asks the work to stop; what broke it off is kept.
struct Body<R> {
    inner: R,
    error: Option<String>,
}

impl<R: Read> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if interrupt::asked() {
            return Err(io::Error::other("interrupted"));
        }
        self.inner.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.error = Some(error.to_string());
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_forty_digits_or_none() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(commit_in(&format!("[{{\"sha\": \"{hash}\", \"commit\": {{}}}}]")).as_deref(), Some(hash));
        for wrong in ["", "[]", "{\"message\": \"rate limit\"}", "[{\"sha\": \"../../x\"}]", "[{\"sha\": 1}]"] {
            assert_eq!(commit_in(wrong), None, "{wrong}");
        }
    }
}
