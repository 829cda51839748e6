//! Times the kernels on the shapes of our networks with random numbers, and prints GFLOP/s and the share of the peak that
//! a register-only loop reaches on this machine.
//!
//! `cargo run --release -p imagenette-kernels --example speed -- [threads] [batch] [filter]`; `IMAGENETTE_SIMD` forces a level.
#![expect(clippy::print_stdout, reason = "a program that reports")]

use cpu_time::ThreadTime;
use imagenette_kernels::{Convolution, ConvolutionShape, Level, peak_gflops};
use std::time::Instant;

/// Side of the input, input channels, output channels, kernel, stride, padding.
const SHAPES: [(&str, usize, usize, usize, usize, usize, usize); 20] = [
    ("M128@64 stem", 64, 3, 48, 4, 2, 1),
    ("M128@64 group 1", 32, 48, 64, 3, 1, 1),
    ("M128@64 group 1", 16, 64, 64, 3, 1, 1),
    ("M128@64 group 2", 16, 64, 192, 3, 1, 1),
    ("M128@64 group 2", 8, 192, 192, 3, 1, 1),
    ("M128@64 group 3", 8, 192, 384, 3, 1, 1),
    ("M128@64 group 3", 4, 384, 384, 3, 1, 1),
    ("M128@64 group 4", 4, 384, 512, 3, 1, 1),
    ("M128@64 group 4", 2, 512, 512, 3, 1, 1),
    ("ResNet-18@128 stem", 128, 3, 64, 7, 2, 3),
    ("ResNet-18@128 layer 1", 32, 64, 64, 3, 1, 1),
    ("ResNet-18@128 layer 2", 32, 64, 128, 3, 2, 1),
    ("ResNet-18@128 skip 2", 32, 64, 128, 1, 2, 0),
    ("ResNet-18@128 layer 2", 16, 128, 128, 3, 1, 1),
    ("ResNet-18@128 layer 3", 16, 128, 256, 3, 2, 1),
    ("ResNet-18@128 layer 3", 8, 256, 256, 3, 1, 1),
    ("ResNet-18@128 layer 4", 8, 256, 512, 3, 2, 1),
    ("ResNet-18@128 layer 4", 4, 512, 512, 3, 1, 1),
    ("192 to 192", 16, 192, 192, 3, 1, 1),
    ("ResNet-50 1x1", 16, 256, 64, 1, 1, 0),
];

/// Evenly spread numbers between -1 and 1: not zeros, which some processors multiply faster.
fn numbers(count: usize) -> Vec<f32> {
    (0..count as u32).map(|i| i.wrapping_mul(2_654_435_761) as i32 as f32 / 2_147_483_648.0).collect()
}

/// A clock's reading: on one thread the time that this thread had the processor, so that other programs disturb less.
enum Clock {
    Thread(ThreadTime),
    Wall(Instant),
}

impl Clock {
    fn start(threads: usize) -> Self {
        if threads == 1 { Self::Thread(ThreadTime::now()) } else { Self::Wall(Instant::now()) }
    }
    fn seconds(&self) -> f64 {
        match self {
            Self::Thread(start) => start.elapsed().as_secs_f64(),
            Self::Wall(start) => start.elapsed().as_secs_f64(),
        }
    }
}

/// The best of some runs, in seconds: other programs can only make a run longer.
fn best_of(threads: usize, mut work: impl FnMut()) -> f64 {
    work();
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    for round in 0.. {
        let start = Clock::start(threads);
        work();
        best = best.min(start.seconds());
        if round >= 4 && begin.elapsed().as_secs_f64() > 0.15 {
            break;
        }
    }
    best
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let threads: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let batch: usize = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let filter = arguments.next().unwrap_or_default();
    // Inside the pool, so that a single thread's clock sees the work.
    rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(|| measure(threads, batch, &filter))
}

fn measure(threads: usize, batch: usize, filter: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let level = Level::detect()?;
    let peak = peak_gflops(level, threads);
    println!("level {level}, {threads} threads, batch {batch}, peak {peak:.0} GFLOP/s");
    println!("{:<22} {:>22}   {:>16} {:>16} {:>16}", "", "", "forward", "input gradient", "weight gradient");
    for (name, side, input_channels, output_channels, kernel, stride, padding) in SHAPES {
        let label = format!("{name} {input_channels}->{output_channels}");
        if !label.contains(filter) {
            continue;
        }
        let convolution = Convolution::new(ConvolutionShape {
            images: batch,
            input: [side; 2],
            input_channels,
            output_channels,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
        })?;
        let (input, weights) = (numbers(convolution.input_len()), numbers(convolution.weights_len()));
        let gradient = numbers(convolution.output_len());
        let mut output = vec![0.0; convolution.output_len()];
        let mut input_gradient = vec![0.0; convolution.input_len()];
        let mut weight_gradient = vec![0.0; convolution.weights_len()];
        let report = |seconds: f64| {
            let rate = convolution.flop() / seconds / 1e9;
            format!("{rate:>6.0} {:>3.0}% {:>4.1}", 100.0 * rate / peak, seconds * 1e3)
        };
        let forward = report(best_of(threads, || convolution.forward(level, &input, &weights, &mut output)));
        let for_input =
            report(best_of(threads, || convolution.input_gradient(level, &gradient, &weights, &mut input_gradient)));
        let for_weights =
            report(best_of(threads, || convolution.weight_gradient(level, &input, &gradient, &mut weight_gradient)));
        let size = format!("{input_channels}->{output_channels} {kernel}x{kernel}/{stride} @{side}");
        println!("{name:<22} {size:>22}   {forward:>16} {for_input:>16} {for_weights:>16}");
    }
    println!("columns: GFLOP/s, share of the peak, milliseconds");
    Ok(())
}
