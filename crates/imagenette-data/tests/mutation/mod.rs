//! A fuzzer that runs on stable Rust as an ordinary test: whole inputs go in, damaged ones come out, and a target must
//! neither panic nor take long on any of them. It needs no instrumented build, so it runs with every test run.
//!
//! `IMAGENETTE_FUZZ_SECONDS` says how long each target runs (default 1), `IMAGENETTE_FUZZ_SEED` is the seed (default 0:
//! the same inputs in the same order every time). An input that fails is kept in the folder for files of tests, and
//! the message names it.
#![allow(dead_code, reason = "each test program uses its own part of this module")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// No input may take more processor time. By the clock any input is slow on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);
/// An input that takes longer than this by the clock is looked at.
const SUSPECT: Duration = Duration::from_secs(1);
/// Inputs do not grow beyond this.
const MOST_BYTES: usize = 1 << 20;

/// Runs a target on damaged inputs until the time is over; `folder` is where an input that fails is kept.
///
/// # Panics
/// When the target panics or takes too long: the message names the file with the input.
pub(crate) fn fuzz(name: &str, seeds: &[Vec<u8>], words: &[&[u8]], folder: &Path, mut target: impl FnMut(&[u8])) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<f64>().ok());
    let limit = Duration::from_secs_f64(number("IMAGENETTE_FUZZ_SECONDS").unwrap_or(1.0));
    let seed = number("IMAGENETTE_FUZZ_SEED").unwrap_or(0.0) as u64;
    let mut mutator = Mutator { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03, words };
    let began = Instant::now();
    let (mut executions, mut sampled, mut processor) = (0_u64, began, processor_time());
    // The seeds themselves come first.
    let mut whole = seeds.iter();
    while began.elapsed() < limit || executions < 2 * seeds.len() as u64 {
        let input = whole.next().cloned().unwrap_or_else(|| mutator.damaged(seeds));
        if sampled.elapsed() > SUSPECT {
            (sampled, processor) = (Instant::now(), processor_time());
        }
        let one = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
        // The time since the last sample counts too, which is at most a second.
        let is_slow = one.elapsed() > SUSPECT && processor_time().saturating_sub(processor) > LONGEST;
        if outcome.is_err() || is_slow {
            let kept = keep(folder, name, &input);
            let what = if outcome.is_err() { "panics" } else { "takes too long" };
            panic!("{name} {what} after {executions} executions on {}", kept.display());
        }
        executions += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("fuzzed {name}: {executions} executions in {seconds:.1} s ({:.0}/s)", executions as f64 / seconds);
}

/// The processor time of this thread; the clock's where the system does not tell.
fn processor_time() -> Duration {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let known = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = known.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

fn keep(folder: &Path, name: &str, input: &[u8]) -> PathBuf {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for byte in input {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    }
    let path = folder.join(format!("fuzz-{}-{hash:016x}", name.replace(' ', "-")));
    // The panic that follows names the path even if the disk is full.
    let _ = std::fs::write(&path, input);
    path
}

struct Mutator<'a> {
    state: u64,
    words: &'a [&'a [u8]],
}

impl Mutator<'_> {
    /// SplitMix64: the crates whose tests share this file have no generator in common.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn damaged(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        // Mostly a little damage, which gets far; sometimes a lot.
        let rounds = 1 << self.below(5);
        for _ in 0..1 + self.below(rounds) {
            self.damage(&mut input, seeds);
        }
        input.truncate(MOST_BYTES);
        input
    }

    fn damage(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.place(input.len());
        let length = self.length(input.len() - at);
        match self.below(12) {
            0 | 1 if at < input.len() => input[at] ^= 1 << self.below(8),
            2 if at < input.len() => input[at] = self.next() as u8,
            3 if at < input.len() => input[at] = input[at].wrapping_add((self.below(7) as u8).wrapping_sub(3)),
            // Numbers at the ends of their range, in both byte orders.
            4 | 5 => {
                let number = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF][self.below(10)];
                let bytes: [u8; 4] =
                    if self.below(2) == 0 { u32::to_be_bytes(number) } else { u32::to_le_bytes(number) };
                let width = [1, 2, 4][self.below(3)];
                let from = if bytes[0] == 0 { 4 - width } else { 0 };
                for (place, byte) in input.iter_mut().skip(at).zip(&bytes[from..from + width]) {
                    *place = *byte;
                }
            }
            6 => drop(input.drain(at..at + length)),
            7 => {
                let part = input[at..at + length].to_vec();
                let to = self.place(input.len());
                let times = 1 + self.below(8);
                input.splice(to..to, part.repeat(times));
            }
            8 => {
                let part: Vec<u8> = (0..length.min(64)).map(|_| self.next() as u8).collect();
                input.splice(at..at, part);
            }
            9 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.place(other.len());
                let part = &other[from..from + self.length(other.len() - from)];
                input.splice(at..at + length, part.iter().copied());
            }
            10 if !self.words.is_empty() => {
                let word = self.words[self.below(self.words.len())];
                let over = if self.below(2) == 0 { 0 } else { word.len().min(input.len() - at) };
                input.splice(at..at + over, word.iter().copied());
            }
            11 => input.truncate(at),
            _ => {}
        }
    }

    /// Any position, and every second time one near the beginning, where headers are.
    fn place(&mut self, length: usize) -> usize {
        let within = if self.below(2) == 0 { length.min(128) } else { length };
        self.below(within + 1)
    }

    fn length(&mut self, most: usize) -> usize {
        let within = [4, 32, 512, most][self.below(4)].min(most);
        self.below(within + 1)
    }
}
