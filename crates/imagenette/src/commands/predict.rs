//! `predict`: photos classified with a run's network.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use imagenette_data::DataError;
use imagenette_data::class::Class;
use imagenette_data::contact_sheet::{Cell, Row, contact_sheet, fitted};
use imagenette_data::image;
use imagenette_files::visible;
use imagenette_results::run_folder::RunFolder;
use imagenette_train::run::saved_network::{Looked, NetworkSource, SavedNetwork};

use crate::attention::Attention;
use crate::cli::Predict;
use crate::machine::Machine;
use crate::out_file::OutFile;
use crate::terminal::{Terminal, print, print_json, report};
use crate::{Program, interrupt, photo_paths};

/// Side of a picture of `--explain`, in pixels, and how many photos it explains at the most.
const CELL_PX: u32 = 256;
const EXPLAINED: usize = 50;
/// The length of a bar, and of a name beside it.
const BAR: u32 = 20;
const NAME: usize = 28;
/// Eighths of a letter.
const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

pub(crate) fn run(arguments: &Predict, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let device = Machine::of(&arguments.machine)?.device;
    let source = if arguments.changed_source { NetworkSource::Any } else { NetworkSource::OfRun };
    let network = SavedNetwork::of_run(&RunFolder::open(&arguments.run)?, &device, program.parts(), source)?;
    let out = arguments.explain.as_deref().map(|path| OutFile::of_kind(path, "png")).transpose()?;
    let (mut values, mut failed, mut explained) = (Vec::new(), 0, Vec::new());
    let mut classified = 0;
    let is_drawn = std::io::stdout().is_terminal();
    for photo in &photo_paths::photos(&arguments.images)? {
        // Not for one photo after the other of a large folder.
        if interrupt::asked() {
            return Err(DataError::Interrupted.into());
        }
        // One bad photo does not keep the others from being classified.
        let looked = look(&network, photo).and_then(|looked| {
            let explain = out.is_some() && explained.len() < EXPLAINED;
            let cells = explain.then(|| explained_cells(&network, &looked)).transpose()?;
            Ok((looked, cells))
        });
        let probabilities = match looked {
            Ok((looked, cells)) => {
                let unexpected = looked.remarks.into_iter().filter(|remark| remark.is_worth_a_notice());
                unexpected.for_each(|remark| terminal.say(&format!("{}: {}", photo.display(), remark.text())));
                let caption = photo.file_name().unwrap_or(photo.as_os_str()).to_string_lossy();
                explained.extend(cells.map(|cells| Row { caption: caption.into_owned(), cells }));
                looked.probabilities
            }
            Err(error) => {
                terminal.finish();
                report(&error, program.name());
                failed += 1;
                continue;
            }
        };
        classified += 1;
        let mut ranked: Vec<(f64, &Class)> = probabilities.into_iter().zip(&network.head.classes).collect();
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
        } else if is_drawn {
            print(&photo.display().to_string())?;
            bars(&ranked).iter().try_for_each(|line| print(line))?;
        } else {
            let classes: Vec<String> = ranked
                .iter()
                .map(|(probability, class)| format!("{} {:.1}%", class.name, 100.0 * probability))
                .collect();
            print(&format!("{}: {}", photo.display(), classes.join(", ")))?;
        }
    }
    if let (Some(out), Some(path)) = (&out, &arguments.explain)
        && !explained.is_empty()
    {
        out.write(&image::encode_png(&contact_sheet(&explained, 2, CELL_PX)))?;
        let of = if explained.len() < classified { format!(" (the first {EXPLAINED} photos)") } else { String::new() };
        terminal.say(&format!("where the network looked: {}{of}", path.display()));
    }
    if arguments.json {
        print_json(&values)?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn look(network: &SavedNetwork, photo: &Path) -> anyhow::Result<Looked> {
    Ok(if photo == Path::new(photo_paths::STDIN) {
        network.look_at(&photo_paths::from_stdin()?, photo)?
    } else {
        network.look(photo)?
    })
}

/// The photo, and where the network looked when it named the likeliest class.
fn explained_cells(network: &SavedNetwork, looked: &Looked) -> anyhow::Result<Vec<Cell>> {
    let likeliest = (0..).zip(&looked.probabilities).max_by(|(_, a), (_, b)| a.total_cmp(b));
    let (label, likely) = likeliest.map_or((0, 0.0), |(label, likely)| (label, *likely));
    let picture = Attention::of(network, &looked.pixels, label)?.picture();
    let name = network.head.classes.get(label).map_or("?", |class| class.name.as_str());
    let label = format!("{name} {:.1}%", 100.0 * likely);
    Ok(vec![Cell::from(fitted(&looked.pixels, CELL_PX)), Cell { picture: fitted(&picture, CELL_PX), label }])
}

/// A line for each class: its name, its probability as a bar, and in percent.
fn bars(ranked: &[(f64, &Class)]) -> Vec<String> {
    let names: Vec<String> = ranked
        .iter()
        .map(|(_, class)| visible::shortened(&visible::on_terminal(&class.name), NAME - 1).into_owned())
        .collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let line = |((probability, _), name): (&(f64, &Class), &String)| {
        let eighths = (probability * f64::from(BAR) * 8.0).round() as usize;
        let mut bar = "█".repeat(eighths / 8);
        bar.extend(PARTS.get((eighths % 8).wrapping_sub(1)));
        let (name_pad, bar_pad) = (width - name.chars().count(), BAR as usize - bar.chars().count().min(BAR as usize));
        format!("  {name}{}  {bar}{} {:5.1}%", " ".repeat(name_pad), " ".repeat(bar_pad), 100.0 * probability)
    };
    ranked.iter().zip(&names).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_what_is_likely_and_fit_a_narrow_terminal() {
        let class = |name: &str| Class { name: name.into(), ..Class::of("n01440764") };
        let (tench, church, long) = (class("tench"), class("church"), class(&"x".repeat(200)));
        let lines = bars(&[(0.75, &tench), (0.03125, &church), (0.0, &long)]);
        assert_eq!(lines[0], format!("  tench{}  {}{}  75.0%", " ".repeat(NAME - 5), "█".repeat(15), " ".repeat(5)));
        assert_eq!(lines[1], format!("  church{}  ▋{}   3.1%", " ".repeat(NAME - 6), " ".repeat(19)));
        assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()), "{lines:#?}");
        assert!(lines[2].contains('…') && lines[2].chars().count() <= 60, "{}", lines[2]);
        assert_eq!(bars(&[(1.0, &tench)])[0], format!("  tench  {} 100.0%", "█".repeat(20)));
    }
}
