//! A network's numbers: a [`Layout`] says which there are and how they begin, [`Weights`] holds them on a device.
//!
//! Every tensor is kept flat; layers give it its shape (a view, not a copy). Optimizers, checkpoints, averages and
//! files then need nothing but one list.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use imagenette_data::random::{Purpose, Random};

use imagenette_files::memory;

use crate::compute::device::Device;
use crate::error::Result;

/// What a tensor is for, which decides how it is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Learned, with weight decay: convolutions and matrices.
    Weight,
    /// Learned, without decay: a normalization's gain and bias.
    Normalization,
    /// Learned, without decay: what is added to a matrix's output.
    Bias,
    /// Not learned but followed while training: running mean and variance.
    Statistic,
    /// Never changes after the beginning.
    Frozen,
}

impl Role {
    /// Whether the optimizer changes it.
    pub fn is_learned(self) -> bool {
        matches!(self, Self::Weight | Self::Normalization | Self::Bias)
    }
}

/// How a tensor begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// Everywhere the same.
    Constant(f32),
    /// Normal with variance 2 / inputs.
    ///
    /// # Source
    /// He et al., "Delving deep into rectifiers", 2015, equation 10.
    HeNormal,
    /// Each of the first filters passes one input channel through; the others are as [`Initial::HeNormal`].
    Identity,
    /// Uniform within ± 1 / √inputs.
    Uniform,
}

/// One tensor of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Its name in files: `groups.0.first.weight`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its shape; convolutions are `[out, in, height, width]`, matrices `[out, in]`.
    pub shape: Vec<usize>,
    /// How it begins.
    pub initial: Initial,
}

impl Slot {
    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The initial numbers, drawn on the host so that they are the same on every device.
    fn draw(&self, seed: u64, number: u32) -> Vec<f32> {
        let mut random = Random::new(seed, Purpose::Initialization, 0, number);
        let inputs: usize = self.shape.iter().skip(1).product();
        let mut he_normal = || {
            let deviation = (2.0 / inputs as f64).sqrt();
            (0..self.len()).map(|_| (random.normal() * deviation) as f32).collect::<Vec<f32>>()
        };
        match self.initial {
            Initial::Constant(value) => vec![value; self.len()],
            Initial::HeNormal => he_normal(),
            Initial::Identity => {
                let mut values = he_normal();
                let &[outputs, channels, height, width] = self.shape.as_slice() else {
                    unreachable!("only convolutions begin as the identity, and they have four dimensions")
                };
                for filter in 0..outputs.min(channels) {
                    let start = filter * channels * height * width;
                    values[start..start + channels * height * width].fill(0.0);
                    values[start + (filter * height + height / 2) * width + width / 2] = 1.0;
                }
                values
            }
            Initial::Uniform => {
                let bound = 1.0 / (inputs as f64).sqrt();
                (0..self.len()).map(|_| random.between(-bound, bound) as f32).collect()
            }
        }
    }
}

/// The position of a tensor in its network's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotId(pub(crate) usize);

/// Which tensors a network has, in the order of their creation.
#[derive(Clone, Default)]
pub struct Layout {
    slots: Vec<Slot>,
    /// What draws the initial numbers of the tensors from a place on, of code that has its own way to.
    drawn: Vec<(usize, Arc<Draw>)>,
}

/// A seed goes in, the initial numbers of some tensors come out.
type Draw = dyn Fn(u64) -> Vec<Vec<f32>> + Send + Sync;

impl std::fmt::Debug for Layout {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Layout").field("slots", &self.slots).finish_non_exhaustive()
    }
}

impl Layout {
    /// Adds a tensor.
    pub fn add(&mut self, name: String, role: Role, shape: &[usize], initial: Initial) -> SlotId {
        self.slots.push(Slot { name, role, shape: shape.to_vec(), initial });
        SlotId(self.slots.len() - 1)
    }

    /// Leaves some tensors as they begin, running statistics among them.
    pub(crate) fn freeze(&mut self, is_frozen: impl Fn(&Slot) -> bool) {
        self.slots.iter_mut().filter(|slot| is_frozen(slot)).for_each(|slot| slot.role = Role::Frozen);
    }

    /// Lets code draw the initial numbers of the tensors from `first` on, as many as it gives.
    pub(crate) fn draw_from(&mut self, first: SlotId, draw: impl Fn(u64) -> Vec<Vec<f32>> + Send + Sync + 'static) {
        self.drawn.push((first.0, Arc::new(draw)));
    }

    /// Every tensor.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Checks that all numbers fit into memory, so many times: the weights alone, or with gradients and what an optimizer
    /// keeps.
    ///
    /// # Errors
    /// When they do not.
    pub fn check_memory(&self, copies: u64) -> Result<()> {
        let of = |slot: &Slot| memory::product(slot.shape.iter().map(|&side| side as u64));
        let numbers = self.slots.iter().map(of).fold(0, u64::saturating_add);
        let bytes = numbers.saturating_mul(copies.saturating_mul(4));
        let hint = "make the network narrower (`model.widths`) or less deep (`model.depth`)";
        Ok(memory::check("the network's weights (`model`)", bytes, hint)?)
    }

    /// How many numbers are learned.
    pub fn learned(&self) -> u64 {
        self.slots.iter().filter(|slot| slot.role.is_learned()).map(|slot| slot.len() as u64).sum()
    }
}

/// A network's numbers on a device, each tensor flat and without a gradient.
#[derive(Debug, Clone)]
pub struct Weights {
    tensors: Vec<Tensor<1>>,
}

impl Weights {
    /// The initial numbers that follow from the seed.
    pub fn draw(layout: &Layout, seed: u64, device: &Device) -> Self {
        let mut values: Vec<Vec<f32>> =
            (0..).zip(layout.slots()).map(|(number, slot)| slot.draw(seed, number)).collect();
        for (first, draw) in &layout.drawn {
            for (place, drawn) in values[*first..].iter_mut().zip(draw(seed)) {
                assert_eq!(place.len(), drawn.len(), "a network has the same tensors each time it is built");
                *place = drawn;
            }
        }
        Self::from_host(values, device)
    }

    /// These tensors, flat and in the order of the layout.
    pub(crate) fn of(tensors: Vec<Tensor<1>>) -> Self {
        Self { tensors }
    }

    /// The given numbers, in the order of the layout.
    pub fn from_host(values: impl IntoIterator<Item = Vec<f32>>, device: &Device) -> Self {
        Self { tensors: values.into_iter().map(|values| upload(values, device)).collect() }
    }

    /// A copy of every tensor, in the order of the layout.
    pub fn to_host(&self) -> Vec<Vec<f32>> {
        self.tensors.iter().map(download).collect()
    }

    /// One tensor.
    pub fn tensor(&self, slot: SlotId) -> &Tensor<1> {
        &self.tensors[slot.0]
    }

    /// Every tensor, in the order of the layout.
    pub fn tensors(&self) -> &[Tensor<1>] {
        &self.tensors
    }

    /// Puts another tensor into a place.
    pub fn set(&mut self, slot: SlotId, tensor: Tensor<1>) {
        self.tensors[slot.0] = tensor;
    }

    /// Takes a tensor out to change it without a copy; it must be put back with [`Weights::set`].
    pub(crate) fn take(&mut self, slot: SlotId, device: &Device) -> Tensor<1> {
        std::mem::replace(&mut self.tensors[slot.0], Tensor::zeros([1], device.plain()))
    }
}

/// Copies numbers to a device.
pub(crate) fn upload(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device.plain())
}

/// A copy of a tensor's numbers.
pub(crate) fn download<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.to_data().as_slice::<f32>().expect("tensors of this crate are f32 and readable on the host").to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(initial: Initial, shape: &[usize]) -> Slot {
        Slot { name: "slot".into(), role: Role::Weight, shape: shape.to_vec(), initial }
    }

    #[test]
    fn he_normal_has_its_variance_and_depends_on_seed_and_number() {
        let slot = slot(Initial::HeNormal, &[64, 32, 3, 3]);
        let values = slot.draw(1, 0);
        let variance = values.iter().map(|x| f64::from(x * x)).sum::<f64>() / values.len() as f64;
        assert!((variance * 32.0 * 9.0 / 2.0 - 1.0).abs() < 0.03, "{variance}");
        assert_eq!(values, slot.draw(1, 0));
        assert_ne!(values, slot.draw(2, 0));
        assert_ne!(values, slot.draw(1, 1));
    }

    #[test]
    fn identity_filters_pass_their_channel_and_the_rest_is_random() {
        let values = slot(Initial::Identity, &[3, 2, 3, 3]).draw(0, 0);
        for filter in 0..2 {
            for channel in 0..2 {
                let plane = &values[(filter * 2 + channel) * 9..][..9];
                let expected = if filter == channel { [0., 0., 0., 0., 1., 0., 0., 0., 0.] } else { [0.0; 9] };
                assert_eq!(plane, expected);
            }
        }
        assert!(values[36..].iter().all(|&x| x != 0.0));
    }
}
