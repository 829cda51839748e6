//! Packed pixels: a dataset goes in, one memory-mapped file of its decoded photos comes out, so that photos are
//! decoded once, not in every epoch. The file is in a cache folder, is named by the manifest's identity, and can
//! always be made again.

mod build;
mod header;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::Mmap;

use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::image::Remark;
use crate::manifest::Manifest;
use crate::threads::{map, thread_count};
use crate::watch::Watch;
use header::{Header, Layout, PREAMBLE_BYTES, TRAILER};
use imagenette_files::FileError;
use imagenette_files::input;

/// The decoded photos of a dataset, mapped into memory: opening it is quick, and the system keeps in memory what it
/// can.
#[derive(Debug)]
pub struct Packed {
    path: PathBuf,
    header: Header,
    map: Mmap,
    /// Of each photo whether its pixels were compared with their checksum.
    checked: Vec<AtomicBool>,
}

/// One photo of a packed dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoView<'a> {
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// `height × width × 3` bytes: rows from top to bottom, each pixel red, green, blue.
    pub rgb: &'a [u8],
}

impl Packed {
    /// The file of a dataset in the folder of packed datasets.
    pub fn path_in(folder: &Path, manifest: &Manifest) -> PathBuf {
        folder.join(format!("{}.packed", manifest.identity()))
    }

    /// Opens a packed file and checks that it is whole and holds the photos of this manifest. Its header is compared
    /// with its checksum now, the pixels of a photo when they are first asked for: opening stays quick.
    ///
    /// # Errors
    /// [`DataError::Missing`] when there is no such file; a malformed file when it is damaged, cut short, of
    /// another version or of another dataset.
    pub fn open(path: &Path, manifest: &Manifest) -> Result<Self> {
        let (mut file, length) = input::open(path, u64::MAX).map_err(|error| match error {
            FileError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => DataError::Missing {
                what: "packed dataset",
                path: path.to_owned(),
                hint: "training makes it when it is needed".into(),
            },
            error => error.into(),
        })?;
        let malformed = |(expected, found): (String, String)| {
            DataError::malformed(path, expected, found, "delete the file; it is made again when it is needed")
        };
        let layout = Layout::of(manifest);
        let mut bytes = Vec::new();
        (&mut file)
            .take(PREAMBLE_BYTES as u64 + layout.index_bytes())
            .read_to_end(&mut bytes)
            .map_err(DataError::io("read", path))?;
        let header = Header::decode(&bytes, &layout).map_err(malformed)?;
        if length != layout.total_bytes {
            return Err(malformed((format!("{} bytes", layout.total_bytes), format!("{length}"))));
        }
        // SAFETY: this program writes the file under another name, renames it, and never changes or truncates it
        // afterward. The owner of the cache folder is asked not to do so either.
        #[expect(unsafe_code, reason = "a memory map is the only way to read gigabytes of pixels without copying them")]
        let map = unsafe { Mmap::map(&file) }.map_err(DataError::io("map", path))?;
        if map.len() as u64 != length || !map.ends_with(&TRAILER) {
            return Err(malformed(("a file that ends as it was written".into(), "another ending".into())));
        }
        let checked = header.places.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Self { path: path.to_owned(), header, map, checked })
    }

    /// Opens the packed file of this dataset in `folder`. Where there is none, or one that is no longer of use,
    /// `threads` threads make it first. When two processes do so at once, one waits for the other.
    ///
    /// # Errors
    /// When photos cannot be read (they are counted, and up to five are named), when the disk is full or not writable,
    /// or when the caller interrupts. Nothing is left behind then.
    pub fn open_or_build(dataset: &Dataset, folder: &Path, threads: usize, watch: &dyn Watch) -> Result<Self> {
        build::open_or_build(dataset, folder, threads, watch)
    }

    /// A packed file in `folder` of a few photos alone, for whoever shows them and does not train: asked for another
    /// one it gives an error. Photos keep their sample numbers, so that they are cropped and changed as in a whole
    /// one.
    ///
    /// # Errors
    /// When a photo cannot be decoded, or the file not be written.
    pub fn of_some(
        dataset: &Dataset,
        samples: &[u32],
        folder: &Path,
        threads: usize,
        watch: &dyn Watch,
    ) -> Result<Self> {
        build::build_part(dataset, samples, folder, threads, watch)
    }

    /// The photo of a sample.
    ///
    /// # Panics
    /// When there is no such sample.
    pub fn photo(&self, sample: u32) -> PhotoView<'_> {
        let place = self.header.places[sample as usize];
        let start = usize::try_from(place.offset).expect("the file is mapped, so its offsets fit");
        let rgb = &self.map[start..start + place.bytes() as usize];
        PhotoView { width_px: place.width_px, height_px: place.height_px, rgb }
    }

    /// The photo of a sample, whose pixels are compared with their checksum when they are first asked for.
    ///
    /// # Errors
    /// When they are others: a disk or somebody changed the file.
    ///
    /// # Panics
    /// When there is no such sample.
    pub fn checked_photo(&self, sample: u32) -> Result<PhotoView<'_>> {
        let (photo, is_checked) = (self.photo(sample), &self.checked[sample as usize]);
        if is_checked.load(Ordering::Relaxed) {
            return Ok(photo);
        }
        let (expected, found) = (self.header.places[sample as usize].checksum, crc32fast::hash(photo.rgb));
        if expected != found {
            return Err(DataError::malformed(
                &self.path,
                format!("pixels of photo {sample} with the checksum {expected:08x}"),
                format!("{found:08x}: the file was changed since it was packed"),
                "delete the file; it is made again when it is needed",
            ));
        }
        is_checked.store(true, Ordering::Relaxed);
        Ok(photo)
    }

    /// The samples whose pixels are not those that were packed, on all cores.
    ///
    /// # Errors
    /// When the caller interrupts.
    pub fn damaged(&self, watch: &dyn Watch) -> Result<Vec<u32>> {
        let samples: Vec<u32> = (0..self.len() as u32).collect();
        let is_damaged = |(): &mut (), sample: &u32| self.checked_photo(*sample).is_err();
        let damaged = map(&samples, thread_count(), watch, is_damaged)?;
        Ok(samples.into_iter().zip(damaged).filter(|(_, is_damaged)| *is_damaged).map(|(sample, _)| sample).collect())
    }

    /// How many photos there are.
    pub fn len(&self) -> usize {
        self.header.places.len()
    }

    /// Whether there are no photos.
    pub fn is_empty(&self) -> bool {
        self.header.places.is_empty()
    }

    /// The remarks on a photo when it was decoded.
    ///
    /// # Panics
    /// When there is no such sample.
    pub fn remarks(&self, sample: u32) -> Vec<Remark> {
        let bits = self.header.places[sample as usize].remarks;
        Remark::ALL.into_iter().filter(|remark| bits & remark.bit() != 0).collect()
    }

    /// The number of photos with each remark; remarks without photos are left out.
    pub fn remark_counts(&self) -> Vec<(Remark, usize)> {
        let count =
            |remark: Remark| self.header.places.iter().filter(|place| place.remarks & remark.bit() != 0).count();
        Remark::ALL.into_iter().map(|remark| (remark, count(remark))).filter(|&(_, count)| count > 0).collect()
    }

    /// The samples whose photos are damaged and were kept as far as readable.
    pub fn repairs(&self) -> Vec<u32> {
        let repaired = |sample: &u32| self.remarks(*sample).into_iter().any(Remark::is_repair);
        (0..self.len() as u32).filter(repaired).collect()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's length in bytes.
    pub fn bytes(&self) -> u64 {
        self.map.len() as u64
    }
}
