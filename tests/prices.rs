//! What machines cost: the table that ships, what a recipe costs on each, today's prices from a server that
//! misbehaves, and prices that are none.

use serde_json::Value;

use crate::server::{Answer, Server};
use crate::support::{Ended, Place};

const AWS: &str = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,\
                   AvailabilityZone,Arch\n\
                   c7a.large,,,2,4,\"{'Gpus': [1, 2]}\",0.2,0.01,us-east-1,use1-az4,x86_64\n\
                   c7a.large,,,2,4,,0.2,0.03,us-west-2,usw2-az1,x86_64\n\
                   c7a.large,,,2,4,,700.0,700.0,us-east-1,use1-az1,x86_64\n";
const GCP: &str = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,\
                   SpotPrice\n\
                   c4-highcpu-2,2,4,,,,us-central1,us-central1-a,0.09,0.03\n";

fn machines(ended: &Ended) -> Vec<Value> {
    ended.json()["machines"].as_array().expect("a list of machines").clone()
}

fn names(ended: &Ended) -> Vec<String> {
    machines(ended).iter().map(|machine| machine["machine"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn machines_are_listed_filtered_and_sorted_without_a_network() {
    let place = Place::new();
    let all = place.run(&["prices", "--json"]).succeeds();
    assert!(machines(&all).len() >= 15);
    assert_eq!(all.json()["read"], "2026-11-27");
    assert_eq!(all.json()["here"], Value::Null);
    let spot: Vec<f64> =
        machines(&all).iter().filter_map(|machine| machine["spot_price"]["per_hour"].as_f64()).collect();
    assert!(spot.len() > 10 && spot.is_sorted(), "{spot:?}");
    assert_eq!(machines(&all)[0]["price"]["source"]["kind"], "table");

    let gcp = place.run(&["prices", "--cloud", "gcp", "--sort", "name", "--json"]).succeeds();
    assert!(names(&gcp).is_sorted() && names(&gcp).contains(&"c4-highcpu-2".into()) && names(&gcp).len() < 10);
    assert!(machines(&gcp).iter().all(|machine| machine["cloud"] == "gcp"));
    let cores = place.run(&["prices", "--sort", "cores", "--json"]).succeeds();
    assert_eq!(names(&cores)[0], "p4d.24xlarge");
    let one = place.run(&["prices", "--machine", "c7a.large"]).succeeds();
    assert!(
        one.stdout.contains("c7a.large") && one.stdout.contains("0.1026") && one.stdout.contains("0.0450"),
        "{}",
        one.stdout
    );
    assert!(one.stderr.contains("skypilot-catalog v8 aws at 00148f2, read on 2026-11-27"), "{}", one.stderr);
}

#[test]
fn the_machine_that_reaches_an_accuracy_for_least_is_named_and_its_time_called_estimated() {
    let place = Place::new();
    let found = place.run(&["prices", "--reach", "93", "--json"]).succeeds().json();
    assert_eq!(found["recipe"]["name"], "epochs-30");
    assert_eq!(found["cheapest"]["machine"], "c7a.large");
    assert_eq!(found["cheapest"]["market"], "spot");
    let dollars = found["cheapest"]["dollars"].as_f64().unwrap();
    assert!((dollars - (2771.0 + 60.0) * 0.045 / 3600.0).abs() < 1e-9, "{dollars}");
    assert!(found["machines"][0]["forecast"]["known"]["estimated"].is_object(), "{}", found["machines"][0]);

    let told = place.run(&["prices", "--recipe", "epochs-30", "--on-demand"]).succeeds().stdout;
    let said =
        "epochs-30 (93.83% top-1, 2 runs on squashed photos) costs least on c7a.large on demand: $0.081 for 46 min";
    assert!(told.contains(said) && told.contains("its time is estimated: "), "{told}");
    // Nobody has measured the portable kernels, so nothing is said of machines that run them.
    let portable = told.lines().find(|line| line.starts_with("c8g.2xlarge")).unwrap();
    assert!(portable.contains("not known"), "{portable}");
    // Two recipes reach 90%: the one that takes less time is meant.
    let found = place.run(&["prices", "--reach", "90", "--json"]).succeeds().json();
    assert_eq!(found["recipe"]["name"], "epochs-5");
    place.run(&["prices", "--reach", "99"]).fails_saying(&["found 99", "hint: above 0 and at most 94.50"]);
    place.run(&["prices", "--reach", "nan"]).misused_saying(&["expected a number"]);
    place.run(&["prices", "--sort", "cost"]).misused_saying(&["no recipe is named", "--reach 93"]);
}

#[test]
fn a_run_of_the_recipe_that_was_made_on_a_machine_is_its_measure_there() {
    let place = Place::with_made_dataset();
    let tiny = [
        "--set",
        "resolution=32",
        "--set",
        "evaluation.resolution=32",
        "--set",
        "batch_size=8",
        "--set",
        "model={ kind = 'fast', stem = 8, widths = [8, 8] }",
    ];
    let train =
        [&["train", "--recipe", "default", "--dataset", "made", "--epochs", "1", "--out", "run"][..], &tiny].concat();
    place.run(&train).succeeds();
    // It was changed by flags, so it is no run of the recipe that ships.
    place.run(&["prices", "--recipe", "default", "--measured", "c7a.large=run"]).fails_saying(&[
        "run: expected a run of the recipe `default`, found one of a changed one",
        "--measured MACHINE=RUN",
    ]);
    std::fs::copy(place.path("run/recipe.toml"), place.path("tiny.toml")).unwrap();
    let found = place.run(&["prices", "--recipe", "tiny.toml", "--measured", "c7a.large=run", "--json"]).succeeds();
    let of = |name: &str| machines(&found).into_iter().find(|machine| machine["machine"] == name).unwrap();
    assert_eq!(of("c7a.large")["forecast"]["known"]["measured"]["run"], "run");
    assert!(of("c7a.xlarge")["forecast"]["known"]["estimated"].is_object());
    let record: Value = serde_json::from_str(&place.read("run/record.json")).unwrap();
    let by_sample = record["seconds"]["total"].as_f64().unwrap() / record["samples_drawn"].as_f64().unwrap();
    let speed = of("c7a.large")["forecast"]["images_per_second"].as_f64().unwrap();
    assert!((speed * by_sample - 1.0).abs() < 1e-9, "{speed}");

    for wrong in ["c7a.large", "=run", "c7a.large="] {
        let refused = place.run(&["prices", "--recipe", "tiny.toml", "--measured", wrong]);
        refused.misused_saying(&["--measured: expected MACHINE=RUN, found"]);
    }
    place
        .run(&["prices", "--recipe", "tiny.toml", "--measured", "c7a.larg=run"])
        .fails_saying(&["did you mean `c7a.large`?"]);
    place.run(&["prices", "--recipe", "tiny.toml", "--measured", "c7a.large=none"]).fails_saying(&["none"]);
}

#[test]
fn a_price_of_ones_own_is_called_that_and_one_that_is_none_is_refused() {
    let place = Place::new();
    let found = place.run(&["prices", "--recipe", "epochs-5", "--price-per-hour", "0.36", "--json"]).succeeds();
    assert_eq!(names(&found), ["this machine"]);
    assert_eq!(machines(&found)[0]["price"]["source"]["kind"], "user");
    assert_eq!(machines(&found)[0]["price"]["per_hour"], 0.36);
    let told = place
        .run(&["prices", "--recipe", "epochs-5", "--price-per-hour", "$0.36", "--machine", "c7a.large"])
        .succeeds();
    assert!(told.stdout.contains("at your price of $0.3600/h"), "{}", told.stdout);
    assert!(told.stdout.lines().any(|line| line.starts_with("c7a.large  yours")), "{}", told.stdout);
    for wrong in ["0", "-0.1", "nan", "inf", "700", "free", ""] {
        let refused = place.run(&["prices", &format!("--price-per-hour={wrong}")]);
        refused.misused_saying(&["expected a price above 0 and at most 499 dollars an hour, found"]);
    }
}

#[test]
fn todays_prices_come_from_the_catalogue_and_count_from_then_on() {
    let place = Place::new();
    let answers = vec![Answer::Good, Answer::Replaced(GCP.into())];
    let server = Server::start(AWS.into(), answers);
    let address = format!("{}v8", server.base_url);
    let ended = place.run(&["prices", "update", "--from", &address]).succeeds();
    assert!(
        ended.stdout.contains("aws: prices of 1 machine in 3 rows; 2 prices of our machines' that are none"),
        "{}",
        ended.stdout
    );
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked, ["/v8/aws/vms.csv", "/v8/gcp/vms.csv"]);
    assert_eq!(place.list("store"), ["prices.csv"]);
    let found = place.run(&["prices", "--json"]).succeeds();
    let of = |name: &str| machines(&found).into_iter().find(|machine| machine["machine"] == name).unwrap();
    assert_eq!(of("c7a.large")["price"]["per_hour"], 0.2);
    assert_eq!(of("c7a.large")["spot_price"]["per_hour"], 0.02);
    assert_eq!(of("c7a.large")["spot_zones"], 2);
    assert_eq!(of("c7a.large")["price"]["source"]["catalogue"], address);
    assert_eq!(of("c4-highcpu-2")["spot_price"]["per_hour"], 0.03);
    // What the catalogue does not have keeps its price and its day.
    assert_eq!(of("c7a.xlarge")["price"]["source"]["read"], "2026-11-27");
}

#[test]
fn a_catalogue_that_is_none_changes_nothing() {
    let place = Place::new();
    let server = Server::start(AWS.into(), vec![Answer::Good, Answer::Replaced(GCP.into())]);
    place.run(&["prices", "update", "--from", &server.base_url]).succeeds();
    let before = place.bytes("store/prices.csv");
    let cases: Vec<(Vec<Answer>, &str)> = vec![
        (vec![Answer::Status(404)], "status 404"),
        (vec![Answer::Status(500)], "status 500"),
        (vec![Answer::DropAfter(180)], "aws/vms.csv: expected the catalogue of prices, found"),
        (vec![Answer::LengthOff(20)], "aws/vms.csv: expected the catalogue of prices, found"),
        (vec![Answer::Replaced("<html>no</html>\n".into())], "found none that is called InstanceType"),
        (vec![Answer::Replaced(GCP.into()), Answer::Status(404)], "the catalogue of aws: expected prices of some of"),
        // The first cloud alone is not enough.
        (vec![Answer::Good, Answer::Status(404)], "gcp/vms.csv: expected the catalogue of prices, found status 404"),
        (vec![Answer::Good, Answer::DropAfter(100)], "gcp/vms.csv: expected the catalogue of prices, found"),
    ];
    for (answers, expected) in cases {
        let server = Server::start(AWS.into(), answers);
        let refused = place.run(&["prices", "update", "--from", &server.base_url]).fails_saying(&[expected, "hint: "]);
        assert!(refused.stderr.contains("prices "), "it says how old the table is: {}", refused.stderr);
        assert_eq!(place.bytes("store/prices.csv"), before, "{expected}");
        assert_eq!(place.list("store"), ["prices.csv"], "{expected}");
    }
    let gone = place.run(&["prices", "update", "--from", "http://127.0.0.1:9"]);
    gone.fails_saying(&["http://127.0.0.1:9/aws/vms.csv", "the table that is here goes on to count"]);
    // Without --from it is the public one, and there is no network.
    let offline = place.run(&["prices", "update"]).fails_saying(&["skypilot-catalog/master/catalogs/v8/aws/vms.csv"]);
    assert!(offline.stderr.contains("read on 2026-11-27"), "{}", offline.stderr);
}

#[test]
fn a_table_that_was_damaged_is_refused_and_fetched_again() {
    let place = Place::new();
    std::fs::create_dir(place.path("store")).unwrap();
    for damaged in ["", "not a table", "# imagenette-prices 1\ncloud,machine\n", "# imagenette-prices 9\n"] {
        std::fs::write(place.path("store/prices.csv"), damaged).unwrap();
        place.run(&["prices"]).fails_saying(&["prices.csv: expected imagenette-prices version 1, found", "hint: "]);
    }
    let server = Server::start(AWS.into(), vec![Answer::Good, Answer::Replaced(GCP.into())]);
    place.run(&["prices", "update", "--from", &server.base_url]).succeeds();
    place.run(&["prices"]).succeeds();
}

#[test]
fn a_cloud_is_asked_which_machine_this_is_where_its_own_variable_names_an_address() {
    let place = Place::new();
    let server = Server::start(b"projects/1/machineTypes/c4-highcpu-2\n".to_vec(), vec![Answer::Good]);
    let host = server.base_url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let with = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.envs(variables.iter().copied());
        Ended::new(arguments, command.output().unwrap())
    };
    let ended = with(&[("GCE_METADATA_HOST", &host)], &["prices"]).succeeds();
    assert!(ended.stdout.starts_with("this machine: c4-highcpu-2 of gcp"), "{}", ended.stdout);
    assert!(ended.stdout.contains("\nc4-highcpu-2 *"), "{}", ended.stdout);
    assert_eq!(server.asked().len(), 3);
    let own = with(&[("GCE_METADATA_HOST", &host)], &["prices", "--price-per-hour", "0.5", "--json"]).succeeds();
    assert_eq!(names(&own), ["c4-highcpu-2"]);
    let two = [("GCE_METADATA_HOST", host.as_str()), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.base_url)];
    with(&two, &["prices"]).fails_saying(&["expected the variable of one cloud", "unset the one"]);
    let silent = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")];
    with(&silent, &["prices"])
        .fails_saying(&["expected the cloud to say which machine this is", "name the machine with --machine"]);
    with(&silent, &["prices", "--machine", "c7a.large"]).succeeds();
}
