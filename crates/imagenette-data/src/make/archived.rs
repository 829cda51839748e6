//! A dataset as one archive, whose bytes follow from the photos alone: names in order, no times, no owners.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use imagenette_files::atomic;

use super::join::Joined;
use super::noise::NoisyLabels;
use super::spec::Size;
use crate::error::{DataError, Result};
use crate::manifest::Manifest;
use crate::watch::{Unit, Watch};

impl Joined<'_> {
    /// Writes a size as an archive, whose bytes follow from the photos alone: names in order, no times, no owners.
    pub(crate) fn archive(
        &self,
        file: &Path,
        gzip: bool,
        size: Size,
        noise: Option<&NoisyLabels>,
        watch: &dyn Watch,
    ) -> Result<Manifest> {
        let manifest = self.manifest(size, file)?;
        let folder = file.parent().expect("the path was made by joining a name to a folder");
        let tables = atomic::UnfinishedFolder::begin(folder)?;
        self.write_tables(tables.path(), &manifest, noise)?;
        manifest.write(tables.path())?;
        watch.begin(&format!("writing {}", file.display()), Some(self.placed.len() as u64), Unit::Photos);
        atomic::write(file, |out| {
            if gzip {
                // Photos hardly compress: the fastest level costs least.
                let mut encoder = flate2::GzBuilder::new().mtime(0).write(out, flate2::Compression::fast());
                self.write_tar(&mut encoder, file, tables.path(), &manifest, size, watch)
                    .and_then(|()| encoder.finish().map(drop).map_err(DataError::io("write", file)))
            } else {
                self.write_tar(out, file, tables.path(), &manifest, size, watch)
            }
        })?;
        Ok(manifest)
    }

    fn write_tar(
        &self,
        out: &mut dyn Write,
        archive: &Path,
        tables: &Path,
        manifest: &Manifest,
        size: Size,
        watch: &dyn Watch,
    ) -> Result<()> {
        let mut builder = tar::Builder::new(out);
        let mut append = |path: String, from: &Path| -> Result<()> {
            let file = File::open(from).map_err(DataError::io("open", from))?;
            let length = file.metadata().map_err(DataError::io("read", from))?.len();
            let mut header = tar::Header::new_ustar();
            header.set_size(length);
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_entry_type(tar::EntryType::Regular);
            builder.append_data(&mut header, path, file).map_err(DataError::io("write", archive))
        };
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(tables).map_err(DataError::io("list", tables))? {
            names.push(entry.map_err(DataError::io("list", tables))?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        names.iter().try_for_each(|name| append(format!("{}/{name}", manifest.name), &tables.join(name)))?;
        for placed in &self.placed {
            if watch.interrupted() {
                return Err(DataError::Interrupted);
            }
            append(format!("{}/{}", manifest.name, placed.place.relative()), &placed.path(size))?;
            watch.advance(1);
        }
        builder.finish().map_err(DataError::io("write", archive))
    }
}
