//! Files that are complete or absent: written under a temporary name beside their place, synced, then renamed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::{DataError, Result};

/// How the names of unfinished files begin; one that lies about was left by a process that was killed.
pub const UNFINISHED: &str = ".writing-";

/// Writes a file by way of a temporary one in the same folder. When `content` fails, nothing is left behind.
///
/// # Errors
/// What `content` returns, or what the system answers to creating, syncing and renaming.
pub fn write(path: &Path, content: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    {
        // The default of 0600 would lock other users out of a shared folder; the umask still applies.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder).map_err(DataError::io("create a file in", folder))?;
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file());
    content(&mut out)?;
    out.flush().map_err(DataError::io("write", path))?;
    drop(out);
    file.as_file().sync_all().map_err(DataError::io("write", path))?;
    file.persist(path).map_err(|error| DataError::io("rename", path)(error.error))?;
    Ok(())
}
