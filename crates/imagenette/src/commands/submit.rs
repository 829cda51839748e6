//! `submit`: a job file for an engine that is there, on stdout or in a file; with `--now` it is handed to the engine.

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use imagenette_data::store::Store;
use imagenette_files::visible;
use imagenette_results::ResultsError;
use imagenette_results::prices::PriceTable;

use crate::Program;
use crate::cli::{Engine, Submit};
use crate::numbers::counted;
use crate::out_file::OutFile;
use crate::submit::{Jobs, Plan, Resources, kubernetes, skypilot, slurm};
use crate::terminal::{Refusal, Terminal, print};

pub(crate) fn run(arguments: &Submit, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let words: Vec<String> = arguments
        .command
        .iter()
        .map(|word| {
            word.to_str().map(str::to_owned).ok_or_else(|| {
                let found = format!("expected words in UTF-8, found `{}`", word.to_string_lossy());
                Refusal::usage(found, "a job file is text: rename the file or folder")
            })
        })
        .collect::<Result<_, _>>()?;
    let plan = Plan::of(&words, arguments.jobs, arguments.cores, program)?;
    if plan.jobs() == 1 {
        terminal.say("note: this is one job; more are made by --runs of train and sweep");
    }
    let resources = Resources::of(&plan, arguments.cores, arguments.memory, arguments.time, program)?;
    let text = text(arguments, &plan, resources, program, terminal)?;
    if arguments.now && arguments.engine == Engine::Skypilot && arguments.out.is_none() {
        return Err(Refusal::usage("--now: sky reads a file, and none is named", "name it with --out"));
    }
    match (&arguments.out, arguments.now) {
        (Some(path), _) => {
            OutFile::at(path)?.write(text.as_bytes())?;
            terminal.say(&format!(
                "{} of {} cores, {} GiB and {} min are in {}",
                counted(plan.jobs(), "job"),
                resources.cores,
                resources.memory_gib,
                resources.minutes,
                path.display()
            ));
        }
        // On stdout codes are shown, not written, and a job would get another word.
        (None, false) if text.chars().any(|letter| visible::is_code(letter) && !"\n\t".contains(letter)) => {
            return Err(Refusal::error("a word of the command has control codes", "write the file with --out FILE"));
        }
        (None, false) => print(text.trim_end())?,
        (None, true) => {}
    }
    if !arguments.now {
        if let Some(path) = &arguments.out {
            terminal.say(&format!("hint: hand it over with `{}`", by_hand(arguments.engine, path, plan.jobs())));
        }
        return Ok(ExitCode::SUCCESS);
    }
    hand_over(arguments, &text, plan.jobs())
}

/// The job file.
fn text(
    arguments: &Submit,
    plan: &Plan,
    resources: Resources,
    program: &Program,
    terminal: &Terminal,
) -> anyhow::Result<String> {
    let named = arguments.program.as_deref().unwrap_or(program.name());
    let jobs = Jobs { plan, resources, at_once: arguments.at_once, program: named };
    match arguments.engine {
        Engine::Slurm => {
            if plan.jobs() > slurm::USUAL_JOBS {
                terminal.say(&format!(
                    "note: {} jobs in one array need a cluster whose MaxArraySize is larger than Slurm's own 1001",
                    plan.jobs()
                ));
            }
            Ok(slurm::file(&jobs))
        }
        Engine::Skypilot => {
            check_shared(plan, "the bucket")?;
            let here =
                std::env::current_exe().map_err(imagenette_files::FileError::io("find", Path::new(program.name())))?;
            let sent = arguments.program.clone().unwrap_or_else(|| here.display().to_string());
            let table = PriceTable::current(Store::open_default()?.root())?;
            let mut machines = Vec::new();
            for name in &arguments.machine {
                let listed = table.machine(name).map_err(ResultsError::from)?;
                machines.push((listed.machine.cloud.to_string(), name.clone()));
            }
            let places = skypilot::Places { program: &sent, bucket: &arguments.bucket, machines: &machines };
            Ok(skypilot::file(&jobs, &places))
        }
        Engine::Kubernetes => {
            check_shared(plan, "the volume")?;
            let places = kubernetes::Places { image: &arguments.image, claim: &arguments.claim };
            let text = kubernetes::file(&jobs, &places);
            if text.len() > kubernetes::MOST_BYTES {
                return Err(Refusal::error(
                    format!("expected a Job of 1 MiB at most, found one of {} bytes", text.len()),
                    "spread fewer values at once",
                ));
            }
            Ok(text)
        }
    }
}

/// Machines that share no folder with this one keep what lies below `runs`, and have no files of this one.
fn check_shared(plan: &Plan, what: &str) -> anyhow::Result<()> {
    let file = plan.recipes.iter().map(|(named, _)| named).find(|named| named.ends_with(".toml"));
    if let Some(file) = file {
        return Err(Refusal::error(
            format!("{file}: expected a recipe that ships, found a file, which is not on the machines of the jobs"),
            "write what differs with --set, or submit to slurm, whose machines share folders",
        ));
    }
    let is_below = |place: &str| place.starts_with("runs/") && !place.split('/').any(|part| part == "..");
    if let Some(place) = plan.points.iter().map(|point| point.place.folder()).find(|place| !is_below(place)) {
        return Err(Refusal::usage(
            format!("expected a folder below runs/, which is {what} on the machines of the jobs, found {place}"),
            "name it with --out runs/NAME after `--`",
        ));
    }
    Ok(())
}

/// The command that hands a file to its engine.
fn by_hand(engine: Engine, path: &Path, jobs: u64) -> String {
    let path = crate::shell_words::quoted(&path.display().to_string());
    match engine {
        Engine::Slurm => format!("sbatch {path}"),
        Engine::Skypilot => {
            format!("for job in $(seq 1 {jobs}); do sky jobs launch -d -y --env JOB=$job {path}; done")
        }
        Engine::Kubernetes => format!("kubectl create -f {path}"),
    }
}

/// Runs the engine's own command, once or for each job; its words are the answer.
fn hand_over(arguments: &Submit, text: &str, jobs: u64) -> anyhow::Result<ExitCode> {
    match arguments.engine {
        // The file on stdin, so that what is submitted is what was written.
        Engine::Slurm => submit(Command::new("sbatch"), Some(text)),
        Engine::Kubernetes => {
            let mut command = Command::new("kubectl");
            command.args(["create", "-f", "-"]);
            submit(command, Some(text))
        }
        Engine::Skypilot => {
            let path = arguments.out.as_deref().expect("a file is named");
            for job in 1..=jobs {
                crate::interrupt::check()?;
                let mut command = Command::new("sky");
                command.args(["jobs", "launch", "-d", "-y", "--env", &format!("JOB={job}")]).arg(path);
                let status = submit(command, None)?;
                if status != ExitCode::SUCCESS {
                    return Ok(status);
                }
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn submit(mut command: Command, text: Option<&str>) -> anyhow::Result<ExitCode> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(if text.is_some() { Stdio::piped() } else { Stdio::null() });
    let refused = |found: String| {
        let hint = "write the file with --out, and hand it over where the engine's command is";
        Refusal::error(format!("--now: expected `{name}` to take the jobs, found: {found}"), hint)
    };
    let mut child = command.spawn().map_err(|error| refused(error.to_string()))?;
    if let (Some(mut stdin), Some(text)) = (child.stdin.take(), text) {
        // One that reads nothing says why with its status.
        let _ = stdin.write_all(text.as_bytes());
    }
    let status = child.wait().map_err(|error| refused(error.to_string()))?;
    if status.success() { Ok(ExitCode::SUCCESS) } else { Err(refused(status.to_string())) }
}
