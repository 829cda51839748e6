//! Boards that hold: what is read of them, who stands where.

mod fixture;

use fixture::{FEW, Wanted};
use imagenette_board::entry::{Badge, Division, Seeds};
use imagenette_board::rank::Ranking;
use imagenette_board::{Board, Fault};
use imagenette_files::Hint;
use tempfile::TempDir;

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn held(place: &TempDir) -> Board {
    let board = Board::read(place.path()).unwrap_or_else(|error| panic!("{error}: {:?}", error.hint()));
    assert!(board.faults.is_empty(), "{}", lines(&board.faults));
    board
}

#[test]
fn entries_of_all_divisions_and_kinds_of_challenges_hold() {
    let place = TempDir::new().unwrap();
    fixture::board(place.path(), FEW);
    Wanted::new("recipe").write(place.path());
    let own = Wanted { division: Division::OwnParts, ..Wanted::new("own") };
    own.change("optimizer.learning_rate", "0.05").write(place.path());
    Wanted { division: Division::Open, ..Wanted::new("open") }.write(place.path());
    Wanted { challenge: "tiny-dollars-0.05".into(), ..Wanted::new("cheap") }.write(place.path());
    let unlisted = Wanted { challenge: "tiny-dollars-2.00".into(), machine: None, ..Wanted::new("unlisted") };
    unlisted.write(place.path());
    let few = Wanted { challenge: "tiny-128px-labels-10-percent".into(), seeds: 3, ..Wanted::new("few") };
    few.change("task", "'labels-10%'").write(place.path());
    let chosen =
        Wanted { kind: Seeds::Chosen, seeds: 2, challenge: "tiny-128px-epochs-10".into(), ..Wanted::new("chosen") };
    chosen.write(place.path());
    let board = held(&place);
    let found: Vec<(String, Badge, Option<&str>)> = board
        .entries
        .iter()
        .map(|entry| (entry.name[11..].to_owned(), entry.badge, entry.unranked.as_deref()))
        .collect();
    let expected = [
        ("chosen", Badge::Checked, Some("its seeds were chosen, not dealt")),
        ("open", Badge::Stated, None),
        ("own", Badge::Checked, None),
        ("recipe", Badge::Checked, None),
        ("few", Badge::Checked, None),
        ("cheap", Badge::Checked, None),
        ("unlisted", Badge::Checked, Some("a machine that is on no price list")),
    ];
    assert_eq!(found, expected.map(|(name, badge, why)| (name.to_owned(), badge, why)));
    let cheap = board.entries.iter().find(|entry| entry.name.ends_with("cheap")).unwrap();
    // 50 steps take half a minute: a minute at least, and one for the start, at the price of a spot machine.
    let seconds = cheap.seeds[0].spent.as_ref().unwrap().seconds[2];
    let charged = (seconds + 1.0).ceil().max(60.0) + 60.0;
    assert!((cheap.costs.dollars.unwrap() - charged * 0.0450 / 3600.0).abs() < 1e-4, "{:?}", cheap.costs);
    assert_eq!(cheap.right.len(), 400);
    assert!(!cheap.always_wrong.is_empty() && cheap.confusion.iter().flatten().sum::<u64>() == 2000);
}

#[test]
fn ranks_are_groups_of_ties_and_the_lead_changes_where_it_is_clear() {
    let place = TempDir::new().unwrap();
    let season = fixture::board(place.path(), FEW);
    let entry = |name: &str, day: &str, accuracy: f64, rate: &str| {
        let wanted = Wanted { accuracy, ..Wanted::new(name) };
        Wanted { name: format!("{day}_{name}"), ..wanted }.change("optimizer.learning_rate", rate).write(place.path());
    };
    entry("first", "2026-12-01", 0.80, "0.051");
    entry("same", "2026-12-02", 0.802, "0.052");
    entry("better", "2026-12-03", 0.92, "0.053");
    entry("tied", "2026-12-04", 0.921, "0.054");
    entry("worse", "2026-12-05", 0.60, "0.055");
    let board = held(&place);
    let challenge = season.challenge("tiny-128px-epochs-5").unwrap();
    let ranking = Ranking::of(&board.entries, challenge, Division::Recipe, &season.rules);
    let names = |group: &[&imagenette_board::Entry]| {
        let mut names: Vec<String> = group.iter().map(|entry| entry.name[11..].to_owned()).collect();
        names.sort();
        names
    };
    let placed: Vec<(usize, Vec<String>)> = ranking.placed().map(|(place, group)| (place, names(group))).collect();
    let expected = [(1, vec!["better", "tied"]), (3, vec!["first", "same"]), (5, vec!["worse"])];
    assert_eq!(placed, expected.map(|(place, names)| (place, names.into_iter().map(str::to_owned).collect())));
    let leads: Vec<&str> = ranking.leads.iter().map(|lead| &lead.entry.name[11..]).collect();
    assert_eq!(leads, ["first", "better"]);
    assert!(ranking.leads[0].p.is_none() && ranking.leads[1].p.unwrap() < 0.01);
    assert_eq!(ranking.leader().unwrap().name, "2026-12-03_better");
}

#[test]
fn the_repositorys_season_can_be_read_and_names_every_source() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../board");
    let board = Board::read(&root).unwrap();
    assert!(board.faults.is_empty(), "{}", lines(&board.faults));
    assert_eq!(board.season.name, "2026");
    for name in ["imagenette2-160-128px-epochs-5", "imagenette2-224sq-dollars-0.05", "imagewoof2-256px-epochs-60"] {
        board.season.challenge(name).unwrap();
    }
    let near = board.season.challenge("imagenette2-160-128px-epochs-50").unwrap_err();
    assert!(near.hint().unwrap().contains("did you mean"), "{near}");
    assert!(board.historic.len() > 100 && board.historic.iter().all(|row| row.commit.len() == 40));
    // The old board's best row of 5 epochs at 128 px stands beside the challenge.
    let challenge = board.season.challenge("imagenette2-160-128px-epochs-5").unwrap();
    let beside = board.historic.iter().filter(|row| row.is_beside(challenge, "imagenette2"));
    assert_eq!(beside.map(|row| row.percent).fold(0.0, f64::max), 87.43);
}
