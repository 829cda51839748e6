//! `show`: a contact sheet of samples, of a class, or of the batch that a network would see first.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use imagenette_data::augment::Augment;
use imagenette_data::contact_sheet::{Row, contact_sheet};
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::image::{self, Pixels};
use imagenette_data::loader::{BatchRequest, Loader, View, epoch_order};
use imagenette_data::packed::Packed;
use imagenette_data::random::{Purpose, Random};
use imagenette_data::store::Store;

use crate::cli::{Show, SplitName};
use crate::datasets;
use crate::terminal::{Hint, Terminal, print};

/// Side of a picture on the sheet, in pixels.
const CELL_PX: u32 = 112;
const COLUMNS: u32 = 10;

pub(crate) fn run(arguments: &Show, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let store = Store::open_default()?;
    let dataset = match &arguments.dataset {
        Some(name) => datasets::named(name, &store)?,
        None => datasets::best_installed(&store)?.map_or_else(|| datasets::drawn(&store, terminal), Ok)?,
    };
    let rows = match &arguments.augmented {
        Some(recipe) => augmented(arguments, recipe, &dataset, &store, terminal)?,
        None => samples(arguments, &dataset)?,
    };
    let columns = if rows.len() == 1 { COLUMNS } else { (arguments.count / rows.len() as u32).clamp(1, COLUMNS) };
    let sheet = contact_sheet(&rows, columns, CELL_PX);
    let png = image::encode_png(&sheet);
    imagenette_data::atomic::write(&arguments.out, |file| {
        std::io::Write::write_all(file, &png).map_err(imagenette_data::DataError::io("write", &arguments.out))
    })?;
    if std::io::stdout().is_terminal() && terminal.is_drawn() {
        show_in_terminal(sheet);
    }
    print(&format!("{}", arguments.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Rows of samples as they lie in the dataset: one row a class, or many pictures of the class that was named.
fn samples(arguments: &Show, dataset: &Dataset) -> anyhow::Result<Vec<Row>> {
    let manifest = &dataset.manifest;
    let labels: Vec<u16> = match &arguments.class {
        Some(class) => vec![label(class, dataset)?],
        None => (0..manifest.classes.len() as u16).collect(),
    };
    let each = (arguments.count as usize / labels.len()).max(1);
    let split = if arguments.split == SplitName::Val { Split::Val } else { Split::Train };
    let of_split = manifest.samples(split);
    let mut rows = Vec::new();
    for label in labels {
        let mut samples: Vec<u32> =
            of_split.iter().copied().filter(|sample| manifest.images[*sample as usize].label == Some(label)).collect();
        Random::new(arguments.seed, Purpose::Order, 0, u32::from(label)).shuffle(&mut samples);
        let pictures = samples.iter().take(each).map(|sample| {
            let path = dataset.path_of(*sample);
            let bytes = std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
            Ok(image::decode(&bytes, &path)?.0)
        });
        let name = &manifest.classes[usize::from(label)].name;
        rows.push(Row { caption: name.clone(), pictures: pictures.collect::<anyhow::Result<_>>()? });
    }
    Ok(rows)
}

/// One row: the first training batch of a recipe, cropped and flipped, erased from and mixed.
fn augmented(
    arguments: &Show,
    recipe: &str,
    dataset: &Dataset,
    store: &Store,
    terminal: &Terminal,
) -> anyhow::Result<Vec<Row>> {
    let recipe = super::train::read_recipe(Some(recipe), &[])?;
    let packed = Packed::open_or_build(dataset, &store.packed_folder(), datasets::threads(None), terminal)?;
    terminal.finish();
    let resolution_px = recipe.resolution.px(0.0);
    let mut order = epoch_order(&dataset.manifest.samples(Split::Train), arguments.seed, 0);
    order.truncate(arguments.count as usize);
    let crop = recipe.resolution.crop(0.0).unwrap_or(recipe.augment.crop);
    let view = View::Train(Augment { crop, ..recipe.augment });
    let request = BatchRequest { epoch: 0, samples: order, resolution_px, view };
    let requests = Box::new(std::iter::once(request));
    let mut loader = Loader::new(Arc::new(packed), dataset.labels().into(), arguments.seed, 1, requests)?;
    let mut batch = loader.next().context("the loader gives one batch for one request")??;
    let (side, seed) = (resolution_px as usize, arguments.seed);
    if let Some(erase) = recipe.erase {
        let samples = batch.samples.clone();
        erase.batch(&mut batch.pixels, &samples, side, seed, 0);
    }
    if let Some(mix) = recipe.mix.filter(|mix| mix.is_on(0.0)) {
        mix.batch(&mut batch.pixels, side, (seed, 0, 0));
    }
    let picture_bytes = (resolution_px * resolution_px * 3) as usize;
    let pictures = batch.pixels.chunks_exact(picture_bytes);
    let pictures = pictures.map(|rgb| Pixels { width_px: resolution_px, height_px: resolution_px, rgb: rgb.to_vec() });
    let caption = format!("{}, {resolution_px} px, seed {}", recipe.name, arguments.seed);
    Ok(vec![Row { caption, pictures: pictures.collect() }])
}

/// The label of a class named by its name, WordNet id or label.
fn label(typed: &str, dataset: &Dataset) -> anyhow::Result<u16> {
    let classes = &dataset.manifest.classes;
    let wanted = typed.to_lowercase();
    let is_wanted = |(label, class): &(u16, &imagenette_data::class::Class)| {
        class.wnid == wanted || class.name.to_lowercase() == wanted || label.to_string() == wanted
    };
    if let Some((label, _)) = (0..).zip(classes).find(is_wanted) {
        return Ok(label);
    }
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let hint = match datasets::nearest(typed, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the classes are: {}", names.join(", ")),
    };
    Err(Hint::error(format!("{} has no class `{typed}`", dataset.manifest.name), hint))
}

/// Shows a picture where the terminal speaks kitty's, iTerm's or the sixel protocol; elsewhere nothing, since blocks of
/// colour would show a sheet of small pictures badly. That the picture was written is what counts, so failures are silent.
fn show_in_terminal(sheet: Pixels) {
    let able = viuer::get_kitty_support() != viuer::KittySupport::None
        || viuer::is_iterm_supported()
        || viuer::is_sixel_supported();
    if able && let Some(picture) = ::image::RgbImage::from_raw(sheet.width_px, sheet.height_px, sheet.rgb) {
        let config = viuer::Config { absolute_offset: false, ..Default::default() };
        let _ = viuer::print(&picture.into(), &config);
    }
}
