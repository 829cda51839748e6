//! The operations that our networks are made of, as ONNX has them: each of `crate::ops` once more, for whoever reads the
//! file.

use imagenette_recipe::model::Halving;

use super::graph::{Graph, Setting, Value};
use crate::compute::weights::SlotId;
use crate::ops::Window;

/// A convolution's settings.
pub(in crate::model) struct Convolved {
    /// `[out, in of a group, height, width]`
    pub(in crate::model) shape: [usize; 4],
    pub(in crate::model) stride: usize,
    pub(in crate::model) padding: usize,
    pub(in crate::model) groups: usize,
}

impl Graph<'_> {
    /// (x − mean) / deviation of each channel.
    pub(super) fn normalize_pixels(&mut self, x: &Value, mean: [f32; 3], deviation: [f32; 3]) -> Value {
        let mean = self.constant("mean", &[1, 3, 1, 1], &mean);
        let deviation = self.constant("deviation", &[1, 3, 1, 1], &deviation);
        let centered = self.each("Sub", &[x, &mean], x);
        self.each("Div", &[&centered, &deviation], x)
    }

    /// As [`crate::ops::convolution`].
    pub(in crate::model) fn convolution(&mut self, x: &Value, weight: SlotId, with: &Convolved) -> Value {
        let weight = self.tensor(weight);
        let [_, height, width] = x.maps();
        let Convolved { shape: [outputs, _, kernel, _], stride, padding, groups } = *with;
        let size = |side: usize| (side + 2 * padding - kernel) / stride + 1;
        let mut settings = window(kernel, stride, [padding; 4]);
        settings.push(("group", Setting::Whole(groups as i64)));
        self.node("Conv", &[x, &weight], settings, vec![outputs, size(height), size(width)])
    }

    /// As [`crate::ops::normalize_by`], without what follows.
    pub(in crate::model) fn normalization(&mut self, x: &Value, slots: [SlotId; 4], epsilon: f64) -> Value {
        // Scale, bias, mean, variance.
        let tensors = slots.map(|slot| self.tensor(slot));
        let inputs: Vec<&str> = std::iter::once(&**x).chain(tensors.iter().map(String::as_str)).collect();
        let settings = vec![("epsilon", Setting::Number(epsilon as f32))];
        self.node("BatchNormalization", &inputs, settings, x.dims.clone())
    }

    /// Maps without their first row and column.
    pub(in crate::model) fn without_first(&mut self, x: &Value) -> Value {
        let [channels, height, width] = x.maps();
        let starts = self.wholes("starts", &[1, 1]);
        let ends = self.wholes("ends", &[height as i64, width as i64]);
        let axes = self.wholes("axes", &[2, 3]);
        self.node("Slice", &[x, &starts, &ends, &axes], Vec::new(), vec![channels, height - 1, width - 1])
    }

    /// As `halve` of the networks' blocks.
    pub(in crate::model) fn halve(&mut self, by: Halving, x: &Value, window: Window) -> Value {
        match by {
            Halving::Max => self.max_pool(x, window),
            Halving::MaxBlur => {
                let largest = self.max_pool(x, Window { side: 2, stride: 1, padding: 0 });
                self.blur_pool(&largest)
            }
        }
    }

    fn max_pool(&mut self, x: &Value, Window { side, stride, padding }: Window) -> Value {
        let [channels, height, width] = x.maps();
        let size = |length: usize| (length + 2 * padding - side) / stride + 1;
        let dims = vec![channels, size(height), size(width)];
        self.node("MaxPool", &[x], window(side, stride, [padding; 4]), dims)
    }

    /// As [`crate::ops::blur_pool`].
    fn blur_pool(&mut self, x: &Value) -> Value {
        let [channels, height, width] = x.maps();
        // Beside a single row there is none to mirror: it stands for its neighbors, too.
        let mode = if height > 1 && width > 1 { "reflect" } else { "edge" };
        assert!(height == width, "photos are square, and so are their maps");
        let pads = self.wholes("pads", &[0, 0, 1, 1, 0, 0, 1, 1]);
        let dims = vec![channels, height + 2, width + 2];
        let wide = self.node("Pad", &[x, &pads], vec![("mode", Setting::Text(mode))], dims);
        let filter = [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0].map(|share: f32| share / 16.0);
        let filters = self.constant("blur", &[channels, 1, 3, 3], &filter.repeat(channels));
        let mut settings = window_of(3, 2);
        settings.push(("group", Setting::Whole(channels as i64)));
        self.node("Conv", &[&wide, &filters], settings, vec![channels, (height - 1) / 2 + 1, (width - 1) / 2 + 1])
    }

    /// As [`crate::ops::average_pool`].
    pub(in crate::model) fn average_pool(&mut self, x: &Value) -> Value {
        let [channels, height, width] = x.maps();
        // Padding that does not count is the part-filled square at the end of an odd side. (`ceil_mode` would say the same,
        // but runtimes differ about it.)
        let settings = window(2, 2, [0, 0, height % 2, width % 2]);
        self.node("AveragePool", &[x], settings, vec![channels, height.div_ceil(2), width.div_ceil(2)])
    }

    /// As [`crate::ops::global_max_pool`].
    pub(in crate::model) fn global_max_pool(&mut self, x: &Value) -> Value {
        self.global_pool("GlobalMaxPool", x)
    }

    /// As [`crate::ops::global_average_pool`].
    pub(in crate::model) fn global_average_pool(&mut self, x: &Value) -> Value {
        self.global_pool("GlobalAveragePool", x)
    }

    fn global_pool(&mut self, operator: &str, x: &Value) -> Value {
        let channels = x.dims[0];
        let pooled = self.node(operator, &[x], Vec::new(), vec![channels, 1, 1]);
        self.node("Flatten", &[&pooled], Vec::new(), vec![channels])
    }

    /// As [`crate::ops::linear`].
    pub(in crate::model) fn linear(
        &mut self,
        x: &Value,
        weight: SlotId,
        bias: Option<SlotId>,
        outputs: usize,
    ) -> Value {
        let weight = self.tensor(weight);
        let bias = bias.map(|bias| self.tensor(bias));
        let inputs: Vec<&str> = [&**x, weight.as_str()].into_iter().chain(bias.as_deref()).collect();
        self.node("Gemm", &inputs, vec![("transB", Setting::Whole(1))], vec![outputs])
    }

    /// The product with a number.
    pub(in crate::model) fn times_number(&mut self, x: &Value, number: f64) -> Value {
        let number = self.constant("scale", &[1], &[number as f32]);
        self.each("Mul", &[x, &number], x)
    }

    /// Maps times σ of a value for each channel.
    pub(in crate::model) fn gate(&mut self, x: &Value, by: &Value) -> Value {
        let gate = self.each("Sigmoid", &[by], by);
        let gate = self.reshape(&gate, vec![x.dims[0], 1, 1]);
        self.each("Mul", &[x, &gate], x)
    }

    /// x + size · (x xᵀ) (W x) over the places of maps, where `weight` is W, row by row.
    pub(in crate::model) fn attention(&mut self, x: &Value, weight: &[f32], size: SlotId) -> Value {
        let [channels, height, width] = x.maps();
        let (weight, size) = (self.constant("attention", &[channels, channels], weight), self.tensor(size));
        let places = self.reshape(x, vec![channels, height * width]);
        let across = vec![("perm", Setting::Wholes(vec![0, 2, 1]))];
        let turned = self.node("Transpose", &[&places], across, vec![height * width, channels]);
        let products = self.node("MatMul", &[&places, &turned], Vec::new(), vec![channels, channels]);
        let weighed = self.each("MatMul", &[&weight, &places], &places);
        let attended = self.each("MatMul", &[&products, &weighed], &places);
        let sized = self.each("Mul", &[&attended, &size], &places);
        let sum = self.each("Add", &[&sized, &places], &places);
        self.reshape(&sum, vec![channels, height, width])
    }
}

/// The settings of a square window; padding is that above, left, below and right.
fn window(side: usize, stride: usize, padding: [usize; 4]) -> Vec<(&'static str, Setting)> {
    let mut settings = window_of(side, stride);
    settings.push(("pads", Setting::Wholes(padding.map(|px| px as i64).to_vec())));
    settings
}

fn window_of(side: usize, stride: usize) -> Vec<(&'static str, Setting)> {
    let square = |px: usize| Setting::Wholes(vec![px as i64; 2]);
    vec![("kernel_shape", square(side)), ("strides", square(stride))]
}
