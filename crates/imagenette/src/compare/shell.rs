//! Lines for the system's shell, and the process group that one runs in.

use std::process::{Child, Command};

/// The shell with a line to run, in a process group of its own, so that all that it starts can be ended with it.
#[cfg(unix)]
pub(super) fn command(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    in_own_group(&mut command);
    command
}

/// The shell with a line to run.
#[cfg(windows)]
pub(super) fn command(line: &str) -> Command {
    use std::os::windows::process::CommandExt;
    let mut command = Command::new("cmd");
    // `cmd` parses its line itself: what the library would quote, it would read with the quotes.
    command.raw_arg(format!("/C \"{line}\""));
    in_own_group(&mut command);
    command
}

/// Starts a program in a process group of its own.
#[cfg(unix)]
pub(super) fn in_own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

/// Starts a program in a process group of its own.
#[cfg(windows)]
pub(super) fn in_own_group(command: &mut Command) {
    use std::os::windows::process::CommandExt;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

/// What a process group can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Stop at a safe place: Ctrl-C.
    Interrupt,
    /// End.
    Terminate,
    /// End now.
    Kill,
}

/// Tells the whole group of a child something. That the group is gone already is no error.
#[cfg(unix)]
pub(super) fn tell_group(child: &mut Child, signal: Signal) {
    let name = match signal {
        Signal::Interrupt => "INT",
        Signal::Terminate => "TERM",
        Signal::Kill => "KILL",
    };
    // The shell's own `kill`: the system's call is an unsafe one here.
    let line = format!("kill -s {name} -- -{} 2>/dev/null", child.id());
    let _ = Command::new("sh").args(["-c", &line]).status();
}

/// Tells a child something: here there is no group, and it can only be ended.
#[cfg(windows)]
pub(super) fn tell_group(child: &mut Child, _signal: Signal) {
    let _ = Command::new("taskkill").args(["/T", "/F", "/PID", &child.id().to_string()]).output();
    let _ = child.kill();
}

/// A text as one word of a line for the shell.
#[cfg(not(windows))]
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=,@%+".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A text as one word of a line for `cmd`.
#[cfg(windows)]
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:\\=,@+".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The words of this process's command line as they would be typed again, without `--json`.
pub(super) fn this_command(program: &str) -> String {
    let arguments = std::env::args().skip(1).filter(|word| word != "--json" && word != "--quiet" && word != "-q");
    std::iter::once(program.to_owned()).chain(arguments.map(|word| quoted(&word))).collect::<Vec<_>>().join(" ")
}
