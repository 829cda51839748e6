//! From TOML and overrides to a recipe; serde's answers become errors that name the key and the nearest one.

use imagenette_files::nearest::did_you_mean;
use imagenette_files::plain;
use toml::{Table, Value};

use crate::budget::{check_form, replace_limit};
use crate::choice;
use crate::error::{RecipeError, Result};
use crate::own::{AT, KIND, PartKind, Parts, ShippedAlone};
use crate::recipe::Recipe;
use crate::spelling::{dotted_today, is_old, modernize, modernize_value};

impl Recipe {
    /// Reads a recipe of shipped parts alone, as [`Recipe::from_toml_with`] does.
    ///
    /// # Errors
    /// As [`Recipe::from_toml_with`], and when it names a part that is not shipped.
    pub fn from_toml(text: &str, overrides: &[(String, String)]) -> Result<Self> {
        Self::from_toml_with(text, overrides, &ShippedAlone)
    }

    /// Reads a recipe, puts the overrides (`optimizer.learning_rate`, `0.04`) in their places, and checks the whole,
    /// the settings of its own parts included. Where it has choices and its epochs are known, that of them is taken
    /// which goes with so many.
    ///
    /// # Errors
    /// When it is not TOML, has an unknown key or one in two spellings, lacks one, names a part that is not there, or a
    /// value makes no sense.
    pub fn from_toml_with(text: &str, overrides: &[(String, String)], parts: &dyn Parts) -> Result<Self> {
        let mut table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| RecipeError::Syntax { message: error.to_string().trim_end().into() })?;
        modernize(&mut table, "")?;
        let keys: Vec<String> = overrides.iter().map(|(key, _)| dotted_today(key)).collect();
        replace_limit(&mut table, &keys)?;
        for (key, value) in overrides {
            let (key, mut value) = (dotted_today(key), parse_value(value));
            modernize_value(&mut value, &key)?;
            choice::yield_to(&mut table, &key, &value);
            set(&mut table, &key, value)?;
        }
        check_form(&table)?;
        PartKind::ALL.into_iter().try_for_each(|kind| name_parts(&mut table, kind))?;
        let mut recipe: Self = serde_path_to_error::deserialize(table).map_err(|error| {
            let path = error.path().to_string();
            explain(if path == "." { "" } else { &path }, error.inner().message())
        })?;
        recipe.settle(parts)?;
        recipe.validate()?;
        parts.check(&recipe)?;
        choice::check(&recipe, parts)?;
        if recipe.budget.is_none() && !recipe.choices.is_empty() {
            let epochs = f64::from(recipe.epochs);
            return recipe.with_choice(recipe.choice_for(|_| epochs), parts);
        }
        Ok(recipe)
    }

    /// This recipe with other values at dotted keys: `[("optimizer.learning_rate", "0.04")]`.
    ///
    /// # Errors
    /// As [`Recipe::from_toml_with`].
    pub fn with_overrides(&self, overrides: &[(String, String)], parts: &dyn Parts) -> Result<Self> {
        Self::from_toml_with(&self.to_toml(), overrides, parts)
    }
}

/// A value as a user types it: TOML where it is TOML, else a string, so that `model.kind=fast` needs no quotes.
fn parse_value(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.into()))
}

fn set(table: &mut Table, key: &str, value: Value) -> Result<()> {
    let mut place = table;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            place.insert(part.into(), value);
            return Ok(());
        }
        let next = place.entry(part).or_insert_with(|| Value::Table(Table::new()));
        // A part without settings is named by a string alone.
        if part == "activation"
            && let Value::String(name) = next
        {
            *next = Value::Table([(KIND.to_owned(), Value::String(std::mem::take(name)))].into_iter().collect());
        }
        let found = next.type_str();
        place = next.as_table_mut().ok_or_else(|| RecipeError::Setting {
            key: key.into(),
            expected: format!("`{part}` to be a table"),
            found: format!("a value ({found})"),
            hint: format!("set `{part}` itself"),
        })?;
    }
    Ok(())
}

/// A part without settings may be named by a string alone: it becomes the table that it is short for. A table of
/// settings that names no part is refused where nothing else says which one is meant.
fn name_parts(table: &mut Table, kind: PartKind) -> Result<()> {
    let named = |name: &mut String| {
        let name = Value::String(std::mem::take(name));
        Value::Table([(KIND.to_owned(), name)].into_iter().collect())
    };
    let (mut place, mut last) = (table, kind.key());
    while let Some((outer, inner)) = last.split_once('.') {
        let Some(Value::Table(inside)) = place.get_mut(outer) else { return Ok(()) };
        (place, last) = (inside, inner);
    }
    match place.get_mut(last) {
        // An activation's name is a value of its own already.
        Some(Value::String(name)) if kind != PartKind::Activation => {
            let table = named(name);
            place.insert(last.into(), table);
        }
        Some(Value::Array(list)) if kind == PartKind::Augmentation => {
            for part in list {
                if let Value::String(name) = part {
                    *part = named(name);
                }
            }
        }
        // A loss and a selection have a usual part.
        Some(Value::Table(settings))
            if !settings.contains_key(KIND) && !matches!(kind, PartKind::Loss | PartKind::Selection) =>
        {
            let (key, which) = (kind.key(), settings.keys().cloned().collect::<Vec<_>>().join(", "));
            return Err(RecipeError::Setting {
                key: format!("{key}.{KIND}"),
                expected: format!("the name of the {kind} that `{which}` belongs to"),
                found: "nothing".into(),
                hint: format!("name it as well: `{key}.{KIND} = \"…\"`, or `--set {key}=NAME` before its settings"),
            });
        }
        _ => {}
    }
    Ok(())
}

/// Turns serde's sentence into key, expected, found and hint.
pub(crate) fn explain(path: &str, message: &str) -> RecipeError {
    let (message, inner) = message.split_once(AT).unwrap_or((message, ""));
    let path = &[path, inner].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")[..];
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let join = |key: &str| match path {
        "" => key.to_owned(),
        // The path sometimes ends in the unknown key itself.
        path if path == key || path.ends_with(&format!(".{key}")) => path.to_owned(),
        path => format!("{path}.{key}"),
    };
    if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        let found = quoted.first().copied().unwrap_or_default();
        let known: Vec<&str> = quoted.into_iter().skip(1).filter(|key| !is_old(key)).collect();
        let hint = did_you_mean(found, known.iter().copied());
        let is_key = message.starts_with("unknown field");
        return RecipeError::Setting {
            key: if is_key { join(found) } else { path.into() },
            expected: if is_key { format!("a known key ({})", known.join(", ")) } else { known.join(" or ") },
            found: if is_key { format!("the unknown key `{found}`") } else { format!("`{found}`") },
            hint,
        };
    }
    if let Some(missing) = message.strip_prefix("missing field ") {
        let missing = missing.trim_matches('`');
        return RecipeError::Setting {
            key: join(missing),
            expected: "a value".into(),
            found: "nothing".into(),
            hint: format!("add `{missing} = …`, or start from a shipped recipe"),
        };
    }
    let rest = message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: ")).unwrap_or(message);
    let (found, expected) = rest.split_once(", expected ").unwrap_or((rest, "a valid value"));
    RecipeError::Setting {
        key: if path.is_empty() { "(top)".into() } else { path.into() },
        expected: plain::type_name(expected.trim_end()).into(),
        found: plain::value(found),
        hint: "docs/recipes.md has every key; `imagenette train --list` names the recipes that ship".into(),
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;

    fn read(overrides: &[(&str, &str)]) -> Result<Recipe> {
        let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Recipe::from_toml(Recipe::shipped_text("m128").unwrap(), &overrides)
    }

    #[track_caller]
    fn refused(overrides: &[(&str, &str)], in_message: &str, in_hint: &str) {
        let error = read(overrides).expect_err("this must be refused");
        let (message, hint) = (error.to_string(), error.hint().unwrap_or_default());
        assert!(message.contains(in_message), "{message}");
        assert!(hint.contains(in_hint), "{message}\nhint: {hint}");
    }

    #[test]
    fn what_is_resolved_reads_back_as_the_same() {
        let recipe = read(&[("ema.decay", "0.99"), ("dataset", "imagenette2-160")]).unwrap();
        assert_eq!(Recipe::from_toml(&recipe.to_toml(), &[]).unwrap(), recipe);
        assert_eq!(recipe.ema.unwrap().decay, 0.99);
    }

    #[test]
    fn overrides_reach_nested_keys_and_need_no_quotes() {
        let recipe = read(&[("optimizer.learning_rate", "0.04"), ("name", "mine"), ("resolution", "64")]).unwrap();
        assert_eq!(recipe.optimizer.learning_rate(), 0.04);
        assert_eq!(recipe.name, "mine");
        assert_eq!(recipe.resolution, crate::schedule::Resolution::Fixed(64));
        assert_ne!(recipe.sha256(), read(&[]).unwrap().sha256());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        refused(&[("epoch", "3")], "recipe: epoch: expected a known key", "did you mean `epochs`?");
        refused(&[("optimizer.lerning_rate", "3")], "optimizer.lerning_rate", "did you mean `learning_rate`?");
        refused(&[("loss.smoothing", "0.1")], "loss.smoothing", "label_smoothing");
        refused(&[("augment.crop.scael", "0.1")], "scael", "did you mean `scale`?");
        refused(&[("model.width", "[1, 2]")], "model.width", "did you mean `widths`?");
    }

    #[test]
    fn keys_of_earlier_recipes_are_read_and_written_down_as_they_are_spelled_today() {
        let old = [
            ("model.normalisation_momentum", "0.3"),
            ("model.learned_scale", "false"),
            ("optimizer", "{ kind = 'sgd', learning_rate = 0.1, normalisation_rate_factor = 4 }"),
            ("optimizer.groups.normalisation_decay", "0.1"),
        ];
        let recipe = read(&old).unwrap();
        let text = recipe.to_toml();
        for key in ["normalization_momentum = 0.3", "learned_gain = false", "normalization_rate_factor = 4.0"] {
            assert!(text.contains(key), "{text}");
        }
        assert!(text.contains("normalization_decay = 0.1") && !text.contains("normalisation"), "{text}");
        // A later value takes the place of an earlier one, however each is spelled.
        let again =
            recipe.with_overrides(&[("model.normalisation_momentum".into(), "0.5".into())], &ShippedAlone).unwrap();
        assert!(again.to_toml().contains("normalization_momentum = 0.5"));
    }

    #[test]
    fn both_spellings_of_one_key_are_refused_and_named() {
        let text = Recipe::shipped_text("m128").unwrap();
        let both = text.replace("[optimizer]", "[optimizer]\nnormalisation_rate_factor = 2.0");
        assert!(both != text && both.contains("normalization_rate_factor"));
        let error = Recipe::from_toml(&both, &[]).unwrap_err();
        let names = "both `optimizer.normalization_rate_factor` and `optimizer.normalisation_rate_factor`";
        assert!(error.to_string().contains(names), "{error}");
        assert!(error.hint().unwrap().contains("leave out `normalisation_rate_factor`"));
        let model = "{ kind = 'xresnet', depth = 18, normalization_momentum = 0.1, normalisation_momentum = 0.1 }";
        refused(&[("model", model)], "both `model.normalization_momentum` and", "the old spelling");
    }

    #[test]
    fn an_unknown_choice_is_refused_with_the_nearest() {
        refused(&[("schedule.kind", "liner")], "schedule", "did you mean `linear`?");
        refused(&[("augment.flip", "alternate")], "augment.flip", "did you mean `alternating`?");
        refused(&[("model.activation", "swish")], "model.activation: expected relu or", "did you mean `silu`?");
        refused(&[("optimizer.kind", "Adam")], "optimizer: expected sgd or", "did you mean `adamw`?");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_with_what_was_expected() {
        refused(&[("epochs", "many")], "epochs: expected a whole number of 0 or more, found the text \"many\"", "");
        refused(&[("epochs", "2.5")], "epochs: expected a whole number of 0 or more, found `2.5`", "");
        refused(&[("optimizer.learning_rate", "true")], "expected a number, found `true`", "");
        refused(&[("augment.crop", "[1]")], "augment.crop[0]: expected a name, found `1`", "");
        refused(&[("resolution", "true")], "resolution: expected a number of pixels or stages", "");
        refused(&[("epochs", "-1")], "epochs", "");
    }

    #[test]
    fn what_balances_classes_is_written_down_only_where_it_is_asked_for() {
        let plain = read(&[]).unwrap();
        assert_eq!(read(&[("sampler", "shuffle"), ("loss.class_weights", "none")]).unwrap(), plain);
        assert!(!plain.to_toml().contains("sampler") && !plain.to_toml().contains("class_weights"));
        let balanced = read(&[("sampler", "balanced"), ("loss.class_weights", "balanced")]).unwrap();
        let text = balanced.to_toml();
        assert!(text.contains("sampler = \"balanced\"") && text.contains("class_weights = \"balanced\""), "{text}");
        assert_eq!(Recipe::from_toml(&text, &[]).unwrap(), balanced);
        assert_ne!(balanced.canonical_sha256(), plain.canonical_sha256());
        assert!(balanced.canonical().contains("loss.class_weights = \"balanced\"\n"));
        // A loss of one's own gets targets whose rows sum to 1.
        let own = [("loss.kind", "focal"), ("loss.class_weights", "balanced")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let text = Recipe::shipped_text("m128").unwrap();
        let error = Recipe::from_toml_with(text, &own, &crate::own::AnyParts).unwrap_err();
        assert!(error.to_string().contains("loss.class_weights: expected `none` with a loss"), "{error}");
        assert!(
            Recipe::from_toml_with(
                text,
                &[own[0].clone(), ("sampler".into(), "balanced".into())],
                &crate::own::AnyParts
            )
            .is_ok()
        );
    }

    #[test]
    fn a_part_is_named_by_a_string_alone_and_settings_need_a_name() {
        let recipe = read(&[("loss", "cross-entropy"), ("model.activation", "mish")]).unwrap();
        assert!(recipe.to_toml().contains("activation = \"mish\""), "{}", recipe.to_toml());
        refused(&[("optimizer", "sgd")], "learning_rate: expected a value, found nothing", "add `learning_rate");
        refused(
            &[("optimizer", "{ momentum = 0.5 }")],
            "optimizer.kind: expected the name of the optimizer",
            "name it",
        );
        let named = "model.activation.kind: expected the name of the activation that `beta` belongs to, found nothing";
        refused(&[("model.activation.beta", "2.0")], named, "--set model.activation=NAME");
    }

    #[test]
    fn a_missing_key_is_named() {
        let text = Recipe::shipped_text("m128").unwrap().replace("batch_size", "#");
        let error = Recipe::from_toml(&text, &[]).unwrap_err();
        assert!(error.to_string().contains("batch_size: expected a value, found nothing"), "{error}");
    }

    #[test]
    fn text_that_is_not_toml_is_refused_with_its_line() {
        let error = Recipe::from_toml("epochs = = 3", &[]).unwrap_err();
        assert!(matches!(&error, RecipeError::Syntax { message } if message.contains("line 1")), "{error}");
    }

    #[test]
    fn values_that_make_no_sense_are_refused_by_their_key() {
        refused(&[("optimizer.learning_rate", "-0.1")], "optimizer.learning_rate", "above 0");
        refused(&[("optimizer.learning_rate", "nan")], "optimizer.learning_rate", "above 0");
        refused(&[("batch_size", "0")], "batch_size", "");
        refused(&[("epochs", "0")], "epochs", "");
        refused(&[("runs", "0")], "runs", "");
        refused(&[("evaluation.resolution", "0")], "evaluation.resolution", "");
        refused(&[("resolution", "8")], "resolution", "");
        refused(&[("resolution", "[{ from = 0.5, px = 64 }]")], "resolution", "from = 0.0");
        let falling = "[{ from = 0.0, px = 64 }, { from = 0.7, px = 96 }, { from = 0.4, px = 128 }]";
        refused(&[("resolution", falling)], "resolution", "");
        refused(&[("loss.label_smoothing", "1.0")], "loss.label_smoothing", "0.1 and 0.2 are usual; 0 is none");
        refused(&[("schedule.warm_up", "1.5")], "schedule.warm_up", "");
        refused(&[("augment.crop.scale", "0.5")], "augment.crop.scale", "1.125");
        refused(&[("ema.decay", "1.0")], "ema.decay", "");
        refused(&[("model.widths", "[]")], "model.widths", "");
        refused(&[("model.stem", "7")], "model.stem", "even");
        refused(&[("optimizer.momentum", "1.0")], "optimizer.momentum", "0.85 to 0.95 are usual");
        refused(
            &[("loss.class_weights", "balance")],
            "recipe: loss.class_weights: expected none",
            "did you mean `balanced`?",
        );
        refused(&[("loss.label_smoothing", "much")], "loss.label_smoothing: expected a number, found the text", "");
        refused(&[("selection", "{ keep = true }")], "selection.keep: expected a number, found `true`", "");
        refused(&[("sampler", "random")], "sampler: expected shuffle or balanced, found `random`", "");
    }

    #[test]
    fn combinations_that_make_no_sense_are_refused_by_their_key() {
        const MUON: &str = "{ kind = 'muon', learning_rate = 0.1, rest = { kind = 'sgd', learning_rate = 0.1 } }";
        const RANGER: &str = "{ kind = 'ranger', learning_rate = 0.01 }";
        assert!(read(&[("optimizer", MUON)]).is_ok() && read(&[("optimizer", RANGER)]).is_ok());
        refused(&[("optimizer", MUON), ("model.widths", "[1]")], "optimizer.kind", "`sgd` or `adamw`");
        refused(&[("optimizer", MUON), ("optimizer.steps", "0")], "optimizer.steps", "5");
        refused(&[("optimizer", MUON), ("optimizer.rest.momentum", "1.5")], "optimizer.rest.momentum", "");
        let twice = [("optimizer", RANGER), ("lookahead.kind", "steady")];
        refused(&twice, "lookahead", "lookahead_every");
        refused(&[("lookahead.kind", "rising"), ("ema.decay", "0.9")], "ema", "leave one");
        refused(&[("lookahead", "{ kind = 'steady', every = 0 }")], "lookahead.every", "");
        refused(&[("mix", "{ mixup = 0.2, from = 0.5, until = 0.3 }")], "mix.until", "before it begins");
        refused(&[("mix", "{ until = 0.9 }")], "mix", "mixup = 0.2");
        refused(&[("erase", "{ probability = 2.0 }")], "erase.probability", "");
        refused(&[("selection", "{ keep = 0.5, from = 0.9, until = 0.5 }")], "selection.until", "before it begins");
        refused(&[("hold_out", "1.0")], "hold_out", "0.1");
        refused(&[("schedule", "{ kind = 'flat-cosine', warm_up = 0.8, flat = 0.7 }")], "schedule.warm_up", "");
        refused(&[("ema", "{ decay = 0.9, from = 1.0 }")], "ema.from", "");
        // m128 is evaluated at 128 px.
        refused(&[("rules", "leaderboard"), ("resolution", "96")], "evaluation.resolution", "leave `rules` out");
        assert!(read(&[("rules", "leaderboard")]).is_ok() && read(&[("resolution", "96")]).is_ok());
        refused(&[("resolution", "[{ from = 0.0, px = 64, batch_size = 0 }]")], "resolution.batch_size", "");
        refused(&[("model.depths", "[1, 2]")], "model.depths", "");
        refused(&[("model.stochastic_depth", "0.1")], "model.stochastic_depth", "residual");
        refused(&[("model.stem_patch_px", "3")], "model.stem_patch_px", "");
        refused(&[("model", "{ kind = 'xresnet', depth = 18, groups = 32 }")], "model.groups", "");
    }
}
