//! `predict`: photos classified with a run's network.

use std::path::Path;
use std::process::ExitCode;

use imagenette_data::DataError;
use imagenette_data::image::Remark;
use imagenette_results::run_folder::RunFolder;
use imagenette_train::run::saved_network::{NetworkSource, SavedNetwork};

use crate::cli::Predict;
use crate::machine::Machine;
use crate::terminal::{Terminal, print, print_json, report};
use crate::{Program, interrupt, photo_paths};

pub(crate) fn run(arguments: &Predict, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let device = Machine::of(&arguments.machine)?.device;
    let source = if arguments.changed_source { NetworkSource::Any } else { NetworkSource::OfRun };
    let network = SavedNetwork::of_run(&RunFolder::open(&arguments.run)?, &device, program.parts(), source)?;
    let (mut values, mut failed) = (Vec::new(), 0);
    for photo in &photo_paths::photos(&arguments.images)? {
        // Not for one photo after the other of a large folder.
        if interrupt::asked() {
            return Err(DataError::Interrupted.into());
        }
        // One bad photo does not keep the others from being classified.
        let probabilities = match look(&network, photo) {
            Ok((probabilities, remarks)) => {
                let unexpected = remarks.into_iter().filter(|remark| remark.is_worth_a_notice());
                unexpected.for_each(|remark| terminal.say(&format!("{}: {}", photo.display(), remark.text())));
                probabilities
            }
            Err(error) => {
                terminal.finish();
                report(&error, program.name());
                failed += 1;
                continue;
            }
        };
        let mut ranked: Vec<(f64, &imagenette_data::class::Class)> =
            probabilities.into_iter().zip(&network.head.classes).collect();
        ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        ranked.truncate(arguments.top as usize);
        if arguments.json {
            let classes: Vec<_> = ranked
                .iter()
                .map(|(probability, class)| {
                    serde_json::json!({ "class": class.wnid, "name": class.name, "probability": probability })
                })
                .collect();
            values.push(serde_json::json!({ "image": photo, "classes": classes }));
        } else {
            let classes: Vec<String> = ranked
                .iter()
                .map(|(probability, class)| format!("{} {:.1}%", class.name, 100.0 * probability))
                .collect();
            print(&format!("{}: {}", photo.display(), classes.join(", ")))?;
        }
    }
    if arguments.json {
        print_json(&values)?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn look(network: &SavedNetwork, photo: &Path) -> anyhow::Result<(Vec<f64>, Vec<Remark>)> {
    Ok(if photo == Path::new(photo_paths::STDIN) {
        network.look_at(&photo_paths::from_stdin()?, photo)?
    } else {
        network.look(photo)?
    })
}
