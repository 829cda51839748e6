//! The most that the processor could do: a loop of multiply-adds that never leaves the registers.

use crate::level::{Level, Levels, Work};
use crate::number::Precision;
use crate::simd::Simd;
use std::time::{Duration, Instant};

/// Independent sums: enough to hide the latency of a multiply-add on two units, few enough for 16 registers.
const CHAINS: usize = 12;

struct Chains {
    /// Whether to multiply pairs of `Bf16`.
    pairs: bool,
    rounds: usize,
    seed: f32,
}

impl Work for Chains {
    type Output = f32;
    const LEVELS: Levels = Levels::WithBf16;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let (factor, offset) = (s.splat(self.seed), s.splat(1.0 - self.seed));
        let mut sums = [s.splat(0.5); CHAINS];
        if self.pairs {
            for _ in 0..self.rounds {
                for sum in &mut sums {
                    *sum = s.add_pair_products(factor, offset, *sum);
                }
            }
        } else {
            for _ in 0..self.rounds {
                for sum in &mut sums {
                    *sum = s.mul_add(*sum, factor, offset);
                }
            }
        }
        let mut total = sums[0];
        for sum in &sums[1..] {
            total = s.add(total, *sum);
        }
        let mut numbers = [0.0; crate::simd::MAX_LANES];
        s.store(total, &mut numbers);
        numbers[0]
    }
}

/// Measures the multiply-adds of `level` on `threads` threads at once, in GFLOP/s (two for each multiply-add): the
/// best of several rounds, which together take about a tenth of a second. Where there is no instruction for products
/// of `Bf16`, they are widened and multiplied as f32.
#[must_use]
pub fn peak_gflops(level: Level, precision: Precision, threads: usize) -> f64 {
    let rounds = 200_000;
    let pairs = precision == Precision::Bf16 && level.has_bf16_products();
    let flop = (rounds * CHAINS * level.lanes() * if pairs { 4 } else { 2 }) as f64;
    let one_thread = || {
        let begin = Instant::now();
        let mut best = f64::INFINITY;
        while begin.elapsed() < Duration::from_millis(100) {
            let start = Instant::now();
            std::hint::black_box(level.run(Chains { pairs, rounds, seed: std::hint::black_box(0.999) }));
            best = best.min(start.elapsed().as_secs_f64());
        }
        flop / best / 1e9
    };
    std::thread::scope(|scope| {
        // Where the system gives no more threads, those that it gives are what there is to measure.
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, one_thread).ok();
        let workers: Vec<_> = (1..threads).map_while(start).collect();
        let own = one_thread();
        own + workers.into_iter().map(|worker| worker.join().expect("the loop cannot panic")).sum::<f64>()
    })
}
