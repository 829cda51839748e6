//! `new --torch`: a recipe in plain PyTorch as one file, to change.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use imagenette_files::{FileError, visible};

use crate::terminal::{Refusal, print};

/// The file: it is a module of the Python package too, so that whoever changes nothing runs it from there.
const STARTER: &str = include_str!("../../../../bindings/python/python/imagenette/starter.py");

pub(crate) fn run(name: &str) -> anyhow::Result<ExitCode> {
    let path = Path::new(name);
    let is_script = path.extension() == Some(OsStr::new("py")) && path.file_stem().is_some();
    if !is_script {
        let found = visible::shortened(name, 100);
        return Err(Refusal::usage(
            format!("--torch: expected the name of a file that ends in .py, found `{found}`"),
            "for example `imagenette new --torch my_idea.py`",
        ));
    }
    // Nothing of somebody else's is written over.
    let created = File::options().write(true).create_new(true).open(path);
    let mut file = match created {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let hint = "choose another name, or remove the file";
            return Err(Refusal::error(format!("{}: there is something already", path.display()), hint));
        }
        created => created.map_err(FileError::io("create", path))?,
    };
    if let Err(error) = file.write_all(STARTER.as_bytes()) {
        // It was made a moment ago, and holds nothing whole.
        let _ = std::fs::remove_file(path);
        return Err(FileError::io("write", path)(error).into());
    }
    let shown = path.display();
    print(&format!("{shown}: a recipe in PyTorch: network, optimizers, loss and loop, to change"))?;
    print("needs: pip install 'imagenette[torch]'")?;
    print(&format!("train: python {shown} --recipe epochs-10 --seed 1 --out runs/my-idea-s1"))?;
    print("judge: imagenette compare --epochs 10 --dataset imagenette2-160 \\")?;
    let options = "--recipe epochs-10 --epochs {epochs} --seed {seed} --out {out} --dataset {dataset}";
    print(&format!("         --base-command 'python -m imagenette.starter {options}' \\"))?;
    print(&format!("         --idea-command 'python {shown} {options}'"))?;
    Ok(ExitCode::SUCCESS)
}
