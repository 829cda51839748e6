//! The site: a board goes in, pages come out that open from a disk, ask no network for anything, and have the same
//! bytes for the same board.

mod chart;
mod entry_page;
mod rows;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use imagenette_files::{FileError, atomic, threads};
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde_json::json;

use crate::board::Board;
use crate::entry::{Division, Entry};
use crate::error::{BoardError, Result};
use crate::rank::Ranking;
use crate::season::{Challenge, Limit};
use chart::{AXES, Line, Lines};
use rows::{EntryRow, OldRow, challenge_href, percent, plain};

/// The file by which a folder is known to be a site.
const BOARD_JSON: &str = "board.json";
const FORMAT: &str = "imagenette-site";

/// How much was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Pages.
    pub pages: usize,
    /// Bytes of the first page.
    pub first_page_bytes: usize,
}

/// Writes the site of a board into a folder: a new one, or one that a site is in, which it replaces. The folder is
/// complete or as it was.
///
/// # Errors
/// When something else is in the folder, or it cannot be written.
pub fn write(board: &Board, out: &Path) -> Result<Written> {
    // A link stays one: what it leads to is replaced.
    let out = &std::fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
    let is_site = out.join(BOARD_JSON).is_file() && out.join("index.html").is_file();
    let is_empty = std::fs::read_dir(out).map_or(!out.exists(), |mut entries| entries.next().is_none());
    if !is_site && !is_empty {
        let message = format!("{}: expected a new folder, or one with a site, found other files", out.display());
        return Err(BoardError::refused(message, "name another folder"));
    }
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(FileError::io("create", parent))?;
    let folder = atomic::UnfinishedFolder::begin(parent)?;
    let site = Site::of(board);
    let (pages, first_page_bytes) = site.write(folder.path())?;
    if let Some(other) = foreign(out, folder.path()) {
        let message = format!("{}: expected a site alone, found `{}` beside it", out.display(), other.escape_debug());
        return Err(BoardError::refused(message, "move it away, or name another folder and copy the pages"));
    }
    if out.exists() {
        std::fs::remove_dir_all(out).map_err(FileError::io("replace", out))?;
    }
    folder.finish(out)?;
    readable(out)?;
    Ok(Written { pages, first_page_bytes })
}

/// What is in a folder and in no site, by its name: it would be gone with the old site.
fn foreign(old: &Path, new: &Path) -> Option<String> {
    let names = |folder: &Path| -> Vec<std::ffi::OsString> {
        std::fs::read_dir(folder)
            .map_or_else(|_| Vec::new(), |entries| entries.flatten().map(|entry| entry.file_name()).collect())
    };
    let known = names(new);
    let mut others = names(old).into_iter().filter(|name| !known.contains(name));
    others.next().map(|name| name.to_string_lossy().into_owned())
}

/// Lets everybody read the folder, as any other: it was made for its owner alone.
fn readable(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder, mode).map_err(FileError::io("change", folder))?;
    }
    let _ = folder;
    Ok(())
}

/// A board with all that its pages share.
pub(crate) struct Site<'b> {
    board: &'b Board,
    templates: Environment<'static>,
    /// Of each challenge with entries, its rankings.
    rankings: Vec<Ranking<'b>>,
}

impl<'b> Site<'b> {
    fn of(board: &'b Board) -> Self {
        let mut templates = Environment::new();
        /// A page's template between what all pages begin and end with.
        macro_rules! page {
            ($file:literal) => {
                (
                    $file,
                    concat!(
                        include_str!("macros.html"),
                        include_str!("begin.html"),
                        include_str!($file),
                        include_str!("end.html")
                    ),
                )
            };
        }
        for (name, source) in [page!("index.html"), page!("challenge.html"), page!("entry.html")] {
            templates.add_template(name, source).expect("the templates that ship can be read");
        }
        let divided = board.season.challenges.iter().flat_map(|challenge| {
            Division::ALL.map(|division| Ranking::of(&board.entries, challenge, division, &board.season.rules))
        });
        let rankings = divided.filter(|ranking| !ranking.is_empty()).collect();
        Self { board, templates, rankings }
    }

    fn ranking(&self, entry: &Entry) -> &Ranking<'b> {
        let is_its = |ranking: &&Ranking<'_>| {
            ranking.challenge.name == entry.challenge && ranking.division == entry.file.division
        };
        self.rankings.iter().find(is_its).expect("an entry is in a ranking")
    }

    fn row(&self, entry: &Entry) -> EntryRow {
        EntryRow::of(entry, self.ranking(entry), self.board)
    }

    fn write(&self, folder: &Path) -> Result<(usize, usize)> {
        let put = |name: &str, text: &str| -> Result<()> {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(FileError::io("write", &path))?;
            Ok(())
        };
        let make = |name: &str| {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).map_err(FileError::io("create", &path))
        };
        make("challenges")?;
        for ranking in &self.rankings {
            make(&format!("entries/{}", ranking.challenge.name))?;
        }
        put("style.css", include_str!("site.css"))?;
        put("site.js", include_str!("site.js"))?;
        let index = self.index();
        put("index.html", &index)?;
        put(BOARD_JSON, &text_of(&self.board_json()))?;
        for challenge in &self.board.season.challenges {
            put(&challenge_href(&challenge.name), &self.challenge(challenge))?;
            let json = json!({
                "challenge": challenge,
                "rankings": self.rankings_of(challenge).map(ranking_json).collect::<Vec<_>>(),
            });
            put(&format!("challenges/{}.json", challenge.name), &text_of(&json))?;
        }
        let entries = &self.board.entries;
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        threads::share(cores, || {
            while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                let page = put(&rows::entry_href(entry), &self.entry(entry));
                let written = page.and_then(|()| put(&format!("{}.json", entry.path()), &text_of(&entry_json(entry))));
                if let Err(error) = written {
                    failed.lock().expect("no thread panics while it notes").get_or_insert(error);
                    return;
                }
            }
        });
        match failed.into_inner().expect("no thread panicked while it noted") {
            Some(error) => Err(error),
            None => Ok((1 + self.board.season.challenges.len() + entries.len(), index.len())),
        }
    }

    fn rankings_of<'s>(&'s self, challenge: &'s Challenge) -> impl Iterator<Item = &'s Ranking<'b>> {
        self.rankings.iter().filter(|ranking| ranking.challenge.name == challenge.name)
    }

    /// What every page says at its end and in its head.
    fn rendered(&self, template: &str, title: &str, up: &str, more: Value) -> String {
        let season = &self.board.season;
        let shared = context! {
            title, up => plain(up), season => season.name.clone(), season_sha256 => season.sha256.clone(),
            prices_sha256 => season.prices_sha256.clone(), ..more
        };
        let page = self.templates.get_template(template).and_then(|template| template.render(shared));
        page.expect("the templates that ship can be filled")
    }

    fn index(&self) -> String {
        let board = self.board;
        let mut entries: Vec<&Entry> = board.entries.iter().collect();
        entries.sort_by(|one, other| other.mean().total_cmp(&one.mean()).then(one.path().cmp(&other.path())));
        let leaders = self.rankings.iter().map(|ranking| self.leader(ranking));
        let editions = [("imagenette2", "Imagenette"), ("imagewoof2", "Imagewoof")];
        let edition_of = |entry: &Entry| {
            let challenge = board.season.challenge(&entry.challenge).ok()?;
            Some(board.season.source(challenge).edition.as_str())
        };
        let charts = editions.into_iter().filter_map(|(edition, name)| {
            let its = entries.iter().filter(|entry| edition_of(entry) == Some(edition));
            let marks: Vec<_> = its.map(|entry| rows::mark(entry, board)).collect();
            let axes = AXES.iter().enumerate().filter(|(axis, _)| marks.iter().any(|mark| mark.costs[*axis].is_some()));
            let axes: Vec<Value> = axes.map(|(_, (id, said, _))| context! { id => *id, name => *said }).collect();
            let svg = chart::pareto(&format!("cost-{edition}-chart"), &marks)?;
            Some(context! { edition, name, axes, svg => plain(svg) })
        });
        let groups = board.season.sources.iter().map(|source| {
            let challenges = board.season.challenges.iter().filter(|challenge| challenge.source == source.name);
            let challenges: Vec<Value> = challenges
                .map(|challenge| {
                    let px = challenge.px.map_or(String::new(), |px| format!("{px} px, "));
                    let short = format!("{px}{}", challenge.limit);
                    context! { href => plain(challenge_href(&challenge.name)), short }
                })
                .collect();
            context! { source => source.name.clone(), note => source.note.clone(), challenges }
        });
        let mut tasks: Vec<String> = Vec::new();
        for challenge in &board.season.challenges {
            if let Limit::Task { task } = &challenge.limit
                && !tasks.contains(task)
            {
                tasks.push(task.clone());
            }
        }
        let more = context! {
            p => board.season.rules.p,
            leaders => leaders.collect::<Vec<_>>(),
            charts => charts.collect::<Vec<_>>(),
            entries => entries.iter().map(|entry| Value::from(Serde(self.row(entry)))).collect::<Vec<_>>(),
            challenges => board.season.challenges.iter().map(|challenge| challenge.name.clone()).collect::<Vec<_>>(),
            challenge_groups => groups.collect::<Vec<_>>(),
            tasks,
            historic => old_rows(board.historic.iter()),
        };
        self.rendered("index.html", "Imagenette leaderboard", "", more)
    }

    fn leader(&self, ranking: &Ranking<'b>) -> Value {
        let leader = ranking.leader().map(|entry| Value::from(Serde(self.row(entry))));
        let shown = ranking.leader().or_else(|| ranking.unranked.first().copied());
        let historic = self.beside(ranking.challenge);
        let best = historic.iter().map(|row| row.percent).fold(f64::NEG_INFINITY, f64::max);
        context! {
            challenge => ranking.challenge.title(),
            href => plain(challenge_href(&ranking.challenge.name)),
            division => format!("division {}", ranking.division),
            classes => shown.map(|entry| plain(rows::classes(entry, self.board))),
            leader,
            tied => ranking.groups.first().map_or(0, |group| group.len().saturating_sub(1)),
            entries => ranking.groups.iter().map(Vec::len).sum::<usize>() + ranking.unranked.len(),
            historic => if best.is_finite() { format!("{best:.2}") } else { String::new() },
        }
    }

    fn beside(&self, challenge: &Challenge) -> Vec<&'b crate::historic::HistoricRow> {
        let edition = &self.board.season.source(challenge).edition;
        self.board.historic.iter().filter(|row| row.is_beside(challenge, edition)).collect()
    }

    fn challenge(&self, challenge: &Challenge) -> String {
        let source = self.board.season.source(challenge);
        let historic = self.beside(challenge);
        let divisions: Vec<Value> =
            self.rankings_of(challenge).map(|ranking| self.division(ranking, &historic)).collect();
        let px =
            challenge.px.map_or("any resolution".into(), |px| format!("at most {px} px in training and in evaluation"));
        let limit = match &challenge.limit {
            Limit::Epochs { epochs } => format!("at most {epochs} epochs over its {} train photos", source.train),
            Limit::Dollars { dollars } => format!("at most ${dollars:.2} a run at the season's prices"),
            Limit::Task { task } => format!("the task {task}, over its draws 1, 2 and 3"),
        };
        let said = format!(
            "Random weights, {px}, {limit}; top-1 of the last epoch on all {} val photos of {}, over {} dealt seeds.",
            source.val,
            source.name,
            challenge.seeds(&self.board.season.rules)
        );
        let more = context! {
            challenge => context! { name => challenge.name.clone(), title => challenge.title() },
            said, note => source.note.clone(), divisions, historic => old_rows(historic.into_iter()),
        };
        self.rendered("challenge.html", &format!("{}: Imagenette leaderboard", challenge.title()), "../", more)
    }

    fn division(&self, ranking: &Ranking<'b>, historic: &[&crate::historic::HistoricRow]) -> Value {
        let entries = ranking.groups.iter().flatten().chain(&ranking.unranked);
        let leads = ranking.leads.iter().map(|lead| {
            let p = lead.p.map_or("the first".into(), |p| format!("{p:.1e}"));
            context! { entry => Value::from(Serde(self.row(lead.entry))), p }
        });
        let year = |date: jiff::civil::Date| f64::from(date.year()) + f64::from(date.day_of_year()) / 366.0;
        let points: Vec<(f64, f64)> =
            ranking.leads.iter().map(|lead| (year(lead.entry.date), 100.0 * lead.entry.mean())).collect();
        let chart = Lines {
            id: &format!("lead-{}", ranking.division.name()),
            title: "Who led since when",
            across: "year",
            upward: "top-1 in percent",
            is_stairs: true,
            lines: vec![Line { class: "thick", points }],
            marks: historic.iter().map(|row| (year(row.date), row.percent)).collect(),
        };
        let svg = chart::lines(&chart, |year| format!("{year:.1}"));
        context! {
            name => ranking.division.to_string(), class => ranking.division.name(),
            entries => entries.map(|entry| Value::from(Serde(self.row(entry)))).collect::<Vec<_>>(),
            leads => leads.collect::<Vec<_>>(), svg => svg.map(plain),
        }
    }

    fn board_json(&self) -> serde_json::Value {
        let season = &self.board.season;
        json!({
            "format": FORMAT, "version": 1, "season": season.name, "season_sha256": season.sha256,
            "prices_sha256": season.prices_sha256, "rules": season.rules,
            "rankings": self.rankings.iter().map(ranking_json).collect::<Vec<_>>(),
            "historic": self.board.historic,
        })
    }
}

fn old_rows<'r>(rows: impl Iterator<Item = &'r crate::historic::HistoricRow>) -> Vec<Value> {
    rows.map(|row| Value::from(Serde(OldRow::of(row)))).collect()
}

fn text_of(value: &serde_json::Value) -> String {
    let text = serde_json::to_string_pretty(value).expect("a value is JSON");
    imagenette_files::visible::in_json(&text).into_owned() + "\n"
}

/// A ranking as JSON has it.
pub fn ranking_json(ranking: &Ranking<'_>) -> serde_json::Value {
    let entry = |entry: &&Entry| {
        json!({
            "entry": entry.path(), "title": entry.file.title, "author": entry.file.author, "badge": entry.badge,
            "top1": entry.mean(), "standard_deviation": entry.standard_deviation(), "seeds": entry.seeds.len(),
            "costs": entry.costs, "date": entry.date, "unranked": entry.unranked,
        })
    };
    let groups = ranking
        .placed()
        .map(|(place, group)| json!({ "place": place, "entries": group.iter().map(entry).collect::<Vec<_>>() }));
    let leads =
        ranking.leads.iter().map(|lead| json!({ "entry": lead.entry.path(), "date": lead.entry.date, "p": lead.p }));
    json!({
        "challenge": ranking.challenge.name, "division": ranking.division, "groups": groups.collect::<Vec<_>>(),
        "unranked": ranking.unranked.iter().map(entry).collect::<Vec<_>>(), "leads": leads.collect::<Vec<_>>(),
    })
}

fn entry_json(entry: &Entry) -> serde_json::Value {
    json!({
        "entry": entry.path(), "file": entry.file, "badge": entry.badge, "unranked": entry.unranked,
        "top1": entry.mean(), "standard_deviation": entry.standard_deviation(), "costs": entry.costs,
        "runs": entry.seeds, "classes": entry.classes, "confusion": entry.confusion,
        "always_wrong": entry.always_wrong, "confirmations": entry.confirmations, "recipe": entry.recipe,
        "sha256": entry.sha256, "percent": percent(entry.mean()),
    })
}
