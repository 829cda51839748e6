//! `make`: builds Imagenette, or anyone's own dataset, from a copy of ImageNet or a folder of class folders.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use imagenette_data::edition::Split;
use imagenette_data::make::spec::{Family, Spec, SplitRule};
use imagenette_data::make::{
    Form, Made, MadeDataset, MakeJob, MergeJob, SUMMARY_FILE, Status, Summary, make, merge, parts_folder,
};
use imagenette_data::store::Store;
use imagenette_files::input;
use imagenette_files::nearest::nearest;

use crate::cli::{FormName, Make};
use crate::numbers::{bytes, counted, thousands};
use crate::terminal::{Refusal, Terminal, print, print_json};
use crate::{machine, terms};

/// How many files the summary names on the terminal; `made.jsonl` and `--json` name them all.
const SHOWN: usize = 10;

pub(crate) fn run(arguments: &Make, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let store = Store::open_default()?;
    let made = match &arguments.merge {
        Some(parts) => merged(parts, arguments, terminal),
        None => made(arguments, &store, terminal),
    };
    terminal.finish();
    match made? {
        Made::Shard { folder, photos, skipped } => {
            if arguments.json {
                print_json(&serde_json::json!({"shard": folder, "photos": photos, "skipped": skipped}))?;
            } else {
                let (photos, skipped) = (counted(photos as u64, "photo"), thousands(skipped as u64));
                print(&format!("shard made: {photos}, {skipped} left out; in {}", folder.display()))?;
            }
        }
        Made::Datasets(datasets, summary) => {
            if let Some(manifest) = datasets.iter().find_map(|dataset| dataset.manifest.as_ref()) {
                terms::say_once(&store, manifest, terminal);
            }
            if arguments.json {
                let datasets: Vec<_> = datasets.iter().map(as_json).collect();
                print_json(&serde_json::json!({"datasets": datasets, "summary": summary}))?;
            } else {
                datasets.iter().try_for_each(|dataset| print(&as_text(dataset)))?;
                summary.as_ref().map_or(Ok(()), print_summary)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Joins the parts that several machines made.
fn merged(parts: &Path, arguments: &Make, terminal: &Terminal) -> anyhow::Result<Made> {
    let job = MergeJob {
        members: arguments.members.clone(),
        noise_from: arguments.noise_from.clone(),
        out: arguments.out.clone(),
        form: form(arguments),
        force: arguments.force,
    };
    Ok(merge(parts, &job, terminal)?)
}

/// Makes datasets, or one part of them.
fn made(arguments: &Make, store: &Store, terminal: &Terminal) -> anyhow::Result<Made> {
    let form = form(arguments);
    let spec = resolved(arguments)?;
    // An archive is meant to be taken elsewhere, so it goes to the current folder.
    let out = arguments.out.clone().unwrap_or_else(|| match form {
        Form::Folder => store.datasets_folder(),
        Form::Tar | Form::Tgz => ".".into(),
    });
    let job = MakeJob {
        spec,
        from: arguments.from.clone(),
        val_list: arguments.val_list.clone(),
        members: arguments.members.clone(),
        noise_from: arguments.noise_from.clone(),
        out,
        form,
        shard: arguments.shard,
        strict: arguments.strict,
        force: arguments.force,
        threads: machine::threads(arguments.threads),
    };
    let made = make(&job, terminal);
    terminal.finish();
    let made = made?;
    if let Made::Shard { .. } = &made {
        let parts = parts_folder(&job.out, &job.spec);
        terminal.say(&format!("once all shards are made: imagenette make --merge {}", parts.display()));
    }
    Ok(made)
}

fn form(arguments: &Make) -> Form {
    match arguments.form {
        FormName::Folder => Form::Folder,
        FormName::Tar => Form::Tar,
        FormName::Tgz => Form::Tgz,
    }
}

/// The spec that was named or described, changed by the flags.
pub(crate) fn resolved(arguments: &Make) -> anyhow::Result<Spec> {
    let what = arguments.what.as_deref();
    let is_file = what.is_some_and(|what| what.ends_with(".toml"));
    let mut spec = match (what, arguments.classes.is_empty()) {
        (Some(_), false) => {
            return Err(Refusal::error("both a dataset and --classes are given", "leave one of them out"));
        }
        (Some(file), true) if is_file => {
            let text = input::read_text(Path::new(file), input::TEXT_BYTES)
                .with_context(|| format!("failed to read the spec {file}"))?;
            Spec::from_toml(&text).with_context(|| file.to_owned())?
        }
        (Some(name), true) => Spec::of(family(name)?, arguments.split.unwrap_or(SplitRule::V2)),
        (None, false) => {
            let classes = classes(&arguments.classes)?;
            Spec::own("own".into(), classes, arguments.split.unwrap_or(SplitRule::Own))
        }
        (None, true) => {
            return Err(Refusal::error(
                "nothing to make is named",
                "for example `imagenette make imagenette --from ImageNet/`, or `--classes all` for a folder of class \
                 folders",
            ));
        }
    };
    if let Some(split) = arguments.split {
        spec.split = split;
    }
    if !arguments.sizes.is_empty() {
        spec.sizes.clone_from(&arguments.sizes);
    }
    if !arguments.noise.is_empty() {
        spec.noise.clone_from(&arguments.noise);
    }
    spec.name = arguments.name.clone().unwrap_or(spec.name);
    spec.seed = arguments.seed.unwrap_or(spec.seed);
    spec.keep_orientation |= arguments.keep_orientation;
    spec.quality = arguments.quality.unwrap_or(spec.quality);
    spec.filter = arguments.filter.map_or(spec.filter, Into::into);
    spec.subsampling = arguments.subsampling.map_or(spec.subsampling, Into::into);
    spec.validate()?;
    Ok(spec)
}

fn family(name: &str) -> anyhow::Result<Family> {
    let all = [Family::Imagenette, Family::Imagewoof, Family::Imagewang];
    let asked = name.strip_suffix('2').unwrap_or(name);
    all.into_iter().find(|family| family.name() == asked).ok_or_else(|| {
        let hint = match nearest(asked, all.iter().map(|family| family.name())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a spec is a file that ends with .toml; own classes are named with --classes".into(),
        };
        Refusal::error(format!("expected imagenette, imagewoof, imagewang or a spec, found `{name}`"), hint)
    })
}

/// The classes that were typed, or those in a file that was named.
fn classes(typed: &[String]) -> anyhow::Result<Vec<String>> {
    let [one] = typed else { return Ok(typed.to_vec()) };
    if !Path::new(one).is_file() {
        return Ok(typed.to_vec());
    }
    let text = input::read_text(Path::new(one), input::TEXT_BYTES)
        .with_context(|| format!("failed to read the classes in {one}"))?;
    // A readable name may follow the id.
    let words = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(words.filter(|word| !word.starts_with('#')).map(str::to_owned).collect())
}

fn as_json(dataset: &MadeDataset) -> serde_json::Value {
    let manifest = dataset.manifest.as_ref();
    serde_json::json!({
        "path": dataset.path, "was_there": dataset.was_there,
        "dataset": manifest.map(|manifest| &manifest.name), "edition": manifest.map(|manifest| manifest.edition),
        "size": manifest.map(|manifest| &manifest.size), "identity": manifest.map(|manifest| manifest.identity()),
        "train": manifest.map(|manifest| manifest.samples(Split::Train).len()),
        "val": manifest.map(|manifest| manifest.samples(Split::Val).len()),
        "unsup": manifest.map(|manifest| manifest.samples(Split::Unsup).len()),
    })
}

fn as_text(dataset: &MadeDataset) -> String {
    let was = if dataset.was_there { "is there already" } else { "is made" };
    let Some(manifest) = &dataset.manifest else { return format!("{} {was}", dataset.path.display()) };
    let count = |split| manifest.samples(split).len() as u64;
    let unsup = match count(Split::Unsup) {
        0 => String::new(),
        count => format!(", {} unlabelled", thousands(count)),
    };
    format!(
        "{} {was}: edition {}, size {}, {} train and {} val photos{unsup} ({}) in {}",
        manifest.name,
        manifest.edition,
        manifest.size,
        thousands(count(Split::Train)),
        thousands(count(Split::Val)),
        bytes(manifest.images.iter().map(|image| image.bytes).sum()),
        dataset.path.display()
    )
}

fn print_summary(summary: &Summary) -> anyhow::Result<()> {
    let Summary { photos, converted, repaired, noted, skipped, missing, others, files } = summary;
    let number = |count: &usize| thousands(*count as u64);
    print(&format!(
        "{} photos: {} converted, {} repaired, {} with an orientation that is not applied; {} skipped, {} missing, \
         {} other files",
        number(photos),
        number(converted),
        number(repaired),
        number(noted),
        number(skipped),
        number(missing),
        thousands(*others)
    ))?;
    // Photos that are lost come first.
    let mut files: Vec<_> = files.iter().collect();
    files.sort_by_key(|file| std::cmp::Reverse(file.status));
    let told = files.iter().filter(|file| file.status != Status::Noted).count();
    for file in files.iter().filter(|file| file.status != Status::Noted).take(SHOWN) {
        let status = match file.status {
            Status::Skipped => "skipped",
            Status::Missing => "missing",
            Status::Repaired => "repaired",
            Status::Converted => "converted",
            Status::Noted | Status::Plain => "noted",
        };
        print(&format!("  {status} {}: {}", file.source, file.reason))?;
    }
    if told > SHOWN {
        print(&format!("  … and {} more in {SUMMARY_FILE}", thousands((told - SHOWN) as u64)))?;
    }
    Ok(())
}
