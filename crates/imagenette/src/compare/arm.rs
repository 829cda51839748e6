//! One side while it grows: which of its runs are there, and how the next is made.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use imagenette_files::lock::FolderLock;
use imagenette_files::{FileError, atomic, hash};
use imagenette_results::run_folder::{CHECKPOINT_FILE, PREDICTIONS_FILE, RECORD_FILE, SOURCE_FILE};
use imagenette_results::{Run, predictions};
use imagenette_train::recipe::precision::PrecisionChoice;
use imagenette_train::{Outcome, Recipe, TrainJob};

use super::child::{self, Ended, Manners, Report};
use super::ground::{Ground, seeded, table};
use super::outcome::{COMMAND_FILE, CommandRecord, SideRun};
use super::shell::{self, Signal};
use super::side::Side;
use super::template::Template;
use crate::numbers::{seconds, thousands};
use crate::terminal::Refusal;
use crate::{interrupt, runs};

/// The output of a command, in its run's folder.
const OUTPUT_FILE: &str = "output.txt";
/// How long a command may take to end when it is asked to.
const COMMAND_GRACE: Duration = Duration::from_secs(5);
/// How long a run of our own may take to write its checkpoint.
const CHECKPOINT_GRACE: Duration = Duration::from_secs(120);
/// How the hidden folders of unfinished runs of commands begin.
const UNFINISHED: &str = ".unfinished-";

/// One side of a comparison.
pub(super) struct Arm<'g, 'p> {
    pub(super) which: &'static str,
    pub(super) side: &'g Side,
    pub(super) folder: PathBuf,
    pub(super) first_seed: u64,
    /// The runs so far, by their seeds from the first on.
    pub(super) runs: Vec<SideRun>,
    /// Seconds that the runs of this process took, each.
    pub(super) took: Vec<f64>,
    ground: &'g Ground<'p>,
    epochs: Option<u32>,
    identity: String,
}

/// How a run ended.
pub(super) enum Made {
    /// It is finished: the run, and the seconds it took here.
    Run(Box<SideRun>, f64),
    /// It was interrupted.
    Interrupted,
}

impl<'g, 'p> Arm<'g, 'p> {
    /// A side whose runs lie in a folder below `place`, or are there.
    pub(super) fn new(
        which: &'static str,
        side: &'g Side,
        place: &Path,
        ground: &'g Ground<'p>,
        (first_seed, epochs): (u64, Option<u32>),
    ) -> Self {
        let runs = match side {
            Side::Finished { runs, .. } => runs.clone(),
            _ => Vec::new(),
        };
        let identity = side.identity(ground.program.parts());
        let folder = place.join(format!("{}-{}", side.name(), hash::short(&identity)));
        Self { which, side, folder, first_seed, runs, took: Vec::new(), ground, epochs, identity }
    }

    /// The same side with other seeds, and no runs yet.
    pub(super) fn afresh(&self, first_seed: u64) -> Self {
        Self {
            which: self.which,
            side: self.side,
            folder: self.folder.clone(),
            first_seed,
            runs: Vec::new(),
            took: self.took.clone(),
            ground: self.ground,
            epochs: self.epochs,
            identity: self.identity.clone(),
        }
    }

    pub(super) fn grows(&self) -> bool {
        !matches!(self.side, Side::Finished { .. })
    }

    /// What sets the side apart from all others.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    fn folder_of(&self, number: usize) -> PathBuf {
        self.folder.join(format!("s{}", self.first_seed + number as u64))
    }

    /// Takes in what is finished already, seed by seed.
    pub(super) fn read_stored(&mut self, most: usize) -> anyhow::Result<()> {
        while self.runs.len() < most
            && let Some(run) = self.finished(self.runs.len())?
        {
            self.runs.push(run);
        }
        Ok(())
    }

    /// The run of a number, counted from 0, if it is finished.
    pub(super) fn finished(&self, number: usize) -> anyhow::Result<Option<SideRun>> {
        let folder = self.folder_of(number);
        let seed = self.first_seed + number as u64;
        let run = match self.side {
            Side::Finished { .. } => return Ok(None),
            Side::Recipe(recipe) => {
                if !folder.join(RECORD_FILE).is_file() {
                    return Ok(None);
                }
                let run = Run::read(&folder)?;
                let is_ours = same_recipe(recipe, &run)?;
                is_ours.then(|| SideRun::of(run)).transpose()?
            }
            Side::Command(_) => {
                if !folder.join(COMMAND_FILE).is_file() {
                    return Ok(None);
                }
                let run = SideRun::of_command(&folder)?;
                (run.trained_by == self.identity).then_some(run)
            }
        };
        match run.filter(|run| run.seed == seed && run.dataset_identity == self.ground.identity) {
            Some(run) => Ok(Some(run)),
            None => Err(Refusal::error(
                format!("{}: holds a run of another recipe, command, seed or dataset", folder.display()),
                "remove it, or name another folder with --out",
            )),
        }
    }

    /// Takes in a run that was made.
    pub(super) fn take(&mut self, run: SideRun, took: f64) {
        self.ground.terminal.say(&format!(
            "{}, seed {}: {:.2}% ({} of {})",
            self.which,
            run.seed,
            100.0 * run.counts.accuracy(),
            thousands(run.counts.correct),
            thousands(run.counts.total)
        ));
        if took > 0.0 {
            self.took.push(took);
        }
        self.runs.push(run);
    }

    /// Makes the run of a number, unless it is there. Called beside others, `stop` says that one of them has failed.
    pub(super) fn make(&self, number: usize, stop: Option<&AtomicBool>) -> anyhow::Result<Made> {
        if let Some(run) = self.finished(number)? {
            return Ok(Made::Run(Box::new(run), 0.0));
        }
        let began = std::time::Instant::now();
        let is_finished = match self.side {
            Side::Finished { .. } => {
                let found = format!("{} runs are there, and more are needed", self.runs.len());
                return Err(Refusal::error(found, "name a recipe, or a folder with more runs; or lower --max-runs"));
            }
            Side::Command(template) => self.run_command(template, number, stop)?,
            Side::Recipe(recipe) => match stop {
                None => self.train_here(recipe, number)?,
                Some(stop) => self.train_beside(recipe, number, stop)?,
            },
        };
        if !is_finished {
            return Ok(Made::Interrupted);
        }
        let run = self.finished(number)?.expect("a run that was made is there");
        Ok(Made::Run(Box::new(run), began.elapsed().as_secs_f64()))
    }

    /// Trains in this process; `false` when it was interrupted.
    fn train_here(&self, recipe: &Recipe, number: usize) -> anyhow::Result<bool> {
        let folder = self.folder_of(number);
        let seed = self.first_seed + number as u64;
        let resume = folder.join(CHECKPOINT_FILE).is_file();
        let prepared = self.ground.prepared.as_ref().expect("a recipe was prepared for");
        let job = TrainJob { recipe: seeded(recipe, seed), resume, ..prepared.job(seed, folder) };
        Ok(!matches!(runs::train(&job, self.ground.terminal)?, Outcome::Interrupted { .. }))
    }

    /// Trains in a process of its own, beside others; `false` when it was interrupted.
    fn train_beside(&self, recipe: &Recipe, number: usize, stop: &AtomicBool) -> anyhow::Result<bool> {
        let ground = self.ground;
        let (folder, seed) = (self.folder_of(number), self.first_seed + number as u64);
        std::fs::create_dir_all(&self.folder).map_err(FileError::io("create", &self.folder))?;
        let program = std::env::current_exe().map_err(FileError::io("find", Path::new(ground.program.name())))?;
        let mut command = std::process::Command::new(program);
        command.args(["train", "--quiet", "--json", "--offline"]);
        let file = self.folder.join(format!(".s{seed}.toml"));
        let mut flags = ground.machine_flags((ground.threads / ground.parallel).max(1));
        if folder.join(CHECKPOINT_FILE).is_file() {
            flags.extend(["--resume".to_owned()]);
            command.args(flags).arg(&folder);
        } else {
            atomic::write_bytes(&file, seeded(recipe, seed).to_toml().as_bytes())?;
            flags.extend(["--evaluate-every".to_owned(), "0".to_owned(), "--recipe".to_owned()]);
            command.args(flags).arg(&file).arg("--out").arg(&folder);
        }
        shell::in_own_group(&mut command);
        ground.terminal.say(&format!("training `{}`, seed {seed}, into {}", recipe.name, folder.display()));
        let log = self.folder.join(format!(".s{seed}.txt"));
        let manners = Manners { timeout: None, first: Signal::Interrupt, grace: CHECKPOINT_GRACE };
        let report = child::run(command, &log, &manners, &|| interrupt::asked() || stop.load(Ordering::Relaxed));
        let _ = std::fs::remove_file(&file);
        let report = report?;
        let is_interrupted = |status: std::process::ExitStatus| status.code() == Some(interrupt::INTERRUPTED.into());
        match report.ended {
            Ended::Exited(status) if status.success() => {
                let _ = std::fs::remove_file(&log);
                Ok(true)
            }
            Ended::Stopped => Ok(false),
            Ended::Exited(status) if is_interrupted(status) => Ok(false),
            _ => {
                let what = format!("{}: training failed: {}", folder.display(), ending(report.ended, None));
                Err(Refusal::error(
                    format!("{what}{}", shown(&report.last_lines)),
                    format!("its output is in {}; repeat the same command to go on", log.display()),
                ))
            }
        }
    }

    /// Runs a command in a fresh folder, which gets its name when what it left is whole; `false` when it was
    /// interrupted.
    fn run_command(&self, template: &Template, number: usize, stop: Option<&AtomicBool>) -> anyhow::Result<bool> {
        let ground = self.ground;
        let (folder, seed) = (self.folder_of(number), self.first_seed + number as u64);
        std::fs::create_dir_all(&self.folder).map_err(FileError::io("create", &self.folder))?;
        let arm = std::path::absolute(&self.folder).map_err(FileError::io("find", &self.folder))?;
        let _lock = FolderLock::acquire_beside(&arm.join(format!("s{seed}")), "compare")?;
        let out = arm.join(format!("{UNFINISHED}s{seed}"));
        remove(&out)?;
        std::fs::create_dir(&out).map_err(FileError::io("create", &out))?;
        let lists = match ["train_list", "val_list"].iter().any(|name| template.uses(name)) {
            true => ground.write_lists(&arm)?,
            false => [PathBuf::new(), PathBuf::new()],
        };
        let dataset = std::path::absolute(&ground.dataset.root).map_err(FileError::io("find", &ground.dataset.root))?;
        let line = template.line(|placeholder| match placeholder {
            "seed" => seed.to_string(),
            "out" => out.display().to_string(),
            "dataset" => dataset.display().to_string(),
            "epochs" => self.epochs.unwrap_or_default().to_string(),
            "train_list" => lists[0].display().to_string(),
            "val_list" => lists[1].display().to_string(),
            _ => unreachable!("a template has known placeholders alone"),
        });
        ground.terminal.say(&format!("{}, seed {seed}: {line}", self.which));
        let manners = Manners { timeout: ground.timeout, first: Signal::Terminate, grace: COMMAND_GRACE };
        let is_stopped = || interrupt::asked() || stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        let report = child::run(shell::command(&line), &out.join(OUTPUT_FILE), &manners, &is_stopped)?;
        if report.ended == Ended::Stopped {
            remove(&out)?;
            return Ok(false);
        }
        // A signal to the whole group of this terminal ends the command by itself.
        if interrupt::asked() && !matches!(report.ended, Ended::Exited(status) if status.success()) {
            remove(&out)?;
            return Ok(false);
        }
        match self.account(template, &line, &out, seed, &report) {
            Ok(()) => {}
            Err(error) => {
                // Set aside, so that it can be looked at, and the next attempt begins anew.
                let aside = arm.join(format!(".failed-s{seed}"));
                remove(&aside)?;
                let place = if std::fs::rename(&out, &aside).is_ok() { &aside } else { &out };
                // What is wrong is found there now.
                let error = error.to_string().replace(&out.display().to_string(), &place.display().to_string());
                return Err(Refusal::error(
                    format!("{}, seed {seed}: {error}{}", self.which, shown(&report.last_lines)),
                    format!(
                        "nothing of this run is counted; what it left is in {}. Mend the command, and repeat this one \
                         to go on",
                        place.display()
                    ),
                ));
            }
        }
        std::fs::rename(&out, &folder).map_err(FileError::io("rename", &out))?;
        Ok(true)
    }

    /// Checks what a command left, and writes its account.
    fn account(&self, template: &Template, line: &str, out: &Path, seed: u64, report: &Report) -> anyhow::Result<()> {
        let ground = self.ground;
        if !matches!(report.ended, Ended::Exited(status) if status.success()) {
            anyhow::bail!("the command {}", ending(report.ended, ground.timeout));
        }
        let path = out.join(PREDICTIONS_FILE);
        if !path.is_file() {
            anyhow::bail!("expected {PREDICTIONS_FILE} in {{out}} from the command, found none");
        }
        let truth = ground.truth()?;
        let score = predictions::score(&path, &predictions::read(&path)?, &truth.photos, &truth.classes)?;
        let (format, version) = CommandRecord::head();
        let record = CommandRecord {
            format,
            version,
            command: template.text().to_owned(),
            command_sha256: self.identity.clone(),
            files: template.files().to_vec(),
            line: line.to_owned(),
            seed,
            dataset: ground.dataset.manifest.name.clone(),
            dataset_identity: ground.identity.clone(),
            held_out: ground.held_out,
            epochs: self.epochs,
            correct: score.correct,
            total: score.total,
            seconds: report.seconds,
            predictions_sha256: hash::sha256_of_file(&path)?,
        };
        let source = template.source();
        if !source.is_empty() {
            atomic::write_bytes(&out.join(SOURCE_FILE), source.as_bytes())?;
        }
        record.write(out)
    }
}

/// Whether a run was trained by a recipe, seeds and dataset aside. A run's recipe is as it was resolved on its machine.
fn same_recipe(recipe: &Recipe, run: &Run) -> anyhow::Result<bool> {
    let mut wanted = table(recipe)?;
    if recipe.precision == PrecisionChoice::Auto {
        match run.recipe.get("precision") {
            Some(resolved) => drop(wanted.insert("precision".into(), resolved.clone())),
            None => drop(wanted.remove("precision")),
        }
    }
    Ok(wanted == run.recipe)
}

/// In words how a command ended.
fn ending(ended: Ended, timeout: Option<Duration>) -> String {
    match ended {
        Ended::TimedOut => {
            let after = timeout.map_or(String::new(), |timeout| format!(" {}", seconds(timeout.as_secs_f64())));
            format!("was ended after{after} (--timeout)")
        }
        Ended::Stopped => "was stopped".into(),
        Ended::Exited(status) => match (status.code(), signal(status)) {
            (Some(code), _) => format!("ended with status {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => "was killed".into(),
        },
    }
}

#[cfg(unix)]
fn signal(status: std::process::ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_status: std::process::ExitStatus) -> Option<i32> {
    None
}

/// The last lines of an output, below a message.
fn shown(lines: &[String]) -> String {
    if lines.is_empty() {
        return "; it printed nothing".into();
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("\n  | {line}")).collect();
    format!("; it printed at last:{}", lines.concat())
}

/// Removes a folder, if it is there.
fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::io("remove", folder)(error).into())
        }
        _ => Ok(()),
    }
}
