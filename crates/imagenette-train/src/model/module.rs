//! Networks that are Burn modules: their parameters become tensors of the layout, so that they are trained, averaged,
//! saved and resumed as those of any other network.

use std::sync::{Arc, Mutex, PoisonError};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::layers::Pass;
use super::own::{OwnModel, OwnNetwork};
use crate::compute::weights::{Initial, Layout, Role, SlotId};
use crate::ops::Maps;

/// The settings of a network that is a Burn module.
///
/// Burn's operations run it: in f32, most of them on one thread. Its multiply-adds are not counted.
pub trait BurnModel: std::fmt::Debug + Send + Sync {
    /// The module.
    type Module: Module + Sync + 'static;

    /// Checks the settings.
    ///
    /// # Errors
    /// What does not make sense, in a sentence.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// The module with its initial numbers, drawn by Burn's initializers. Burn's generator is seeded by the run before.
    fn init(&self, classes: usize, device: &burn::tensor::Device) -> Self::Module;

    /// Scores (logits) of normalized photos.
    ///
    /// # Shapes
    /// `[N, 3, H, W]` to `[N, classes]`.
    fn forward(&self, module: &Self::Module, photos: Tensor<4>) -> Tensor<2>;

    /// The smallest square, in pixels, that it can be shown.
    fn smallest_resolution_px(&self) -> u32 {
        1
    }
}

/// A Burn module as a network of ours.
#[derive(Debug)]
pub(crate) struct Wrapped<M>(pub(crate) Arc<M>);

/// Burn has one generator for the whole process: who seeds it holds this until the numbers are drawn.
static GENERATOR: Mutex<()> = Mutex::new(());

impl<M: BurnModel + 'static> OwnModel for Wrapped<M> {
    fn build(&self, classes: usize, layout: &mut Layout) -> Box<dyn OwnNetwork> {
        // Where gradients can be recorded, parameters say whether they want them.
        let device = burn::tensor::Device::flex().autodiff();
        let module = self.0.init(classes, &device);
        let mut found = Found::default();
        module.visit(&mut found);
        let slots: Vec<SlotId> = found.tensors.iter().map(|tensor| tensor.add_to(layout)).collect();
        let settings = self.0.clone();
        if let Some(&first) = slots.first() {
            layout.draw_from(first, move |seed| {
                let _guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
                device.seed(seed);
                let mut found = Found::default();
                settings.init(classes, &device).visit(&mut found);
                found.tensors.into_iter().map(|tensor| tensor.values).collect()
            });
        }
        let statistics =
            found.tensors.iter().zip(&slots).map(|(tensor, slot)| (tensor.role == Role::Statistic).then_some(*slot));
        Box::new(Layers { settings: self.0.clone(), module, statistics: statistics.collect(), slots })
    }

    fn smallest_resolution_px(&self) -> u32 {
        self.0.smallest_resolution_px()
    }
}

/// A module with the places of its parameters.
#[derive(Debug)]
struct Layers<M: BurnModel> {
    settings: Arc<M>,
    module: M::Module,
    slots: Vec<SlotId>,
    /// By parameter: its place, where it is followed and not learned.
    statistics: Vec<Option<SlotId>>,
}

impl<M: BurnModel> OwnNetwork for Layers<M> {
    fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        let photos = photos.into_nchw();
        // Modules ask their input whether they learn.
        let photos = if pass.learns() { photos.autodiff() } else { photos };
        let _guard = pass.learns().then(|| {
            let guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
            // For what a module leaves out at random: another seed each step, and the same when the step is repeated.
            photos.device().seed(pass.next_seed());
            guard
        });
        let module = self.module.clone().to_device(&photos.device());
        let module = module.map(&mut Put { pass, slots: self.slots.iter() });
        let scores = self.settings.forward(&module, photos);
        if pass.learns() {
            // `valid` is what brings running statistics up to date.
            let mut found = Running::default();
            module.valid().visit(&mut found);
            for (slot, value) in self.statistics.iter().zip(found.0) {
                if let Some(slot) = slot {
                    pass.follow(*slot, value);
                }
            }
        }
        scores
    }
}

/// Puts the pass's numbers into a module.
struct Put<'p> {
    pass: &'p Pass,
    slots: std::slice::Iter<'p, SlotId>,
}

impl ModuleMapper for Put<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, before, mapper) = param.consume();
        let slot = self.slots.next().expect("a module has the same parameters each time it is walked through");
        Param::from_mapped_value(id, self.pass.tensor(*slot).reshape(before.dims()), mapper)
    }
}

/// A parameter of a module.
#[derive(Debug)]
struct Parameter {
    name: String,
    role: Role,
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Parameter {
    fn add_to(&self, layout: &mut Layout) -> SlotId {
        layout.add(self.name.clone(), self.role, &self.shape, Initial::Constant(0.0))
    }
}

/// The parameters of a module, in the order in which it is walked through.
#[derive(Debug, Default)]
struct Found {
    path: Vec<String>,
    tensors: Vec<Parameter>,
}

impl ModuleVisitor for Found {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let last = self.path.last().map(String::as_str).unwrap_or_default();
        let role = match (tensor.is_require_grad(), D) {
            (false, _) => Role::Statistic,
            (true, 2..) => Role::Weight,
            (true, _) if last == "gamma" || last == "beta" => Role::Normalization,
            (true, _) => Role::Bias,
        };
        let values = tensor.clone().inner().to_data().convert::<f32>().try_to_vec().expect("parameters are floats");
        let shape = tensor.dims().to_vec();
        self.tensors.push(Parameter { name: self.path.join("."), role, shape, values });
    }
}

/// The values of a module's parameters after a step, flat.
#[derive(Default)]
struct Running(Vec<Tensor<1>>);

impl ModuleVisitor for Running {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val().inner();
        let count: usize = tensor.dims().iter().product();
        self.0.push(tensor.reshape([count]));
    }
}
