//! What a file name says: that it is a photo, a table or what file managers leave behind, and whether it is a name on
//! every system.

use crate::manifest::{MANIFEST_FILE, SPEC_FILE, SUMMARY_FILE};

/// Whether a file or folder is hidden (`.DS_Store`, `._a.jpg`, `.ipynb_checkpoints`) or what file managers leave
/// behind.
///
/// An archive's own manifest counts as such: whoever unpacks it writes one from the photos themselves.
pub fn is_clutter(name: &str) -> bool {
    const LEFT_BEHIND: [&str; 5] = ["Thumbs.db", "ehthumbs.db", "desktop.ini", "__MACOSX", "@eaDir"];
    name == MANIFEST_FILE || name.starts_with('.') || LEFT_BEHIND.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a file is a photo by its name: it ends in `.jpeg`, `.jpg`, `.png` or `.webp`, in any case.
///
/// # Example
/// ```
/// use imagenette_data::file_name::is_photo;
///
/// assert!(is_photo("a.b.JPG") && !is_photo(".png") && !is_photo("photo.gif"));
/// ```
pub fn is_photo(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty() && ["jpeg", "jpg", "png", "webp"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// Whether a file is one of the tables beside the splits, or one of those that `make` writes there.
pub(crate) fn is_table(name: &str) -> bool {
    [SUMMARY_FILE, SPEC_FILE].contains(&name)
        || name
            .rsplit_once('.')
            .is_some_and(|(stem, extension)| !stem.is_empty() && extension.eq_ignore_ascii_case("csv"))
}

/// Checks that a name is one on every system, since a dataset can be copied to any; the error says why it is not.
pub(crate) fn check_portable(name: &str) -> Result<(), String> {
    if let Some(c) = name.chars().find(|c| c.is_control() || "\\:*?\"<>|".contains(*c)) {
        return Err(format!("the character {c:?} is not allowed in names"));
    }
    if name.len() > 200 {
        return Err("a name longer than 200 bytes".into());
    }
    if name.ends_with(['.', ' ']) {
        return Err("a name that ends with a dot or a space".into());
    }
    Ok(())
}

/// A name as it may be shown: an archive must not send control codes to a terminal, nor a screenful.
pub(crate) fn printable(name: &str) -> String {
    let shown: String = name.chars().take(200).flat_map(char::escape_debug).collect();
    if name.chars().count() > 200 { format!("{shown}…") } else { shown }
}
