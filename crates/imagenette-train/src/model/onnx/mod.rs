//! Networks as ONNX: a network and its numbers go in, a graph that other programs can run comes out.
//!
//! Every layer writes itself beside its `forward`, by the operations in `operations`. The graph takes RGB in 0..1 and
//! normalizes it by itself; it computes as evaluation does, in f32, by operators of version 17, which runtimes have read
//! since 2022.

mod graph;
mod operations;
pub mod proto;

pub(super) use graph::{Graph, Value};
pub(super) use operations::Convolved;

use imagenette_data::augment::{IMAGENET_MEAN, IMAGENET_STD};
use prost::Message;

use super::{Model, Network};
use crate::compute::weights::Weights;
use crate::error::{Result, TrainError};
use proto::{GraphProto, ModelProto, OperatorSetIdProto};

/// The file's bytes.
pub fn to_bytes(file: &ModelProto) -> Vec<u8> {
    file.encode_to_vec()
}

/// Reads a file that this module wrote. What others write may have parts that are passed over.
///
/// # Errors
/// What is wrong with the bytes, in a sentence.
pub fn from_bytes(bytes: &[u8]) -> std::result::Result<ModelProto, String> {
    ModelProto::decode(bytes).map_err(|error| error.to_string())
}

/// The version of the operators.
pub const OPERATORS: i64 = 17;
/// The version of the format that came with them.
const FORMAT: i64 = 8;
/// The name of the input: float32 `[N, 3, px, px]`, RGB in 0..1.
pub const INPUT: &str = "photos";
/// The name of the output: float32 `[N, classes]`, logits.
pub const OUTPUT: &str = "logits";

impl Model {
    /// The network with these numbers as ONNX, for photos of this resolution. `producer_version` is this program's; whatever
    /// else there is to say about the network goes into the metadata.
    ///
    /// # Errors
    /// When a part of it is not shipped: what such code does is known to its own program alone.
    pub fn to_onnx(&self, weights: &Weights, px: u32, producer_version: &str) -> Result<ModelProto> {
        if let Some(own) = self.own_parts() {
            return Err(TrainError::NotOnnx { part: own.into() });
        }
        let graph = self.graph(weights, px as usize);
        Ok(ModelProto {
            ir_version: FORMAT,
            producer_name: "imagenette".into(),
            producer_version: producer_version.into(),
            doc_string: String::new(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATORS }],
            metadata_props: Vec::new(),
        })
    }

    fn graph(&self, weights: &Weights, px: usize) -> GraphProto {
        let (mut graph, photos) = Graph::begin(&self.layout, weights, INPUT, [3, px]);
        let photos = graph.normalize_pixels(&photos, IMAGENET_MEAN, IMAGENET_STD);
        let scores = match &self.network {
            Network::Fast(network) => network.write(&mut graph, photos),
            Network::XResNet(network) => network.write(&mut graph, photos),
            Network::Own(_) => unreachable!("it was refused"),
        };
        graph.finish(scores, OUTPUT)
    }
}
