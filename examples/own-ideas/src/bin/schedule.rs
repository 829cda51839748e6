//! A flat rate that falls as 1 − √ at the end. Hägele et al., "Scaling laws and compute-optimal training beyond fixed
//! training durations", 2024, section 3.

use imagenette::ideas::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct Cooldown {
    warm_up: f64,
    flat: f64,
}

impl Default for Cooldown {
    fn default() -> Self {
        Self { warm_up: 0.1, flat: 0.6 }
    }
}

impl OwnSchedule for Cooldown {
    fn validate(&self) -> Result<(), String> {
        let rises = 0.0 < self.warm_up && self.warm_up <= self.flat && self.flat < 1.0;
        if rises { Ok(()) } else { Err(format!("0 < warm_up ({}) <= flat ({}) < 1", self.warm_up, self.flat)) }
    }

    fn factor(&self, progress: f64) -> f64 {
        let falling = (progress - self.flat).max(0.0) / (1.0 - self.flat);
        (progress / self.warm_up).min(1.0) * (1.0 - falling.sqrt())
    }
}

fn program() -> imagenette::Program {
    imagenette::program!().with(Parts::shipped().schedule::<Cooldown>("cooldown"))
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn it_keeps_what_the_shipped_ones_promise() {
    println!("{}", check(&program(), include_str!("../../recipes/schedule.toml")).unwrap());
}
