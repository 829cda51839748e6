//! What happens in a run, written down as it happens for other tools: event files for TensorBoard, a CSV table.
//! Neither is part of the run's account, which is `history.jsonl`; a table that cannot be written is said once and
//! never ends a run.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use imagenette_train::run::watch::{Chosen, EpochReport, Replanned, RunPlan, StepReport, TrainWatch};

use crate::terminal::Terminal;

/// The table's file in a run's folder.
const CSV_FILE: &str = "history.csv";
const HEADER: &str = "step,epoch,loss,learning_rate,resolution_px,images_per_second,top1";

/// Which tables are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) tensorboard: bool,
    pub(crate) csv: bool,
}

/// A run that is followed by somebody else, and written down on the way.
pub(crate) struct RunTables<'w> {
    inner: &'w dyn TrainWatch,
    terminal: &'w Terminal,
    folder: PathBuf,
    wanted: Wanted,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    events: Option<EventFile>,
    csv: Option<BufWriter<File>>,
    /// The last step, to which an evaluation belongs.
    step: u64,
    has_failed: bool,
}

impl<'w> RunTables<'w> {
    /// Follows the run in this folder as `inner` does.
    pub(crate) fn new(inner: &'w dyn TrainWatch, folder: &Path, wanted: Wanted, terminal: &'w Terminal) -> Self {
        Self { inner, terminal, folder: folder.into(), wanted, open: Mutex::default() }
    }

    /// Writes something, unless that failed before.
    fn write(&self, write: impl FnOnce(&mut Open) -> std::io::Result<()>) {
        let mut open = self.open.lock().expect("no thread panics while it writes");
        if open.has_failed {
            return;
        }
        if let Err(error) = write(&mut open) {
            *open = Open { has_failed: true, ..Open::default() };
            let folder = self.folder.display();
            self.terminal.say(&format!("warning: no tables of the run are written from here on: {folder}: {error}"));
        }
    }
}

impl TrainWatch for RunTables<'_> {
    fn chosen(&self, chosen: &Chosen) {
        self.inner.chosen(chosen);
    }

    fn begin(&self, plan: &RunPlan) {
        self.inner.begin(plan);
        self.write(|open| {
            open.step = plan.done_steps;
            if self.wanted.tensorboard {
                open.events = Some(EventFile::create(&self.folder)?);
            }
            if self.wanted.csv {
                open.csv = Some(begin_csv(&self.folder.join(CSV_FILE), plan.done_steps)?);
            }
            Ok(())
        });
    }

    fn step(&self, report: &StepReport) {
        self.inner.step(report);
        self.write(|open| {
            open.step = report.step;
            if let Some(events) = &mut open.events {
                let px = f64::from(report.resolution_px);
                for (tag, value) in [
                    ("train/loss", report.loss),
                    ("train/learning_rate", report.rate),
                    ("train/resolution_px", px),
                    ("train/images_per_second", report.images_per_second),
                ] {
                    events.write(report.step, tag, value)?;
                }
            }
            if let Some(csv) = &mut open.csv {
                let StepReport { epoch, step, loss, rate, resolution_px, images_per_second, .. } = report;
                writeln!(csv, "{step},{epoch},{loss},{rate},{resolution_px},{images_per_second:.1},")?;
            }
            Ok(())
        });
    }

    fn evaluated(&self, done: usize, total: usize) {
        self.inner.evaluated(done, total);
    }

    fn epoch(&self, report: &EpochReport) {
        self.inner.epoch(report);
        self.write(|open| {
            let top1 = report.counts.map(|counts| counts.accuracy());
            if let Some(events) = &mut open.events {
                if let Some(top1) = top1 {
                    events.write(open.step, "evaluation/top1", top1)?;
                }
                events.flush()?;
            }
            if let Some(csv) = &mut open.csv {
                let top1 = top1.map_or(String::new(), |top1| top1.to_string());
                writeln!(csv, "{},{},{},,,,{top1}", open.step, report.epoch, report.loss)?;
                csv.flush()?;
            }
            Ok(())
        });
    }

    fn replanned(&self, plan: &Replanned) {
        self.inner.replanned(plan);
    }

    fn interrupted(&self) -> bool {
        self.inner.interrupted()
    }

    fn preempted(&self) -> bool {
        self.inner.preempted()
    }
}

/// Begins a table, or goes on with the one that is there up to the step that the run is resumed from.
fn begin_csv(path: &Path, done_steps: u64) -> std::io::Result<BufWriter<File>> {
    let known = if done_steps > 0 { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
    let step = |line: &str| line.split(',').next().and_then(|step| step.parse::<u64>().ok());
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{HEADER}")?;
    for line in known.lines().filter(|line| step(line).is_some_and(|step| step <= done_steps)) {
        writeln!(file, "{line}")?;
    }
    Ok(file)
}

/// A file of TensorBoard's events: records of a length, an event, and checksums of both.
///
/// # Source
/// TensorFlow's `record_writer` (masked CRC-32C) and `event.proto`, of which fields 1, 2, 3 and 5 are used, and
/// `summary.proto`, of which a value's fields 1 and 2 are.
struct EventFile {
    file: BufWriter<File>,
}

impl EventFile {
    fn create(folder: &Path) -> std::io::Result<Self> {
        let now = seconds_now();
        // The seconds tell the files of a resumed run apart; TensorBoard reads all of a folder as one run.
        let name = format!("events.out.tfevents.{:.0}.imagenette.{}", now, std::process::id());
        let mut events = Self { file: BufWriter::new(File::create(folder.join(name))?) };
        let version = "brain.Event:2";
        let mut event = wall_time(now);
        event.extend([0x1A, version.len() as u8]);
        event.extend(version.as_bytes());
        events.record(&event)?;
        events.flush()?;
        Ok(events)
    }

    fn write(&mut self, step: u64, tag: &str, value: f64) -> std::io::Result<()> {
        let mut scalar = vec![0x0A, tag.len() as u8];
        scalar.extend(tag.as_bytes());
        scalar.push(0x15);
        scalar.extend((value as f32).to_le_bytes());
        let mut event = wall_time(seconds_now());
        event.push(0x10);
        varint(step, &mut event);
        // A summary of one value.
        event.extend([0x2A, scalar.len() as u8 + 2, 0x0A, scalar.len() as u8]);
        event.extend(scalar);
        self.record(&event)
    }

    fn record(&mut self, event: &[u8]) -> std::io::Result<()> {
        let length = (event.len() as u64).to_le_bytes();
        self.file.write_all(&length)?;
        self.file.write_all(&masked_crc32c(&length).to_le_bytes())?;
        self.file.write_all(event)?;
        self.file.write_all(&masked_crc32c(event).to_le_bytes())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn seconds_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Field 1 of an event.
fn wall_time(seconds: f64) -> Vec<u8> {
    let mut event = vec![0x09];
    event.extend(seconds.to_le_bytes());
    event
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// CRC-32C of some bytes, rotated and moved as TensorFlow stores it.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // The check value of CRC-32C, and RFC 3720's for 32 zeros.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
    }

    #[test]
    fn an_event_is_written_as_tensorboard_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(folder.path()).unwrap();
        events.write(300, "train/loss", 1.5).unwrap();
        events.flush().unwrap();
        let path = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let bytes = std::fs::read(path).unwrap();
        let mut rest = &bytes[..];
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(rest[8..12], masked_crc32c(&rest[..8]).to_le_bytes());
            let event = &rest[12..12 + length];
            assert_eq!(rest[12 + length..16 + length], masked_crc32c(event).to_le_bytes());
            records.push(event.to_vec());
            rest = &rest[16 + length..];
        }
        assert_eq!(records.len(), 2);
        assert_eq!(records[0][9..], *b"\x1a\x0dbrain.Event:2");
        // Step 300 as a varint, then summary, value, tag and the float 1.5.
        assert_eq!(records[1][9..], *b"\x10\xac\x02\x2a\x13\x0a\x11\x0a\x0atrain/loss\x15\x00\x00\xc0\x3f");
    }

    #[test]
    fn a_table_goes_on_from_the_step_that_is_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CSV_FILE);
        std::fs::write(&path, format!("{HEADER}\n1,1,2.0,0.1,64,9.0,\n2,1,1.5,0.1,64,9.0,\n3,1,1.0,0.1,64")).unwrap();
        drop(begin_csv(&path, 2).unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert!(text.ends_with("2,1,1.5,0.1,64,9.0,\n"));
        drop(begin_csv(&path, 0).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{HEADER}\n"));
    }
}
