//! Everything in the maker that parses bytes, on inputs that were damaged at random: an answer or a reason, soon, and
//! no name that leaves its folder.

mod mutation;
mod originals;

use std::path::Path;

use imagenette_data::Result;
use imagenette_data::make::noise::NoisyLabels;
use imagenette_data::make::original::address::Address;
use imagenette_data::make::original::{Content, ValidationList, Visitor, parquet, synsets, tar as tars};
use imagenette_data::make::spec::Spec;

fn kept() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Wants everything, and checks what it is given.
struct Careful {
    bytes: usize,
}

impl Visitor for Careful {
    fn wants_class(&self, _wnid: &str) -> bool {
        true
    }

    fn wants(&mut self, _address: &mut Address, _path: &str) -> Result<bool> {
        Ok(true)
    }

    fn photo(&mut self, address: Address, _path: &str, content: Content) -> Result<()> {
        for name in address.wnid.iter().chain([&address.file_name]) {
            assert!(!name.contains('/') && name != ".." && !name.is_empty(), "{name:?}");
        }
        let Content::Bytes(bytes) = content else { panic!("nothing here lies in a file of its own") };
        self.bytes += bytes.len();
        assert!(self.bytes < 1 << 24, "no more photos than the input can hold");
        Ok(())
    }

    fn trouble(&mut self, path: &str, reason: &str) -> Result<()> {
        assert!(!path.chars().any(char::is_control) && !reason.is_empty(), "{path:?}");
        Ok(())
    }

    fn other(&mut self) {}

    fn passed(&mut self, _container: &str, _bytes: u64) -> Result<()> {
        Ok(())
    }
}

#[test]
fn tars_in_tars() {
    let photos = originals::photos();
    let seeds = [originals::train_tar(&photos[..10]), originals::val_tar(&photos)];
    let words: [&[u8]; 8] = [
        b"../",
        b"/etc/x.JPEG",
        b"n01440764.tar",
        b"ustar\0",
        b"77777777777",
        b"././@LongLink",
        b"\0\0\0\0",
        b"\xFF\xFE",
    ];
    mutation::fuzz("maker-tar", &seeds, &words, kept(), |bytes| {
        let mut bytes = bytes.to_vec();
        // Valid checksums, so that damage gets past them; sometimes.
        if bytes.len().is_multiple_of(2) {
            for header in bytes.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
                header[148..156].fill(b' ');
                let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
                header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        tars::read(&&bytes[..], bytes.len() as u64, "a.tar", &mut Careful { bytes: 0 }).unwrap();
        tars::read_gzip(&mut &bytes[..], "a.tar", &mut Careful { bytes: 0 }).unwrap();
    });
}

#[test]
fn parquet_files() {
    let photos = originals::photos();
    let rows: Vec<_> = photos.iter().take(9).collect();
    let seeds = [originals::parquet_of(&rows)];
    // A panic of the library counts as damage of the file; its message must not fill the screen.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|location| location.file().contains("/registry/")) {
            usual(panic);
        }
    }));
    mutation::fuzz("maker-parquet", &seeds, &[b"PAR1", b"image", b"label", b"\xFF\xFF\xFF\x7F"], kept(), |bytes| {
        let bytes = bytes::Bytes::copy_from_slice(bytes);
        let _ = parquet::read(bytes, "data/train-00000-of-00001.parquet", &mut Careful { bytes: 0 }).unwrap();
    });
}

#[test]
fn validation_lists() {
    let seeds = [
        b"ImageId,PredictionString\nILSVRC2012_val_00000293,n01440764 85 1 499 272\n".to_vec(),
        b"ILSVRC2012_val_00000293.JPEG n01440764\nval/ILSVRC2012_val_00002138.JPEG 0\n".to_vec(),
    ];
    mutation::fuzz("maker-val-list", &seeds, &[b"n01440764", b"999", b"1000", b"\n", b",", b"../"], kept(), |bytes| {
        if let Ok(list) = ValidationList::parse(bytes, None) {
            assert!(!list.is_empty());
        }
    });
}

#[test]
fn development_kits() {
    let element = |kind: u32, data: &[u8]| {
        let mut bytes = [kind.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    let matrix = |class: u8, content: &[Vec<u8>]| {
        let head = [element(6, &[class, 0, 0, 0, 0, 0, 0, 0]), element(5, &[1, 0, 0, 0, 1, 0, 0, 0]), element(1, b"")];
        element(14, &[head.concat(), content.concat()].concat())
    };
    let mut names = b"ILSVRC2012_ID\0\0\0WNID".to_vec();
    names.resize(32, 0);
    let synset = [
        element(5, &[16, 0, 0, 0]),
        element(1, &names),
        matrix(11, &[element(4, &490u16.to_le_bytes())]),
        matrix(4, &[element(16, b"n01440764")]),
    ];
    let mut file = b"MATLAB 5.0 MAT-file".to_vec();
    file.resize(128, b' ');
    file.extend(matrix(2, &synset));
    assert_eq!(synsets::read(&file).unwrap()[&490], "n01440764");
    mutation::fuzz(
        "maker-meta-mat",
        &[file],
        &[b"MATLAB 5.0", b"\x0E\0\0\0", b"\x0F\0\0\0", b"WNID"],
        kept(),
        |bytes| {
            if let Ok(found) = synsets::read(bytes) {
                assert!(found.values().all(|wnid| wnid.len() == 9));
            }
        },
    );
}

#[test]
fn specs_and_tables_of_noisy_labels() {
    let spec =
        b"name = \"mine\"\nclasses = [\"all\"]\nsplit = \"70:30\"\nsizes = [\"full\", 160]\nfilter = \"lanczos\"\n"
            .to_vec();
    mutation::fuzz("maker-spec", &[spec], &[b"edition", b"\"v2\"", b"[[", b"99999999999", b"\n"], kept(), |bytes| {
        if let Ok(spec) = Spec::from_toml(&String::from_utf8_lossy(bytes)) {
            assert_eq!(Spec::from_toml(&spec.to_toml()).unwrap(), spec);
            assert!(!spec.name.contains('/'));
        }
    });
    let table =
        b"path,noisy_labels_0,noisy_labels_5,is_valid\ntrain/a/1.JPEG,a,b,False\nval/a/2.JPEG,a,a,True\n".to_vec();
    mutation::fuzz("maker-noise", &[table], &[b"True", b"False", b",", b"\n", b"noisy_labels_"], kept(), |bytes| {
        if let Ok(table) = NoisyLabels::parse(bytes) {
            assert!(table.rows.iter().all(|row| row.wnids.len() == table.levels.len()));
        }
    });
}
