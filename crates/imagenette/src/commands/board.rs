//! `board`: the leaderboard's verbs. What lies in a board is only read, and what is written is new.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_board::collect::{self, Made, Wanted};
use imagenette_board::entry::{self, EntryFile, Seeds};
use imagenette_board::rank::Ranking;
use imagenette_board::{Board, Division, Entry, Fault, Season, changed, deal, site};
use imagenette_files::{input, visible};
use imagenette_recipe::{AnyParts, Recipe};
use imagenette_results::run_folder::{self, SOURCE_FILE};
use serde_json::json;

use crate::Program;
use crate::cli::{self, BoardCheck, BoardDeal, BoardNew, BoardRank, BoardSite, BoardVerb, DivisionName};
use crate::numbers::{counted, thousands};
use crate::terminal::{Refusal, Terminal, print, print_json};

pub(crate) fn run(arguments: &cli::Board, _program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    match &arguments.verb {
        BoardVerb::New(arguments) => new(arguments, terminal),
        BoardVerb::Deal(arguments) => deal(arguments),
        BoardVerb::Check(arguments) => check(arguments),
        BoardVerb::Rank(arguments) => rank(arguments, terminal),
        #[cfg(feature = "train")]
        BoardVerb::Replay(arguments) => super::board_replay::run(arguments, _program, terminal),
        BoardVerb::Site(arguments) => write_site(arguments, terminal),
    }
}

fn deal(arguments: &BoardDeal) -> anyhow::Result<ExitCode> {
    let season = Season::newest(&arguments.board)?;
    let from = match arguments.recipe.starts_with("https://") {
        true => deal::code_hash(&arguments.recipe),
        false => {
            let recipe = recipe(&arguments.recipe)?;
            if !recipe.choices.is_empty() {
                let problem = format!("`{}` chooses its settings by its budget on each machine", recipe.name);
                let hint =
                    "train it once, and deal from that run's own recipe: `imagenette board deal RUN/recipe.toml`";
                return Err(Refusal::error(problem, hint));
            }
            deal::recipe_hash(&recipe)
        }
    };
    let (count, seed_of): (u32, Box<dyn Fn(u32) -> u64>) = match &arguments.fresh {
        Some(commit) => {
            if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let problem = format!("--fresh: expected the 40 digits of a commit, found `{commit}`");
                return Err(Refusal::usage(problem, "`git rev-parse HEAD` prints them"));
            }
            (season.rules.fresh_seeds, Box::new(|number| deal::fresh_seed(&season.name, &from, commit, number)))
        }
        None => (season.rules.seeds, Box::new(|number| deal::seed(&season.name, &from, number))),
    };
    let seeds: Vec<u64> = (1..=arguments.seeds.unwrap_or(count)).map(seed_of).collect();
    if arguments.json {
        print_json(&json!({ "season": season.name, "dealt_from": from, "seeds": seeds }))?;
    } else {
        seeds.iter().try_for_each(|seed| print(&seed.to_string()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A recipe by its shipped name or its file, whoever's parts it names.
fn recipe(named: &str) -> anyhow::Result<Recipe> {
    let is_file = named.ends_with(".toml") || named.contains('/') || Path::new(named).is_file();
    let text = match is_file {
        true => input::read_text(Path::new(named), input::TEXT_BYTES)?,
        false => Recipe::shipped_text(named)?.to_owned(),
    };
    Ok(Recipe::from_toml_with(&text, &[], &AnyParts)?)
}

fn new(arguments: &BoardNew, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let season = Season::newest(&arguments.board)?;
    let challenge = season.challenge(&arguments.challenge)?;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => slug(&arguments.title),
    };
    let today = jiff::Timestamp::try_from(std::time::SystemTime::now())?;
    let today = jiff::tz::TimeZone::UTC.to_datetime(today).date();
    let readme = match &arguments.readme {
        Some(path) => input::read_text(path, input::TEXT_BYTES)?,
        None => format!("# {}\n\n{}\n", arguments.title, arguments.code),
    };
    let file = EntryFile {
        format: entry::FORMAT.name.into(),
        version: entry::FORMAT.newest,
        season: season.name.clone(),
        challenge: challenge.name.clone(),
        title: arguments.title.clone(),
        author: arguments.author.clone(),
        division: if has_own_parts(&arguments.from)? { Division::OwnParts } else { Division::Recipe },
        code: arguments.code.clone(),
        runs_tried: arguments.runs_tried,
        seeds: if arguments.chosen_seeds { Seeds::Chosen } else { Seeds::Dealt },
        machine: arguments.machine.clone(),
        paid_dollars: arguments.paid,
        price_evidence: None,
        notes: None,
        stated: None,
    };
    let name = format!("{today}_{name}");
    let wanted = Wanted {
        board: &arguments.board,
        season: &season,
        challenge,
        from: &arguments.from,
        name: &name,
        file,
        readme,
    };
    match collect::collect(&wanted)? {
        Made::Entry(entry, folder) => {
            print(&format!("{}: {}", folder.display(), said(&entry)))?;
            if let Some(why) = &entry.unranked {
                terminal.say(&format!("it will be shown and not ranked: {why}"));
            }
            terminal.say("next: `imagenette board check`, then commit this folder and open a request");
            Ok(ExitCode::SUCCESS)
        }
        Made::Faults(faults) => {
            for fault in &faults {
                print(&fault.to_string())?;
            }
            let hint = "mend them, or see docs/leaderboard.md; nothing was written";
            Err(Refusal::error(format!("{} in what was to be an entry", counted(faults.len() as u64, "fault")), hint))
        }
    }
}

/// Whether the first run that is found keeps the source of own parts.
fn has_own_parts(from: &[PathBuf]) -> anyhow::Result<bool> {
    const DEPTH: u32 = 6;
    for folder in from {
        if let Some(run) = run_folder::find(folder, DEPTH)?.finished.first() {
            return Ok(run.join(SOURCE_FILE).is_file());
        }
    }
    Ok(false)
}

/// A title as the name of a folder.
fn slug(title: &str) -> String {
    const LONGEST: usize = 40;
    let mut name = String::new();
    for letter in title.to_lowercase().chars() {
        match letter {
            'a'..='z' | '0'..='9' => name.push(letter),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
        if name.len() >= LONGEST {
            break;
        }
    }
    match name.trim_matches('-') {
        "" => "entry".into(),
        name => name.into(),
    }
}

/// An entry in short: `90.21% ± 0.12 (n = 5), checked`.
fn said(entry: &Entry) -> String {
    let sd = entry.standard_deviation().map_or(String::new(), |sd| format!(" ± {:.2}", 100.0 * sd));
    format!("{:.2}%{sd} (n = {}), {}", 100.0 * entry.mean(), entry.seeds.len(), entry.badge)
}

fn check(arguments: &BoardCheck) -> anyhow::Result<ExitCode> {
    let (root, entry) = root_of(&arguments.path)?;
    let (mut faults, mut only) = (Vec::new(), None);
    let board = match (&arguments.changed_since, &entry) {
        // All of it is read, since an entry may be another one's copy.
        (Some(reference), _) => {
            let changed = changed::since(&root, reference)?;
            let board = Board::read(&root)?;
            // What is wrong with others is not this request's.
            faults.extend(changed.faults);
            faults.extend(board.faults.iter().filter(|fault| concerns(fault, changed.entry.as_deref())).cloned());
            only = Some(changed.entry);
            board
        }
        (None, Some(entry)) => Board::read_entry(&root, entry)?,
        (None, None) => Board::read(&root)?,
    };
    if arguments.changed_since.is_none() {
        faults.clone_from(&board.faults);
    }
    faults.sort();
    faults.dedup();
    let is_shown = |entry: &&Entry| only.as_ref().is_none_or(|only| only.as_deref() == Some(entry.path().as_str()));
    let held: Vec<&Entry> = board.entries.iter().filter(is_shown).collect();
    if arguments.json {
        let held = held.iter().map(|entry| {
            json!({
                "entry": entry.path(), "title": entry.file.title, "author": entry.file.author, "badge": entry.badge,
                "division": entry.file.division, "top1": entry.mean(), "standard_deviation": entry.standard_deviation(),
                "seeds": entry.seeds.len(), "costs": entry.costs, "unranked": entry.unranked,
            })
        });
        print_json(&json!({
            "season": board.season.name, "faults": faults, "entries": held.collect::<Vec<_>>(), "failed": !faults.is_empty(),
        }))?;
    } else if arguments.markdown {
        print_markdown(&board, &held, &faults)?;
    } else {
        faults.iter().try_for_each(|fault| print(&fault.to_string()))?;
        print(&match (faults.len() as u64, held.len() as u64) {
            (0, entries) => format!("{}, nothing is wrong", counted_entries(entries)),
            (count, entries) => format!("{}; {} without any", counted(count, "fault"), counted_entries(entries)),
        })?;
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `1 entry`, `12 entries`.
fn counted_entries(count: u64) -> String {
    if count == 1 { "1 entry".into() } else { format!("{} entries", thousands(count)) }
}

/// Whether a fault is about an entry, or about a folder that it lies in.
fn concerns(fault: &Fault, entry: Option<&str>) -> bool {
    let is_below = |path: &str, folder: &str| path == folder || path.starts_with(&format!("{folder}/"));
    entry.is_some_and(|entry| is_below(&fault.file, entry) || (fault.file != "entries" && is_below(entry, &fault.file)))
}

/// Faults and entries as tables, for the summary of a request. What authors wrote is text there too.
fn print_markdown(board: &Board, held: &[&Entry], faults: &[Fault]) -> anyhow::Result<()> {
    if !faults.is_empty() {
        print(&format!(
            "### {}\n\n| file | expected | found | hint |\n|--|--|--|--|",
            counted(faults.len() as u64, "fault")
        ))?;
        for Fault { file, expected, found, hint } in faults {
            let cells = [file, expected, found, hint].map(|text| in_markdown(text));
            print(&format!("| {} |", cells.join(" | ")))?;
        }
    }
    if held.is_empty() {
        return Ok(());
    }
    print(
        "### Entries that hold\n\n| entry | author | top-1, % | known | place | seconds | dollars |\n|--|--|--|--|--|--|--|",
    )?;
    for entry in held {
        let challenge = board.season.challenge(&entry.challenge)?;
        let ranking = Ranking::of(&board.entries, challenge, entry.file.division, &board.season.rules);
        let place = ranking.placed().find(|(_, group)| group.iter().any(|known| std::ptr::eq(*known, *entry)));
        let place = match place {
            Some((place, group)) if group.len() > 1 => format!("{place}, tied with {}", group.len() - 1),
            Some((place, _)) => place.to_string(),
            None => format!("not ranked: {}", entry.unranked.as_deref().unwrap_or_default()),
        };
        let dollars = entry.costs.dollars.map_or(String::new(), |dollars| format!("{dollars:.4}"));
        let cells = [
            in_markdown(&entry.path()),
            in_markdown(&entry.file.author),
            said(entry),
            entry.badge.to_string(),
            in_markdown(&place),
            format!("{:.0}", entry.costs.seconds),
            dollars,
        ];
        print(&format!("| {} |", cells.join(" | ")))?;
    }
    Ok(())
}

/// A text that Markdown shows as it is: no link, no mark, no markup, nobody called by name.
fn in_markdown(text: &str) -> String {
    let shown = visible::in_markup(text);
    let mut safe = String::with_capacity(shown.len());
    for letter in shown.chars() {
        match letter {
            '|' | '*' | '_' | '`' | '[' | ']' | '(' | ')' | '!' | '#' | '~' | '\\' | '@' | ':' => {
                safe.push_str(&format!("&#{};", u32::from(letter)));
            }
            '\n' => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

/// The board's folder, and the entry in it where one was named.
fn root_of(path: &Path) -> anyhow::Result<(PathBuf, Option<String>)> {
    const LEVELS: usize = 4;
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let is_board = |folder: &Path| folder.join("seasons").is_dir();
    for (level, folder) in whole.ancestors().take(LEVELS).enumerate() {
        if !is_board(folder) {
            continue;
        }
        let below = whole.strip_prefix(folder).unwrap_or(Path::new(""));
        let parts: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        // A path that was typed relative to here is said so again.
        let root = if level == 0 { path.to_owned() } else { folder.to_owned() };
        return match parts.as_slice() {
            [] => Ok((root, None)),
            [entries, _, _] if entries == "entries" => Ok((root, Some(parts.join("/")))),
            _ => break,
        };
    }
    let message = format!("{}: expected a board's folder or an entry's, found another or none", path.display());
    Err(Refusal::error(message, "name board, or board/entries/CHALLENGE/NAME"))
}

fn rank(arguments: &BoardRank, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let board = Board::read(&arguments.board)?;
    if let Some(named) = &arguments.challenge {
        board.season.challenge(named)?;
    }
    if !board.faults.is_empty() {
        let count = counted(board.faults.len() as u64, "fault");
        terminal.say(&format!("{count} left out: `imagenette board check {}` names them", arguments.board.display()));
    }
    let divisions: Vec<Division> = match arguments.division {
        Some(DivisionName::Recipe) => vec![Division::Recipe],
        Some(DivisionName::OwnParts) => vec![Division::OwnParts],
        Some(DivisionName::Open) => vec![Division::Open],
        None => Division::ALL.to_vec(),
    };
    let asked = |name: &str| arguments.challenge.as_ref().is_none_or(|only| only == name);
    let challenges = board.season.challenges.iter().filter(|challenge| asked(&challenge.name));
    let rankings: Vec<Ranking<'_>> = challenges
        .flat_map(|challenge| {
            let of = |division: &Division| Ranking::of(&board.entries, challenge, *division, &board.season.rules);
            divisions.iter().map(of).collect::<Vec<_>>()
        })
        .filter(|ranking| !ranking.is_empty())
        .collect();
    if arguments.json {
        print_json(&json!({
            "season": board.season.name, "rankings": rankings.iter().map(site::ranking_json).collect::<Vec<_>>(),
            "challenges": board.season.challenges,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for ranking in &rankings {
        print(&format!("{} ({})", ranking.challenge.name, ranking.division))?;
        for (place, group) in ranking.placed() {
            let tied = if group.len() > 1 { "=" } else { "" };
            for entry in group {
                let leads = ranking.leader().is_some_and(|leader| std::ptr::eq(leader, *entry));
                let leads = if leads { ", leads" } else { "" };
                print(&format!("  {tied}{place:<4} {:<44} {}{leads}", titled(entry), said(entry)))?;
            }
        }
        for entry in &ranking.unranked {
            let why = entry.unranked.as_deref().unwrap_or_default();
            print(&format!("  {:<5} {:<44} {}; not ranked: {why}", "-", titled(entry), said(entry)))?;
        }
    }
    let edition = |name: &str| board.season.challenge(name).map(|known| board.season.source(known).edition.clone());
    if let Some(named) = &arguments.challenge {
        let challenge = board.season.challenge(named)?;
        let edition = edition(named)?;
        for row in board.historic.iter().filter(|row| row.is_beside(challenge, &edition)) {
            let runs = row.runs.map_or(String::new(), |runs| format!(" (n = {runs})"));
            print(&format!("  {:<5} {:<44} {:.2}%{runs}; {}", "old", row.name, row.percent, row.date))?;
        }
    }
    if rankings.is_empty() {
        terminal.say("nobody has entered yet: the first ranked entry of a challenge leads it");
    }
    if arguments.all {
        for challenge in &board.season.challenges {
            print(&challenge.name)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Who: title and author.
fn titled(entry: &Entry) -> String {
    format!("{}, {}", entry.file.title, entry.file.author)
}

fn write_site(arguments: &BoardSite, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let began = std::time::Instant::now();
    let board = Board::read(&arguments.board)?;
    if !board.faults.is_empty() {
        let count = counted(board.faults.len() as u64, "fault");
        terminal.say(&format!("{count} left out: `imagenette board check {}` names them", arguments.board.display()));
    }
    let written = site::write(&board, &arguments.out)?;
    print(&format!(
        "{}: {} of {} in {:.1} s; open {}",
        arguments.out.display(),
        counted(written.pages as u64, "page"),
        counted_entries(board.entries.len() as u64),
        began.elapsed().as_secs_f64(),
        arguments.out.join("index.html").display()
    ))?;
    Ok(ExitCode::SUCCESS)
}
