//! Posterizing: fewer bits a color. Cubuk et al., "AutoAugment", 2018, table 6.

use imagenette::ideas::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct Posterize {
    probability: f64,
    fewest_bits: u32,
}

impl Default for Posterize {
    fn default() -> Self {
        Self { probability: 0.5, fewest_bits: 4 }
    }
}

impl OwnAugmentation for Posterize {
    fn validate(&self) -> Result<(), String> {
        if (1..=8).contains(&self.fewest_bits) { Ok(()) } else { Err("fewest_bits is from 1 to 8".into()) }
    }

    fn change(&self, rgb: &mut [u8], _side_px: usize, random: &mut Random) {
        if random.chance(self.probability) {
            let bits = self.fewest_bits + random.below(9 - self.fewest_bits);
            let kept = 0xFFu8 << (8 - bits);
            rgb.iter_mut().for_each(|value| *value &= kept);
        }
    }
}

fn program() -> imagenette::Program {
    imagenette::program!().with(Parts::shipped().augmentation::<Posterize>("posterize"))
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn it_keeps_what_the_shipped_ones_promise() {
    println!("{}", check(&program(), include_str!("../../recipes/augmentation.toml")).unwrap());
}
