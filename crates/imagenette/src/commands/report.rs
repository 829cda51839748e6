//! `report`: runs go in, one page about them comes out.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::Program;
use crate::cli::Report;
use crate::out_file::OutFile;
use crate::prepared::Preparation;
use crate::report::{self, Photos};
use crate::terminal::{Refusal, Terminal, print};

/// Runs on one page at most.
const MOST: usize = 12;
const NAME: &str = "report.html";

pub(crate) fn run(arguments: &Report, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if arguments.runs.len() > MOST {
        return Err(Refusal::error(
            format!("expected at most {MOST} runs on a page, found {}", arguments.runs.len()),
            "name fewer; `imagenette plot FOLDER` draws as many as there are, and `imagenette runs` lists them",
        ));
    }
    let out = match (&arguments.out, &arguments.runs[..]) {
        (Some(out), _) => out.clone(),
        (None, [run]) if run.is_dir() => run.join(NAME),
        (None, _) => PathBuf::from(NAME),
    };
    let file = OutFile::of_kind(&out, "html")?;
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    let photos = if arguments.no_photos { Photos::LeftOut } else { Photos::Shown };
    let page = report::page(&arguments.runs, photos, &preparation, terminal)?;
    file.write(page.html.as_bytes())?;
    page.missing.iter().for_each(|missing| terminal.say(&format!("not in the page: {missing}")));
    print(&out.display().to_string())?;
    if arguments.open && !opened(&out) {
        terminal.say("no browser could be opened: open the file yourself");
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks the system to show a file.
fn opened(path: &Path) -> bool {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/C", "start", ""]);
        command
    } else {
        Command::new("xdg-open")
    };
    let quiet = command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Some openers stay until the browser is closed: that it was started is enough.
    quiet.spawn().is_ok()
}
