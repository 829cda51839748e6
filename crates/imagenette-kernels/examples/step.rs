//! One training step of the fast network "M128" by the kernels alone: forward, loss, backward and SGD on random
//! photos, without an engine around them. Prints images per second and where the time goes: the most that a trainer
//! could reach.
//!
//! `cargo run --release -p imagenette-kernels --example step -- [threads] [resolution] [batch]`
#![expect(clippy::print_stdout, reason = "a program that reports")]

use cpu_time::ThreadTime;
use imagenette_kernels::loss::cross_entropy;
use imagenette_kernels::optimizer::Sgd;
use imagenette_kernels::pixels::normalize_pixels;
use imagenette_kernels::{
    Activation, BatchStatistics, Convolution, ConvolutionShape, GlobalPooling, GradientBuffers, Level, Normalization,
    Pooling, PoolingShape, Precision, ShapeError, peak_gflops,
};
use std::collections::BTreeMap;
use std::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const WIDTHS: [usize; 4] = [64, 192, 384, 512];
const CLASSES: usize = 10;

/// Evenly spread numbers between -1 and 1.
fn numbers(count: usize) -> Vec<f32> {
    (0..count as u32).map(|i| i.wrapping_mul(2_654_435_761) as i32 as f32 / 2_147_483_648.0).collect()
}

/// A convolution, an optional pooling, and normalization with GELU.
struct Layer {
    convolution: Convolution,
    pooling: Option<Pooling>,
    weights: Vec<f32>,
    weight_gradient: Vec<f32>,
    momentum: Vec<f32>,
    gain: Vec<f32>,
    bias: Vec<f32>,
    choices: Vec<u8>,
    /// The input of the convolution, its output, and the output of the pooling.
    input: Vec<f32>,
    convolved: Vec<f32>,
    pooled: Vec<f32>,
    statistics: Option<BatchStatistics>,
}

impl Layer {
    fn new(images: usize, side: usize, channels: [usize; 2], pools: bool) -> Result<Self, ShapeError> {
        let convolution = Convolution::new(ConvolutionShape {
            images,
            input: [side; 2],
            input_channels: channels[0],
            output_channels: channels[1],
            kernel: [3; 2],
            stride: [1; 2],
            padding: [1; 2],
        })?;
        let shape = PoolingShape {
            images,
            input: [side; 2],
            channels: channels[1],
            window: [2; 2],
            stride: [2; 2],
            padding: [0; 2],
            keep_partial: false,
        };
        let pooling = if pools { Some(Pooling::new(shape)?) } else { None };
        let pooled = pooling.map_or(0, |pooling| pooling.output_len());
        let count = convolution.weights_len();
        let scale = (6.0 / (channels[0] * 9) as f32).sqrt();
        Ok(Self {
            weights: numbers(count).iter().map(|x| x * scale).collect(),
            weight_gradient: vec![0.0; count],
            momentum: vec![0.0; count],
            gain: vec![1.0; channels[1]],
            bias: vec![0.0; channels[1]],
            choices: vec![0; pooled],
            input: vec![0.0; convolution.input_len()],
            convolved: vec![0.0; convolution.output_len()],
            pooled: vec![0.0; pooled],
            statistics: None,
            convolution,
            pooling,
        })
    }

    fn normalization_input(&self) -> &[f32] {
        if self.pooling.is_some() { &self.pooled } else { &self.convolved }
    }

    fn normalization(&self) -> Normalization<'_> {
        let statistics = self.statistics.as_ref().expect("forward comes before backward");
        Normalization {
            mean: &statistics.mean,
            variance: &statistics.variance,
            gain: &self.gain,
            bias: &self.bias,
            epsilon: 1e-5,
            activation: Activation::Gelu,
            curve: None,
        }
    }
}

/// Seconds by kind of work: on one thread its processor time, which other programs disturb less.
struct Watch {
    threads: usize,
    seconds: BTreeMap<&'static str, f64>,
}

impl Watch {
    fn time<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) -> T {
        let (thread, wall) = (ThreadTime::now(), Instant::now());
        let result = work();
        let seconds = if self.threads == 1 { thread.elapsed() } else { wall.elapsed() };
        *self.seconds.entry(what).or_default() += seconds.as_secs_f64();
        result
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let threads = arguments.next().unwrap_or(Ok(1))?;
    let resolution = arguments.next().unwrap_or(Ok(64))?;
    let batch = arguments.next().unwrap_or(Ok(64))?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(|| steps(threads, resolution, batch))
}

fn steps(threads: usize, resolution: usize, batch: usize) -> Result<(), Failure> {
    let level = Level::detect()?;
    let stem = Convolution::new(ConvolutionShape {
        images: batch,
        input: [resolution; 2],
        input_channels: 3,
        output_channels: 48,
        kernel: [4; 2],
        stride: [2; 2],
        padding: [1; 2],
    })?;
    let stem_weights = numbers(stem.weights_len());
    let (mut channels, mut side) = (48, stem.output()[0]);
    let mut layers = Vec::new();
    for width in WIDTHS {
        layers.push(Layer::new(batch, side, [channels, width], true)?);
        side /= 2;
        layers.push(Layer::new(batch, side, [width, width], false)?);
        channels = width;
    }
    let global = GlobalPooling::new(batch, side * side, channels)?;
    let head = Convolution::new(ConvolutionShape {
        images: batch,
        input: [1; 2],
        input_channels: channels,
        output_channels: CLASSES,
        kernel: [1; 2],
        stride: [1; 2],
        padding: [0; 2],
    })?;
    let mut head_weights: Vec<f32> = numbers(head.weights_len()).iter().map(|x| x * 0.05).collect();
    let mut head_momentum = vec![0.0; head_weights.len()];
    let photos: Vec<u8> = (0..(stem.input_len()) as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    // The labels of the samples are the classes in turn, smoothed.
    let target = |i: usize| 0.02 + if i / CLASSES % CLASSES == i % CLASSES { 0.8 } else { 0.0 };
    let targets: Vec<f32> = (0..batch * CLASSES).map(target).collect();
    let sgd = Sgd { rate: 0.01, momentum: 0.85, nesterov: true, decay: 5e-4 };

    let mut pixels = vec![0.0; stem.input_len()];
    let mut stem_output = vec![0.0; stem.output_len()];
    let mut last = vec![0.0; global.input_len()];
    let (mut features, mut choices) = (vec![0.0; global.output_len()], vec![0; global.output_len()]);
    let mut scores = vec![0.0; batch * CLASSES];
    let mut scores_gradient = vec![0.0; batch * CLASSES];
    let mut head_gradient = vec![0.0; head_weights.len()];
    let mut features_gradient = vec![0.0; features.len()];
    let largest = layers.iter().map(|layer| layer.convolved.len().max(layer.input.len())).max().unwrap_or(0);
    let (mut gradient, mut other) = (vec![0.0; largest], vec![0.0; largest]);

    // A layer's gradients take as many operations as its forward pass; the first layer's input needs none.
    let flop: f64 = stem.flop() + layers.iter().map(|layer| 3.0 * layer.convolution.flop()).sum::<f64>()
        - layers[0].convolution.flop();
    let mut best: Option<(f64, Watch, f64)> = None;
    let begin = Instant::now();
    while best.is_none() || begin.elapsed().as_secs_f64() < 5.0 {
        let mut watch = Watch { threads, seconds: BTreeMap::new() };
        watch.time("pixels", || normalize_pixels(&photos, [0.5; 3], [0.25; 3], &mut pixels));
        watch.time("stem", || stem.forward(level, &pixels, &stem_weights, &mut stem_output));
        watch.time("stem", || Activation::Gelu.apply(level, &stem_output, &mut layers[0].input));
        for i in 0..layers.len() {
            let layer = &mut layers[i];
            watch.time("forward", || {
                layer.convolution.forward(level, &layer.input, &layer.weights, &mut layer.convolved)
            });
            if let Some(pooling) = layer.pooling {
                watch.time("pooling", || pooling.max(level, &layer.convolved, &mut layer.pooled, &mut layer.choices));
            }
            let width = layer.gain.len();
            layer.statistics = Some(
                watch.time("normalization", || BatchStatistics::measure(level, layer.normalization_input(), width)),
            );
            let (before, after) = layers.split_at_mut(i + 1);
            let output = after.first_mut().map_or(&mut last, |layer| &mut layer.input);
            let layer = &before[i];
            watch.time("normalization", || {
                layer.normalization().apply(level, layer.normalization_input(), None, output)
            });
        }
        watch.time("head and loss", || global.max(level, &last, &mut features, &mut choices));
        let loss = watch.time("head and loss", || {
            head.forward(level, &features, &head_weights, &mut scores);
            let loss = cross_entropy(&scores, &targets, CLASSES, &mut scores_gradient);
            head.weight_gradient(level, &features, &scores_gradient, &mut head_gradient);
            head.input_gradient(level, &scores_gradient, &head_weights, &mut features_gradient);
            global.max_gradient(level, &features_gradient, &choices, &mut gradient[..last.len()]);
            loss
        });
        for i in (0..layers.len()).rev() {
            let layer = &mut layers[i];
            let len = layer.normalization_input().len();
            let buffers = GradientBuffers::InPlace(&mut gradient[..len]);
            let parameters = watch.time("normalization", || {
                layer.normalization().backward(level, layer.normalization_input(), None, buffers, None)
            });
            for (bias, gradient) in layer.bias.iter_mut().zip(parameters.bias) {
                *bias -= 0.01 * gradient;
            }
            let convolution = layer.convolution;
            if let Some(pooling) = layer.pooling {
                let to = &mut other[..convolution.output_len()];
                watch.time("pooling", || pooling.max_gradient(level, &gradient[..len], &layer.choices, to));
                std::mem::swap(&mut gradient, &mut other);
            }
            let output_gradient = &gradient[..convolution.output_len()];
            watch.time("weight gradients", || {
                convolution.weight_gradient(level, &layer.input, output_gradient, &mut layer.weight_gradient);
            });
            if i > 0 {
                let to = &mut other[..convolution.input_len()];
                watch
                    .time("input gradients", || convolution.input_gradient(level, output_gradient, &layer.weights, to));
                std::mem::swap(&mut gradient, &mut other);
            }
            watch.time("optimizer", || {
                sgd.update(level, &mut layer.weights, &layer.weight_gradient, &mut layer.momentum);
            });
        }
        sgd.update(level, &mut head_weights, &head_gradient, &mut head_momentum);
        let total: f64 = watch.seconds.values().sum();
        if best.as_ref().is_none_or(|best| total < best.0) {
            best = Some((total, watch, loss));
        }
    }

    let Some((total, watch, loss)) = best else { return Ok(()) };
    let peak = peak_gflops(level, Precision::F32, threads);
    let rate = flop / total / 1e9;
    println!(
        "M128, {resolution} px, batch {batch}, {level}, {threads} threads: {:.0} images/s, {:.0} ms a step, {rate:.0} of {peak:.0} \
         GFLOP/s ({:.0}%), loss {loss:.3}",
        batch as f64 / total,
        total * 1e3,
        100.0 * rate / peak
    );
    for (what, seconds) in &watch.seconds {
        println!("  {what:<18} {:>6.1} ms {:>4.0}%", seconds * 1e3, 100.0 * seconds / total);
    }
    Ok(())
}
