//! A manifest and options go in, the shards with their samples come out. Their number is known before anything is
//! written, so that every file name can state it.

use super::ExportOptions;
use crate::edition::Split;
use crate::manifest::Manifest;
use crate::random::{Purpose, Random};

/// Photos that go into one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shard {
    pub(super) split: Split,
    /// Its number within the split.
    pub(super) number: usize,
    /// How many shards the split has.
    pub(super) of: usize,
    pub(super) samples: Vec<u32>,
}

/// About what a photo takes besides its own bytes: headers, label and description.
const OVERHEAD_BYTES: u64 = 1_500;

pub(super) fn plan(manifest: &Manifest, options: &ExportOptions) -> Vec<Shard> {
    let mut shards = Vec::new();
    for split in Split::ALL {
        let mut samples = manifest.samples(split);
        if let Some(seed) = options.shuffle_seed.filter(|_| matches!(split, Split::Train | Split::Unsup)) {
            Random::new(seed, Purpose::Export, 0, split as u32).shuffle(&mut samples);
        }
        let bytes = |sample: u32| manifest.images[sample as usize].bytes + OVERHEAD_BYTES;
        let total: u64 = samples.iter().map(|&sample| bytes(sample)).sum();
        // Shards of about the same size, so that the last one is not a small rest.
        let target = total.div_ceil(total.div_ceil(options.shard_bytes).max(1));
        let (mut parts, mut part, mut filled) = (Vec::new(), Vec::new(), 0);
        for sample in samples {
            if !part.is_empty() && filled + bytes(sample) > target {
                parts.push(std::mem::take(&mut part));
                filled = 0;
            }
            filled += bytes(sample);
            part.push(sample);
        }
        if !part.is_empty() {
            parts.push(part);
        }
        let of = parts.len();
        shards.extend(parts.into_iter().enumerate().map(|(number, samples)| Shard { split, number, of, samples }));
    }
    shards
}
