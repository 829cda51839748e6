//! What may be typed after `submit` and `gather`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::{duration, values};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette submit slurm -- train --recipe epochs-10 --runs 5 > epochs-10.sh\n\
        \x20\x20imagenette submit slurm --out sweep.sh --now -- sweep m128 --set optimizer.learning_rate=0.02,0.04\n\
        \x20\x20imagenette submit kubernetes -- compare epochs-5 --set model.activation=silu --max-runs 8\n\
        \x20\x20imagenette submit slurm --jobs 32 -- make imagenette --from ImageNet/\n\n\
        Each run is a job: a seed of train --runs, a seed of a sweep's point, a seed of one side of a comparison, a \
        shard of make. A job that is interrupted (exit status 33) is tried again and goes on from its checkpoint; one \
        that fails is not. Whoever ends last prints what all say together. docs/running-at-scale.md has what each \
        engine needs.")]
pub(crate) struct Submit {
    /// Who runs the jobs
    #[arg(value_enum)]
    pub(crate) engine: Engine,
    /// File for the jobs [default: stdout]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Submit them too: runs sbatch, sky or kubectl
    #[arg(long)]
    pub(crate) now: bool,
    /// Number of shards of make
    #[arg(long, value_name = "N", value_parser = values::whole::<u32>(1..=100_000))]
    pub(crate) jobs: Option<u32>,
    /// Jobs that run at once, at most
    #[arg(long, value_name = "N", value_parser = values::whole::<u32>(1..=100_000))]
    pub(crate) at_once: Option<u32>,
    /// Cores of each job
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = values::whole::<u16>(1..=1024))]
    pub(crate) cores: u16,
    /// Memory of each job in GiB [default: by the recipe]
    #[arg(long, value_name = "GIB", value_parser = values::whole::<u32>(1..=100_000))]
    pub(crate) memory: Option<u32>,
    /// Time of each job, for example 90m or 4h [default: by the recipe, on cores with AVX2]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) time: Option<Duration>,
    /// The program on the machines of the jobs [default: its name; with skypilot this very file, which is sent]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) program: Option<String>,
    /// With kubernetes: the image
    #[arg(long, default_value = "imagenette:0.1")]
    pub(crate) image: String,
    /// With kubernetes: the claim of the volume that all jobs share
    #[arg(long, value_name = "NAME", default_value = "imagenette-runs")]
    pub(crate) claim: String,
    /// With skypilot: the bucket that all jobs share
    #[arg(long, value_name = "NAME", default_value = "imagenette-runs")]
    pub(crate) bucket: String,
    /// With skypilot: take a spot machine of this type (`imagenette prices` lists them); may be repeated
    #[arg(long, value_name = "TYPE")]
    pub(crate) machine: Vec<String>,
    /// The command whose runs are spread
    #[arg(last = true, required = true, value_name = "train|sweep|compare|make …", allow_hyphen_values = true)]
    pub(crate) command: Vec<OsString>,
}

/// Who runs jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// A job array, for sbatch
    Slurm,
    /// Managed jobs on spot machines, for sky
    Skypilot,
    /// An indexed job, for kubectl
    Kubernetes,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:  imagenette gather machine-1/runs machine-2/runs --out runs/all\n\n\
        A run keeps its path below the folder that is named. Each is checked as `imagenette check` does without the \
        photos, and again where it was copied; one that fails, or has not ended, is named and left out. Nothing is \
        overwritten: the same run twice is one, another run at the same place is refused.\n\
        Exit status: 0 all that ended is there, 1 something was refused.")]
pub(crate) struct Gather {
    /// Folders in which runs lie
    #[arg(required = true, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
    /// Folder for all of them
    #[arg(short, long, value_name = "RUNS", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
