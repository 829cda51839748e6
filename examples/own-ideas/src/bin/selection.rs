//! Selective backpropagation: a sample is the likelier the higher its loss. Jiang et al., "Accelerating deep learning by
//! focusing on the biggest losers", 2019, section 3.

use imagenette::ideas::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct BiggestLosers {
    beta: f64,
}

impl Default for BiggestLosers {
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl OwnSelection for BiggestLosers {
    fn select(&self, batch: &Judged, count: usize, random: &mut Random) -> Vec<usize> {
        // The chance of a sample is the share of the batch with a lower loss, to the power of beta.
        let total = batch.losses.len();
        let mut order: Vec<usize> = (0..total).collect();
        order.sort_by(|&a, &b| batch.losses[a].total_cmp(&batch.losses[b]));
        let chance = |rank: usize| ((rank + 1) as f64 / total as f64).powf(self.beta);
        let mut chosen: Vec<usize> =
            order.iter().enumerate().rev().filter(|(rank, _)| random.chance(chance(*rank))).map(|(_, &p)| p).collect();
        // The highest is always chosen: its chance is one.
        chosen.truncate(count);
        chosen
    }
}

fn program() -> imagenette::Program {
    imagenette::program!().with(Parts::shipped().selection::<BiggestLosers>("biggest-losers"))
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn it_keeps_what_the_shipped_ones_promise() {
    println!("{}", check(&program(), include_str!("../../recipes/selection.toml")).unwrap());
}
