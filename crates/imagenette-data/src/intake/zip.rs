//! A zip goes in, its photos come out. `rawzip` reads the directory and checks sizes and sums, `flate2` unpacks.

use std::fs::File;
use std::io::{self, Read};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use super::archive::{RATIO_COUNTS_FROM_BYTES, Unpacking, misnamed};
use super::layout::Layout;
use super::left_out::LeftOut;
use super::photos::Feeder;
use crate::error::{DataError, Result};
use crate::file_name::printable;
use crate::watch::Unit;

impl Unpacking<'_> {
    /// Takes in the members of a zip of so many bytes.
    pub(super) fn unzip(
        &self,
        file: File,
        total: u64,
        (layout, left_out): (&mut Layout, &mut LeftOut),
        feeder: &mut Feeder<'_>,
    ) -> Result<()> {
        let name = self.archive.file_name().unwrap_or_default().to_string_lossy();
        self.watch.begin(&format!("unpacking {name}"), Some(total), Unit::Bytes);
        let broken = |error: rawzip::Error| self.malformed(format!("a damaged or truncated zip ({error})"));
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let zip = ZipArchive::from_file(file, &mut buffer).map_err(broken)?;
        let mut entries = zip.entries(&mut buffer);
        let (mut members, mut unpacked_bytes) = (0, 0);
        while let Some(entry) = entries.next_entry().map_err(broken)? {
            if self.watch.interrupted() {
                return Err(DataError::Interrupted);
            }
            members += 1;
            let raw = entry.file_path().as_bytes().to_vec();
            // Some programs of Windows write its separator.
            let path = String::from_utf8_lossy(&raw).into_owned();
            let path = if path.contains('/') { path } else { path.replace('\\', "/") };
            if members > self.limits.members {
                return Err(self.refuse(&path, &format!("more than {} members", self.limits.members)));
            }
            if entry.mode().is_symlink() {
                return Err(self.refuse(&path, "a link"));
            }
            if entry.uncompressed_size_hint() > self.limits.member_bytes {
                let (found, limit) = (entry.uncompressed_size_hint(), self.limits.member_bytes);
                return Err(self.refuse(&path, &format!("{found} bytes, more than {limit}")));
            }
            let is_folder = entry.is_dir() || path.ends_with('/');
            let (flags, method, wayfinder) = (entry.flags(), entry.compression_method(), entry.wayfinder());
            self.watch.advance(entry.compressed_size_hint());
            if std::str::from_utf8(&raw).is_err() {
                misnamed(&path, &mut *left_out);
                continue;
            }
            self.member(&path, is_folder, (&mut *layout, &mut *left_out), feeder, |unpacking| {
                if flags.is_encrypted() {
                    return Err(unpacking.refuse(&path, "it is encrypted"));
                }
                let member = zip.get_entry(wayfinder).map_err(broken)?;
                let most = unpacking.limits.member_bytes + 1;
                let mut bytes = Vec::new();
                let read = match method {
                    CompressionMethod::STORE => {
                        member.verifying_reader(member.reader()).take(most).read_to_end(&mut bytes)
                    }
                    CompressionMethod::DEFLATE => {
                        member.verifying_reader(DeflateDecoder::new(member.reader())).take(most).read_to_end(&mut bytes)
                    }
                    other => {
                        let reason = format!("packed with method {other}; only stored and deflated members are read");
                        return Err(unpacking.refuse(&path, &reason));
                    }
                };
                read.map_err(|error| unpacking.bad_member(&path, &error))?;
                unpacked_bytes += bytes.len() as u64;
                unpacking.check_unpacked(&path, unpacked_bytes, total)?;
                Ok(bytes)
            })?;
        }
        if members != zip.entries_hint() {
            let found = format!("a damaged zip ({members} members, its end says {})", zip.entries_hint());
            return Err(self.malformed(found));
        }
        Ok(())
    }

    fn bad_member(&self, path: &str, error: &io::Error) -> DataError {
        self.malformed(format!("a damaged zip at `{}` ({error})", printable(path)))
    }

    /// Refuses what unpacks to more than any set of photos.
    fn check_unpacked(&self, path: &str, unpacked_bytes: u64, packed_bytes: u64) -> Result<()> {
        let limits = self.limits;
        if unpacked_bytes > limits.total_bytes {
            return Err(self.refuse(path, &format!("the archive unpacks to more than {} bytes", limits.total_bytes)));
        }
        if unpacked_bytes > packed_bytes.saturating_mul(limits.ratio).max(RATIO_COUNTS_FROM_BYTES) {
            return Err(self.refuse(path, &format!("the archive unpacks to more than {} times its size", limits.ratio)));
        }
        Ok(())
    }
}
