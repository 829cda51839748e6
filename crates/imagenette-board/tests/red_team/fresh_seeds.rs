//! What a check cannot find out, and fresh seeds do; prices that were changed.

use crate::forged::*;

#[test]
fn a_run_forged_in_all_its_files_at_once_is_checked_and_not_confirmed_and_fresh_seeds_refute_it() {
    let (place, entry) = honest(&Wanted::new("honest"));
    let forged = Forged { root: place.path(), entry };
    // Right about everything but a photo each, so that no two are twins.
    for number in 1..=5 {
        let run = format!("s{number}");
        forged.perfect(&run);
    }
    let board = Board::read(place.path()).unwrap();
    // Five equal ones are found out; what differs by a photo each is not.
    assert!(
        board.entries.is_empty() && board.faults[0].to_string().contains("predictions of its own"),
        "{:?}",
        board.faults
    );
    let (place, _) = honest(&Wanted { accuracy: 0.97, ..Wanted::new("honest") });
    let board = Board::read(place.path()).unwrap();
    assert_eq!((board.faults.len(), board.entries[0].badge), (0, Badge::Checked), "it was never trained, and holds");
    // A keeper runs what the recipe gives in truth: 90%.
    let wanted = Wanted { accuracy: 0.90, ..Wanted::new("honest") };
    confirm(place.path(), &wanted, &board.entries[0].dealt_from, COMMIT);
    let board = Board::read(place.path()).unwrap();
    assert!(board.faults.is_empty(), "{:?}", board.faults);
    let entry = &board.entries[0];
    assert!(entry.unranked.as_ref().unwrap().contains("fresh seeds do not bear it out"), "{:?}", entry.unranked);
    assert_eq!(entry.badge, Badge::Checked);
}

/// Three fresh seeds of an entry.
fn confirm(root: &Path, wanted: &Wanted, from: &str, merge_commit: &str) {
    let folder = root.join("confirmations").join(&wanted.challenge).join(&wanted.name).join("2026-12-05_keeper");
    for number in 1..=3 {
        let seed = deal::fresh_seed("2026", from, merge_commit, number);
        wanted.write_run(&folder.join(format!("f{number}")), seed, number);
    }
    let text = format!(
        "format = \"imagenette-confirmation\"\nversion = 1\nkeeper = \"A Keeper\"\nmerge_commit = \"{merge_commit}\"\nreplayed = [1]\n"
    );
    std::fs::write(folder.join("confirmation.toml"), text).unwrap();
}

#[test]
fn an_honest_entry_is_confirmed_by_fresh_seeds_and_by_no_others() {
    let wanted = Wanted::new("honest");
    let (place, _) = honest(&wanted);
    let from = Board::read(place.path()).unwrap().entries[0].dealt_from.clone();
    confirm(place.path(), &wanted, &from, COMMIT);
    let board = Board::read(place.path()).unwrap();
    assert!(board.faults.is_empty(), "{:?}", board.faults);
    assert_eq!((board.entries[0].badge, board.entries[0].confirmations.len()), (Badge::Confirmed, 1));
    assert!(board.entries[0].confirmations[0].bears_out && board.entries[0].confirmations[0].p > 0.01);
    // Another commit deals other seeds.
    let file = place.path().join(format!("confirmations/{CHALLENGE}/{NAME}/2026-12-05_keeper/confirmation.toml"));
    let text = std::fs::read_to_string(&file).unwrap();
    let forgeries = [
        (text.replace(COMMIT, &"f".repeat(40)), "the dealt seed"),
        (text.replace(COMMIT, "main"), "`merge_commit`"),
        (text.replace("A Keeper", "A\\u001B[2J"), "`keeper`"),
        (text.replace("replayed = [1]", "replayed = [77]"), "`replayed`"),
        (format!("{text}verified = true\n"), "unknown field"),
    ];
    for (text, said) in forgeries {
        std::fs::write(&file, text).unwrap();
        let board = Board::read(place.path()).unwrap();
        assert!(board.faults.iter().any(|fault| fault.to_string().contains(said)), "{said}: {:?}", board.faults);
        assert_eq!(board.entries[0].badge, Badge::Checked, "{said}");
    }
    assert_eq!(sha256("").len(), 64);
}

#[test]
fn prices_of_a_season_that_were_changed_end_every_command() {
    let (place, _) = honest(&Wanted::new("honest"));
    let prices = place.path().join("prices/2026.csv");
    let text = std::fs::read_to_string(&prices).unwrap();
    std::fs::write(&prices, text.replace("0.0450", "0.0001")).unwrap();
    let error = Board::read(place.path()).unwrap_err();
    assert!(error.to_string().contains("the price list of season 2026"), "{error}");
}
