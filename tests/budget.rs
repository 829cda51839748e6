//! Runs with a budget in place of epochs, prices in records, runs that go on where they are, and clouds that give
//! notice.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::{Ended, Place, wait_until};

const TINY: &str = "train --dataset made --set name=tiny --resolution 32 --batch-size 8 --set model.stem=8 \
                    --set model.widths=[8,8] --evaluate-every 0";

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn train(place: &Place, more: &str) -> Ended {
    place.run(&words(&format!("{TINY} {more}")))
}

fn record(place: &Place, run: &str) -> serde_json::Value {
    serde_json::from_str(&place.read(&format!("{run}/record.json"))).unwrap()
}

/// The lines of a run's history that are plans, as step and steps.
fn plans(place: &Place, run: &str) -> Vec<(u64, u64)> {
    let history = place.read(&format!("{run}/history.jsonl"));
    let lines = history.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let plans = lines.filter(|line| line["kind"] == "plan");
    plans.map(|line| (line["step"].as_u64().unwrap(), line["steps"].as_u64().unwrap())).collect()
}

/// A run whose budget ended early on a busy machine has status 34, and is as whole as any.
fn ends(ended: Ended) -> Ended {
    let status = if ended.status == 34 { 34 } else { 0 };
    ended.exits_with(status)
}

#[test]
fn a_run_of_minutes_says_what_it_spent_is_believed_and_repeats_bit_for_bit() {
    let place = Place::with_made_dataset();
    let ended = ends(train(&place, "--minutes 0.15 --out run"));
    assert!(ended.stdout.contains(" epochs; trained in "), "{}", ended.stdout);
    let recipe = place.read("run/recipe.toml");
    assert!(recipe.contains("[budget]\nminutes = 0.15") && !recipe.contains("epochs"), "{recipe}");
    let record = record(&place, "run");
    let provenance = &record["provenance"];
    let spent = provenance["spending"]["charged_seconds"].as_f64().unwrap();
    assert!(spent > 0.0 && record["dollars"].is_null() && record["version"] == 4, "{spent}");
    let planned = plans(&place, "run");
    assert_eq!(planned[0].0, 0);
    assert_eq!(planned.last().unwrap().1, record["steps"].as_u64().unwrap());
    assert_eq!(planned.len(), provenance["plan"].as_array().unwrap().len());
    let checked = place.run(&["check", "run", "--replay"]).succeeds().stdout;
    assert!(checked.contains(" s of 9.0 s of 0.15 minutes") && checked.contains("the same bits"), "{checked}");

    // A record that says it had more time, or another plan, is refused.
    for (field, forged) in [("charged_seconds", "1.5"), ("steps", "7")] {
        let text = place.read("run/record.json");
        let at = text.find(if field == "steps" { "\"plan\"" } else { "\"spending\"" }).unwrap();
        let at = at + text[at..].find(&format!("\"{field}\": ")).unwrap() + field.len() + 4;
        let end = at + text[at..].find([',', '\n']).unwrap();
        std::fs::write(place.path("run/record.json"), format!("{}{forged}{}", &text[..at], &text[end..])).unwrap();
        let refused = place.run(&["check", "run"]).exits_with(1);
        assert!(refused.stdout.contains("fails"), "{field}: {}", refused.stdout);
        std::fs::write(place.path("run/record.json"), text).unwrap();
    }
}

#[test]
fn dollars_are_charged_at_the_price_that_is_said_and_written_down() {
    let place = Place::with_made_dataset();
    // 60 seconds of the run at least, and 60 of its start: 36 dollars an hour are a cent a second.
    let dry = train(&place, "--budget 1.30 --price-per-hour 36 --machine mine --dry-run").succeeds().stdout;
    for part in ["within $1.3", "mine at $36.0000 an hour (user)", "epochs, ", "of 69.0 s", "ends  "] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    let json = train(&place, "--budget 1.30 --price-per-hour 36 --dry-run --json").succeeds().json();
    assert_eq!(json["allowed_seconds"], 69.0);
    assert!(json["dollars"].as_f64().unwrap() <= 1.30 && json["steps"].as_u64().unwrap() > 0, "{json}");
    assert!(place.list("runs").is_empty(), "nothing is written");

    // A price is recorded without a budget too.
    train(&place, "--epochs 1 --price-per-hour 36 --out priced").succeeds();
    let record = record(&place, "priced");
    assert_eq!(
        (&record["dollars"], &record["provenance"]["attempts"][0]["price"]["source"]),
        (&1.2.into(), &"user".into())
    );
    let checked = place.run(&["check", "priced"]).succeeds().stdout;
    assert!(checked.contains("$1.2000, as the attempts come to"), "{checked}");
    train(&place, "--epochs 1 --machine c7a.large --out listed").succeeds();
    let price = &self::record(&place, "listed")["provenance"]["attempts"][0]["price"];
    assert!(
        price["machine"] == "c7a.large" && price["source"].as_str().unwrap().contains("as a spot machine"),
        "{price}"
    );
}

/// A recipe that is trained at 32 px where so many epochs of that fit, else at 24 px.
const CHOICES: &str = r#"
[[choices]]
from_epochs = 0.0
set = { resolution = 24, "evaluation.resolution" = 24 }

[[choices]]
from_epochs = LONG
set = { "model.widths" = [8, 12] }
"#;

#[test]
fn a_recipe_takes_the_choice_that_enough_epochs_fit_of_and_keeps_it() {
    let place = Place::with_made_dataset();
    let shipped = include_str!("../recipes/default.toml");
    let small = "--dataset made --batch-size 8 --set model.stem=8 --evaluate-every 0";
    for (name, long, widths, resolution) in [("long", "0.001", "[8, 12]", 64), ("short", "1e6", "[8, 8]", 24)] {
        let text = format!("{shipped}{}", CHOICES.replace("LONG", long));
        let text = text.replacen("widths = [32, 64, 128, 256]", "widths = [8, 8]", 1);
        assert!(text.contains("widths = [8, 8]"), "{text}");
        std::fs::write(place.path("mine.toml"), text).unwrap();
        let line = format!("train --recipe mine.toml {small} --minutes 0.15 --out {name} --resume-if-present");
        let ended = ends(place.run(&words(&line)));
        assert!(
            ended.stderr.contains(if name == "long" { "choice 2 of 2" } else { "choice 1 of 2" }),
            "{}",
            ended.stderr
        );
        let recipe = place.read(&format!("{name}/recipe.toml"));
        assert!(!recipe.contains("choices") && recipe.contains("minutes = 0.15"), "{recipe}");
        assert!(recipe.contains(&format!("resolution = {resolution}\n")), "{recipe}");
        let flat = recipe.replace(['\n', ' '], "");
        assert!(flat.contains(&format!("widths={}", widths.replace(' ', ""))), "{recipe}");
        place.run(&["check", name, "--replay"]).succeeds();
        // The same command finds it finished, whatever would be chosen today.
        assert!(ends(place.run(&words(&line))).stderr.contains("finished already"));
    }
    // Runs of several seeds are of one recipe.
    ends(place.run(&words(&format!("train --recipe mine.toml {small} --minutes 0.15 --runs 2 --out both"))));
    assert_eq!(place.read("both/s0/recipe.toml"), place.read("both/s1/recipe.toml"));
    // Where the epochs are known, nothing is measured; what is typed stands.
    let ended = place.run(&words(&format!("train --recipe mine.toml {small} --epochs 1 --resolution 32 --out known")));
    assert!(!ended.succeeds().stderr.contains("choice "));
    assert!(place.read("known/recipe.toml").contains("resolution = 32"));
    // What trains several runs of one recipe needs to know which.
    std::fs::write(
        place.path("open.toml"),
        place.read("mine.toml").replacen("epochs = 5", "budget = { minutes = 1 }", 1),
    )
    .unwrap();
    for line in ["compare open.toml --set model.stem=4", "sweep open.toml --set model.stem=4,8"] {
        let refused = place.run(&words(&format!("{line} --dataset made")));
        refused.misused_saying(&["chooses its settings by its budget", "--set epochs=5"]);
    }
    let dry = place.run(&words(&format!("train --recipe mine.toml {small} --minutes 0.15 --dry-run"))).succeeds();
    assert!(dry.stderr.contains("choice 1 of 2"), "{}", dry.stderr);
}

#[test]
fn budgets_that_make_no_sense_are_refused_before_anything_is_written() {
    let place = Place::with_made_dataset();
    let cases: [(&str, &[&str]); 11] = [
        ("--budget 0 --price-per-hour 1", &["budget.dollars: expected a number above 0", "found 0"]),
        ("--budget -1 --price-per-hour 1", &["budget.dollars", "found -1"]),
        ("--minutes 0", &["budget.minutes: expected a number above 0"]),
        ("--budget nan --price-per-hour 1", &["nan"]),
        ("--budget 0.10", &["expected to know what this machine costs", "--price-per-hour 0.045"]),
        ("--budget 0.10 --machine c7a.larg", &["c7a.larg", "c7a.large"]),
        ("--budget 0.10 --price-per-hour 0", &["expected a price above 0"]),
        ("--budget 0.10 --price-per-hour 700", &["expected a price above 0 and at most 499"]),
        ("--budget 0.10 --minutes 3", &["cannot be used with"]),
        ("--minutes 3 --epochs 3", &["cannot be used with"]),
        ("--minutes 3 --resume-if-present", &["--out"]),
    ];
    for (flags, parts) in cases {
        train(&place, flags).misused_saying(parts);
    }
    // What they pay for is known only when the machine was measured.
    train(&place, "--minutes 0.001").fails_saying(&["budget.minutes: expected enough for one epoch", "--minutes 0."]);
    train(&place, "--budget 0.01 --price-per-hour 36").fails_saying(&["enough for one epoch, about $1.2", "$0.01"]);
    assert!(place.list("runs").is_empty());
}

#[test]
fn a_run_that_is_killed_is_charged_for_what_it_lost_and_goes_on_within_its_budget() {
    let place = Place::with_made_dataset();
    let line = format!("{TINY} --minutes 0.6 --out run --resume-if-present");
    let began = std::time::Instant::now();
    let mut child = place.command(&words(&line)).stderr(std::process::Stdio::null()).spawn().unwrap();
    let begun = || {
        let history = std::fs::read_to_string(place.path("run/history.jsonl"));
        place.list("run").contains(&"heartbeat.txt".to_owned())
            && history.is_ok_and(|text| text.contains("\"kind\":\"step\""))
    };
    wait_until("a checkpoint with steps, and a sign of life", begun);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(place.list("run").contains(&"heartbeat.txt".to_owned()), "{:?}", place.list("run"));
    let passed = began.elapsed().as_secs_f64();
    ends(place.run(&words(&line)));
    assert!(!place.list("run").contains(&"heartbeat.txt".to_owned()));
    let record = record(&place, "run");
    let attempts = &record["provenance"]["attempts"];
    assert_eq!((&attempts[0]["ending"], &attempts[1]["ending"]), (&"killed".into(), &"finished".into()));
    // Its silence is charged, and no more than the time that passed until somebody came.
    let charged = attempts[0]["seconds"].as_f64().unwrap();
    assert!(charged > 0.0 && charged < passed + 2.0, "{charged} of {passed}: {attempts}");
    assert_eq!(record["resumed"], 1);
    place.run(&["check", "run", "--replay"]).succeeds();
    // Said again, and nothing else.
    let again = place.run(&words(&line));
    assert!(again.stdout.contains("top-1") && again.stderr.contains("finished already"), "{}", again.stderr);
    // The folder of another run is left alone.
    train(&place, "--minutes 0.7 --out run --resume-if-present").fails_saying(&["holds a run of another recipe"]);
}

#[test]
fn a_cloud_that_gives_notice_gets_a_checkpoint_and_status_33() {
    let place = Place::with_made_dataset();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    // A machine that is a spot machine in a zone, and is taken back when its notice has been asked for twice.
    std::thread::spawn(move || {
        let mut asked = 0;
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut text = Vec::new();
            let mut byte = [0];
            while !text.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                text.push(byte[0]);
            }
            let path = String::from_utf8_lossy(&text).split(' ').nth(1).unwrap_or_default().to_owned();
            let (status, body) = match path.as_str() {
                "/latest/api/token" => (200, "token"),
                "/latest/meta-data/instance-type" => (200, "c7a.large"),
                "/latest/meta-data/placement/availability-zone-id" => (200, "use1-az4"),
                "/latest/meta-data/instance-life-cycle" => (200, "spot"),
                "/latest/meta-data/spot/instance-action" => {
                    asked += 1;
                    if asked > 1 { (200, r#"{"action":"terminate","time":"2026-11-27T11:22:33Z"}"#) } else { (404, "") }
                }
                _ => (404, ""),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} So\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let line = format!("{TINY} --epochs 20000 --out run");
    let ended = place.command(&words(&line)).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &address).output().unwrap();
    let ended = Ended::new(&words(&line), ended).exits_with(33);
    assert!(ended.stderr.contains("the cloud takes this machine back (terminate)"), "{}", ended.stderr);
    assert!(place.list("run").contains(&"checkpoint.safetensors".to_owned()));
    let checkpoint = place.bytes("run/checkpoint.safetensors");
    let head = String::from_utf8_lossy(&checkpoint[..checkpoint.len().min(1 << 20)]).into_owned();
    assert!(head.contains("preempted") && head.contains("use1-az4"), "the checkpoint says who took it, and where");
}
