//! Whole datasets, audited and exported as a user does it.

use imagenette_data::drawn::{draw, encode};
use imagenette_data::edition::Split;

use crate::support::{Place, WNIDS, photo, write_photos};

/// Drawn pictures as photos, no two alike: in each of three classes, three for training and two for evaluation.
fn write_pictures(place: &Place, folder: &str) {
    for (label, wnid) in (0..).zip(WNIDS) {
        for number in 0..5 {
            let split = if number < 3 { "train" } else { "val" };
            let class = place.path(folder).join(split).join(wnid);
            std::fs::create_dir_all(&class).unwrap();
            let picture = encode(&draw(label * 2, Split::Train, number, 0));
            std::fs::write(class.join(format!("{wnid}_{number}.JPEG")), picture).unwrap();
        }
    }
}

#[test]
fn an_audit_says_what_was_found_at_a_glance_and_writes_a_report() {
    let place = Place::new();
    write_pictures(&place, "photos");
    place.run(&["get", "--from", "photos", "--name", "pictures"]).succeeds();
    let ended = place.run(&["audit", "pictures", "--strict"]).succeeds();
    assert!(ended.stdout.starts_with("pictures: 15 photos in 3 classes (9 train, 6 val)"), "{}", ended.stdout);
    assert!(ended.stdout.contains("fine  val in train") && ended.stdout.contains("report: audit-pictures.html"));
    let page = place.read("audit-pictures.html");
    assert!(page.contains("<title>Audit of pictures</title>") && page.contains("data:image/jpeg;base64,"));
    // A leak, a broken file, and a folder that was never installed.
    let copy = place.bytes(&format!("photos/val/{0}/{0}_3.JPEG", WNIDS[1]));
    std::fs::write(place.path(&format!("photos/train/{}/other-name.JPEG", WNIDS[1])), copy).unwrap();
    std::fs::write(place.path(&format!("photos/val/{}/text.JPEG", WNIDS[2])), "no photo").unwrap();
    let ended = place.run(&["audit", "photos", "--out", "found.html"]).succeeds();
    assert!(ended.stdout.contains("bad   val in train       1 photo of val in another split too"), "{}", ended.stdout);
    assert!(ended.stdout.contains("bad   broken files       1 file cannot be read or decoded"), "{}", ended.stdout);
    assert!(place.read("found.html").contains("other-name.JPEG"));
    let found = place.run(&["audit", "photos", "--strict", "--json"]).exits_with(1).json();
    assert_eq!(found["format"], "imagenette-audit");
    assert_eq!(found["broken"][0]["photo"]["path"], format!("val/{}/text.JPEG", WNIDS[2]));
    assert!(!place.list("").contains(&"audit-photos.html".into()), "JSON alone writes no report");
    place.run(&["audit", "nothing"]).fails_saying(&["nothing", "hint: "]);
    let nowhere = ["audit", "pictures", "--out", "no/such/folder.html"];
    place.run(&nowhere).fails_saying(&["no/such", "hint: there is no folder"]);
}

#[test]
fn an_export_is_written_once_and_says_what_is_in_it() {
    let place = Place::with_made_dataset();
    for (to, file) in [("webdataset", "train-000000.tar"), ("parquet", "data/validation-00000-of-00001.parquet")] {
        let ended = place.run(&["export", "made", to, "--to", to]).succeeds();
        assert!(ended.stdout.starts_with("made: 96 photos in 2 files"), "{}", ended.stdout);
        assert!(place.path(to).join(file).is_file());
        assert!(place.read(&format!("{to}/export.json")).contains("\"imagenette-export\""));
        place.run(&["export", "made", to, "--to", to]).fails_saying(&[to, "hint: choose another folder"]);
    }
    place.run(&["export", "made", "out", "--to", "zip"]).exits_with(2);
    let photo = format!("store/datasets/made/val/{0}/{0}_1.JPEG", WNIDS[0]);
    std::fs::write(place.path(&photo), "changed").unwrap();
    place.run(&["export", "made", "out", "--to", "parquet"]).fails_saying(&["_1.JPEG", "checksum differs", "hint: "]);
    assert_eq!(place.list("out"), [""; 0]);
}

#[test]
fn a_name_under_which_other_photos_are_installed_is_refused_whatever_they_come_from() {
    let place = Place::new();
    write_photos(&place.path("photos"));
    write_photos(&place.path("other"));
    let file = format!("other/train/{0}/{0}_0.JPEG", WNIDS[0]);
    std::fs::write(place.path(&file), photo(0, 77)).unwrap();
    place.shell("tar cf photos.tar photos; tar czf photos.tgz photos; tar cf other.tar other").succeeds();
    let get = |from: &str, name: &str| place.run(&["get", "--from", from, "--name", name]);
    get("photos", "from-folder").succeeds();
    get("photos.tar", "from-archive").succeeds();
    for name in ["from-folder", "from-archive"] {
        let before = place.read(&format!("store/datasets/{name}/manifest.jsonl"));
        // The same photos are enough, wherever they come from.
        for from in ["photos", "photos.tar", "photos.tgz"] {
            let ended = get(from, name).succeeds();
            assert!(ended.stdout.contains("installed already"), "{from} as {name}: {}", ended.stdout);
        }
        for from in ["other", "other.tar"] {
            let was = if name == "from-folder" { "installed from photos" } else { "installed from photos.tar" };
            get(from, name).fails_saying(&[name, &format!("the photos of {from}"), was, "hint: ", "--force", "--name"]);
        }
        assert_eq!(place.read(&format!("store/datasets/{name}/manifest.jsonl")), before, "{name}");
    }
    // A known name is a name too.
    for name in ["imagenette2-160", "drawn"] {
        get("photos", name).succeeds();
        place.run(&["get", name]).fails_saying(&[name, "other photos, installed from photos", "hint: ", "--force"]);
    }
    place.run(&["get", "--from", "other.tar", "--name", "from-folder", "--force"]).succeeds();
    assert!(get("other", "from-folder").succeeds().stdout.contains("installed already"));
    let names = ["drawn", "from-archive", "from-folder", "imagenette2-160"];
    assert_eq!(place.list("store/datasets"), names, "nothing half-installed stays");
}

#[test]
fn a_dataset_whose_replacement_was_killed_between_two_renames_is_back_at_once() {
    let place = Place::with_made_dataset();
    let [made, aside] = ["made", ".replaced-made"].map(|name| place.path("store/datasets").join(name));
    for line in ["verify made", "info", "audit made", "get --from photos --name made"] {
        std::fs::rename(&made, &aside).unwrap();
        let ended = place.run(&line.split(' ').collect::<Vec<_>>()).succeeds();
        assert!(ended.stdout.contains("made"), "{line}: {}", ended.stdout);
        assert_eq!(place.list("store/datasets"), ["made"], "{line}");
    }
}
