//! The rate and the decay of a tensor's group: weights, the head, normalizations and biases may have their own.

use imagenette_recipe::optimizer::Groups;

use crate::compute::weights::{Role, Slot};

/// The factor of the rate and the decay of a tensor.
pub(super) fn of(groups: &Groups, slot: &Slot, normalization_rate_factor: f64, weight_decay: f64) -> (f64, f64) {
    match slot.role {
        Role::Weight if slot.name == "head.weight" => {
            (groups.head_rate_factor, groups.head_decay.unwrap_or(weight_decay))
        }
        Role::Weight => (1.0, weight_decay),
        Role::Normalization => (normalization_rate_factor, groups.normalization_decay),
        Role::Bias => (groups.bias_rate_factor, groups.bias_decay),
        Role::Statistic | Role::Frozen => (1.0, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::weights::Initial;

    #[test]
    fn each_group_has_its_own_rate_and_decay() {
        let slot = |name: &str, role| Slot { name: name.into(), role, shape: vec![1], initial: Initial::Constant(0.0) };
        let all = [
            slot("groups.0.first.weight", Role::Weight),
            slot("head.weight", Role::Weight),
            slot("norm.bias", Role::Normalization),
            slot("head.bias", Role::Bias),
        ];
        let usual = all.each_ref().map(|slot| of(&Groups::default(), slot, 8.0, 0.01));
        assert_eq!(usual, [(1.0, 0.01), (1.0, 0.01), (8.0, 0.0), (1.0, 0.0)]);
        let groups: Groups = toml::from_str(
            "bias_rate_factor = 2.0\nhead_rate_factor = 0.5\nnormalization_decay = 0.1\nbias_decay = 0.2\nhead_decay = 0.3",
        )
        .unwrap();
        let own = all.each_ref().map(|slot| of(&groups, slot, 8.0, 0.01));
        assert_eq!(own, [(1.0, 0.01), (0.5, 0.3), (8.0, 0.1), (2.0, 0.2)]);
    }
}
