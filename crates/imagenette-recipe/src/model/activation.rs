//! The functions between layers, by the names that recipes give them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Value;

use crate::own::{OwnPart, PartKind};

/// The function between layers: `"relu"`, or of an own part with settings `{ kind = "swish", beta = 1.5 }`.
#[derive(Debug, Clone, PartialEq)]
pub enum ActivationConfig {
    /// max(x, 0).
    Relu,
    /// x Φ(x), Φ being the normal distribution function.
    Gelu,
    /// x σ(x), also known as Swish.
    Silu,
    /// x tanh(ln(1 + eˣ)).
    ///
    /// # Source
    /// Misra, "Mish: a self regularized non-monotonic activation function", 2019, equation 1.
    Mish,
    /// One that is not shipped.
    Own(OwnPart),
}

impl ActivationConfig {
    /// The shipped ones, in the order of [`PartKind::shipped`].
    const SHIPPED: [Self; 4] = [Self::Relu, Self::Gelu, Self::Silu, Self::Mish];

    // What networks use when a recipe names none.
    pub(super) fn relu() -> Self {
        Self::Relu
    }

    pub(super) fn gelu() -> Self {
        Self::Gelu
    }

    /// The part, where it is not shipped.
    pub fn own(&self) -> Option<&OwnPart> {
        match self {
            Self::Own(part) => Some(part),
            _ => None,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        let place = Self::SHIPPED.iter().position(|known| known == self);
        match self {
            Self::Own(part) => &part.name,
            _ => PartKind::Activation.shipped()[place.unwrap_or(0)],
        }
    }
}

impl Serialize for ActivationConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(part) if !part.settings.is_empty() => part.serialize(serializer),
            _ => serializer.serialize_str(self.name()),
        }
    }
}

impl<'de> Deserialize<'de> for ActivationConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = match Value::deserialize(deserializer)? {
            Value::String(name) => [("kind".to_owned(), Value::String(name))].into_iter().collect(),
            Value::Table(table) => table,
            other => {
                return Err(D::Error::custom(format!(
                    "invalid type: {}, expected a name, or a table with `kind` and settings",
                    other.type_str()
                )));
            }
        };
        if let Some(part) = OwnPart::of(PartKind::Activation, &table) {
            return Ok(Self::Own(part));
        }
        let name = table.remove("kind").ok_or_else(|| D::Error::missing_field("kind"))?;
        if let Some(key) = table.keys().next() {
            return Err(D::Error::unknown_field(key, &["kind"]));
        }
        let shipped = PartKind::Activation.shipped().iter().zip(Self::SHIPPED);
        let found = shipped.into_iter().find(|(known, _)| name.as_str() == Some(known)).map(|(_, config)| config);
        found.ok_or_else(|| D::Error::custom("invalid type: no string, expected the name of an activation"))
    }
}
