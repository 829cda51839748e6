//! Randomness without state: every number follows from (seed, purpose, epoch, sample) and its position.
//!
//! Streams that differ in any of the four are independent, so a batch is the same whichever thread makes it and
//! wherever a run is resumed.
//!
//! # Source
//! Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

/// What a stream of random numbers is for. Never renumber: the numbers are part of the meaning of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// The order of samples in an epoch.
    Order = 1,
    /// Crops and flips of a training sample.
    Augment = 2,
    /// Initial weights; `sample` counts the parameters.
    Initialization = 3,
    /// The pictures of the drawn set.
    Drawn = 4,
    /// The photos from which the whitened stem is computed.
    Whitening = 5,
    /// Anything that the network draws while training, such as dropout.
    Network = 6,
    /// Test inputs.
    Test = 7,
    /// Which photos of a made dataset are for training and which for validation.
    Split = 8,
    /// Labels that are made wrong on purpose.
    Noise = 9,
    /// The order of photos in the shards of an export.
    Export = 10,
    /// The photos that are held out from the train split; `sample` is the label.
    HoldOut = 11,
    /// How the samples of a batch are mixed; `sample` is the place in the epoch where the batch begins.
    Mix = 12,
    /// What is erased from a training sample.
    Erase = 13,
    /// Which branches a step skips.
    Depth = 14,
    /// The order of a class's photos where classes are drawn equally often; `epoch` is the pass, `sample` the label.
    Balance = 15,
    /// The order of photos that are learned from without labels; `epoch` is the pass.
    Unlabeled = 16,
    /// The operations of a strong augmentation.
    Strong = 17,
    /// SimCLR's distortion of colors.
    SimClr = 18,
    /// Where a square is cut out of a training sample.
    Cutout = 19,
    /// How long to wait before another attempt at a download.
    Backoff = 100,
}

/// What all that is random of one showing of a sample is keyed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleKey {
    /// The seed of the run.
    pub seed: u64,
    /// The epoch, or the pass where samples can be drawn several times in an epoch.
    pub epoch: u32,
    /// The sample's number in the manifest.
    pub sample: u32,
    /// Which of several views of the sample in one epoch, from 0; at most [`SampleKey::LARGEST_VIEW`].
    pub view: u32,
}

impl SampleKey {
    /// The largest number of a view.
    pub const LARGEST_VIEW: u32 = 255;

    /// The key of the first view.
    pub fn new(seed: u64, epoch: u32, sample: u32) -> Self {
        Self { seed, epoch, sample, view: 0 }
    }

    /// The stream for a purpose, from its beginning.
    pub fn random(self, purpose: Purpose) -> Random {
        Random::new(self.seed, purpose, self.epoch, self.sample).of_view(self.view)
    }

    /// The stream of an own part by its name.
    pub fn own(self, name: &str) -> Random {
        Random::own(self.seed, name, self.epoch, self.sample).of_view(self.view)
    }
}

/// A stream of random numbers keyed by (seed, purpose, epoch, sample).
#[derive(Debug, Clone)]
pub struct Random {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Random {
    /// The stream with this key, from its beginning.
    pub fn new(seed: u64, purpose: Purpose, epoch: u32, sample: u32) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, purpose as u32, epoch, sample],
            block: [0; 4],
            used: 4,
        }
    }

    /// The stream of an own part by its name. Such streams have purposes of their own, from 2³¹ on, which follow from the
    /// name.
    pub fn own(seed: u64, name: &str, epoch: u32, sample: u32) -> Self {
        // FNV-1a: a name must give the same number everywhere and for ever.
        let hash = name.bytes().fold(0x811C_9DC5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Self { counter: [0, hash | 1 << 31, epoch, sample], ..Self::new(seed, Purpose::Test, epoch, sample) }
    }

    /// This stream for another view of the sample. Each view has 2²⁴ blocks of the counter to itself, of four numbers each.
    fn of_view(mut self, view: u32) -> Self {
        self.counter[0] = view << 24;
        self
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        let (high, low) = (u64::from(self.next_u32() >> 5), u64::from(self.next_u32() >> 6));
        ((high << 26) | low) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform in 0..n, without bias.
    ///
    /// # Panics
    /// When `n` is zero.
    pub fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "a choice needs at least one candidate");
        // Lemire's multiply-shift, rejecting the few values that would favor small results.
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(n);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Standard normal (Box-Muller; `libm`, so that every platform computes the same bits).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// Puts the items into random order, each order being equally likely (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

fn philox(mut c: [u32; 4], mut k: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let p0 = u64::from(c[0]) * 0xD251_1F53;
        let p1 = u64::from(c[2]) * 0xCD9E_8D57;
        c = [(p1 >> 32) as u32 ^ c[1] ^ k[0], p1 as u32, (p0 >> 32) as u32 ^ c[3] ^ k[1], p0 as u32];
        k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_answers() {
        // Known-answer tests of the Random123 distribution.
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }

    #[test]
    fn similar_keys_give_unrelated_streams() {
        let first = |seed, epoch, sample| Random::new(seed, Purpose::Augment, epoch, sample).next_u32();
        let values = [first(0, 0, 0), first(1, 0, 0), first(0, 1, 0), first(0, 0, 1)];
        for (i, a) in values.iter().enumerate() {
            for b in &values[i + 1..] {
                assert!((a ^ b).count_ones() > 6, "{values:x?}");
            }
        }
    }

    #[test]
    fn views_of_a_sample_have_streams_of_their_own_and_the_first_is_the_plain_one() {
        let key = SampleKey::new(3, 1, 2);
        let numbers = |view| -> Vec<u32> {
            let mut random = SampleKey { view, ..key }.random(Purpose::Strong);
            (0..50).map(|_| random.next_u32()).collect()
        };
        let mut plain = Random::new(3, Purpose::Strong, 1, 2);
        assert!(numbers(0).iter().all(|number| *number == plain.next_u32()));
        let mut all: Vec<u32> = [0, 1, 2, SampleKey::LARGEST_VIEW].into_iter().flat_map(numbers).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 200);
        assert_ne!(key.own("mine").next_u32(), SampleKey { view: 1, ..key }.own("mine").next_u32());
    }

    #[test]
    fn own_parts_have_streams_of_their_own_by_name() {
        let first = |name, sample| Random::own(7, name, 1, sample).next_u32();
        let shipped = Random::new(7, Purpose::Augment, 1, 2).next_u32();
        let mut values = vec![first("posterize", 2), first("solarize", 2), first("posterize", 3), shipped];
        assert_eq!(values[0], first("posterize", 2));
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), 4);
    }

    #[test]
    fn uniform_and_normal_numbers_have_the_right_moments() {
        let mut random = Random::new(42, Purpose::Test, 0, 0);
        let n = 100_000;
        let mean = (0..n).map(|_| random.uniform()).sum::<f64>() / f64::from(n);
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        let normals: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = normals.iter().sum::<f64>() / f64::from(n);
        let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..1000).collect();
        Random::new(1, Purpose::Order, 0, 0).shuffle(&mut items);
        assert_ne!(items, (0..1000).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
    }
}
