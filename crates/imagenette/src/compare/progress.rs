//! What people see between two looks: the interval as a bar that narrows around zero, and what may still come.

use imagenette_results::comparison::Look;

use super::looks::Left;
use super::verdict;
use crate::numbers::seconds;
use crate::terminal::Terminal;

/// Half of the bar, in letters.
const HALF: usize = 22;

/// What the bar's ends stand for: it is as wide as the first interval, so that later ones are seen to narrow.
pub(super) fn scale(first: &Look) -> f64 {
    let interval = first.interval();
    interval.low.abs().max(interval.high.abs()).max(0.001)
}

/// Says how a look stands that has not decided.
pub(super) fn say(look: &Look, scale: f64, left: &Left, terminal: &Terminal) {
    let [base, idea] = left.runs;
    let time = left.seconds.map_or(String::new(), |left| format!(", {}", seconds(left)));
    let left = format!("at most {base} + {idea} runs left{time}");
    let line = verdict::progress(look);
    if terminal.is_drawn() {
        let interval = look.interval();
        let bar = bar((interval.low, look.test().difference, interval.high), scale);
        let end = 100.0 * scale;
        terminal.say(&format!("{line}; {left}\n{:+.1} {bar} {end:+.1}", -end));
    } else {
        terminal.say(&format!("{line}; {left}"));
    }
}

/// An interval around zero: `·····━━━┃━●━━━·····`.
fn bar((low, middle, high): (f64, f64, f64), scale: f64) -> String {
    let place = |value: f64| {
        let share = (value / scale).clamp(-1.0, 1.0);
        (HALF as f64 * (1.0 + share)).round() as usize
    };
    let (low, middle, high) = (place(low), place(middle), place(high));
    (0..=2 * HALF)
        .map(|at| match at {
            _ if at == middle => '●',
            HALF => '┃',
            _ if (low..=high).contains(&at) => '━',
            _ => '·',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_zero_the_gain_and_its_interval() {
        let wide: Vec<char> = bar((-0.01, 0.0, 0.01), 0.01).chars().collect();
        assert_eq!((wide.len(), wide[0], wide[HALF], wide[2 * HALF]), (2 * HALF + 1, '━', '●', '━'));
        let narrow: Vec<char> = bar((0.002, 0.005, 0.008), 0.01).chars().collect();
        assert_eq!((narrow[0], narrow[HALF], narrow[HALF + 11], narrow[HALF + 8]), ('·', '┃', '●', '━'));
        assert_eq!(narrow.iter().filter(|letter| **letter == '━').count(), 14);
        assert!(bar((-9.0, 9.0, 9.0), 0.01).ends_with('●'), "what is beyond the ends stands at them");
    }
}
