//! Job files: each is run here as its engine would run it, by a shell with a number, and makes what one command would
//! have made.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Ended, Place, wait_until};

const TINY: &str = "--set resolution=32 --set evaluation.resolution=32 --set batch_size=8 --set model.stem=8 --set \
                    model.widths=[8,8]";

fn tiny() -> Vec<&'static str> {
    TINY.split(' ').collect()
}

/// Writes a job file.
fn submit(place: &Place, engine: &str, flags: &[&str], words: &[&str]) -> String {
    let arguments = [&["submit", engine, "--out", "jobs"][..], flags, &["--"], words].concat();
    place.run(&arguments).succeeds();
    place.read("jobs")
}

/// A job of a file for Slurm, as Slurm starts it; `scontrol` is a double that writes what it is asked to `asked`.
fn job(place: &Place, index: &str) -> Command {
    let double = "#!/bin/sh\necho \"$@\" >> asked\necho JobState=RUNNING\n";
    executable(&place.path("bin/scontrol"), double);
    executable(&place.path("bin/sleep"), "#!/bin/sh\n");
    let program = Path::new(env!("CARGO_BIN_EXE_imagenette")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .arg("jobs")
        .current_dir(place.path(""))
        .env("PATH", format!("{}:{}:{path}", place.path("bin").display(), program.display()))
        .env("IMAGENETTE_HOME", place.path("store"))
        .env("SLURM_ARRAY_TASK_ID", index)
        .env("SLURM_ARRAY_JOB_ID", "77")
        .stdin(Stdio::null());
    command
}

fn executable(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(place: &Place, index: &str) -> Ended {
    Ended::new(&["job", index], job(place, index).output().unwrap())
}

#[test]
fn an_array_of_seeds_makes_the_runs_that_one_command_makes() {
    let place = Place::with_made_dataset();
    let words =
        [&["train", "--recipe", "default", "-d", "made", "-e", "1", "-s3", "--runs", "2"][..], &tiny()].concat();
    let text =
        submit(&place, "slurm", &["--cores", "1", "--at-once", "4"], &[&words[..], &["--out", "my runs/x"]].concat());
    assert!(text.contains("#SBATCH --array=1-2%4\n") && text.contains("#SBATCH --job-name=train-default\n"), "{text}");
    let first = run(&place, "1").succeeds();
    assert!(first.stdout.contains("seed 3") && !first.stdout.contains("are finished"), "{}", first.stdout);
    let second = run(&place, "2").succeeds();
    assert!(second.stdout.contains("all 2 jobs are finished:\n"), "{}", second.stdout);
    assert_eq!(place.list("my runs/x"), ["s3", "s4"]);
    // What is finished is taken as it is.
    let again = run(&place, "1").succeeds();
    assert!(again.stdout.starts_with("my runs/x/s3: finished already\n"), "{}", again.stdout);
    place.run(&[&words[..], &["--out", "alone"]].concat()).succeeds();
    for run in ["s3", "s4"] {
        let file = |folder: &str| place.bytes(&format!("{folder}/{run}/predictions.csv"));
        assert_eq!(file("my runs/x"), file("alone"));
    }
    let outside = run(&place, "3").exits_with(2);
    assert!(outside.stderr.contains("expected the number of a job, from 1 to 2, found '3'"), "{}", outside.stderr);
}

#[test]
fn a_job_that_is_told_to_end_asks_for_its_requeue_and_goes_on_to_the_same_bits() {
    let place = Place::with_made_dataset();
    let words = "train --recipe default --dataset made --epochs 6 --resolution 32 --batch-size 4 --set model.stem=8 --set \
                 model.widths=[16,16,16,16] --out runs/x";
    let words: Vec<&str> = words.split(' ').collect();
    submit(&place, "slurm", &[], &words);
    let child = job(&place, "1").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the first checkpoint", || place.list("runs/x/s0").iter().any(|name| name == "checkpoint.safetensors"));
    for signal in ["-USR1", "-TERM"] {
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    }
    let ended = Ended::new(&["job"], child.wait_with_output().unwrap()).exits_with(33);
    assert_eq!(place.read("asked"), "show job 77_1\nrequeue 77_1\n", "{}", ended.stderr);
    assert!(place.list("runs/x/s0").iter().any(|name| name == "checkpoint.safetensors"));
    run(&place, "1").succeeds();
    let alone = [&words[..words.len() - 1], &["alone"]].concat();
    place.run(&alone).succeeds();
    for file in ["weights.safetensors", "predictions.csv"] {
        assert_eq!(place.bytes(&format!("runs/x/s0/{file}")), place.bytes(&format!("alone/{file}")), "{file}");
    }
}

#[test]
fn a_sweep_in_jobs_ends_in_the_table_of_the_sweep() {
    let place = Place::with_made_dataset();
    let set = ["--set", "optimizer.momentum=0.8,0.9"];
    let words =
        [&["sweep", "default", "--dataset", "made", "-e", "1", "--hold-out", "0.25", "--runs", "2"][..], &set, &tiny()]
            .concat();
    let text = submit(&place, "slurm", &[], &[&words[..], &["--out", "swept"]].concat());
    assert!(text.contains("#SBATCH --array=1-4\n"), "{text}");
    for index in ["4", "2", "1"] {
        assert!(!run(&place, index).succeeds().stdout.contains("are finished"));
    }
    let last = run(&place, "3").succeeds().stdout;
    let (_, table) = last.split_once("all 4 jobs are finished:\n").expect("the last one says it");
    assert_eq!(place.list("swept").len(), 4);
    // The sweep itself finds every run there.
    let swept = place.run(&[&words[..], &["--out", "swept"]].concat()).succeeds().stdout;
    let rows = |text: &str| text.lines().filter(|line| line.starts_with("0.")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(table), rows(&swept));
    assert_eq!(rows(table).len(), 2, "{table}");
}

#[test]
fn a_comparison_in_jobs_ends_in_its_verdict() {
    let place = Place::with_made_dataset();
    let mut words =
        vec!["compare", "default", "--dataset", "made", "--epochs", "1", "--max-runs", "2", "--margin", "1"];
    for setting in tiny().chunks(2) {
        words.extend(["--base-set", setting[1]]);
    }
    words.extend(["--set", "optimizer.momentum=0.7", "--out", "runs/verdict"]);
    let text = submit(&place, "slurm", &[], &words);
    assert!(text.contains("#SBATCH --array=1-4\n"), "{text}");
    for index in ["1", "2", "3"] {
        run(&place, index).succeeds();
    }
    let last = run(&place, "4").succeeds();
    assert_eq!(place.list("runs/verdict"), ["base", "idea", "verdict"]);
    assert_eq!(place.list("runs/verdict/idea"), ["s1", "s2"]);
    assert!(place.list("runs/verdict/verdict").contains(&"comparison.json".into()), "{}", last.stderr);
    assert!(place.read("runs/verdict/idea/s1/recipe.toml").contains("momentum = 0.7"));
    assert!(!place.read("runs/verdict/base/s1/recipe.toml").contains("momentum = 0.7"));
}

#[test]
fn shards_of_make_end_in_the_dataset() {
    let place = Place::with_made_dataset();
    let words = "make --classes all --from photos --split 70:30 --sizes 32 --name new";
    let words: Vec<&str> = words.split(' ').collect();
    submit(&place, "slurm", &["--jobs", "3"], &[&words[..], &["--out", "made"]].concat());
    for index in ["2", "3"] {
        run(&place, index).succeeds();
    }
    let last = run(&place, "1").succeeds();
    assert!(last.stdout.contains("all 3 jobs are finished:\n"), "{}", last.stdout);
    place.run(&[&words[..], &["--out", "alone"]].concat()).succeeds();
    let manifest = |folder: &str| place.bytes(&format!("{folder}/new-32/manifest.jsonl"));
    assert!(place.list("made").contains(&"new-32".into()), "{:?}", place.list("made"));
    assert_eq!(manifest("made"), manifest("alone"));
    run(&place, "4").exits_with(2);
}

#[test]
fn the_engines_own_command_is_run_with_now_alone_and_its_refusal_is_told() {
    let place = Place::new();
    executable(&place.path("bin/sbatch"), "#!/bin/sh\ncat > taken\necho Submitted batch job 7\n");
    executable(&place.path("bin/sky"), "#!/bin/sh\necho \"$@\" >> launched\n");
    executable(&place.path("bin/kubectl"), "#!/bin/sh\nexit 3\n");
    let with = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", place.path("bin").display()));
        Ended::new(arguments, command.output().unwrap())
    };
    let words = ["--", "train", "--recipe", "epochs-5", "--runs", "2"];
    let written = with(&[&["submit", "slurm"][..], &words].concat()).succeeds().stdout;
    assert!(!place.path("taken").exists());
    let said = with(&[&["submit", "slurm", "--now"][..], &words].concat()).succeeds().stdout;
    assert_eq!(said, "Submitted batch job 7\n");
    assert_eq!(place.read("taken").trim_end(), written.trim_end());
    with(&[&["submit", "skypilot", "--now"][..], &words].concat()).misused_saying(&["sky reads a file", "--out"]);
    with(&[&["submit", "skypilot", "--now", "--out", "task.yaml"][..], &words].concat()).succeeds();
    let launched = "jobs launch -d -y --env JOB=1 task.yaml\njobs launch -d -y --env JOB=2 task.yaml\n";
    assert_eq!(place.read("launched"), launched);
    with(&[&["submit", "kubernetes", "--now"][..], &words].concat())
        .fails_saying(&["expected `kubectl` to take the jobs, found: exit status: 3", "write the file with --out"]);
}

#[test]
fn what_cannot_be_spread_is_refused_with_what_to_do() {
    let place = Place::new();
    let refused = |words: &str, expected: &[&str]| {
        let words: Vec<&str> = words.split(' ').collect();
        place.run(&[&["submit"][..], &words].concat()).misused_saying(expected);
    };
    refused("slurm -- info", &["expected train, sweep, compare or make after `--`, found `info`"]);
    refused("slurm -- train --recpie x", &["after `--`: unexpected argument '--recpie'"]);
    refused("slurm -- train --runs 3", &["train: expected a recipe, found none", "name one with --recipe"]);
    refused("slurm -- train --resume x", &["expected a training that begins"]);
    refused("slurm --jobs 3 -- train -r epochs-5", &["--jobs: expected it with make alone"]);
    refused("slurm -- make imagenette --from x --out y", &["make: expected a number of shards", "--jobs N"]);
    refused("slurm --jobs 2 -- make imagenette --from x", &["expected a folder that all machines share", "--out"]);
    refused("slurm --jobs 2 -- make --merge x", &["found --shard or --merge"]);
    refused(
        "slurm -- sweep m128 --set optimizer.learning_rate=0.02,0.02",
        &["two jobs would make one run", "name each value once"],
    );
    refused("slurm -- sweep m128 --set optimizer.learning_rat=0.02", &["learning_rat"]);
    refused("slurm -- compare epochs-5", &["there is no idea to compare"]);
    refused("slurm -- compare epochs-5 --epochs 1,2 --set loss.label_smoothing=0", &["several budgets"]);
    refused(
        "slurm -- compare --base-command x{seed}{out} --idea-command y{seed}{out}",
        &["a command in another language"],
    );
    refused(
        "slurm -- train -r epochs-5 --seed 9223372036854775807",
        &["--seed: expected one that a shell can count from"],
    );
    refused("kubernetes -- train -r epochs-5 --out elsewhere", &["expected a folder below runs/", "--out runs/NAME"]);
    refused("kubernetes -- train -r epochs-5 --out runs/../../x", &["expected a folder below runs/"]);
    refused("slurm -- train -r epochs-5 --set seed=3", &["--set seed=3: two jobs would make one run", "--seed"]);
    refused("slurm -- compare epochs-5 --set runs=3", &["--set runs=3", "--max-runs"]);
    refused("pbs -- train -r epochs-5", &["pbs"]);
    let coded = ["submit", "slurm", "--", "train", "-r", "epochs-5", "--out", "runs/\u{1b}[2J"];
    place.run(&coded).fails_saying(&["a word of the command has control codes", "--out FILE"]);
    std::fs::write(place.path("own.toml"), "").unwrap();
    let machine = ["submit", "skypilot", "--machine", "c7a.larg", "--", "train", "-r", "epochs-5"];
    place.run(&machine).fails_saying(&["did you mean `c7a.large`?"]);
    place.run(&["submit", "slurm", "--", "train", "-r", "none.toml"]).fails_saying(&["none.toml"]);
    assert_eq!(place.list(""), ["own.toml"]);
}

/// Runs Python with the packages of `IMAGENETTE_TEST_PYTHON`, or says why not.
fn python(program: &str, place: &Place, what: &str) -> Option<Ended> {
    let Ok(python) = std::env::var("IMAGENETTE_TEST_PYTHON") else {
        println!("skipped: {what} needs a Python with its package, IMAGENETTE_TEST_PYTHON");
        return None;
    };
    let output = Command::new(python).args(["-c", program]).current_dir(place.path("")).output().unwrap();
    Some(Ended::new(&[what], output))
}

#[test]
fn the_files_are_what_their_engines_read() {
    let place = Place::new();
    let hostile = "runs/a: '\"#$(touch pwned) $$ `x` \u{85}\u{2028}\u{1b}\t\n \u{1f600}";
    for out in ["runs/plain", hostile] {
        let words = ["train", "-r", "epochs-5", "--seed", "4", "--runs", "3", "--out", out];
        submit(&place, "kubernetes", &["--image", "a: b #c", "--claim", "runs"], &words);
        // The command as Kubernetes hands it on: `$$` is `$`.
        let validate = "import yaml, kubernetes_validate as k\n\
                        job = yaml.safe_load(open('jobs', encoding='utf-8'))\n\
                        k.validate(job, '1.31', strict=True)\n\
                        container = job['spec']['template']['spec']['containers'][0]\n\
                        open('script', 'w', newline='').write(container['command'][2].replace('$$', '$'))\n\
                        print(container['image'], job['spec']['completions'])";
        if let Some(ended) = python(validate, &place, "kubernetes-validate") {
            assert_eq!(ended.succeeds().stdout, "a: b #c 3\n");
            assert_eq!(words_of(&place, ("JOB_COMPLETION_INDEX", "2")), words_for(out));
        }
        submit(&place, "skypilot", &["--machine", "c7a.large", "--bucket", "b"], &words);
        let validate = "import sky\n\
                        task = sky.Task.from_yaml('jobs')\n\
                        run = task.run[task.run.index('index='):]\n\
                        open('script', 'w', newline='').write(run)\n\
                        print(task.name, [r.job_recovery['recover_on_exit_codes'] for r in task.resources])";
        if let Some(ended) = python(validate, &place, "SkyPilot") {
            if ended.status != 0 && ended.stderr.contains("No module named 'sky'") {
                println!("skipped: SkyPilot is not installed");
                continue;
            }
            assert_eq!(ended.succeeds().stdout.lines().next_back(), Some("train-epochs-5 [[33]]"));
            assert_eq!(words_of(&place, ("JOB", "3")), words_for(out));
        }
    }
}

/// What the third job is to be called with.
fn words_for(out: &str) -> Vec<String> {
    let words = ["train", "--recipe=epochs-5", "--runs=1", "--seed=6", &format!("--out={out}/s6"), "--threads=2"];
    words.map(String::from).into()
}

/// What the script in `script` calls the program with, which is a double.
fn words_of(place: &Place, (variable, value): (&str, &str)) -> Vec<String> {
    let double = "#!/bin/sh\nfor word in \"$@\"; do printf '%s\\0' \"$word\" >> words; done\n";
    executable(&place.path("bin/imagenette"), double);
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .arg("script")
        .current_dir(place.path(""))
        .env("PATH", format!("{}:{path}", place.path("bin").display()))
        .env(variable, value)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!place.path("pwned").exists());
    let words = place.read("words");
    std::fs::remove_file(place.path("words")).unwrap();
    words.split_terminator('\0').map(str::to_owned).collect()
}
