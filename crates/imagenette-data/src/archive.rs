//! The official archives: their names, addresses and hashes, so that a download can be trusted and a file recognized.
//!
//! The bytes behind some addresses changed in February 2021 (label-noise tables were added), so an archive has
//! generations, and a result can say which one it used.

use std::sync::LazyLock;

use imagenette_files::nearest::nearest;

use crate::edition::Edition;
use crate::error::{DataError, Result};

/// Where the official archives are.
pub const BASE_URL: &str = "https://s3.amazonaws.com/fast-ai-imageclas/";

/// A version of an archive: the bytes that its address served for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// When it was served: `now`, or `December 2019 to February 2021`.
    pub label: String,
    /// Its length.
    pub bytes: u64,
    /// sha256 in lower-case hexadecimal, where it is known.
    pub sha256: Option<String>,
    /// md5 in lower-case hexadecimal, where it is known; used only where the sha256 is unknown.
    pub md5: Option<String>,
}

impl Generation {
    /// Whether a file with this length and these hashes is this generation.
    pub fn fits(&self, bytes: u64, sha256: &str, md5: &str) -> bool {
        self.bytes == bytes
            && match (&self.sha256, &self.md5) {
                (Some(expected), _) => expected == sha256,
                (None, Some(expected)) => expected == md5,
                (None, None) => false,
            }
    }

    /// Its hash with the kind of hash: `sha256 64d0…`.
    pub fn hash(&self) -> String {
        match (&self.sha256, &self.md5) {
            (Some(sha256), _) => format!("sha256 {sha256}"),
            (None, Some(md5)) => format!("md5 {md5}"),
            (None, None) => "no known hash".into(),
        }
    }
}

/// An archive that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The dataset's name: `imagenette2-160`.
    pub name: String,
    /// Which photos are in it.
    pub edition: Edition,
    /// `full`, `320` or `160`.
    pub size: &'static str,
    /// Every known generation, the present one first.
    pub generations: Vec<Generation>,
}

impl Archive {
    /// The file's name: `imagenette2-160.tgz`.
    pub fn file_name(&self) -> String {
        format!("{}.tgz", self.name)
    }

    /// The official address.
    pub fn url(&self) -> String {
        format!("{BASE_URL}{}", self.file_name())
    }

    /// What records call one of its generations: `imagenette2-160.tgz (now)`.
    pub fn generation_name(&self, generation: &Generation) -> String {
        format!("{} ({})", self.file_name(), generation.label)
    }

    /// The archive of this name (`imagenette2-160`, or with `.tgz`).
    ///
    /// # Errors
    /// When no archive has this name; the hint has the nearest one.
    pub fn find(name: &str) -> Result<&'static Self> {
        let asked = name.strip_suffix(".tgz").unwrap_or(name);
        ARCHIVES.iter().find(|archive| archive.name == asked).ok_or_else(|| {
            let names: Vec<&str> = ARCHIVES.iter().map(|archive| archive.name.as_str()).collect();
            DataError::Setting {
                key: "dataset".into(),
                expected: format!("one of {}", names.join(", ")),
                found: format!("`{name}`"),
                hint: match nearest(&asked.to_lowercase(), names) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => "use `imagenette get --from FILE` for an archive or a folder of your own".into(),
                },
            }
        })
    }

    /// The archive and generation that a file is, by its length and hashes, whatever its name.
    pub fn recognize(bytes: u64, sha256: &str, md5: &str) -> Option<(&'static Self, &'static Generation)> {
        ARCHIVES.iter().find_map(|archive| {
            let generation = archive.generations.iter().find(|generation| generation.fits(bytes, sha256, md5))?;
            Some((archive, generation))
        })
    }
}

/// Every official archive.
pub fn all() -> &'static [Archive] {
    &ARCHIVES
}

fn archive(name: &str, edition: Edition, size: &'static str, generations: Vec<Generation>) -> Archive {
    Archive { name: name.into(), edition, size, generations }
}

fn generation(label: &str, bytes: u64, sha256: &str, md5: &str) -> Generation {
    let known = |hash: &str| if hash.is_empty() { None } else { Some(hash.to_owned()) };
    Generation { label: label.into(), bytes, sha256: known(sha256), md5: known(md5) }
}

const NOW: &str = "now";
/// Before the label-noise tables were added.
const FIRST: &str = "December 2019 to February 2021";

// Hashes: TensorFlow Datasets' and torchvision's registries; Imagewoof's md5s are third parties'. fastai's own md5s
// cover only the first MiB of a file and are of no use here.
static ARCHIVES: LazyLock<Vec<Archive>> = LazyLock::new(|| {
    use Edition::{ImagenetteV1, ImagenetteV2, Imagewang, ImagewoofV2};
    vec![
        archive(
            "imagenette",
            ImagenetteV1,
            "full",
            vec![generation(
                NOW,
                1_556_495_367,
                "1bd650bc16884ca88e4f0f537ed8569b1f8d7ae865d37eba8ecdd87d9cd9dcfa",
                "",
            )],
        ),
        archive(
            "imagenette-320",
            ImagenetteV1,
            "320",
            vec![generation(NOW, 341_289_752, "0e3ac85d7f3fd0a63d5e27d85c68511be9ac4dae260345b6f7434a0d4fa24b3f", "")],
        ),
        archive(
            "imagenette-160",
            ImagenetteV1,
            "160",
            vec![generation(NOW, 98_752_094, "4bacf19aa3f2454e330ac366c98ac1e470ccc6bebca8ff63ecc7f339cb2ead11", "")],
        ),
        archive(
            "imagenette2",
            ImagenetteV2,
            "full",
            vec![
                generation(
                    NOW,
                    1_557_161_267,
                    "6cbfac238434d89fe99e651496f0812ebc7a10fa62bd42d6874042bf01de4efd",
                    "fe2fc210e6bb7c5664d602c3cd71e612",
                ),
                generation(
                    FIRST,
                    1_556_914_727,
                    "de32de18a7d8df0114d5e2c3c14cafb9558e8f00441a73aa7953681ad02be49c",
                    "43b0d8047b7501984c47ae3c08110b62",
                ),
            ],
        ),
        archive(
            "imagenette2-320",
            ImagenetteV2,
            "320",
            vec![
                generation(
                    NOW,
                    341_663_724,
                    "569b4497c98db6dd29f335d1f109cf315fe127053cedf69010d047f0188e158c",
                    "3df6f0d01a2c9592104656642f5e78a3",
                ),
                generation(
                    FIRST,
                    341_553_947,
                    "5020a9130cea0348272823cb12d2db7e981c6f2afa3dce71ccd5b8013005c55e",
                    "3d9f4d75d012a679600ef8ac0c200d28",
                ),
            ],
        ),
        archive(
            "imagenette2-160",
            ImagenetteV2,
            "160",
            vec![
                generation(
                    NOW,
                    99_003_388,
                    "64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
                    "e793b78cc4c9e9a4ccc0c1155377a412",
                ),
                generation(
                    FIRST,
                    98_948_031,
                    "88daccb09b6fce93f45e6c09ddeb269cce705549e6bff322092a2a5a11489863",
                    "0edfc972b5c9817ac36517c0057f3869",
                ),
            ],
        ),
        archive(
            "imagewoof2",
            ImagewoofV2,
            "full",
            vec![generation(NOW, 1_343_715_595, "", "9aafe18bcdb1632c4249a76c458465ba")],
        ),
        archive(
            "imagewoof2-320",
            ImagewoofV2,
            "320",
            vec![generation(NOW, 328_387_740, "", "0f46d997ec2264e97609196c95897a44")],
        ),
        archive(
            "imagewoof2-160",
            ImagewoofV2,
            "160",
            vec![generation(NOW, 92_612_825, "", "3d200a7be99704a0d7509be2a9fbfe15")],
        ),
        archive(
            "imagewang",
            Imagewang,
            "full",
            vec![generation(
                NOW,
                2_900_347_689,
                "7a5ee5a0e8bd91f26d6a22cad2e2e0fa8af0b299e0130aadf6bf8f772371ecfb",
                "",
            )],
        ),
        archive(
            "imagewang-320",
            Imagewang,
            "320",
            vec![generation(NOW, 669_826_647, "fd53301c335aa46f0f4add68dd471cd0b8b66412382cc36f5f510d0a03fb4d9d", "")],
        ),
        archive(
            "imagewang-160",
            Imagewang,
            "160",
            vec![generation(NOW, 191_498_213, "a0d360f9d8159055b3bf2b8926a51d19b2f1ff98a1eef6034e4b891c59ca3f1a", "")],
        ),
    ]
});

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;

    #[test]
    fn every_archive_has_its_own_hash() {
        assert_eq!(all().len(), 12);
        let mut hashes: Vec<String> = Vec::new();
        for archive in all() {
            assert!(archive.name.starts_with(archive.edition.name()), "{}", archive.name);
            assert_eq!(archive.name.ends_with(archive.size), archive.size != "full", "{}", archive.name);
            for generation in archive.generations.iter() {
                let (sha256, md5) =
                    (generation.sha256.as_deref().unwrap_or(""), generation.md5.as_deref().unwrap_or(""));
                assert!([0, 64].contains(&sha256.len()) && [0, 32].contains(&md5.len()), "{}", archive.name);
                let found = Archive::recognize(generation.bytes, sha256, md5).expect("an archive that is listed");
                assert_eq!(found, (archive, generation));
                hashes.push(generation.hash());
            }
        }
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 15);
    }

    #[test]
    fn both_generations_of_an_address_are_known() {
        let archive = Archive::find("imagenette2-160.tgz").expect("an archive");
        assert_eq!(archive.url(), "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz");
        let names: Vec<String> = archive.generations.iter().map(|g| archive.generation_name(g)).collect();
        assert_eq!(names, ["imagenette2-160.tgz (now)", "imagenette2-160.tgz (December 2019 to February 2021)"]);
    }

    #[test]
    fn a_typo_gets_the_nearest_name() {
        for (typo, meant) in
            [("imagenete2-160", "imagenette2-160"), ("Imagewoof2", "imagewoof2"), ("imagewang-32", "imagewang-320")]
        {
            let error = Archive::find(typo).expect_err("a typo");
            assert_eq!(error.hint(), Some(format!("did you mean `{meant}`?")));
        }
        assert!(Archive::find("cifar").expect_err("unknown").hint().is_some_and(|hint| hint.contains("--from")));
    }

    #[test]
    fn a_right_hash_with_a_wrong_length_is_not_recognized() {
        let known = &all()[0].generations[0];
        let sha256 = known.sha256.as_deref().expect("a hash");
        assert!(Archive::recognize(known.bytes + 1, sha256, "").is_none());
        assert!(Archive::recognize(known.bytes, &"0".repeat(64), "").is_none());
    }
}
