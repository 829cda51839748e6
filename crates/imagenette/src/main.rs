//! The program `imagenette`: the library's command line under its own name.

use std::process::ExitCode;

use imagenette::Program;

fn main() -> ExitCode {
    let program = Program::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    imagenette::run(program.at_commit(imagenette::COMMIT))
}
