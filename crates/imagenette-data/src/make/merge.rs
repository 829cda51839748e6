//! The shards of many machines go in and are checked photo by photo, the datasets that one machine would have made
//! come out.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::job::{Made, MergeJob};
use super::join::{Complete, Joined};
use super::journal::{Entry, PartHeader, read_complete, verified};
use super::membership::{Membership, member_paths};
use super::noise::NoisyLabels;
use super::reader::shard_of;
use super::target::Target;
use crate::error::{DataError, Result};
use crate::folders::create_folder;
use crate::lock::wait_for;
use crate::watch::Watch;

/// Joins the shards in a folder (`NAME.parts`) into datasets. All of them must be there, complete, of the same spec
/// and without common photos, and every photo must have the hash that its shard states.
///
/// # Errors
/// As [`make`](super::make()). What is missing or damaged is named, and the shard to run again.
pub fn merge(parts: &Path, job: &MergeJob, watch: &dyn Watch) -> Result<Made> {
    let folders = shard_folders(parts)?;
    let first = read_complete(&folders[0])?;
    let of = first.0.shard.1;
    let lacking: Vec<String> = (1..=of)
        .filter(|number| !parts.join(format!("{number}-of-{of}")).is_dir())
        .map(|number| format!("{number}/{of}"))
        .collect();
    if !lacking.is_empty() || folders.len() != of as usize {
        return Err(DataError::malformed(
            parts,
            format!("{of} shards"),
            if lacking.is_empty() {
                format!("{} folders", folders.len())
            } else {
                format!("no {}", lacking.join(", "))
            },
            "make the shards that are missing with --shard, then merge again",
        ));
    }
    let members = job.members.as_deref().map(member_paths).transpose()?;
    let noise = job.noise_from.as_deref().map(NoisyLabels::read).transpose()?;
    let expected = PartHeader::new(first.0.spec.clone(), (1, of), String::new(), members.as_deref());
    let spec = first.0.spec.clone();
    let membership = Membership::of(&spec, members.as_deref())?;
    let out = job.out.clone().unwrap_or_else(|| parts.parent().map_or_else(|| PathBuf::from("."), Path::to_owned));
    let target = Target { spec: &spec, out: &out, form: job.form, force: job.force };
    create_folder(&out)?;
    let locks = target.lock(watch)?;
    let missing = target.missing(watch)?;
    if missing.is_empty() {
        drop(locks);
        return target.all_there(watch);
    }
    let mut complete = Vec::with_capacity(folders.len());
    for number in 1..=of {
        let folder = parts.join(format!("{number}-of-{of}"));
        // A shard must not be read while it is being made again.
        let _part_lock = wait_for(&folder, "merge", &spec.name, watch)?;
        let (header, entries, done) = read_complete(&folder)?;
        if !header.fits(&expected) || header.shard.0 != number {
            return Err(DataError::malformed(
                &folder,
                "shards with the same spec and list of members",
                "another spec or list",
                "make this shard again with --force; --merge needs the same --members as the shards",
            ));
        }
        if let Some(stray) = entries.iter().find(|entry| shard_of(&entry.wnid, original_name(entry), of) != number) {
            return Err(DataError::malformed(
                &folder,
                format!("the photos of shard {number}"),
                &stray.source,
                "make this shard again with --force",
            ));
        }
        let count = entries.len();
        let entries = verified(&folder, entries, watch)?;
        if entries.len() != count {
            return Err(DataError::malformed(
                &folder,
                format!("{count} photos as they were made"),
                format!("{} missing or changed", count - entries.len()),
                format!("run `--shard {number}/{of}` again: it makes these photos again"),
            ));
        }
        complete.push(Complete { folder, header, entries, done });
    }
    let joined = Joined::of(&complete, &membership, true)?;
    joined.check()?;
    let made = target.finish(&joined, &missing, noise.as_ref(), watch)?;
    target.remove_work()?;
    Ok(Made::Datasets(made, Some(joined.summary)))
}

/// The name of a photo before it got the extension of a JPEG.
fn original_name(entry: &Entry) -> &str {
    let stem = entry.name.strip_suffix(".JPEG").unwrap_or(&entry.name);
    if crate::file_name::is_photo(stem) { stem } else { &entry.name }
}

fn shard_folders(parts: &Path) -> Result<Vec<PathBuf>> {
    let missing = || DataError::Missing {
        what: "shards",
        path: parts.to_owned(),
        hint: "name the folder NAME.parts that `make --shard` made".into(),
    };
    let entries = match fs::read_dir(parts) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing()),
        entries => entries.map_err(DataError::io("list", parts))?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(DataError::io("list", parts))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Hidden ones are locks.
        if name.contains("-of-") && !name.starts_with('.') {
            folders.push(entry.path());
        }
    }
    folders.sort();
    if folders.is_empty() { Err(missing()) } else { Ok(folders) }
}
