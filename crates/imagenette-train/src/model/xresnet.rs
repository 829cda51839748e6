//! Residual networks of 18, 34 and 50 layers with the "xresnet" tweaks: a stem of three convolutions, shortcuts that
//! average instead of skipping pixels, and residual branches that begin at zero. As options what the leaderboards'
//! networks add: convolutions in groups, gates by channel, self-attention, pooling that blurs, and a stem that keeps
//! every pixel.
//!
//! # Source
//! He et al., "Deep residual learning", 2015; He et al., "Bag of tricks for image classification", 2018, figure 2 and
//! section 3.1; Xie et al., "Aggregated residual transformations", 2016, with fastai's `xse_resnext50` for the sizes.

use burn::tensor::Tensor;
use imagenette_recipe::model::{Depth, Halving, XResNetConfig};

use super::blocks::{Gate, GroupedConvolution, SelfAttention, halve};
use super::layers::{Gain, Linear, Normalization, Pass, finish};
use super::onnx::{Graph, Value};
use crate::compute::weights::{Initial, Layout};
use crate::ops::{self, Activation, Maps, Window};

/// A convolution with its normalization.
#[derive(Debug, Clone)]
struct Unit {
    convolution: GroupedConvolution,
    norm: Normalization,
}

impl Unit {
    /// [`Unit::forward`] as ONNX.
    fn write(&self, graph: &mut Graph, x: &Value, residual: Option<Value>, activation: &Activation) -> Value {
        let x = self.convolution.write(graph, x);
        self.norm.write(graph, &x, residual, activation)
    }

    fn forward(&self, pass: &mut Pass, x: Maps, residual: Option<Maps>, activation: &Activation) -> Maps {
        let x = self.convolution.forward(pass, x);
        self.norm.forward(pass, x, residual, activation)
    }
}

/// A residual block.
#[derive(Debug, Clone)]
struct Block {
    branch: Vec<Unit>,
    gate: Option<Gate>,
    attention: Option<SelfAttention>,
    /// Whether the shortcut averages squares of 2 × 2.
    halves: bool,
    shortcut: Option<Unit>,
    /// The probability that the shortcut stands alone.
    left_out: f64,
}

impl Block {
    /// [`Block::forward`] of a network that is evaluated, as ONNX.
    fn write(&self, graph: &mut Graph, x: Value, activation: &Activation) -> Value {
        let mut shortcut = x.clone();
        if self.halves {
            shortcut = graph.average_pool(&shortcut);
        }
        if let Some(unit) = &self.shortcut {
            shortcut = unit.write(graph, &shortcut, None, &Activation::IDENTITY);
        }
        let (last, first) = self.branch.split_last().expect("a branch has convolutions");
        let mut x = first.iter().fold(x, |x, unit| unit.write(graph, &x, None, activation));
        x = last.write(graph, &x, None, &Activation::IDENTITY);
        if let Some(gate) = &self.gate {
            x = gate.write(graph, &x);
        }
        if let Some(attention) = &self.attention {
            x = attention.write(graph, &x);
        }
        let sum = graph.add_values(x, shortcut);
        graph.activate(sum, activation)
    }

    fn forward(&self, pass: &mut Pass, x: Maps, activation: &Activation) -> Maps {
        let [mut x, mut shortcut] = x.fork();
        if self.halves {
            shortcut = ops::average_pool(shortcut);
        }
        if let Some(unit) = &self.shortcut {
            shortcut = unit.forward(pass, shortcut, None, &Activation::IDENTITY);
        }
        let (last, first) = self.branch.split_last().expect("a branch has convolutions");
        for unit in first {
            x = unit.forward(pass, x, None, activation);
        }
        x = last.convolution.forward(pass, x);
        let [count, ..] = x.dims();
        if self.gate.is_none() && self.attention.is_none() {
            return last.norm.join(pass, x, Some(shortcut), activation, self.left_out);
        }
        x = last.norm.forward(pass, x, None, &Activation::IDENTITY);
        if let Some(gate) = &self.gate {
            x = gate.forward(pass, x);
        }
        if let Some(attention) = &self.attention {
            x = attention.forward(pass, x);
        }
        if let Some(kept) = pass.kept(count, self.left_out) {
            x = x.times(pass.constant(kept, [count, 1]));
        }
        finish(x, Some(shortcut), activation)
    }
}

/// A residual network's layers.
#[derive(Debug, Clone)]
pub struct XResNet {
    stem: Vec<Unit>,
    pool: Halving,
    blocks: Vec<Block>,
    head: Linear,
    activation: Activation,
}

impl XResNet {
    pub(super) fn new(config: &XResNetConfig, activation: Activation, classes: usize, layout: &mut Layout) -> Self {
        let unit = |layout: &mut Layout, name: String, channels: [usize; 2], with: [usize; 3], gain| Unit {
            convolution: GroupedConvolution::new(
                layout,
                &format!("{name}.convolution"),
                channels,
                with,
                Initial::HeNormal,
            ),
            norm: Normalization::new(
                layout,
                &format!("{name}.norm"),
                channels[1],
                config.normalization_momentum,
                Gain::Learned(gain),
            ),
        };
        let (stages, is_bottleneck) = match config.depth {
            Depth::Layers18 => ([2, 2, 2, 2], false),
            Depth::Layers34 => ([3, 4, 6, 3], false),
            Depth::Layers50 => ([3, 4, 6, 3], true),
        };
        let stem = [([3, 32], config.stem_stride as usize), ([32, 32], 1), ([32, 64], 1)];
        let stem = stem.into_iter().enumerate();
        let stem = stem.map(|(i, (channels, stride))| unit(layout, format!("stem.{i}"), channels, [3, stride, 1], 1.0));
        let stem = stem.collect();
        let mut inputs = 64;
        let mut blocks = Vec::new();
        let total: usize = stages.iter().sum();
        for (stage, count) in stages.into_iter().enumerate() {
            let width = 64 << stage;
            let outputs = if is_bottleneck { 4 * width } else { width };
            let groups = config.groups as usize;
            // ResNeXt: groups of 4 channels in the first stage, of twice as many in each next one.
            let inner = if groups > 1 { groups * (4 << stage) } else { width };
            for number in 0..count {
                let stride = if stage > 0 && number == 0 { 2 } else { 1 };
                let name = |part: &str| format!("stages.{stage}.{number}.{part}");
                // The last normalization of a branch begins at zero, so that every block begins as its shortcut.
                let branch = if is_bottleneck {
                    vec![
                        unit(layout, name("branch.0"), [inputs, inner], [1, 1, 1], 1.0),
                        unit(layout, name("branch.1"), [inner, inner], [3, stride, groups], 1.0),
                        unit(layout, name("branch.2"), [inner, outputs], [1, 1, 1], 0.0),
                    ]
                } else {
                    vec![
                        unit(layout, name("branch.0"), [inputs, width], [3, stride, 1], 1.0),
                        unit(layout, name("branch.1"), [width, outputs], [3, 1, 1], 0.0),
                    ]
                };
                let gate = config
                    .gate_reduction
                    .map(|reduction| Gate::new(layout, &name("gate"), outputs, reduction as usize, activation.clone()));
                let attends = config.self_attention && stage == 0 && number + 1 == count;
                let attention = attends.then(|| SelfAttention::new(layout, &name("attention"), outputs));
                let shortcut =
                    (inputs != outputs).then(|| unit(layout, name("shortcut"), [inputs, outputs], [1, 1, 1], 1.0));
                let left_out = config.stochastic_depth * (blocks.len() + 1) as f64 / total as f64;
                blocks.push(Block { branch, gate, attention, halves: stride == 2, shortcut, left_out });
                inputs = outputs;
            }
        }
        let head = Linear::new(layout, "head", inputs, classes, true);
        Self { stem, pool: config.pool, blocks, head, activation }
    }

    /// [`XResNet::forward`] of a network that is evaluated, as ONNX.
    pub(super) fn write(&self, graph: &mut Graph, photos: Value) -> Value {
        let activation = &self.activation;
        let mut x = self.stem.iter().fold(photos, |x, unit| unit.write(graph, &x, None, activation));
        x = graph.halve(self.pool, &x, Window { side: 3, stride: 2, padding: 1 });
        x = self.blocks.iter().fold(x, |x, block| block.write(graph, x, activation));
        let means = graph.global_average_pool(&x);
        self.head.write(graph, &means)
    }

    /// How many features a photo has.
    pub(super) fn width(&self) -> usize {
        self.head.inputs()
    }

    pub(super) fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        let features = self.features(pass, photos);
        self.head.forward(pass, features)
    }

    /// What the head is given.
    pub(super) fn features(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        let activation = &self.activation;
        let mut x = photos;
        for unit in &self.stem {
            x = unit.forward(pass, x, None, activation); // [N, 64, H/2, W/2] after the last
        }
        x = halve(self.pool, x, Window { side: 3, stride: 2, padding: 1 }); // [N, 64, H/4, W/4]
        for block in &self.blocks {
            x = block.forward(pass, x, activation);
        }
        ops::global_average_pool(x)
    }
}
