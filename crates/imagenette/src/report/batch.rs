//! A training batch as the network sees it, each sample beside the photo that it was made from, with its labels.

use std::fmt::Write;

use imagenette_train::Recipe;

use super::pictures;
use crate::first_batch::{first_batch, labels, pictures};
use crate::page::escaped;
use crate::prepared::Preparation;
use crate::subject::Subject;
use crate::terminal::Terminal;

/// Samples that are shown.
const SAMPLES: usize = 12;

/// The section of a page.
///
/// # Errors
/// When the pixels cannot be read, or the user interrupts.
pub(super) fn section(
    page: &mut String,
    subject: &Subject,
    preparation: &Preparation<'_>,
    terminal: &Terminal,
) -> anyhow::Result<()> {
    let Some(dataset) = &subject.dataset else { return Ok(()) };
    // A recipe of a part that this program does not have, or of an older spelling, is shown as text alone.
    let text = toml::to_string(&subject.run.recipe).unwrap_or_default();
    let Ok(recipe) = Recipe::from_toml_with(&text, &[], preparation.parts()) else { return Ok(()) };
    let seed = subject.run.record.seed;
    let packed = preparation.pixels(dataset)?;
    terminal.finish();
    let batch = first_batch(&recipe, dataset, packed, preparation.parts(), (seed, SAMPLES))?;
    let _ = writeln!(
        page,
        "<h2>What the network sees</h2>\n<p class=\"soft\">The first samples of the first epoch at {} px, each beside the \
         photo that it was made from: cropped, mirrored, and what else the recipe does.</p>\n<div class=\"photos\">",
        batch.resolution_px
    );
    let labels = labels(&batch, &subject.classes);
    for ((seen, label), &sample) in pictures(&batch).iter().zip(&labels).zip(&batch.samples) {
        let path = dataset.manifest.relative_path(&dataset.manifest.images[sample as usize]);
        page.push_str("<figure>");
        if let Some(photo) = pictures::photo(dataset, &path) {
            let _ = write!(page, "<img alt=\"the photo\" src=\"{photo}\">");
        }
        let _ = write!(page, "<img alt=\"what the network sees\" src=\"{}\">", pictures::jpeg(&pictures::fitted(seen)));
        let _ = writeln!(page, "<figcaption>{}</figcaption></figure>", escaped(label));
    }
    page.push_str("</div>\n");
    Ok(())
}
