//! The maker: a copy of ImageNet and a spec go in, datasets come out, the same bytes each time and with any number of
//! threads.
//!
//! The way, top to bottom: [`spec`] says what to make; `membership` which photos; `produce` reads the copy once and makes
//! them into a `part`, a folder with a journal that outlives any interruption; `join` puts one part, or the shards of many
//! machines, into finished datasets.

pub(crate) mod budget;
mod join;
mod membership;
pub mod noise;
mod part;
mod produce;
mod render;
pub mod spec;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use join::{SPEC_FILE, SUMMARY_FILE, Summary, SummaryLine};
pub use part::Status;

use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::manifest::Manifest;
use crate::source::lock::NameLock;
use crate::source::original::Original;
use crate::watch::Watch;
use join::{Complete, Joined, was_made_with};
use membership::{Membership, member_paths};
use noise::NoisyLabels;
use part::{Part, PartHeader, read_complete, verified};
use produce::{Production, produce};
use spec::{Size, Spec};

/// What a dataset is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A folder with its manifest.
    Folder,
    /// A tar.
    Tar,
    /// A compressed tar, as the official archives are.
    Tgz,
}

/// A making.
#[derive(Debug, Clone)]
pub struct MakeJob {
    /// What to make.
    pub spec: Spec,
    /// The copy: folders, tars, parquet files.
    pub from: Vec<PathBuf>,
    /// The classes of validation photos, where the copy has no list of them.
    pub val_list: Option<PathBuf>,
    /// A list of members that stands for the shipped one: a text, a dataset's folder, an archive.
    pub members: Option<PathBuf>,
    /// A table of noisy labels to put beside the photos.
    pub noise_from: Option<PathBuf>,
    /// The folder in which the datasets come to lie, each under its name.
    pub out: PathBuf,
    /// What they are written as.
    pub form: Form,
    /// Make only this shard, counted from 1, of so many.
    pub shard: Option<(u32, u32)>,
    /// End at the first photo that cannot be used.
    pub strict: bool,
    /// Replace what is there, and begin anew what is unfinished.
    pub force: bool,
    /// Threads that decode and encode.
    pub threads: usize,
}

/// What a making left.
#[derive(Debug)]
pub enum Made {
    /// Finished datasets, and what became of the photos; no summary when all of them were there before.
    Datasets(Vec<MadeDataset>, Option<Summary>),
    /// A shard: its folder, how many photos it made and how many files it could not use.
    Shard {
        /// Where it lies.
        folder: PathBuf,
        /// Photos in it.
        photos: usize,
        /// Photos and members that cannot be used.
        skipped: usize,
    },
}

/// A finished dataset.
#[derive(Debug)]
pub struct MadeDataset {
    /// Its folder or archive.
    pub path: PathBuf,
    /// What is in it; for an archive that was there before, nothing is known.
    pub manifest: Option<Manifest>,
    /// Whether it was there before.
    pub was_there: bool,
}

/// Makes datasets, or one shard of them. What is finished is looked at, not made again; what is unfinished is gone on with.
///
/// # Errors
/// When the spec makes no sense, when the copy lacks what is needed or is damaged, when something else is at a dataset's
/// place, when the disk is full or read-only, when the caller interrupts. What was made so far is kept for the same command.
pub fn make(job: &MakeJob, watch: &dyn Watch) -> Result<Made> {
    let spec = &job.spec;
    spec.validate()?;
    let members = job.members.as_deref().map(member_paths).transpose()?;
    let membership = Membership::of(spec, members.as_deref())?;
    let target = Target { spec, out: &job.out, form: job.form, force: job.force };
    if let Some((number, of)) = job.shard {
        if !(1..=10_000).contains(&of) || !(1..=of).contains(&number) {
            return Err(DataError::Setting {
                key: "shard".into(),
                expected: "i/n with i from 1 to n, n at most 10,000".into(),
                found: format!("{number}/{of}"),
                hint: "for example --shard 3/8".into(),
            });
        }
        let folder = parts_folder(&job.out, spec).join(format!("{number}-of-{of}"));
        let part = make_part(job, &membership, members.as_deref(), &folder, (number, of), watch)?;
        let done = part.done.as_ref().expect("a part that was made is complete");
        return Ok(Made::Shard { folder: folder.clone(), photos: done.photos, skipped: done.troubles.len() });
    }
    // Looked at before anything is written: what is finished in a read-only place can be used.
    let missing = target.missing(watch)?;
    if missing.is_empty() {
        return target.all_there();
    }
    let noise = job.noise_from.as_deref().map(read_noise).transpose()?;
    create_folder(&job.out)?;
    let _lock = NameLock::acquire_file(&job.out.join(format!(".making-{}.lock", spec.name)), &spec.name, watch)?;
    // Whoever held the lock before has perhaps made it meanwhile.
    let missing = target.missing(watch)?;
    if missing.is_empty() {
        return target.all_there();
    }
    let work = job.out.join(format!(".making-{}", spec.name));
    let folder = work.join("part");
    let part = make_part(job, &membership, members.as_deref(), &folder, (1, 1), watch)?;
    let complete = [Complete {
        folder: folder.clone(),
        header: part.header.clone(),
        entries: part.entries.clone(),
        done: part.done.clone().expect("a part that was made is complete"),
    }];
    let joined = Joined::of(&complete, &membership, false)?;
    let made = target.finish(&joined, &work, &missing, noise.as_ref(), watch)?;
    drop(part);
    remove_folder(&work)?;
    Ok(Made::Datasets(made, Some(joined.summary)))
}

/// Joins the shards in a folder (`NAME.parts`) into datasets: all of them must be there and complete, of one spec, without
/// common photos, and every photo must hash to what its shard says.
///
/// # Errors
/// As [`make`]; what is missing or damaged is named, with the shard to run again.
pub fn merge(parts: &Path, job: &MergeJob, watch: &dyn Watch) -> Result<Made> {
    let folders = shard_folders(parts)?;
    let first = read_complete(&folders[0])?;
    let of = first.0.shard.1;
    let lacking: Vec<String> = (1..=of)
        .filter(|number| !parts.join(format!("{number}-of-{of}")).is_dir())
        .map(|number| format!("{number}/{of}"))
        .collect();
    if !lacking.is_empty() || folders.len() != of as usize {
        return Err(DataError::Malformed {
            path: parts.to_owned(),
            expected: format!("{of} shards"),
            found: if lacking.is_empty() {
                format!("{} folders", folders.len())
            } else {
                format!("no {}", lacking.join(", "))
            },
            hint: "make the shards that are missing with --shard, then merge again".into(),
        });
    }
    let members = job.members.as_deref().map(member_paths).transpose()?;
    let noise = job.noise_from.as_deref().map(read_noise).transpose()?;
    let expected = PartHeader::new(first.0.spec.clone(), (1, of), String::new(), members.as_deref());
    let spec = first.0.spec.clone();
    let membership = Membership::of(&spec, members.as_deref())?;
    let out = job.out.clone().unwrap_or_else(|| parts.parent().map_or_else(|| PathBuf::from("."), Path::to_owned));
    let target = Target { spec: &spec, out: &out, form: job.form, force: job.force };
    create_folder(&out)?;
    let _lock = NameLock::acquire_file(&out.join(format!(".making-{}.lock", spec.name)), &spec.name, watch)?;
    let missing = target.missing(watch)?;
    if missing.is_empty() {
        return target.all_there();
    }
    let mut complete = Vec::with_capacity(folders.len());
    for number in 1..=of {
        let folder = parts.join(format!("{number}-of-{of}"));
        // A shard that is being made again must not be read meanwhile.
        let _part_lock = NameLock::acquire_file(&folder.join("lock"), &spec.name, watch)?;
        let (header, entries, done) = read_complete(&folder)?;
        if !header.fits(&expected) || header.shard.0 != number {
            return Err(DataError::Malformed {
                path: folder,
                expected: "shards of one spec and one list of members".into(),
                found: "another spec or list".into(),
                hint: "make this shard again with --force; give --members to --merge as to the shards".into(),
            });
        }
        if let Some(stray) =
            entries.iter().find(|entry| produce::shard_of(&entry.wnid, original_name(entry), of) != number)
        {
            return Err(DataError::Malformed {
                path: folder,
                expected: format!("the photos of shard {number}"),
                found: stray.source.clone(),
                hint: "make this shard again with --force".into(),
            });
        }
        let count = entries.len();
        let entries = verified(&folder, entries, watch)?;
        if entries.len() != count {
            return Err(DataError::Malformed {
                path: folder,
                expected: format!("{count} photos as they were made"),
                found: format!("{} that are missing or changed", count - entries.len()),
                hint: format!("run `--shard {number}/{of}` again: it makes these anew"),
            });
        }
        complete.push(Complete { folder, header, entries, done });
    }
    let joined = Joined::of(&complete, &membership, true)?;
    let work = out.join(format!(".making-{}", spec.name));
    let made = target.finish(&joined, &work, &missing, noise.as_ref(), watch)?;
    remove_folder(&work)?;
    Ok(Made::Datasets(made, Some(joined.summary)))
}

/// How shards are joined.
#[derive(Debug, Clone)]
pub struct MergeJob {
    /// As in [`MakeJob::members`]: the list that the shards were made with.
    pub members: Option<PathBuf>,
    /// As in [`MakeJob::noise_from`].
    pub noise_from: Option<PathBuf>,
    /// As in [`MakeJob::out`]; beside the shards' folder when there is none.
    pub out: Option<PathBuf>,
    /// As in [`MakeJob::form`].
    pub form: Form,
    /// As in [`MakeJob::force`].
    pub force: bool,
}

/// Where the shards of a spec lie.
pub fn parts_folder(out: &Path, spec: &Spec) -> PathBuf {
    out.join(format!("{}.parts", spec.name))
}

fn make_part(
    job: &MakeJob,
    membership: &Membership,
    members: Option<&[String]>,
    folder: &Path,
    shard: (u32, u32),
    watch: &dyn Watch,
) -> Result<Part> {
    let wants_class = |wnid: &str| membership.wants_class(&job.spec, wnid);
    // The copy is looked at first: a wrong path leaves nothing behind.
    let original = Original::open(&job.from, &wants_class, watch)?;
    let list = match &job.val_list {
        Some(path) => Some(crate::source::original::read_list(path)?),
        None => original.list.clone(),
    };
    let header = PartHeader::new(job.spec.clone(), shard, original.name.clone(), members);
    if job.force && folder.exists() {
        let path = folder.join("lock");
        let _lock = NameLock::acquire_file(&path, &job.spec.name, watch)?;
        remove_folder(folder)?;
    }
    let mut part = Part::open(folder, header, watch)?;
    let production = Production {
        spec: &job.spec,
        membership,
        original: &original,
        list: list.as_ref(),
        threads: job.threads,
        strict: job.strict,
        watch,
    };
    produce(&production, &mut part)?;
    Ok(part)
}

/// Where finished datasets come to lie.
struct Target<'a> {
    spec: &'a Spec,
    out: &'a Path,
    form: Form,
    force: bool,
}

impl Target<'_> {
    fn place(&self, size: Size) -> PathBuf {
        let name = self.spec.dataset_name(size);
        self.out.join(match self.form {
            Form::Folder => name,
            Form::Tar => format!("{name}.tar"),
            Form::Tgz => format!("{name}.tgz"),
        })
    }

    /// The sizes that are not there yet.
    fn missing(&self, watch: &dyn Watch) -> Result<Vec<Size>> {
        let mut missing = Vec::new();
        for size in &self.spec.sizes {
            let place = self.place(*size);
            if self.force || !place.exists() {
                missing.push(*size);
                continue;
            }
            if self.form != Form::Folder {
                continue;
            }
            let malformed = |found: String| DataError::Malformed {
                path: place.clone(),
                expected: "nothing, or the dataset as this command makes it".into(),
                found,
                hint: "use --force to replace it, or another name with --name".into(),
            };
            if !was_made_with(&place, self.spec) {
                return Err(malformed("something else".into()));
            }
            let report = Dataset::open(&place)?.verify(false, watch)?;
            if let Some(first) = report.problems.first() {
                return Err(malformed(format!("{} differences, the first of them {first}", report.problems.len())));
            }
        }
        Ok(missing)
    }

    fn all_there(&self) -> Result<Made> {
        let there = |size: &Size| -> Result<MadeDataset> {
            let path = self.place(*size);
            let manifest = if self.form == Form::Folder { Some(Manifest::read(&path)?) } else { None };
            Ok(MadeDataset { path, manifest, was_there: true })
        };
        Ok(Made::Datasets(self.spec.sizes.iter().map(there).collect::<Result<_>>()?, None))
    }

    fn finish(
        &self,
        joined: &Joined<'_>,
        work: &Path,
        missing: &[Size],
        noise: Option<&NoisyLabels>,
        watch: &dyn Watch,
    ) -> Result<Vec<MadeDataset>> {
        let mut made = Vec::new();
        for size in &self.spec.sizes {
            let path = self.place(*size);
            if !missing.contains(size) {
                let manifest = if self.form == Form::Folder { Some(Manifest::read(&path)?) } else { None };
                made.push(MadeDataset { path, manifest, was_there: true });
                continue;
            }
            let manifest = match self.form {
                Form::Folder => {
                    let filling = work.join("joined").join(self.spec.dataset_name(*size));
                    remove_folder(&filling)?;
                    create_folder(&filling)?;
                    let manifest = joined.fill(&filling, *size, noise, watch)?;
                    replace(&filling, &path, &work.join("replaced"))?;
                    manifest
                }
                Form::Tar | Form::Tgz => joined.archive(&path, self.form == Form::Tgz, *size, noise, watch)?,
            };
            made.push(MadeDataset { path, manifest: Some(manifest), was_there: false });
        }
        Ok(made)
    }
}

/// Renames a finished folder into place; what is there steps aside first, so that no moment has neither for long.
fn replace(from: &Path, to: &Path, aside: &Path) -> Result<()> {
    if to.exists() {
        remove_folder(aside)?;
        fs::rename(to, aside).map_err(DataError::io("rename", to))?;
    }
    fs::rename(from, to).map_err(DataError::io("rename", from))?;
    remove_folder(aside)
}

/// The name that a photo had before it got the ending of a JPEG.
fn original_name(entry: &part::Entry) -> &str {
    let stem = entry.name.strip_suffix(".JPEG").unwrap_or(&entry.name);
    if crate::source::original::address::is_photo(stem) { stem } else { &entry.name }
}

fn shard_folders(parts: &Path) -> Result<Vec<PathBuf>> {
    let missing = || DataError::Missing {
        what: "shards",
        path: parts.to_owned(),
        hint: "name the folder NAME.parts that --shard made".into(),
    };
    let entries = match fs::read_dir(parts) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing()),
        entries => entries.map_err(DataError::io("list", parts))?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(DataError::io("list", parts))?;
        if entry.file_name().to_string_lossy().contains("-of-") {
            folders.push(entry.path());
        }
    }
    folders.sort();
    if folders.is_empty() { Err(missing()) } else { Ok(folders) }
}

fn read_noise(path: &Path) -> Result<NoisyLabels> {
    let text = fs::read(path).map_err(DataError::io("read", path))?;
    NoisyLabels::parse(&text).map_err(|found| DataError::Malformed {
        path: path.to_owned(),
        expected: "a table of noisy labels".into(),
        found,
        hint: "the official ones are noisy_imagenette.csv and noisy_imagewoof.csv".into(),
    })
}

fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(DataError::io("create", path))
}

fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(DataError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
