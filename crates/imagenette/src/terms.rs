//! ImageNet's terms, said once for each store.

use imagenette_data::edition::Edition;
use imagenette_data::manifest::Manifest;
use imagenette_data::store::Store;

use crate::terminal::Terminal;

/// The file that remembers that the terms were shown.
const SHOWN_FILE: &str = "terms-shown";
const TERMS: &str = "These photos are part of ImageNet and subject to its terms: for non-commercial research and \
                     education only; the photographers keep their rights. https://image-net.org/download";

/// Says the terms when photos of ImageNet first come into a store.
pub(crate) fn say_once(store: &Store, manifest: &Manifest, terminal: &Terminal) {
    if matches!(manifest.edition, Edition::Drawn | Edition::Own) {
        return;
    }
    let shown = store.root().join(SHOWN_FILE);
    if !shown.exists() {
        terminal.say(TERMS);
        // In a store that cannot be written to they are shown again, which harms nobody.
        let _ = std::fs::write(shown, TERMS);
    }
}
