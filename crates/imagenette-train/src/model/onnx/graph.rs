//! A graph that grows operation by operation, as layers write themselves into it. Every value's shape is known but for the
//! number of photos, so that each file says it and a runtime can check it.

use imagenette_kernels::Activation as Function;

use super::proto::{
    AttributeProto, DimensionProto, FLOAT, FLOAT32, GraphProto, INT, INT64, INTS, NodeProto, STRING, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::compute::weights::{Layout, SlotId, Weights};
use crate::ops::Activation;

/// How the number of photos is called in shapes.
const PHOTOS: &str = "N";

/// A value of the graph: its name, and its sizes after the number of photos.
#[derive(Debug, Clone)]
pub(in crate::model) struct Value {
    name: String,
    pub(in crate::model) dims: Vec<usize>,
}

impl Value {
    /// Channels, rows and columns of maps.
    pub(in crate::model) fn maps(&self) -> [usize; 3] {
        self.dims.clone().try_into().expect("maps have channels, rows and columns")
    }
}

/// A setting of an operation.
pub(super) enum Setting {
    Number(f32),
    Whole(i64),
    Wholes(Vec<i64>),
    Text(&'static str),
}

/// The graph so far.
pub(in crate::model) struct Graph<'m> {
    layout: &'m Layout,
    /// The network's numbers, by place in the layout.
    numbers: Vec<Vec<f32>>,
    graph: GraphProto,
}

impl<'m> Graph<'m> {
    /// A graph without operations, and its input of so many channels and a side of `px`.
    pub(super) fn begin(
        layout: &'m Layout,
        weights: &Weights,
        input: &str,
        [channels, px]: [usize; 2],
    ) -> (Self, Value) {
        let value = Value { name: input.into(), dims: vec![channels, px, px] };
        let graph = GraphProto { name: "network".into(), input: vec![value_info(&value)], ..GraphProto::default() };
        (Self { layout, numbers: weights.to_host(), graph }, value)
    }

    /// The graph whose output is this value, under this name.
    pub(super) fn finish(mut self, output: Value, name: &str) -> GraphProto {
        let last = self.graph.node.last_mut().expect("a network has operations");
        assert_eq!(last.output, [output.name.as_str()], "what is computed last leaves the network");
        last.output = vec![name.into()];
        self.graph.value_info.retain(|known| known.name != output.name);
        self.graph.output = vec![value_info(&Value { name: name.into(), ..output })];
        self.graph
    }

    /// An operation on values and on numbers by name; gives its output, which has these sizes.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        settings: Vec<(&str, Setting)>,
        dims: Vec<usize>,
    ) -> Value {
        let name = format!("{}_{}", operator.to_lowercase(), self.graph.node.len());
        let value = Value { name: name.clone(), dims };
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.clone()],
            name,
            op_type: operator.into(),
            attribute: settings.into_iter().map(|(name, setting)| attribute(name, setting)).collect(),
        });
        self.graph.value_info.push(value_info(&value));
        value
    }

    /// An operation that leaves the sizes as they are.
    pub(super) fn each(&mut self, operator: &str, inputs: &[&str], like: &Value) -> Value {
        self.node(operator, inputs, Vec::new(), like.dims.clone())
    }

    /// The name of a tensor of the network, whose numbers are then in the file.
    pub(super) fn tensor(&mut self, slot: SlotId) -> String {
        let known = &self.layout.slots()[slot.0];
        let (name, shape) = (known.name.clone(), known.shape.clone());
        let numbers = self.numbers(slot).to_vec();
        self.add(name, &shape, FLOAT32, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
    }

    /// The numbers of a tensor of the network.
    pub(in crate::model) fn numbers(&self, slot: SlotId) -> &[f32] {
        &self.numbers[slot.0]
    }

    /// The name of numbers that are no tensor of the network.
    pub(super) fn constant(&mut self, name: &str, shape: &[usize], numbers: &[f32]) -> String {
        let name = self.new_name(name);
        self.add(name, shape, FLOAT32, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
    }

    /// The name of whole numbers: a shape, or places.
    pub(super) fn wholes(&mut self, name: &str, numbers: &[i64]) -> String {
        let name = self.new_name(name);
        self.add(name, &[numbers.len()], INT64, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
    }

    fn new_name(&self, name: &str) -> String {
        format!("{name}_{}", self.graph.initializer.len())
    }

    fn add(&mut self, name: String, shape: &[usize], data_type: i32, raw_data: Vec<u8>) -> String {
        let dims = shape.iter().map(|&size| size as i64).collect();
        self.graph.initializer.push(TensorProto { dims, data_type, name: name.clone(), raw_data });
        name
    }

    /// The function of every number. One from elsewhere was refused before the graph was begun.
    pub(in crate::model) fn activate(&mut self, x: Value, activation: &Activation) -> Value {
        let Activation::Kernel(function) = activation else {
            unreachable!("a network with parts from elsewhere is not written")
        };
        match function {
            Function::Identity => x,
            Function::Relu => self.each("Relu", &[&x.name], &x),
            // x · Φ(x), where Φ(x) = (1 + erf(x / √2)) / 2
            Function::Gelu => {
                let root = self.constant("gelu", &[1], &[std::f32::consts::SQRT_2]);
                let (one, half) = (self.constant("gelu", &[1], &[1.0]), self.constant("gelu", &[1], &[0.5]));
                let scaled = self.each("Div", &[&x.name, &root], &x);
                let erf = self.each("Erf", &[&scaled.name], &x);
                let doubled = self.each("Add", &[&erf.name, &one], &x);
                let product = self.each("Mul", &[&x.name, &doubled.name], &x);
                self.each("Mul", &[&product.name, &half], &x)
            }
            Function::Silu => {
                let logistic = self.each("Sigmoid", &[&x.name], &x);
                self.each("Mul", &[&x.name, &logistic.name], &x)
            }
            // x · tanh(ln(1 + eˣ))
            Function::Mish => {
                let softplus = self.each("Softplus", &[&x.name], &x);
                let tanh = self.each("Tanh", &[&softplus.name], &x);
                self.each("Mul", &[&x.name, &tanh.name], &x)
            }
        }
    }

    /// The sum of two values of the same sizes.
    pub(in crate::model) fn add_values(&mut self, a: Value, b: Value) -> Value {
        self.each("Add", &[&a.name, &b.name], &a)
    }

    /// The value with other sizes, as many numbers in all.
    pub(super) fn reshape(&mut self, x: &Value, dims: Vec<usize>) -> Value {
        // A size of 0 stands for that of the input: the number of photos.
        let shape: Vec<i64> = std::iter::once(0).chain(dims.iter().map(|&size| size as i64)).collect();
        let shape = self.wholes("shape", &shape);
        self.node("Reshape", &[&x.name, &shape], Vec::new(), dims)
    }
}

impl std::ops::Deref for Value {
    type Target = str;

    /// The name.
    fn deref(&self) -> &str {
        &self.name
    }
}

fn attribute(name: &str, setting: Setting) -> AttributeProto {
    let mut attribute = AttributeProto { name: name.into(), ..AttributeProto::default() };
    match setting {
        Setting::Number(number) => (attribute.f, attribute.kind) = (Some(number), FLOAT),
        Setting::Whole(number) => (attribute.i, attribute.kind) = (Some(number), INT),
        Setting::Wholes(numbers) => (attribute.ints, attribute.kind) = (numbers, INTS),
        Setting::Text(text) => (attribute.s, attribute.kind) = (Some(text.into()), STRING),
    }
    attribute
}

fn value_info(value: &Value) -> ValueInfoProto {
    let photos = DimensionProto { dim_param: Some(PHOTOS.into()), dim_value: None };
    let sizes = value.dims.iter().map(|&size| DimensionProto { dim_value: Some(size as i64), dim_param: None });
    let shape = TensorShapeProto { dim: std::iter::once(photos).chain(sizes).collect() };
    let tensor_type = Some(TensorTypeProto { elem_type: FLOAT32, shape: Some(shape) });
    ValueInfoProto { name: value.name.clone(), r#type: Some(TypeProto { tensor_type }) }
}
