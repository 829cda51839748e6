//! `show`: a contact sheet of samples, of a class, or of the batch that a network would see first.

use std::io::IsTerminal;
use std::process::ExitCode;

use imagenette_data::class::Class;
use imagenette_data::contact_sheet::{Row, contact_sheet};
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::image::{self, Pixels};
use imagenette_data::random::{Purpose, Random};
use imagenette_data::store::Store;
use imagenette_files::input;
use imagenette_files::nearest::nearest;
use imagenette_train::Recipe;

use crate::cli::Show;
use crate::datasets::{self, Choice};
use crate::first_batch::{first_batch, pictures};
use crate::out_file::OutFile;
use crate::scored::no_split;
use crate::terminal::{Refusal, Terminal, print};
use crate::{Program, machine, recipes};

/// Side of a picture on the sheet, in pixels.
const CELL_PX: u32 = 112;
const COLUMNS: u32 = 10;

/// What is shown.
enum Shown {
    /// Samples as they are in the dataset: of every class, or of one.
    Samples { label: Option<u16> },
    /// The first training batch of a recipe.
    Batch { recipe: Box<Recipe> },
}

pub(crate) fn run(arguments: &Show, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let store = Store::open_default()?;
    let out = OutFile::of_kind(&arguments.out, "png")?;
    let choice = Choice::of(arguments.dataset.as_deref(), &store)?;
    // An unknown class or recipe is refused before anything is drawn or packed.
    let shown = match &arguments.augmented {
        Some(recipe) => Shown::Batch { recipe: Box::new(recipes::read(recipe, &[], program.parts())?) },
        None => Shown::Samples { label: arguments.class.as_ref().map(|class| label(class, &choice)).transpose()? },
    };
    let dataset = choice.bring(&store, terminal)?;
    let rows = match shown {
        Shown::Samples { label } => samples(arguments, label, &dataset)?,
        Shown::Batch { recipe } => augmented((arguments, program), &recipe, &dataset, &store, terminal)?,
    };
    let columns = if rows.len() == 1 { COLUMNS } else { (arguments.count / rows.len() as u32).clamp(1, COLUMNS) };
    let sheet = contact_sheet(&rows, columns, CELL_PX);
    out.write(&image::encode_png(&sheet))?;
    if std::io::stdout().is_terminal() && terminal.is_drawn() {
        show_in_terminal(sheet);
    }
    print(&arguments.out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Rows of samples as they are in the dataset: a row for each class, or many pictures of one.
fn samples(arguments: &Show, label: Option<u16>, dataset: &Dataset) -> anyhow::Result<Vec<Row>> {
    let manifest = &dataset.manifest;
    let labels: Vec<u16> = label.map_or_else(|| (0..manifest.classes.len() as u16).collect(), |label| vec![label]);
    // As many pictures as were asked for: the first classes have one more where they do not divide evenly.
    let (each, more) = (arguments.count as usize / labels.len(), arguments.count as usize % labels.len());
    let split = Split::from(arguments.split);
    let of_split = manifest.samples(split);
    if of_split.is_empty() {
        return Err(no_split(manifest, split));
    }
    let mut rows = Vec::new();
    for (place, label) in labels.into_iter().enumerate() {
        let count = each + usize::from(place < more);
        if count == 0 {
            break;
        }
        let mut samples: Vec<u32> =
            of_split.iter().copied().filter(|sample| manifest.images[*sample as usize].label == Some(label)).collect();
        Random::new(arguments.seed, Purpose::Order, 0, u32::from(label)).shuffle(&mut samples);
        let pictures = samples.iter().take(count).map(|sample| {
            let path = dataset.path_of(*sample);
            let bytes = input::read(&path, input::PHOTO_BYTES)?;
            let mut pixels = Pixels::default();
            image::decode_turned(&bytes, &path, manifest.images[*sample as usize].turned, &mut pixels)?;
            Ok(pixels)
        });
        let name = &manifest.classes[usize::from(label)].name;
        rows.push(Row { caption: name.clone(), pictures: pictures.collect::<anyhow::Result<_>>()? });
    }
    Ok(rows)
}

/// One row: the first training batch of a recipe, cropped, flipped, erased and mixed as it would be.
fn augmented(
    (arguments, program): (&Show, &Program),
    recipe: &Recipe,
    dataset: &Dataset,
    store: &Store,
    terminal: &Terminal,
) -> anyhow::Result<Vec<Row>> {
    let packed = datasets::pixels(dataset, &store.packed_folder(), machine::threads(None), terminal)?;
    let batch = first_batch(recipe, dataset, packed, program.parts(), (arguments.seed, arguments.count as usize))?;
    let resolution_px = batch.resolution_px;
    let caption = format!("{}, {resolution_px} px, seed {}", recipe.name, arguments.seed);
    Ok(vec![Row { caption, pictures: pictures(&batch) }])
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

/// Shows a picture where the terminal knows kitty's, iTerm's or the sixel protocol, and nothing elsewhere: blocks of
/// color would show a sheet of small pictures badly. What counts is that the picture was written, so failures are
/// silent.
fn show_in_terminal(sheet: Pixels) {
    let able = viuer::get_kitty_support() != viuer::KittySupport::None
        || viuer::is_iterm_supported()
        || viuer::is_sixel_supported();
    if able && let Some(picture) = ::image::RgbImage::from_raw(sheet.width_px, sheet.height_px, sheet.rgb) {
        let config = viuer::Config { absolute_offset: false, ..Default::default() };
        let _ = viuer::print(&picture.into(), &config);
    }
}
