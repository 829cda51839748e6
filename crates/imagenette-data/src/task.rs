//! Tasks: what to learn from little. A name and a draw go in with a dataset's list of photos; which photos are trained
//! on with their labels, which without, which are evaluated, and which labels are wrong on purpose come out: the same
//! for everybody, since it follows from file names alone. There is no seed to choose.

use std::collections::BTreeMap;

use imagenette_files::hash;
use imagenette_files::nearest::did_you_mean;

use crate::dataset::UNLABELED;
use crate::edition::{Edition, Split};
use crate::error::{DataError, Result};
use crate::manifest::Manifest;

/// How many fixed draws a task has.
pub const DRAWS: u32 = 5;
/// The classes of Imagenette that are learned first, by label: every other one of the list. The other five come then.
const FIRST_CLASSES: [u16; 5] = [0, 2, 4, 6, 8];

/// How many photos of a class keep their labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// So many of each class.
    Each(usize),
    /// So many in a hundred of each class, rounded, at least one.
    Percent(usize),
}

/// What is to be learned, from what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// All classes from few labels; the other train photos are there without.
    FewLabels(Labels),
    /// No label in training: features are learned from photos alone, and judged by nearest neighbors.
    NoLabels,
    /// All classes where so many in a hundred labels of the train split are wrong.
    WrongLabels(usize),
    /// Five classes of Imagenette, from all of their photos.
    FiveClasses,
    /// The other five, from so many photos of each class, with weights that learned the first five or without.
    OtherFive(usize),
}

/// Every task, in the order of the list.
pub const TASKS: [Task; 13] = [
    Task::FewLabels(Labels::Each(4)),
    Task::FewLabels(Labels::Each(25)),
    Task::FewLabels(Labels::Percent(1)),
    Task::FewLabels(Labels::Percent(10)),
    Task::NoLabels,
    Task::WrongLabels(1),
    Task::WrongLabels(5),
    Task::WrongLabels(25),
    Task::WrongLabels(50),
    Task::FiveClasses,
    Task::OtherFive(1),
    Task::OtherFive(10),
    Task::OtherFive(100),
];

/// Who is trained on with a label and without, and who is evaluated; sample numbers in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSplit {
    /// Photos that are trained on with their labels; under [`Task::NoLabels`] those whose labels judge alone.
    pub labeled: Vec<u32>,
    /// Photos that may be trained on without.
    pub unlabeled: Vec<u32>,
    /// Photos that are evaluated: val, of the task's classes.
    pub evaluated: Vec<u32>,
    /// Wrong labels, by sample.
    pub wrong: BTreeMap<u32, u16>,
    /// Photos that are drawn in an epoch, with labels and without: as many as train has of the task's classes, so that an
    /// epoch costs the same for everybody.
    pub epoch_photos: usize,
}

impl TaskSplit {
    /// A split of a dataset without a task: its train photos with their labels, those of `unsup` without, and its val.
    pub fn whole(manifest: &Manifest) -> Self {
        let labeled = manifest.samples(Split::Train);
        Self {
            epoch_photos: labeled.len(),
            labeled,
            unlabeled: manifest.samples(Split::Unsup),
            evaluated: manifest.samples(Split::Val),
            wrong: BTreeMap::new(),
        }
    }

    /// The label that each sample is trained with, by sample number; [`UNLABELED`] for photos that are trained on
    /// without, whatever their folder says.
    pub fn labels(&self, manifest: &Manifest) -> Vec<u16> {
        let mut labels: Vec<u16> = manifest.images.iter().map(|image| image.label.unwrap_or(UNLABELED)).collect();
        self.wrong.iter().for_each(|(&sample, &label)| labels[sample as usize] = label);
        self.unlabeled.iter().for_each(|&sample| labels[sample as usize] = UNLABELED);
        labels
    }
}

impl Task {
    /// The task of a name.
    ///
    /// # Errors
    /// When there is none.
    ///
    /// # Example
    /// ```
    /// use imagenette_data::task::{Labels, Task};
    ///
    /// assert_eq!(Task::named("labels-10%")?, Task::FewLabels(Labels::Percent(10)));
    /// # Ok::<(), imagenette_data::DataError>(())
    /// ```
    pub fn named(name: &str) -> Result<Self> {
        TASKS.into_iter().find(|task| task.name() == name).ok_or_else(|| {
            let names = TASKS.map(Self::name);
            DataError::Setting {
                key: "task".into(),
                expected: "the name of a task".into(),
                found: format!("`{name}`"),
                hint: format!(
                    "{}; `imagenette task --list` shows them",
                    did_you_mean(name, names.iter().map(String::as_str))
                ),
            }
        })
    }

    /// Its name: `labels-10%`.
    pub fn name(self) -> String {
        match self {
            Self::FewLabels(Labels::Each(count)) => format!("labels-{count}"),
            Self::FewLabels(Labels::Percent(percent)) => format!("labels-{percent}%"),
            Self::NoLabels => "no-labels".into(),
            Self::WrongLabels(percent) => format!("wrong-labels-{percent}%"),
            Self::FiveClasses => "five-classes".into(),
            Self::OtherFive(count) => format!("other-five-{count}"),
        }
    }

    /// What it asks, in a sentence.
    pub fn summary(self) -> String {
        match self {
            Self::FewLabels(Labels::Each(count)) => {
                format!("all classes from {count} labeled photos of each; the rest of train without labels")
            }
            Self::FewLabels(Labels::Percent(percent)) => {
                format!("all classes from {percent}% of the labels of each; the rest of train without labels")
            }
            Self::NoLabels => "features from photos without any label, judged by nearest neighbors".into(),
            Self::WrongLabels(percent) => format!("all classes where {percent}% of the train labels are wrong"),
            Self::FiveClasses => "five classes of Imagenette from all their photos: the source of a transfer".into(),
            Self::OtherFive(1) => "the other five classes from one photo of each, after the first five".into(),
            Self::OtherFive(count) => {
                format!("the other five classes from {count} photos of each, after the first five")
            }
        }
    }

    /// What may be used and how it is judged.
    pub fn rules(self) -> Vec<&'static str> {
        const LAST: &str =
            "The score is top-1 of the last epoch on the whole val split, without test-time augmentation.";
        const NO_VAL: &str = "No val photo is trained on, with its label or without.";
        const RANDOM: &str = "Weights begin at random, or come from a run under the same task and draw or under \
                              `no-labels`: weights that have seen ImageNet have seen nearly all of val, with labels.";
        match self {
            Self::FewLabels(_) => vec![
                "Labels of the listed photos alone are used, in training as well as in tuning (`hold_out` splits them).",
                "Two tracks: supervised, from these photos alone; semi-supervised, from all other train photos as well, \
                 without their labels.",
                "An epoch draws as many photos as train has, whichever they are, so that both tracks cost the same.",
                "Results are over draws 1, 2 and 3; draws 4 and 5 are for tuning another task of this kind.",
                NO_VAL,
                RANDOM,
                LAST,
            ],
            Self::NoLabels => vec![
                "Train photos are learned from without their labels; no label decides anything in training.",
                "When it is over the labels of train judge, and nothing is learned from them but the last layer: a val photo \
                 has the class that its 20 nearest train photos vote for, by the cosine of their features, each weighed by \
                 exp(cosine / 0.1). The score is top-1 by them.",
                "Beside it stand the vote of 200 neighbors, and top-1 of a linear layer on the features.",
                "Results are over three seeds. What is tuned is tuned on train photos that are held out.",
                NO_VAL,
                "Weights begin at random.",
            ],
            Self::WrongLabels(_) => vec![
                "The labels of exactly so many train photos are changed, each to one of the other classes, all equally \
                 likely; nobody says which.",
                "Val has its true labels. They judge the last epoch and choose nothing, no epoch either.",
                "What is tuned is tuned on train photos that are held out, with the labels that they have there.",
                RANDOM,
                LAST,
            ],
            Self::FiveClasses => vec![
                "Train and val photos of five classes: tench, cassette player, church, garbage truck, golf ball.",
                "No photo of the other five is seen, in no role.",
                LAST,
            ],
            Self::OtherFive(_) => vec![
                "Train photos of English springer, chain saw, French horn, gas pump and parachute, so many of each; val \
                 photos of these five.",
                "Weights begin at random, or come from a run under the task `five-classes`.",
                NO_VAL,
                LAST,
            ],
        }
    }

    /// How many draws it has.
    pub fn draws(self) -> u32 {
        match self {
            Self::FewLabels(_) | Self::WrongLabels(_) | Self::OtherFive(_) => DRAWS,
            Self::FiveClasses | Self::NoLabels => 1,
        }
    }

    /// Who is trained on and who is evaluated in a draw, from 1.
    ///
    /// # Errors
    /// When there is no such draw, the task is not for this dataset, or a class would be left without a photo.
    pub fn split(self, manifest: &Manifest, draw: u32) -> Result<TaskSplit> {
        self.check(manifest, draw)?;
        let (train, val) = (manifest.samples(Split::Train), manifest.samples(Split::Val));
        let of = |classes: &[u16], samples: &[u32]| -> Vec<u32> {
            let is_one = |sample: &u32| label_of(manifest, *sample).is_some_and(|label| classes.contains(&label));
            samples.iter().copied().filter(is_one).collect()
        };
        let all: Vec<u16> = (0..manifest.classes.len() as u16).collect();
        let whole = TaskSplit::whole(manifest);
        Ok(match self {
            Self::FewLabels(labels) => {
                let labeled = drawn(manifest, &train, &all, draw, |photos| match labels {
                    Labels::Each(count) => count,
                    Labels::Percent(percent) => ((percent * photos + 50) / 100).max(1),
                })?;
                let others = train.iter().filter(|sample| labeled.binary_search(sample).is_err()).copied();
                let mut unlabeled: Vec<u32> = others.chain(whole.unlabeled).collect();
                unlabeled.sort_unstable();
                TaskSplit { epoch_photos: labeled.len() + unlabeled.len(), labeled, unlabeled, ..whole_val(val) }
            }
            Self::NoLabels => TaskSplit { epoch_photos: whole.labeled.len() + whole.unlabeled.len(), ..whole },
            Self::WrongLabels(percent) => {
                let wrong = wrong_labels(manifest, &train, draw, (percent * train.len()).div_ceil(100));
                TaskSplit { wrong, unlabeled: Vec::new(), ..whole }
            }
            Self::FiveClasses => {
                let labeled = of(&FIRST_CLASSES, &train);
                let evaluated = of(&FIRST_CLASSES, &val);
                TaskSplit { epoch_photos: labeled.len(), labeled, ..whole_val(evaluated) }
            }
            Self::OtherFive(count) => {
                let others: Vec<u16> = all.into_iter().filter(|label| !FIRST_CLASSES.contains(label)).collect();
                let labeled = drawn(manifest, &train, &others, draw, |_| count)?;
                let epoch_photos = of(&others, &train).len();
                TaskSplit { epoch_photos, labeled, ..whole_val(of(&others, &val)) }
            }
        })
    }

    fn check(self, manifest: &Manifest, draw: u32) -> Result<()> {
        let refuse = |key: &str, expected: String, found: String, hint: &str| {
            Err(DataError::Setting { key: key.into(), expected, found, hint: hint.into() })
        };
        if !(1..=self.draws()).contains(&draw) {
            let expected = match self.draws() {
                1 => format!("1: `{}` has a single draw", self.name()),
                draws => format!("a draw of `{}` from 1 to {draws}", self.name()),
            };
            return refuse("draw", expected, draw.to_string(), "results are over draws 1, 2 and 3");
        }
        let is_five = matches!(self, Self::FiveClasses | Self::OtherFive(_));
        if is_five && !matches!(manifest.edition, Edition::ImagenetteV1 | Edition::ImagenetteV2 | Edition::Drawn) {
            return refuse(
                "task",
                format!("Imagenette or the drawn set for `{}`, which names five of their classes", self.name()),
                manifest.name.clone(),
                "name another dataset with `--dataset`, or another task",
            );
        }
        if manifest.samples(Split::Val).is_empty() {
            return refuse(
                "task",
                "a dataset with val photos, which judge".into(),
                manifest.name.clone(),
                "install one with both splits",
            );
        }
        Ok(())
    }
}

/// Nothing but photos to evaluate.
fn whole_val(evaluated: Vec<u32>) -> TaskSplit {
    TaskSplit { labeled: Vec::new(), unlabeled: Vec::new(), evaluated, wrong: BTreeMap::new(), epoch_photos: 0 }
}

fn label_of(manifest: &Manifest, sample: u32) -> Option<u16> {
    manifest.images[sample as usize].label
}

/// Where a photo stands in a draw. The hash is of the file's name alone, so that all sizes of a dataset have the same lists,
/// and those with more labels hold those with fewer.
fn place(manifest: &Manifest, draw: u32, what: &str, sample: u32) -> String {
    hash::sha256(format!("{what} {draw} {}", manifest.images[sample as usize].file_name))
}

/// The first photos of each class in a draw, as many as `count` says of those that the class has.
fn drawn(
    manifest: &Manifest,
    train: &[u32],
    classes: &[u16],
    draw: u32,
    count: impl Fn(usize) -> usize,
) -> Result<Vec<u32>> {
    let mut chosen = Vec::new();
    for &label in classes {
        let is_one = |sample: &u32| label_of(manifest, *sample) == Some(label);
        let mut photos: Vec<u32> = train.iter().copied().filter(is_one).collect();
        let wanted = count(photos.len());
        if photos.len() < wanted || photos.is_empty() {
            let class = &manifest.classes[usize::from(label)];
            return Err(DataError::Setting {
                key: "task".into(),
                expected: format!("{} photos of each class in train", wanted.max(1)),
                found: format!("{} of `{}` in {}", photos.len(), class.wnid, manifest.name),
                hint: "add photos of it, or take a task of fewer labels".into(),
            });
        }
        photos.sort_by_cached_key(|&sample| place(manifest, draw, "labels", sample));
        chosen.extend(photos.into_iter().take(wanted));
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// The first photos of all in a draw, each with a label of another class.
fn wrong_labels(manifest: &Manifest, train: &[u32], draw: u32, count: usize) -> BTreeMap<u32, u16> {
    let classes = manifest.classes.len() as u64;
    let mut placed: Vec<(String, u32)> =
        train.iter().map(|&sample| (place(manifest, draw, "wrong", sample), sample)).collect();
    placed.sort_unstable();
    let changed = |(_, sample): (String, u32)| {
        let own = label_of(manifest, sample)?;
        // Sixty bits of another hash: which of the other classes is independent of whether at all.
        let digits = place(manifest, draw, "wrong as", sample);
        let number = u64::from_str_radix(&digits[..15], 16).ok()?;
        let step = 1 + number % (classes - 1).max(1);
        Some((sample, ((u64::from(own) + step) % classes) as u16))
    };
    placed.into_iter().take(count).filter_map(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class;
    use crate::manifest::{ImageEntry, OrientationRule, Source};

    /// As many photos of each class and split as Imagenette v2 has.
    const TRAIN: [usize; 10] = [963, 955, 993, 858, 941, 956, 961, 931, 951, 960];
    const VAL: [usize; 10] = [387, 395, 357, 386, 409, 394, 389, 419, 399, 390];

    fn manifest() -> Manifest {
        let mut images = Vec::new();
        for (split, counts) in [(Split::Train, TRAIN), (Split::Val, VAL)] {
            for (label, &count) in (0..).zip(&counts) {
                images.extend((0..count).map(|number| ImageEntry {
                    split,
                    label: Some(label),
                    file_name: format!("n{label}_{}_{number}.JPEG", split.name()),
                    width_px: 160,
                    height_px: 160,
                    bytes: 1,
                    sha256: String::new(),
                    turned: None,
                }));
            }
        }
        let mut manifest = Manifest {
            name: "imagenette2-160".into(),
            edition: Edition::ImagenetteV2,
            size: "160".into(),
            source: Source { from: "test".into(), sha256: None, archive: None },
            orientation: OrientationRule::Stored,
            classes: class::imagenette(),
            images,
        };
        manifest.sort();
        manifest
    }

    fn counts(manifest: &Manifest, samples: &[u32]) -> Vec<usize> {
        let mut counts = vec![0; 10];
        samples.iter().for_each(|&sample| counts[usize::from(label_of(manifest, sample).unwrap())] += 1);
        counts
    }

    #[test]
    fn few_labels_are_nested_and_nobody_is_on_both_sides() {
        let manifest = manifest();
        let split = |name: &str, draw| Task::named(name).unwrap().split(&manifest, draw).unwrap();
        for (name, total) in [("labels-4", 40), ("labels-25", 250), ("labels-1%", 97), ("labels-10%", 947)] {
            let TaskSplit { labeled, unlabeled, evaluated, wrong, epoch_photos } = split(name, 1);
            assert_eq!((labeled.len(), labeled.len() + unlabeled.len(), evaluated.len()), (total, 9469, 3925));
            assert!(labeled.iter().all(|sample| unlabeled.binary_search(sample).is_err()));
            assert!(wrong.is_empty() && epoch_photos == 9469);
            let labels = split(name, 1).labels(&manifest);
            assert_eq!(labels.iter().filter(|&&label| label == UNLABELED).count(), unlabeled.len());
        }
        assert_eq!(counts(&manifest, &split("labels-10%", 1).labeled), [96, 96, 99, 86, 94, 96, 96, 93, 95, 96]);
        assert_eq!(counts(&manifest, &split("labels-1%", 3).labeled), [10, 10, 10, 9, 9, 10, 10, 9, 10, 10]);
        let within = |few: &str, many: &str| {
            let many = split(many, 2).labeled;
            split(few, 2).labeled.iter().all(|sample| many.binary_search(sample).is_ok())
        };
        assert!(
            within("labels-4", "labels-25") && within("labels-25", "labels-10%") && within("labels-1%", "labels-25")
        );
        // Draws have hardly more in common than chance: one in ten.
        let (one, other) = (split("labels-10%", 1).labeled, split("labels-10%", 2).labeled);
        let common = one.iter().filter(|sample| other.binary_search(sample).is_ok()).count();
        assert!((50..150).contains(&common), "{common}");
    }

    #[test]
    fn exactly_so_many_labels_are_wrong_and_evenly_so() {
        let manifest = manifest();
        for (percent, count) in [(1, 95), (5, 474), (25, 2368), (50, 4735)] {
            let split = Task::WrongLabels(percent).split(&manifest, 1).unwrap();
            assert_eq!((split.labeled.len(), split.wrong.len(), split.unlabeled.len()), (9469, count, 0));
            assert!(split.wrong.iter().all(|(&sample, &label)| label_of(&manifest, sample) != Some(label)));
        }
        let split = Task::WrongLabels(50).split(&manifest, 2).unwrap();
        let mut pairs = BTreeMap::new();
        for (&sample, &label) in &split.wrong {
            *pairs.entry((label_of(&manifest, sample).unwrap(), label)).or_insert(0u32) += 1;
        }
        // 90 pairs of 53 on average, with a deviation of 7.
        assert_eq!(pairs.len(), 90);
        assert!(pairs.values().all(|count| (25..=85).contains(count)), "{pairs:?}");
        // Fewer wrong labels are among more, and are the same.
        let fewer = Task::WrongLabels(5).split(&manifest, 2).unwrap();
        assert!(fewer.wrong.iter().all(|(sample, label)| split.wrong.get(sample) == Some(label)));
        let labels = fewer.labels(&manifest);
        assert!(fewer.wrong.iter().all(|(&sample, &label)| labels[sample as usize] == label));
    }

    #[test]
    fn five_classes_and_the_other_five_have_nothing_in_common() {
        let manifest = manifest();
        let first = Task::FiveClasses.split(&manifest, 1).unwrap();
        let other = Task::OtherFive(10).split(&manifest, 4).unwrap();
        assert_eq!((first.labeled.len(), first.evaluated.len()), (4809, 1941));
        assert_eq!((other.labeled.len(), other.evaluated.len(), other.epoch_photos), (50, 1984, 4660));
        assert_eq!(counts(&manifest, &other.labeled), [0, 10, 0, 10, 0, 10, 0, 10, 0, 10]);
        let own = Manifest { edition: Edition::Own, ..manifest };
        let error = Task::OtherFive(1).split(&own, 1).unwrap_err().to_string();
        assert!(error.contains("Imagenette or the drawn set"), "{error}");
    }

    #[test]
    fn what_cannot_be_is_refused_and_every_name_is_found_again() {
        let manifest = manifest();
        for task in TASKS {
            assert_eq!(Task::named(&task.name()).unwrap(), task);
            assert!(!task.rules().is_empty() && task.summary().len() < 100, "{}", task.summary());
        }
        let refused = |task: Task, draw, manifest: &Manifest| task.split(manifest, draw).unwrap_err().to_string();
        let few = Task::FewLabels(Labels::Each(25));
        assert!(refused(few, 6, &manifest).contains("from 1 to 5"));
        assert!(refused(few, 0, &manifest).contains("draw"));
        assert!(refused(Task::FiveClasses, 2, &manifest).contains("single draw"));
        let mut small = manifest.clone();
        small.images.retain(|image| image.label != Some(3) || image.split == Split::Val);
        assert!(refused(few, 1, &small).contains("0 of `n03000684`"), "{}", refused(few, 1, &small));
        let mut no_val = manifest;
        no_val.images.retain(|image| image.split != Split::Val);
        assert!(refused(few, 1, &no_val).contains("val photos"));
        let unknown = Task::named("label-4").unwrap_err();
        assert!(imagenette_files::Hint::hint(&unknown).is_some_and(|hint| hint.contains("labels-4")));
    }

    #[test]
    fn the_lists_stay_as_they_are() {
        // Results are over these lists: what changes them makes every known result one of another task.
        let manifest = manifest();
        let split = Task::FewLabels(Labels::Each(4)).split(&manifest, 1).unwrap();
        let names: Vec<&str> =
            split.labeled.iter().map(|&sample| manifest.images[sample as usize].file_name.as_str()).collect();
        assert_eq!(hash::short(&hash::sha256(names.join("\n"))), "250ba42ae048");
        let wrong = Task::WrongLabels(5).split(&manifest, 1).unwrap().wrong;
        let told: Vec<String> = wrong.iter().map(|(sample, label)| format!("{sample} {label}")).collect();
        assert_eq!(hash::short(&hash::sha256(told.join("\n"))), "a0ad34e253cf");
    }
}
