//! Loading: a batch depends on its request and the seed alone, however it is made and by however many threads.

mod datasets;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use imagenette_data::DataError;
use imagenette_data::augment::{
    Augment, Crop, Cutout, Erase, EvaluationGeometry, Flip, Mix, RandAugment, Scratch, SimClr, Strong, TrivialAugment,
    plan_train,
};
use imagenette_data::dataset::Dataset;
use imagenette_data::image::Resizer;
use imagenette_data::loader::{Batch, BatchRequest, Loader, MixRequest, View, epoch_order};
use imagenette_data::packed::Packed;
use imagenette_data::random::SampleKey;
use imagenette_data::watch::Silent;

const SEED: u64 = 11;
const TRAIN: View = View::Train(Augment {
    crop: Crop::RandomResized { area: [0.35, 1.0], aspect: [0.75, 4.0 / 3.0] },
    flip: Flip::Alternating,
});

struct Set {
    _folder: tempfile::TempDir,
    dataset: Dataset,
    packed: Arc<Packed>,
}

fn set(photos: u32) -> Set {
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), photos);
    let packed = Arc::new(Packed::open_or_build(&dataset, folder.path(), 2, &Silent).unwrap());
    Set { _folder: folder, dataset, packed }
}

impl Set {
    fn loader(&self, threads: usize, requests: impl Iterator<Item = BatchRequest> + Send + 'static) -> Loader {
        Loader::new(self.packed.clone(), self.dataset.labels().into(), SEED, threads, Box::new(requests)).unwrap()
    }

    /// Two epochs of everything in batches of this size, with a step of the resolution between them.
    fn requests(&self, batch: usize) -> Vec<BatchRequest> {
        let samples: Vec<u32> = (0..self.packed.len() as u32).collect();
        let epoch = |epoch: u32| -> Vec<BatchRequest> {
            let order = epoch_order(&samples, SEED, epoch);
            let request = |samples: &[u32]| BatchRequest {
                epoch,
                passes: None,
                samples: samples.to_vec(),
                resolution_px: 16 + 8 * epoch,
                view: TRAIN,
                view_number: 0,
                own: Default::default(),
                strong: None,
                cutout: None,
                erase: None,
                mix: None,
            };
            order.chunks(batch).map(request).collect()
        };
        [epoch(0), epoch(1)].concat()
    }
}

/// Each image with its sample, label and resolution, however it was batched.
fn images(batches: impl Iterator<Item = Result<Batch, DataError>>) -> Vec<(u32, u16, u32, Vec<u8>)> {
    let mut images = Vec::new();
    for batch in batches {
        let batch = batch.unwrap();
        let bytes = batch.resolution_px as usize * batch.resolution_px as usize * 3;
        assert_eq!(batch.pixels.len(), batch.samples.len() * bytes);
        assert_eq!(batch.labels.len(), batch.samples.len());
        for ((sample, label), pixels) in batch.samples.iter().zip(&batch.labels).zip(batch.pixels.chunks(bytes)) {
            images.push((*sample, *label, batch.resolution_px, pixels.to_vec()));
        }
    }
    images
}

#[test]
fn one_two_and_seven_threads_give_the_same_batches() {
    let set = set(50);
    let requests = set.requests(8);
    let one: Vec<Batch> = set.loader(1, requests.clone().into_iter()).map(Result::unwrap).collect();
    assert_eq!(one.len(), 14);
    for threads in [2, 7] {
        let many: Vec<Batch> = set.loader(threads, requests.clone().into_iter()).map(Result::unwrap).collect();
        assert_eq!(many.len(), one.len());
        for ((a, b), request) in one.iter().zip(&many).zip(&requests) {
            assert_eq!((&a.samples, &a.labels, a.resolution_px), (&b.samples, &b.labels, b.resolution_px));
            assert_eq!(a.samples, request.samples);
            assert!(a.pixels == b.pixels, "{threads} threads");
        }
    }
}

#[test]
fn images_are_the_same_however_the_epoch_is_cut_into_batches() {
    let set = set(50);
    let whole = images(set.loader(2, set.requests(8).into_iter()));
    for batch in [1, 5, 50] {
        assert!(images(set.loader(2, set.requests(batch).into_iter())) == whole, "batches of {batch}");
    }
    // Resuming in the middle of an epoch: the rest is the same as without the interruption.
    let resumed = images(set.loader(2, set.requests(8).into_iter().skip(3)));
    assert!(resumed == whole[24..]);
}

#[test]
fn an_image_is_its_plan_resized_and_mirrored() {
    let set = set(12);
    let View::Train(augment) = TRAIN else { unreachable!() };
    let (mut flipped, mut resizer) = (0, Resizer::new());
    for (position, (sample, label, side, pixels)) in
        images(set.loader(3, set.requests(5).into_iter())).into_iter().enumerate()
    {
        let photo = set.packed.photo(sample);
        let epoch = position as u32 / 12;
        let plan = plan_train(&augment, photo.width_px, photo.height_px, side, SampleKey::new(SEED, epoch, sample));
        let mut expected = vec![0; pixels.len()];
        resizer.resize(photo.rgb, (photo.width_px, photo.height_px), plan.crop, &mut expected, (side, side));
        if plan.flip {
            flipped += 1;
            let row = side as usize * 3;
            expected = expected.chunks(row).flat_map(|row| row.rchunks(3).flatten().copied()).collect();
        }
        assert!(pixels == expected, "sample {sample}");
        assert_eq!(label, set.dataset.labels()[sample as usize]);
    }
    assert_eq!(flipped, 12, "two epochs of alternating flips mirror each sample once");
}

const ERASE: Erase = Erase { probability: 0.5, area: [0.02, 0.33], aspect: [0.3, 3.3], until: 1.0 };
const MIX: Mix =
    Mix { mixup: Some(0.4), cutmix: Some(1.0), cutmix_share: 0.5, probability: 0.75, from: 0.0, until: 1.0 };

#[test]
fn workers_erase_and_mix_as_the_plain_functions_do_to_whole_batches() {
    let set = set(50);
    let (mut mixed, mut unmixed) = (0, 0);
    for size in [1, 7, 16, 50] {
        let plain = set.requests(size);
        let starts: Vec<u32> = (0..2).flat_map(|_| (0..50).step_by(size)).collect();
        let asked: Vec<BatchRequest> = plain
            .iter()
            .zip(&starts)
            .map(|(request, &start)| BatchRequest {
                erase: Some(ERASE),
                mix: Some(MixRequest { mix: MIX, start }),
                ..request.clone()
            })
            .collect();
        let expected: Vec<Batch> = set
            .loader(1, plain.clone().into_iter())
            .zip(&asked)
            .zip(&starts)
            .map(|((batch, request), &start)| {
                let (mut batch, side) = (batch.unwrap(), request.resolution_px as usize);
                ERASE.batch(&mut batch.pixels, &batch.samples, side, SEED, request.epoch);
                let mixtures = MIX.batch(&mut batch.pixels, side, (SEED, request.epoch, start));
                Batch { mixtures, ..batch }
            })
            .collect();
        mixed += expected.iter().filter(|batch| batch.mixtures.is_some()).count();
        unmixed += expected.iter().filter(|batch| batch.mixtures.is_none()).count();
        for threads in [1, 2, 5] {
            let found: Vec<Batch> = set.loader(threads, asked.clone().into_iter()).map(Result::unwrap).collect();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!((&found.samples, &found.labels), (&expected.samples, &expected.labels));
                assert_eq!(found.mixtures, expected.mixtures, "{threads} threads, batches of {size}");
                assert!(found.pixels == expected.pixels, "{threads} threads, batches of {size}");
            }
        }
    }
    assert!(mixed > 20 && unmixed > 20, "{mixed} batches were mixed, {unmixed} were not");
}

#[test]
fn erasing_and_mixing_change_batches_and_invalid_settings_are_errors_at_their_place() {
    let set = set(12);
    let plain = BatchRequest {
        epoch: 0,
        passes: None,
        samples: (0..12).collect(),
        resolution_px: 16,
        view: TRAIN,
        view_number: 0,
        own: Default::default(),
        strong: None,
        cutout: None,
        erase: None,
        mix: None,
    };
    let erased = BatchRequest { erase: Some(Erase { probability: 1.0, ..ERASE }), ..plain.clone() };
    let always = Mix { probability: 1.0, ..MIX };
    let mixed = BatchRequest { mix: Some(MixRequest { mix: always, start: 0 }), ..plain.clone() };
    let no_erasing = BatchRequest { erase: Some(Erase { probability: 2.0, ..ERASE }), ..plain.clone() };
    let no_mixing =
        BatchRequest { mix: Some(MixRequest { mix: Mix { until: 0.0, ..MIX }, start: 0 }), ..plain.clone() };
    let results: Vec<_> = set.loader(2, [plain, erased, mixed, no_erasing, no_mixing].into_iter()).collect();
    let batch = |number: usize| results[number].as_ref().unwrap();
    assert!(batch(0).pixels != batch(1).pixels && batch(0).pixels != batch(2).pixels);
    assert!(batch(0).mixtures.is_none() && batch(1).mixtures.is_none());
    assert_eq!(batch(2).mixtures.as_ref().map(Vec::len), Some(12));
    for (number, expected) in [(3, "erase.probability"), (4, "mix.until")] {
        let Err(DataError::Setting { key, .. }) = &results[number] else { panic!("{expected} should be refused") };
        assert_eq!(key, expected);
    }
}

#[test]
fn workers_change_samples_strongly_and_cut_out_as_the_plain_functions_do() {
    let set = set(50);
    let cutout = Cutout { size: 0.4, probability: 0.7 };
    let mut scratch = Scratch::default();
    for strong in [
        Strong::RandAugment(RandAugment { magnitude: 12, ..RandAugment::default() }),
        Strong::TrivialAugment(TrivialAugment::default()),
        Strong::SimClr(SimClr { solarize: 0.2, ..SimClr::default() }),
    ] {
        for view_number in [0, 1] {
            let plain: Vec<BatchRequest> =
                set.requests(7).into_iter().map(|request| BatchRequest { view_number, ..request }).collect();
            let with = |request: &BatchRequest| BatchRequest {
                strong: Some(strong),
                cutout: Some(cutout),
                erase: Some(ERASE),
                ..request.clone()
            };
            let asked: Vec<BatchRequest> = plain.iter().map(with).collect();
            let mut expected = Vec::new();
            for (batch, request) in set.loader(1, plain.into_iter()).zip(&asked) {
                let (mut batch, side) = (batch.unwrap(), request.resolution_px as usize);
                for (pixels, &sample) in batch.pixels.chunks_exact_mut(side * side * 3).zip(&request.samples) {
                    let key = SampleKey { seed: SEED, epoch: request.epoch, sample, view: view_number };
                    strong.photo(pixels, side, key, &mut scratch);
                    cutout.photo(pixels, side, key);
                    ERASE.photo(pixels, side, key);
                }
                expected.push(batch.pixels);
            }
            for threads in [1, 4] {
                let found: Vec<_> =
                    set.loader(threads, asked.clone().into_iter()).map(|batch| batch.unwrap().pixels).collect();
                assert!(found == expected, "{strong:?}, view {view_number}, {threads} threads");
            }
        }
    }
}

#[test]
fn another_view_is_cropped_and_mirrored_otherwise_and_changed_otherwise() {
    let set = set(40);
    let request = |view_number, strong| BatchRequest {
        epoch: 3,
        passes: None,
        samples: (0..40).collect(),
        resolution_px: 32,
        view: TRAIN,
        view_number,
        own: Default::default(),
        strong,
        cutout: None,
        erase: None,
        mix: None,
    };
    let strong = Some(Strong::RandAugment(RandAugment::default()));
    let bad = Some(Strong::RandAugment(RandAugment { magnitude: 99, ..RandAugment::default() }));
    let bad_cutout = BatchRequest { cutout: Some(Cutout { size: 0.0, probability: 1.0 }), ..request(0, None) };
    let requests = [
        request(0, None),
        request(1, None),
        request(1, None),
        request(0, strong),
        request(1, strong),
        request(0, bad),
        bad_cutout,
        request(256, None),
    ];
    let results: Vec<_> = set.loader(2, requests.into_iter()).collect();
    let differing = |one: usize, other: usize| {
        let [one, other] = [one, other].map(|number| &results[number].as_ref().unwrap().pixels);
        one.chunks(32 * 32 * 3).zip(other.chunks(32 * 32 * 3)).filter(|(one, other)| one != other).count()
    };
    assert_eq!((differing(0, 1), differing(1, 2), differing(3, 4)), (40, 0, 40));
    assert!(differing(0, 3) > 25 && differing(1, 4) > 25, "{} {}", differing(0, 3), differing(1, 4));
    for (number, expected) in [(5, "strong.magnitude"), (6, "cutout.size"), (7, "view_number")] {
        let Err(DataError::Setting { key, .. }) = &results[number] else { panic!("{expected} should be refused") };
        assert_eq!(key, expected);
    }
    // Flips of a view alternate too.
    let View::Train(augment) = TRAIN else { unreachable!() };
    let flip = |view, epoch, sample| {
        plan_train(&augment, 64, 64, 32, SampleKey { view, ..SampleKey::new(SEED, epoch, sample) }).flip
    };
    assert!((0..99).all(|sample| flip(1, 4, sample) != flip(1, 5, sample)));
    let same = (0..400).filter(|&sample| flip(0, 4, sample) == flip(1, 4, sample)).count();
    assert!((150..250).contains(&same), "{same}");
}

#[test]
fn a_batch_can_be_taken_apart_and_its_pixels_outlive_the_loader() {
    let set = set(4);
    let mut loader = set.loader(1, set.requests(4).into_iter());
    let Batch { pixels, labels, .. } = loader.next().unwrap().unwrap();
    let copy = pixels.to_vec();
    drop(loader);
    assert_eq!(labels.len(), 4);
    assert_eq!(pixels[..], copy[..]);
}

#[test]
fn evaluation_sees_the_same_pixels_in_every_epoch() {
    let set = set(9);
    for geometry in [EvaluationGeometry::Whole, EvaluationGeometry::Center { ratio: 1.2 }] {
        let request = |epoch| BatchRequest {
            epoch,
            passes: None,
            samples: (0..9).collect(),
            resolution_px: 20,
            view: View::Evaluation(geometry),
            view_number: 0,
            own: Default::default(),
            strong: None,
            cutout: None,
            erase: None,
            mix: None,
        };
        let batches: Vec<Batch> = set.loader(2, [request(0), request(5)].into_iter()).map(Result::unwrap).collect();
        assert!(batches[0].pixels == batches[1].pixels);
    }
}

#[test]
fn a_request_that_cannot_be_met_is_an_error_at_its_place() {
    let set = set(6);
    let good = BatchRequest {
        epoch: 0,
        passes: None,
        samples: vec![1, 2],
        resolution_px: 8,
        view: TRAIN,
        view_number: 0,
        own: Default::default(),
        strong: None,
        cutout: None,
        erase: None,
        mix: None,
    };
    let light = View::Train(Augment { crop: Crop::Light { scale: 0.5 }, flip: Flip::None });
    let requests = [
        good.clone(),
        BatchRequest { samples: vec![1, 6], ..good.clone() },
        BatchRequest { resolution_px: 0, ..good.clone() },
        BatchRequest { view: light, ..good.clone() },
        BatchRequest { samples: vec![], ..good.clone() },
        good.clone(),
    ];
    let results: Vec<Result<Batch, DataError>> = set.loader(2, requests.into_iter()).collect();
    let keys: Vec<String> = results
        .iter()
        .map(|result| match result {
            Ok(batch) => format!("{} samples", batch.samples.len()),
            Err(DataError::Setting { key, .. }) => key.clone(),
            Err(other) => panic!("{other}"),
        })
        .collect();
    assert_eq!(keys, ["2 samples", "samples", "resolution_px", "crop.scale", "0 samples", "2 samples"]);
}

#[test]
fn the_queue_is_bounded_and_a_dropped_loader_stops_its_workers() {
    let set = set(8);
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let endless = std::iter::repeat_with(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        BatchRequest {
            epoch: 0,
            passes: None,
            samples: vec![0, 1, 2],
            resolution_px: 12,
            view: TRAIN,
            view_number: 0,
            own: Default::default(),
            strong: None,
            cutout: None,
            erase: None,
            mix: None,
        }
    });
    let mut loader = set.loader(2, endless);
    assert_eq!(loader.next().unwrap().unwrap().samples, [0, 1, 2]);
    std::thread::sleep(Duration::from_millis(200));
    // One was consumed, 2 × threads + 2 may be ready, and one more waits for its place.
    let ahead = taken.load(Ordering::Relaxed);
    assert!((2..=8).contains(&ahead), "{ahead} requests taken");
    let began = Instant::now();
    drop(loader);
    assert!(began.elapsed() < Duration::from_secs(2));
    let after = taken.load(Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(taken.load(Ordering::Relaxed), after, "no worker is left");
}

#[test]
fn waiting_is_counted_only_while_the_consumer_waits() {
    let set = set(4);
    let slow = (0..3).map(|epoch| {
        std::thread::sleep(Duration::from_millis(60));
        BatchRequest {
            epoch,
            passes: None,
            samples: vec![0],
            resolution_px: 8,
            view: TRAIN,
            view_number: 0,
            own: Default::default(),
            strong: None,
            cutout: None,
            erase: None,
            mix: None,
        }
    });
    let mut loader = set.loader(1, slow);
    assert_eq!(loader.by_ref().count(), 3);
    assert!(loader.waited() >= Duration::from_millis(120), "{:?}", loader.waited());
    let quick = (0..3).map(|epoch| BatchRequest {
        epoch,
        passes: None,
        samples: vec![0],
        resolution_px: 8,
        view: TRAIN,
        view_number: 0,
        own: Default::default(),
        strong: None,
        cutout: None,
        erase: None,
        mix: None,
    });
    let mut loader = set.loader(1, quick);
    std::thread::sleep(Duration::from_millis(300));
    assert!(loader.next().is_some());
    assert!(loader.waited() < Duration::from_millis(100), "{:?}", loader.waited());
}

#[test]
fn buffers_of_dropped_batches_are_used_again() {
    let set = set(4);
    let requests = (0..200).map(|epoch| BatchRequest {
        epoch,
        passes: None,
        samples: vec![0, 1],
        resolution_px: 64,
        view: TRAIN,
        view_number: 0,
        own: Default::default(),
        strong: None,
        cutout: None,
        erase: None,
        mix: None,
    });
    let mut addresses: Vec<*const u8> =
        set.loader(2, requests).map(|batch| batch.map(|batch| batch.pixels.as_ptr()).unwrap()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert!(addresses.len() <= 16, "{} buffers for 200 batches", addresses.len());
}

#[test]
fn a_loader_without_threads_or_with_foreign_labels_is_refused() {
    let set = set(4);
    let new = |labels: usize, threads| {
        Loader::new(set.packed.clone(), vec![0; labels].into(), SEED, threads, Box::new(std::iter::empty()))
    };
    for (result, expected) in [(new(4, 0), "threads"), (new(3, 1), "labels")] {
        let Err(DataError::Setting { key, .. }) = result else { panic!("{expected} should be refused") };
        assert_eq!(key, expected);
    }
    assert!(new(4, 1).unwrap().next().is_none());
}

#[test]
fn a_panic_in_the_requests_reaches_the_consumer() {
    let set = set(4);
    let requests = (0..3).map(|epoch| {
        assert!(epoch < 1, "the caller's mistake");
        BatchRequest {
            epoch,
            passes: None,
            samples: vec![0],
            resolution_px: 8,
            view: TRAIN,
            view_number: 0,
            own: Default::default(),
            strong: None,
            cutout: None,
            erase: None,
            mix: None,
        }
    });
    let mut loader = set.loader(2, requests);
    assert!(loader.next().unwrap().is_ok());
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| loader.next().is_none())).unwrap_err();
    assert!(panic.downcast_ref::<&str>().is_some_and(|text| text.contains("the caller's mistake")));
}
