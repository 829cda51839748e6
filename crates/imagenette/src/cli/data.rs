//! The flags of the verbs that get, make, check and show datasets.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use imagenette_data::edition::Split;
use imagenette_data::intake::SplitParts;
use imagenette_data::make::spec::{Filter, Size, SplitRule, Subsampling};

use super::{MachineFlags, values};

/// Flags that make no sense with `--merge`: the parts were made with them.
const WHAT_IS_MADE: [&str; 14] = [
    "what",
    "from",
    "classes",
    "split",
    "sizes",
    "filter",
    "quality",
    "subsampling",
    "seed",
    "noise",
    "name",
    "val_list",
    "keep_orientation",
    "strict",
];
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Dataset to fetch, for example imagenette2-160 or drawn (`--list` shows all)
    #[arg(required_unless_present_any = ["from", "list"], conflicts_with_all = ["from", "list"])]
    pub(crate) dataset: Option<String>,
    /// Install a local folder or archive (.zip, .tar, .tgz, .tar.xz, .tar.bz2, .tar.zst) instead of fetching
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) from: Option<PathBuf>,
    /// Name for the dataset that --from installs [default: the file's name]
    #[arg(long, requires = "from")]
    pub(crate) name: Option<String>,
    /// Draw a val split: parts of each class for train and val, such as 90:10, for photos without one
    #[arg(long, value_name = "PARTS", requires = "from")]
    pub(crate) split: Option<SplitParts>,
    /// Use own photos as they are stored, instead of turning them upright as their EXIF says
    #[arg(long, requires = "from")]
    pub(crate) keep_orientation: bool,
    /// Refuse files and folders that are no photos of a class, instead of leaving them out
    #[arg(long, requires = "from")]
    pub(crate) strict: bool,
    /// Install the photos of this folder too, to be learned from without labels
    #[arg(long, alias = "unlabelled", value_name = "FOLDER", requires = "from", value_hint = ValueHint::DirPath)]
    pub(crate) unlabeled: Option<PathBuf>,
    /// Replace the installed dataset of this name
    #[arg(long)]
    pub(crate) force: bool,
    /// Keep the downloaded archive
    #[arg(long)]
    pub(crate) keep_archive: bool,
    /// List what can be fetched
    #[arg(long, conflicts_with = "from")]
    pub(crate) list: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette make imagenette --from ILSVRC2012_img_train.tar --from ILSVRC2012_img_val.tar\n\
        \x20\x20imagenette make --classes n02123045,n02123159 --from ImageNet/ --split 70:30 --name cats --sizes 160\n\
        \x20\x20imagenette make --classes all --from my-photos/ --split 70:30 --name mine\n\n\
        An interrupted `make` resumes with the same command. docs/making-at-scale.md shows specs and job files.")]
pub(crate) struct Make {
    /// What to make: imagenette, imagewoof, imagewang or a spec (.toml)
    #[arg(value_name = "DATASET|SPEC")]
    pub(crate) what: Option<String>,
    /// Copy of ImageNet, or folder of class folders: a folder, a .tar or .tgz, or a .parquet; may be repeated
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, required_unless_present = "merge")]
    pub(crate) from: Vec<PathBuf>,
    /// Classes to take, instead of a dataset: WordNet ids or folder names, `all`, or a file with one per line
    #[arg(long, value_name = "CLASS,…|FILE", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// Which photos become val: v1 (ImageNet's own split), v2 (Imagenette's 70/30), own (the copy's train and val) or
    /// parts such as 70:30 [default: v2; own with --classes]
    #[arg(long, value_name = "RULE")]
    pub(crate) split: Option<SplitRule>,
    /// Sizes to make: full, or the shortest side in pixels [default: full,320,160]
    #[arg(long, value_name = "SIZE,…", value_delimiter = ',')]
    pub(crate) sizes: Vec<Size>,
    /// Filter for resizing [default: lanczos]
    #[arg(long, value_enum)]
    pub(crate) filter: Option<FilterName>,
    /// JPEG quality, 1 to 100 [default: 90]
    #[arg(long, value_parser = values::whole::<u8>(1..=100))]
    pub(crate) quality: Option<u8>,
    /// How much color the JPEG files keep [default: 4:2:0]
    #[arg(long, value_enum)]
    pub(crate) subsampling: Option<SubsamplingName>,
    /// Make own photos as they are stored, instead of upright as their EXIF says
    #[arg(long)]
    pub(crate) keep_orientation: bool,
    /// Seed of a random split and of noisy labels [default: 0]
    #[arg(long, value_parser = values::at_least::<u64>(0))]
    pub(crate) seed: Option<u64>,
    /// Also write a table of noisy labels, with these percentages of them wrong: for example 1,5,25,50
    #[arg(long, value_name = "PERCENT,…", value_delimiter = ',', conflicts_with = "noise_from", value_parser = values::at_least::<u8>(0))]
    pub(crate) noise: Vec<u8>,
    /// Copy this table of noisy labels (noisy_imagenette.csv) into the dataset
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) noise_from: Option<PathBuf>,
    /// Take the photos on this list instead of the shipped one: a text file, a dataset's folder or an archive (only
    /// names are read)
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) members: Option<PathBuf>,
    /// Classes of a flat val folder: LOC_val_solution.csv, the development kit, or a file with one WordNet id per line
    /// [default: found beside the photos]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) val_list: Option<PathBuf>,
    /// Name of the dataset; each size is appended to it
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Folder for the datasets [default: the store; the current folder for archives]
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// What to write
    #[arg(long = "to", value_enum, default_value_t = FormName::Folder)]
    pub(crate) form: FormName,
    /// Make only part i of n; other machines make the rest
    #[arg(long, value_name = "i/n", value_parser = shard, conflicts_with = "merge")]
    pub(crate) shard: Option<(u32, u32)>,
    /// Join the parts in this folder (NAME.parts) and verify the result
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, conflicts_with_all = WHAT_IS_MADE)]
    pub(crate) merge: Option<PathBuf>,
    /// Stop at the first photo that cannot be used, instead of listing it in the summary
    #[arg(long)]
    pub(crate) strict: bool,
    /// Replace finished datasets, and start unfinished ones over
    #[arg(long)]
    pub(crate) force: bool,
    /// Threads for decoding and encoding [default: all cores]
    #[arg(short, long, value_parser = values::whole::<u16>(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `3/8`: part 3 of 8.
fn shard(text: &str) -> Result<(u32, u32), String> {
    let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((number, of)) if (1..=10_000).contains(&of) && (1..=of).contains(&number) => Ok((number, of)),
        _ => Err("expected i/n with i from 1 to n, for example 3/8".into()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormName {
    /// A folder with its manifest
    Folder,
    /// A tar archive
    Tar,
    /// A compressed tar archive, like the official ones
    Tgz,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FilterName {
    /// The sharper one
    Lanczos,
    /// The softer one
    Bilinear,
}

impl From<FilterName> for Filter {
    fn from(name: FilterName) -> Self {
        match name {
            FilterName::Lanczos => Self::Lanczos,
            FilterName::Bilinear => Self::Bilinear,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SubsamplingName {
    /// A quarter of it
    #[value(name = "4:2:0")]
    Quarter,
    /// Half of it
    #[value(name = "4:2:2")]
    Half,
    /// All of it
    #[value(name = "4:4:4")]
    None,
}

impl From<SubsamplingName> for Subsampling {
    fn from(name: SubsamplingName) -> Self {
        match name {
            SubsamplingName::Quarter => Self::Quarter,
            SubsamplingName::Half => Self::Half,
            SubsamplingName::None => Self::None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Dataset's name or folder [default: all that are installed]
    pub(crate) dataset: Option<String>,
    /// Hash every photo, instead of comparing only names and lengths
    #[arg(long)]
    pub(crate) deep: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Dataset's name, or any folder with train/CLASS/PHOTO and val/CLASS/PHOTO
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) dataset: String,
    /// Report to write [default: audit-DATASET.html]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Bits in which the 64-bit hashes of near duplicates may differ
    #[arg(long, value_name = "BITS", default_value_t = 10, value_parser = values::whole::<u32>(0..=16))]
    pub(crate) distance: u32,
    /// Exit with status 1 when val photos are also in train (same id, file or pixels), or when files are broken or
    /// changed
    #[arg(long)]
    pub(crate) strict: bool,
    /// Threads [default: all cores]
    #[arg(short, long, value_parser = values::whole::<u16>(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print all findings as JSON; write a report only with --out
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette export imagenette2-160 shards --to webdataset\n\
        \x20\x20imagenette export runs/default-drawn-s0 --to onnx\n\n\
        An ONNX file takes float32 photos [N, 3, R, R] of RGB in 0..1 and gives logits; its metadata has the classes and \
        how to cut a photo.")]
pub(crate) struct Export {
    /// Dataset's name or folder; with --to onnx a run's folder
    #[arg(value_name = "DATASET|RUN", value_hint = ValueHint::DirPath)]
    pub(crate) what: String,
    /// Folder to write, which must not exist yet; with --to onnx the file [default: RUN.onnx]
    #[arg(value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub(crate) out: Option<PathBuf>,
    /// Another way to say OUT
    #[arg(short, long = "out", value_name = "OUT", value_hint = ValueHint::AnyPath, conflicts_with = "out", hide = true)]
    pub(crate) out_flag: Option<PathBuf>,
    /// Tool to write for
    #[arg(long, value_enum)]
    pub(crate) to: ExportTarget,
    /// Largest size of a shard in megabytes
    #[arg(long, value_name = "MB", default_value_t = 300, value_parser = values::whole::<u64>(1..=1_000_000))]
    pub(crate) shard_size: u64,
    /// Seed of the order of the train photos
    #[arg(long, default_value_t = 0, value_parser = values::at_least::<u64>(0))]
    pub(crate) seed: u64,
    /// Keep the train photos in order, class by class
    #[arg(long, conflicts_with = "seed")]
    pub(crate) in_order: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Export {
    /// Where to write, however it was said.
    pub(crate) fn out(&self) -> Option<&Path> {
        self.out.as_deref().or(self.out_flag.as_deref())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportTarget {
    /// Tar shards: train-000000.tar, …
    Webdataset,
    /// Hugging Face's files: data/train-00000-of-000NN.parquet, …
    Parquet,
    /// A run's network, for ONNX runtimes
    Onnx,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette show imagenette2-160 --class tench\n\
        \x20\x20imagenette show --augmented epochs-5\n\
        \x20\x20imagenette show runs/default-drawn-s0 --mistakes")]
pub(crate) struct Show {
    /// Dataset's name or folder [default: the best there is]; with --mistakes a run's folder
    #[arg(value_name = "DATASET|RUN", value_hint = ValueHint::AnyPath)]
    pub(crate) dataset: Option<String>,
    /// Show the photos that a run is wrong about, those that it is surest of first, with what it said
    #[arg(long, requires = "dataset", conflicts_with_all = ["augmented", "class", "split", "seed"])]
    pub(crate) mistakes: bool,
    /// Show only this class: its name (tench), WordNet id or label
    #[arg(long)]
    pub(crate) class: Option<String>,
    /// Split to show pictures of
    #[arg(long, value_enum, default_value_t = SplitName::Train)]
    pub(crate) split: SplitName,
    /// Show what the network would see: the first training batch of this recipe, each sample beside its photo
    #[arg(long, value_name = "RECIPE", conflicts_with_all = ["class", "split"])]
    pub(crate) augmented: Option<String>,
    /// Number of pictures
    #[arg(long, default_value_t = 40, value_parser = values::whole::<u32>(1..=400))]
    pub(crate) count: u32,
    /// Seed of the choice of pictures
    #[arg(long, default_value_t = 0, value_parser = values::at_least::<u64>(0))]
    pub(crate) seed: u64,
    /// PNG file to write
    #[arg(short, long, value_name = "FILE", default_value = "contact-sheet.png", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitName {
    Train,
    Val,
    Test,
}

impl From<SplitName> for Split {
    fn from(split: SplitName) -> Self {
        match split {
            SplitName::Train => Self::Train,
            SplitName::Val => Self::Val,
            SplitName::Test => Self::Test,
        }
    }
}
