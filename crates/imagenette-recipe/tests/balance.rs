//! What a recipe makes of classes of unequal size, on a dataset's list alone.

use imagenette_data::class::Class;
use imagenette_data::edition::{Edition, Split};
use imagenette_data::manifest::{ImageEntry, Manifest, OrientationRule, Source};
use imagenette_files::Hint;
use imagenette_recipe::Recipe;

/// So many train photos of each class, and two val photos.
fn manifest(train: &[u16]) -> Manifest {
    let class = |label: usize| Class { wnid: format!("n{label}"), name: format!("class {label}") };
    let image = |split: Split, label: u16, number: u16| ImageEntry {
        split,
        label: Some(label),
        file_name: format!("{number}.JPEG"),
        width_px: 160,
        height_px: 160,
        bytes: 1,
        sha256: format!("{split:?}{label}{number}"),
        turned: None,
    };
    let mut images = Vec::new();
    for (label, &count) in (0..).zip(train) {
        images.extend((0..count).map(|number| image(Split::Train, label, number)));
        images.extend((0..2).map(|number| image(Split::Val, label, number)));
    }
    let mut manifest = Manifest {
        name: "made".into(),
        edition: Edition::Own,
        size: "160".into(),
        source: Source { from: "made".into(), sha256: None, archive: None },
        orientation: OrientationRule::Stored,
        classes: (0..train.len()).map(class).collect(),
        images,
    };
    manifest.sort();
    manifest
}

fn recipe(overrides: &[(&str, &str)]) -> Recipe {
    let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Recipe::from_toml(Recipe::shipped_text("default").unwrap(), &overrides).unwrap()
}

#[test]
fn weights_are_of_the_photos_that_are_trained_on() {
    let manifest = manifest(&[100, 60, 20]);
    let weights = |overrides: &[(&str, &str)]| {
        let recipe = recipe(overrides);
        recipe.class_weights(&manifest, &recipe.split(&manifest).unwrap().labeled)
    };
    assert_eq!(weights(&[]), None);
    let balanced = ("loss.class_weights", "balanced");
    assert_eq!(weights(&[balanced]), Some(vec![180.0 / 300.0, 1.0, 3.0]));
    // A tenth of each class is held out, which leaves the shares as they were.
    assert_eq!(weights(&[balanced, ("hold_out", "0.1")]), Some(vec![162.0 / 270.0, 1.0, 3.0]));
}

#[test]
fn a_class_without_photos_to_train_on_cannot_be_balanced() {
    let manifest = manifest(&[100, 60, 0]);
    assert!(recipe(&[]).validate_for(&manifest).is_ok());
    for key in ["sampler", "loss.class_weights"] {
        let error = recipe(&[(key, "balanced")]).validate_for(&manifest).unwrap_err();
        let expected = format!("{key}: expected photos of every class to train on (`balanced`), found none of `n2`");
        assert!(error.to_string().contains(&expected), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains(&format!("leave `{key}` out"))), "{error}");
    }
}

#[test]
fn what_is_held_out_is_to_blame_where_it_leaves_too_little_to_train_on() {
    let manifest = manifest(&[100, 60, 20]);
    for share in ["0.9", "0.999"] {
        let error = recipe(&[("hold_out", share)]).validate_for(&manifest).unwrap_err().to_string();
        assert!(error.contains("hold_out: expected a share that leaves a batch (64) to train on"), "{error}");
    }
    let error = recipe(&[("batch_size", "200")]).validate_for(&manifest).unwrap_err().to_string();
    assert!(error.contains("batch_size: expected at most the 180 photos"), "{error}");
}

#[test]
fn a_wrong_value_within_a_part_is_named_by_its_whole_key() {
    let refused = |key: &str, value: &str| {
        let text = Recipe::shipped_text("default").unwrap();
        let error = Recipe::from_toml(text, &[(key.into(), value.into())]).unwrap_err();
        (error.to_string(), error.hint().unwrap_or_default())
    };
    let (message, hint) = refused("loss.class_weights", "balance");
    assert!(message.contains("recipe: loss.class_weights: expected none or balanced, found `balance`"), "{message}");
    assert_eq!(hint, "did you mean `balanced`?");
    for (key, value) in [("loss.label_smoothing", "much"), ("selection", "{ keep = true }")] {
        let (message, _) = refused(key, value);
        assert!(
            message.contains("label_smoothing: expected a number") || message.contains("selection.keep: "),
            "{message}"
        );
    }
    let (message, hint) = refused("loss.smoothing", "0.1");
    assert!(message.contains("recipe: loss.smoothing: expected a known key"), "{message} {hint}");
}
