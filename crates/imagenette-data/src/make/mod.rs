//! The maker: a copy of ImageNet and a spec go in, datasets come out, the same bytes each time and with any number of
//! threads.
//!
//! The path of the photos: [`spec`] says what to make, `membership` from which photos; [`original`] finds them in any
//! copy; `produce` reads the copy once and makes them into a `part`, a folder with a journal that survives any
//! interruption; `join` turns one part, or the shards of many machines, into finished datasets.

mod archived;
pub(crate) mod budget;
mod job;
mod join;
mod journal;
mod membership;
mod merge;
pub mod noise;
pub mod original;
mod part;
mod produce;
mod reader;
mod render;
pub mod spec;
mod summary;
mod target;

use std::path::Path;

pub use crate::manifest::{SPEC_FILE, SUMMARY_FILE};
pub use job::{Form, Made, MadeDataset, MakeJob, MergeJob, parts_folder};
pub use journal::Status;
pub use merge::merge;
pub use summary::{Summary, SummaryLine};

use crate::error::{DataError, Result};
use crate::folders::create_folder;
use crate::make::original::Original;
use crate::watch::Watch;
use join::{Complete, Joined};
use journal::PartHeader;
use membership::{Membership, member_paths};
use noise::NoisyLabels;
use part::Part;
use produce::{Production, produce};
use target::Target;

/// Makes datasets, or one shard of them. Finished datasets are verified; unfinished ones continue.
///
/// # Errors
/// When the spec makes no sense, when the copy lacks something or is damaged, when something else has the place of a
/// dataset, when the disk is full or read-only, or when the caller interrupts. What was made so far is kept for the
/// same command.
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
    // Checked before anything is written: what is finished in a read-only folder can be used.
    let missing = target.missing(watch)?;
    if missing.is_empty() {
        return target.all_there(watch);
    }
    let noise = job.noise_from.as_deref().map(NoisyLabels::read).transpose()?;
    create_folder(&job.out)?;
    let locks = target.lock(watch)?;
    // The holder before may have made it meanwhile.
    let missing = target.missing(watch)?;
    if missing.is_empty() {
        drop(locks);
        return target.all_there(watch);
    }
    let folder = target.work().join("part");
    let part = make_part(job, &membership, members.as_deref(), &folder, (1, 1), watch)?;
    let complete = [Complete {
        folder: folder.clone(),
        header: part.header.clone(),
        entries: part.entries.clone(),
        done: part.done.clone().expect("a part that was made is complete"),
    }];
    let joined = Joined::of(&complete, &membership, false)?;
    // After mending the copy, people run the same command, which must read it again.
    joined.check().inspect_err(|_| part.reopen())?;
    let made = target.finish(&joined, &missing, noise.as_ref(), watch)?;
    drop(part);
    target.remove_work()?;
    Ok(Made::Datasets(made, Some(joined.summary)))
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
    // The copy is listed first: a wrong path leaves nothing behind.
    let original = Original::open(&job.from, &wants_class, watch)?;
    let list = match &job.val_list {
        Some(path) => Some(crate::make::original::read_list(path)?),
        None => original.list.clone(),
    };
    let header = PartHeader::new(job.spec.clone(), shard, original.name.clone(), members);
    let mut part = Part::open(folder, header, job.force, watch)?;
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
