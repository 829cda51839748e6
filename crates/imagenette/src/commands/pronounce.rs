//! `pronounce`: how the dataset's name is said. Its founder insists on a French accent, corny and inauthentic, and on the
//! other way round for those who have a real one.

use std::process::{Command, ExitCode, Stdio};

use crate::cli::Pronounce;
use crate::terminal::{Terminal, print, print_json};

/// What is said to whom.
struct Saying {
    spelled: &'static str,
    how: &'static str,
    /// The voice of a speaking program, and the words for it.
    voice: [&'static str; 2],
    words: &'static str,
}

const USUAL: Saying = Saying {
    spelled: "ee-mah-zhuh-NETTE",
    how: "with a corny, inauthentic French accent, eyebrows up, the last syllable thrown away with one hand",
    voice: ["fr", "Thomas"],
    words: "imagenette",
};
/// For people whose accent would be authentic.
const FRENCH: Saying = Saying {
    spelled: "IM-idge-net",
    how: "avec un accent américain, faux et appuyé : vous ne pouvez pas tricher avec le vrai",
    voice: ["en-us", "Samantha"],
    words: "image net",
};

pub(crate) fn run(arguments: &Pronounce, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let is_french = arguments.french || speaks_french(|name| std::env::var(name).ok());
    let saying = if is_french { FRENCH } else { USUAL };
    if arguments.json {
        print_json(&serde_json::json!({ "spelled": saying.spelled, "how": saying.how, "french": is_french }))?;
    } else {
        print(&format!("{}\n{}", saying.spelled, saying.how))?;
    }
    if !terminal.is_quiet() && !spoken(&saying) {
        terminal.say("to hear it, install espeak-ng; or ask the next person who looks French");
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the user's language is French, by the variables that say so, the strongest first.
fn speaks_french(variable: impl Fn(&str) -> Option<String>) -> bool {
    let languages = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable);
    languages.into_iter().find(|language| !language.is_empty()).is_some_and(|language| language.starts_with("fr"))
}

/// Speaks where a program for it is there.
fn spoken(saying: &Saying) -> bool {
    let speakers = [("espeak-ng", saying.voice[0]), ("say", saying.voice[1])];
    speakers.into_iter().any(|(program, voice)| {
        let mut command = Command::new(program);
        let quiet = command.args(["-v", voice, saying.words]).stdin(Stdio::null()).stdout(Stdio::null());
        quiet.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_speakers_are_known_by_their_language() {
        let speaks = |set: &[(&str, &str)]| {
            speaks_french(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(speaks(&[("LANG", "fr_CA.UTF-8")]) && speaks(&[("LC_ALL", "fr_FR"), ("LANG", "de_DE")]));
        assert!(!speaks(&[("LANG", "en_US.UTF-8")]) && !speaks(&[]) && !speaks(&[("LC_ALL", "C"), ("LANG", "fr_FR")]));
        assert!(speaks(&[("LC_ALL", ""), ("LANG", "fr_FR")]), "an empty variable says nothing");
    }
}
