//! Which program this command line belongs to: the one that ships, or one of somebody's own.

#[cfg(feature = "train")]
use std::sync::Arc;

#[cfg(feature = "train")]
use imagenette_train::parts::{Parts, Source};

/// A program's name, version and commit, as its help and the records of its runs give them.
///
/// All three are those of the program, not of this library, so the caller passes what was compiled into itself.
///
/// # Example
/// ```no_run
/// use imagenette::Program;
///
/// fn main() -> std::process::ExitCode {
///     let program = Program::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
///     // A build script may set the commit; see this crate's `build.rs`.
///     imagenette::run(program.at_commit(option_env!("IMAGENETTE_COMMIT")))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Program {
    name: &'static str,
    version: &'static str,
    commit: Option<&'static str>,
    #[cfg(feature = "train")]
    parts: Arc<Parts>,
}

/// The program of the crate that this is written in: its name, its version, and its source where its build script is
/// `imagenette_source::gather()`.
///
/// # Example
/// ```ignore
/// fn main() -> std::process::ExitCode {
///     imagenette::run(imagenette::program!().with(Parts::shipped().optimizer::<Lion>("lion")))
/// }
/// ```
#[macro_export]
macro_rules! program {
    () => {
        $crate::Program::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .of_source(include_str!(concat!(env!("OUT_DIR"), "/source.txt")))
            .at_commit($crate::COMMIT)
    };
}

impl Program {
    /// A program of this name and version, with no known commit.
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            commit: None,
            #[cfg(feature = "train")]
            parts: Arc::default(),
        }
    }

    /// The same program with parts of its own, which recipes can name; called once, after [`Program::of_source`].
    #[cfg(feature = "train")]
    #[must_use]
    pub fn with(self, parts: Parts) -> Self {
        let parts = match self.parts.source() {
            Some(source) => parts.from_source(source.clone()),
            None => parts,
        };
        Self { parts: Arc::new(parts), ..self }
    }

    /// The same program with the text of all its source files: records name its hash, and runs keep the text.
    #[cfg(feature = "train")]
    #[must_use]
    pub fn of_source(self, text: &str) -> Self {
        let source = Source { crate_name: self.name.into(), version: self.version.into(), text: text.into() };
        Self { parts: Arc::new(Parts::shipped().from_source(source)), ..self }
    }

    /// The parts that its recipes can name.
    #[cfg(feature = "train")]
    pub fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// The same program with the commit of imagenette it was built from; `None` where that is not known.
    #[must_use]
    pub fn at_commit(self, commit: Option<&'static str>) -> Self {
        Self { commit, ..self }
    }

    /// The name that is typed to start it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its version: `0.1.0`.
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// The commit of imagenette that it was built from, with `-dirty` where files were changed since.
    pub fn commit(&self) -> Option<&'static str> {
        self.commit
    }

    /// Version and commit for people: `0.1.0 (25552840a1b2)`.
    pub fn full_version(&self) -> String {
        match self.commit {
            Some(commit) => format!("{} ({commit})", self.version),
            None => self.version.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "train")]
    #[test]
    fn the_command_line_bears_the_name_and_version_of_its_program() {
        let program = Program::new("my-idea", "1.2.3").at_commit(Some("0123456789ab"));
        let mut command = crate::cli::command(&program);
        assert_eq!(command.render_version(), "my-idea 1.2.3 (0123456789ab)\n");
        assert!(command.render_help().to_string().contains("Usage: my-idea "));
        assert!(command.render_help().to_string().contains("Start here:  my-idea train"));
        for verb in command.get_subcommands_mut() {
            let help = verb.render_help().to_string();
            assert!(!help.contains("  imagenette "), "{help}");
        }
        assert_eq!(Program::new("my-idea", "1.2.3").full_version(), "1.2.3");
        command.debug_assert();
    }
}
