//! The compiled part of the Python package `imagenette`: datasets, loader, records and results of the program, with
//! exceptions for errors. What people call is in `python/imagenette`; what is here is made for that alone.

use pyo3::prelude::*;

mod dataset;
mod error;
mod loader;
mod memory;
mod record;
mod results;
mod waiting;

/// The compiled part of `imagenette`.
#[pymodule]
fn _imagenette(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    // As everybody writes them, which float32 is not.
    let written = |values: [f32; 3]| values.map(|value| (f64::from(value) * 1000.0).round() / 1000.0);
    module.add("MEAN", <(f64, f64, f64)>::from(written(imagenette_data::augment::IMAGENET_MEAN)))?;
    module.add("STD", <(f64, f64, f64)>::from(written(imagenette_data::augment::IMAGENET_STD)))?;
    module.add_class::<dataset::Data>()?;
    module.add_class::<loader::Batches>()?;
    module.add_class::<memory::Memory>()?;
    module.add_class::<record::RunWriter>()?;
    module.add_function(wrap_pyfunction!(loader::plans, module)?)?;
    module.add_function(wrap_pyfunction!(results::score, module)?)?;
    module.add_function(wrap_pyfunction!(results::find_runs, module)?)?;
    module.add_function(wrap_pyfunction!(results::read_run, module)?)?;
    module.add_function(wrap_pyfunction!(results::recipe, module)?)?;
    module.add_function(wrap_pyfunction!(results::recipe_names, module)?)?;
    module.add_function(wrap_pyfunction!(results::plan_of, module)?)?;
    module.add_function(wrap_pyfunction!(results::to_toml, module)?)?;
    Ok(())
}
