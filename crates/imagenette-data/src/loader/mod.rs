//! The loader: requests for batches go in, batches of uint8 pixels come out in the same order, made by worker threads
//! in reused buffers: cropped, mirrored, changed strongly, erased and mixed. A batch depends on its request and the seed
//! alone, never on threads or on what came before.

mod batch;
mod order;
mod request;
mod workers;

pub use batch::{Batch, Buffer};
pub use order::{balanced_order, epoch_order, repeated_order};
pub use request::{BatchRequest, LARGEST_RESOLUTION_PX, MixRequest, View};
pub use workers::Loader;
