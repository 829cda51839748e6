//! `show`: a contact sheet of samples, of a class, or of the batch that a network would see first.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use imagenette_data::DataError;
use imagenette_data::class::Class;
use imagenette_data::contact_sheet::{Cell, Row, contact_sheet, fitted};
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::image::{self, Pixels};
use imagenette_data::packed::Packed;
use imagenette_data::random::{Purpose, Random};
use imagenette_files::nearest::nearest;
use imagenette_results::run_folder::RECORD_FILE;
use imagenette_train::Recipe;

use crate::Program;
use crate::cli::Show;
use crate::datasets::{self, Choice};
use crate::first_batch::{first_batch, first_samples, labels, pictures};
use crate::numbers::{counted, thousands};
use crate::out_file::OutFile;
use crate::prepared::Preparation;
use crate::scored::no_split;
use crate::subject::{Judged, Subject};
use crate::terminal::{Refusal, Terminal, print};

/// Side of a picture on the sheet, in pixels.
const CELL_PX: u32 = 160;
const COLUMNS: u32 = 10;

/// What is shown.
enum Shown {
    /// Samples as they are in the dataset: of every class, or of one.
    Samples { label: Option<u16> },
    /// The first training batch of a recipe.
    Batch { recipe: Box<Recipe> },
}

pub(crate) fn run(arguments: &Show, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    let out = OutFile::of_kind(&arguments.out, "png")?;
    let (rows, columns) = match &arguments.dataset {
        Some(run) if arguments.mistakes => (mistakes(arguments, Path::new(run), &preparation, terminal)?, COLUMNS),
        Some(run) if Path::new(run).join(RECORD_FILE).is_file() => {
            return Err(Refusal::usage(
                format!("{run}: expected a dataset, found a run"),
                "`--mistakes` shows the photos that it is wrong about",
            ));
        }
        named => of_dataset(arguments, named.as_deref(), &preparation, terminal)?,
    };
    let sheet = contact_sheet(&rows, columns, CELL_PX);
    out.write(&image::encode_png(&sheet))?;
    if std::io::stdout().is_terminal() && terminal.is_drawn() {
        show_in_terminal(sheet);
    }
    print(&arguments.out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Pictures in a line, where the pictures of so many classes come in turn: each class has columns of its own.
fn columns(classes: usize) -> u32 {
    let classes = classes as u32;
    if (1..=COLUMNS).contains(&classes) { COLUMNS / classes * classes } else { COLUMNS }
}

fn of_dataset(
    arguments: &Show,
    named: Option<&str>,
    preparation: &Preparation<'_>,
    terminal: &Terminal,
) -> anyhow::Result<(Vec<Row>, u32)> {
    let choice = Choice::of(named, &preparation.store)?;
    // An unknown class or recipe is refused before anything is drawn or packed.
    let shown = match &arguments.augmented {
        Some(recipe) => Shown::Batch { recipe: Box::new(preparation.recipe(recipe, &[])?) },
        None => Shown::Samples { label: arguments.class.as_ref().map(|class| label(class, &choice)).transpose()? },
    };
    let dataset = choice.bring(&preparation.store, terminal)?;
    match shown {
        Shown::Samples { label } => {
            let classes = if label.is_some() { 1 } else { dataset.manifest.classes.len() };
            Ok((samples(arguments, label, &dataset)?, columns(classes)))
        }
        Shown::Batch { recipe } => Ok((augmented(arguments, &recipe, &dataset, preparation, terminal)?, COLUMNS)),
    }
}

/// A row: the most confident mistakes of a run, each with what it said and what it is.
fn mistakes(
    arguments: &Show,
    run: &Path,
    preparation: &Preparation<'_>,
    terminal: &Terminal,
) -> anyhow::Result<Vec<Row>> {
    let subject = Subject::read(run, preparation, terminal)?;
    let Some(dataset) = &subject.dataset else {
        let missing = subject.missing.iter().find(|missing| missing.starts_with("photos")).cloned().unwrap_or_default();
        return Err(Refusal::error(
            format!("{}: its photos are not here: {missing}", run.display()),
            "`imagenette get` brings a dataset",
        ));
    };
    if subject.judged.is_empty() {
        return Err(Refusal::error(
            format!("{}: the run has no predictions", run.display()),
            "`imagenette eval RUN --out predictions.csv` makes them again",
        ));
    }
    let wrong = subject.mistakes();
    let percent = |likely: f32| if likely > 0.0 { format!(" {:.0}%", 100.0 * likely) } else { String::new() };
    let cell = |photo: &&Judged| {
        let (given, truth) = (subject.class(photo.given), subject.class(photo.truth));
        let label = format!("{given}{}\nis {truth}", percent(photo.sureness()));
        // A photo that is gone leaves its place empty rather than the sheet unmade.
        let gone = || Pixels { width_px: 1, height_px: 1, rgb: vec![230; 3] };
        Cell { picture: fitted(&datasets::photo_at(dataset, &photo.sample).unwrap_or_else(gone), CELL_PX), label }
    };
    let cells: Vec<Cell> = wrong.iter().take(arguments.count as usize).map(cell).collect();
    let caption = format!(
        "{}: {} of {} {} are wrong{}",
        subject.name(),
        thousands(wrong.len() as u64),
        thousands(subject.judged.len() as u64),
        subject.photos(),
        if cells.len() < wrong.len() { "; the surest first" } else { "" }
    );
    Ok(vec![Row { caption, cells }])
}

/// A row of samples as they are in the dataset: of one class, or a picture of each class in turn.
fn samples(arguments: &Show, label: Option<u16>, dataset: &Dataset) -> anyhow::Result<Vec<Row>> {
    let manifest = &dataset.manifest;
    let labels: Vec<u16> = label.map_or_else(|| (0..manifest.classes.len() as u16).collect(), |label| vec![label]);
    let split = Split::from(arguments.split);
    let of_split = manifest.samples(split);
    if of_split.is_empty() {
        return Err(no_split(manifest, split));
    }
    let shuffled = |label: &u16| {
        let mut samples: Vec<u32> =
            of_split.iter().copied().filter(|sample| manifest.images[*sample as usize].label == Some(*label)).collect();
        Random::new(arguments.seed, Purpose::Order, 0, u32::from(*label)).shuffle(&mut samples);
        (*label, samples)
    };
    let of_classes: Vec<(u16, Vec<u32>)> = labels.iter().map(shuffled).collect();
    let most = of_classes.iter().map(|(_, samples)| samples.len()).max().unwrap_or(0);
    let in_turn = (0..most).flat_map(|turn| {
        of_classes.iter().filter_map(move |(label, samples)| samples.get(turn).map(|sample| (*label, *sample)))
    });
    let name = |label: u16| manifest.classes[usize::from(label)].name.clone();
    let cell = |(of, sample): (u16, u32)| {
        let label = if label.is_some() { String::new() } else { name(of) };
        Ok(Cell { picture: fitted(&datasets::photo(dataset, sample)?, CELL_PX), label })
    };
    let cells = in_turn.take(arguments.count as usize).map(cell).collect::<anyhow::Result<Vec<Cell>>>()?;
    let photos = counted(cells.len() as u64, &format!("{} photo", split.name()));
    let caption = match label {
        Some(label) => format!("{}: {photos} of {}", manifest.name, name(label)),
        None => format!("{}: {photos}", manifest.name),
    };
    Ok(vec![Row { caption, cells }])
}

/// One row: the first training batch of a recipe, cropped, flipped, changed, erased and mixed as it would be, each
/// sample behind the photo that it was made from.
fn augmented(
    arguments: &Show,
    recipe: &Recipe,
    dataset: &Dataset,
    preparation: &Preparation<'_>,
    terminal: &Terminal,
) -> anyhow::Result<Vec<Row>> {
    // Two places each; of one there is no pair to show.
    let count = (arguments.count as usize).div_ceil(2);
    let whole =
        Packed::open(&Packed::path_in(&preparation.store.packed_folder(), &dataset.manifest), &dataset.manifest);
    let passing = datasets::passing_folder(&preparation.store)?;
    let packed = match whole {
        Ok(whole) => Arc::new(whole),
        // What is not packed yet need not be for some pictures.
        Err(DataError::Missing { .. }) => {
            let (samples, _) = first_samples(recipe, dataset, (arguments.seed, count))?;
            let threads = preparation.machine.threads;
            Arc::new(Packed::of_some(dataset, &samples, passing.path(), threads, terminal)?)
        }
        // One that is damaged is packed again.
        Err(_) => preparation.pixels(dataset)?,
    };
    terminal.finish();
    let batch = first_batch(recipe, dataset, packed, preparation.parts(), (arguments.seed, count))?;
    let caption = format!(
        "{}, {} px, seed {}: photos, and right of each what the network sees",
        recipe.name, batch.resolution_px, arguments.seed
    );
    let taught = labels(&batch, &dataset.manifest.classes);
    let mut cells = Vec::new();
    for ((seen, label), &sample) in pictures(&batch).into_iter().zip(taught).zip(&batch.samples) {
        let name = |label: u16| dataset.manifest.classes[usize::from(label)].name.clone();
        let photo = &dataset.manifest.images[sample as usize];
        let class = photo.label.map_or_else(String::new, name);
        cells.push(Cell { picture: fitted(&datasets::photo(dataset, sample)?, CELL_PX), label: class });
        cells.push(Cell { picture: seen, label });
    }
    Ok(vec![Row { caption, cells }])
}

/// The label of a class that is named by its name, its WordNet id or its label.
fn label(typed: &str, choice: &Choice) -> anyhow::Result<u16> {
    let classes = choice.classes();
    let wanted = typed.to_lowercase();
    let is_wanted = |(label, class): &(u16, &Class)| {
        class.wnid == wanted || class.name.to_lowercase() == wanted || label.to_string() == wanted
    };
    if let Some((label, _)) = (0..).zip(&classes).find(is_wanted) {
        return Ok(label);
    }
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let hint = match nearest(typed, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the classes are: {}", names.join(", ")),
    };
    Err(Refusal::error(format!("{} has no class `{typed}`", choice.name()), hint))
}

/// Whether the terminal says in its environment that it shows pictures. It is not asked: one that does not answer
/// would keep the program waiting for ever.
fn shows_pictures() -> bool {
    let is = |name: &str, known: &[&str]| {
        std::env::var(name).is_ok_and(|value| known.iter().any(|known| value.to_lowercase().contains(known)))
    };
    std::env::var_os("KITTY_WINDOW_ID").is_some()
        || is("TERM", &["kitty", "ghostty", "sixel", "mlterm", "foot"])
        || is("TERM_PROGRAM", &["iterm", "wezterm", "ghostty", "mintty"])
}

/// Shows a picture where the terminal knows kitty's, iTerm's or the sixel protocol, and nothing elsewhere: blocks of
/// color would show a sheet of small pictures badly. What counts is that the picture was written, so failures are
/// silent.
fn show_in_terminal(sheet: Pixels) {
    if shows_pictures()
        && let Some(picture) = ::image::RgbImage::from_raw(sheet.width_px, sheet.height_px, sheet.rgb)
    {
        let config = viuer::Config { absolute_offset: false, ..Default::default() };
        let _ = viuer::print(&picture.into(), &config);
    }
}
