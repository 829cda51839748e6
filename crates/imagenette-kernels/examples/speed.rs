//! Times the kernels on the shapes of our networks with random numbers, and prints GFLOP/s and the share of the peak
//! that a register-only loop reaches on this machine.
//!
//! `cargo run --release -p imagenette-kernels --example speed -- [threads] [batch] [filter] [precision]`;
//! `IMAGENETTE_SIMD` forces a level, and the precision is `f32`, `bf16` or by default `both`.
#![expect(clippy::print_stdout, reason = "a program that reports")]

use cpu_time::ThreadTime;
use imagenette_kernels::optimizer::Sgd;
use imagenette_kernels::pixels::normalize_pixels;
use imagenette_kernels::{
    Activation, BatchStatistics, Bf16, Convolution, ConvolutionShape, GradientBuffers, Level, Normalization, Number,
    Pooling, PoolingShape, peak_gflops,
};
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
fn numbers<T: Number>(count: usize) -> Vec<T> {
    let number = |i: u32| i.wrapping_mul(2_654_435_761) as i32 as f32 / 2_147_483_648.0;
    (0..count as u32).map(|i| T::from_f32(number(i))).collect()
}

/// A clock's reading: on one thread its processor time, which other programs disturb less.
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

/// How long a run took.
fn seconds_of(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64()
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
    let precision = arguments.next().unwrap_or_else(|| "both".into());
    // Inside the pool, so that a single thread's clock sees the work.
    rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(|| {
        if precision != "bf16" {
            measure::<f32>(threads, batch, &filter)?;
        }
        if precision != "f32" {
            measure::<Bf16>(threads, batch, &filter)?;
        }
        Ok(())
    })
}

fn measure<T: Number>(
    threads: usize,
    batch: usize,
    filter: &str,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let level = Level::detect()?;
    let peak = peak_gflops(level, T::PRECISION, threads);
    println!("level {level}, {}, {threads} threads, batch {batch}, peak {peak:.0} GFLOP/s", T::PRECISION);
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
        let (input, weights) = (numbers::<T>(convolution.input_len()), numbers(convolution.weights_len()));
        let gradient = numbers::<T>(convolution.output_len());
        let mut output = vec![T::default(); convolution.output_len()];
        let mut input_gradient = vec![T::default(); convolution.input_len()];
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
    if filter.is_empty() || filter == "passes" {
        passes::<T>(level, threads, batch)?;
    }
    Ok(())
}

/// Passes over an image of 64 channels at 32×32 pixels: milliseconds, and the bytes that have to be read and written.
fn passes<T: Number>(
    level: Level,
    threads: usize,
    batch: usize,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let channels = 64;
    let len = batch * 32 * 32 * channels;
    let (input, gradient) = (numbers::<T>(len), numbers::<T>(len));
    let (gain, bias) = (vec![1.0; channels], vec![0.1; channels]);
    let (mut output, mut moved) = (vec![T::default(); len], vec![T::default(); len]);
    let report = |what: &str, numbers_moved: f64, seconds: f64| {
        let bytes = (size_of::<T>() * len) as f64 * numbers_moved;
        println!("{what:<44} {:>6.2} ms {:>6.1} GB/s", seconds * 1e3, bytes / seconds / 1e9);
    };
    println!("\npasses over [{batch}, 32, 32, {channels}] of {}", T::PRECISION);
    let seconds = best_of(threads, || output.copy_from_slice(&input));
    report("copy (one thread)", 2.0, seconds);
    let seconds = best_of(threads, || drop(BatchStatistics::measure(level, &input, channels)));
    report("statistics", 1.0, seconds);
    for (name, kernel) in [("3x3 convolution", 3), ("1x1 convolution", 1)] {
        let convolution = Convolution::new(ConvolutionShape {
            images: batch,
            input: [32; 2],
            input_channels: channels,
            output_channels: channels,
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [kernel / 2; 2],
        })?;
        let weights = numbers(convolution.weights_len());
        // In turn, since the difference is smaller than the changes of a shared machine's speed within a second.
        let mut seconds = [Vec::new(), Vec::new()];
        for _ in 0..40 {
            seconds[0].push(seconds_of(|| {
                convolution.forward(level, &input, &weights, &mut output);
                drop(BatchStatistics::measure(level, &output, channels));
            }));
            seconds[1].push(seconds_of(|| drop(convolution.forward_measured(level, &input, &weights, &mut output))));
        }
        let [after, within] = seconds.map(|mut seconds| {
            seconds.sort_by(f64::total_cmp);
            seconds[seconds.len() / 2]
        });
        report(&format!("{name}, then its statistics"), 3.0, after);
        report(&format!("{name} that measures as it goes"), 2.0, within);
    }
    let statistics = BatchStatistics::measure(level, &input, channels);
    for activation in Activation::ALL {
        let normalization = Normalization {
            mean: &statistics.mean,
            variance: &statistics.variance,
            gain: &gain,
            bias: &bias,
            epsilon: 1e-5,
            activation,
            curve: None,
        };
        let seconds = best_of(threads, || normalization.apply(level, &input, None, &mut output));
        report(&format!("normalize, {activation:?}"), 2.0, seconds);
        let seconds = best_of(threads, || {
            let buffers = GradientBuffers::Separate { output: &gradient, input: &mut output };
            normalization.backward(level, &input, None, buffers, None);
        });
        let kept = if matches!(activation, Activation::Identity | Activation::Relu) { 5.0 } else { 6.0 };
        report(&format!("normalize, {activation:?}, backward"), kept, seconds);
        let seconds = best_of(threads, || normalization.apply(level, &input, Some(&gradient), &mut output));
        report(&format!("normalize, residual, {activation:?}"), 3.0, seconds);
        let seconds = best_of(threads, || {
            let buffers = GradientBuffers::Separate { output: &gradient, input: &mut output };
            normalization.backward(level, &input, Some(&gradient), buffers, Some(&mut moved));
        });
        report(&format!("normalize, residual, {activation:?}, backward"), 7.0, seconds);
    }
    for (window, stride, padding) in [(2, 2, 0), (3, 2, 1)] {
        let pooling = Pooling::new(PoolingShape {
            images: batch,
            input: [32; 2],
            channels,
            window: [window; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            keep_partial: false,
        })?;
        let mut pooled = vec![T::default(); pooling.output_len()];
        let mut choices = vec![0; pooling.output_len()];
        let seconds = best_of(threads, || pooling.max(level, &input, &mut pooled, &mut choices));
        report(&format!("max-pool {window}x{window}"), 1.31, seconds);
        let seconds = best_of(threads, || pooling.max_gradient(level, &pooled, &choices, &mut output));
        report(&format!("max-pool {window}x{window} backward"), 1.31, seconds);
        let seconds = best_of(threads, || pooling.average(level, &input, &mut pooled));
        report(&format!("average-pool {window}x{window}"), 1.25, seconds);
        let seconds = best_of(threads, || pooling.average_gradient(level, &pooled, &mut output));
        report(&format!("average-pool {window}x{window} backward"), 1.25, seconds);
    }
    let sgd = Sgd { rate: 0.01, momentum: 0.9, nesterov: true, decay: 5e-4 };
    let (mut weights, mut momentum) = (vec![0.0; len], vec![0.0; len]);
    let weight_gradient = numbers::<f32>(len);
    let seconds = best_of(threads, || sgd.update(level, &mut weights, &weight_gradient, &mut momentum));
    report("SGD (f32 in either precision)", 5.0 * (4 / size_of::<T>()) as f64, seconds);
    let bytes: Vec<u8> = (0..len as u32 / 3 * 3).map(|i| i.wrapping_mul(2_654_435_761) as u8).collect();
    let seconds = best_of(threads, || normalize_pixels(&bytes, [0.5; 3], [0.25; 3], &mut moved[..bytes.len()]));
    report("bytes to numbers", 1.0 + 1.0 / size_of::<T>() as f64, seconds);
    Ok(())
}
