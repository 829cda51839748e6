//! Notices of clouds that they take a machine back: asked for beside a training, and answered by what a signal does, a
//! checkpoint and exit status 33.
//!
//! Nobody is asked where no cloud's variable is set. A cloud that does not answer three times is asked no more, and
//! that is said once.

use std::sync::Once;
use std::time::Duration;

use serde::Deserialize;

use crate::cloud::{AWS_VARIABLE, GCP_VARIABLE, Metadata};
use crate::interrupt;
use crate::terminal::Terminal;

/// How often AWS asks to be asked.
const PERIOD: Duration = Duration::from_secs(5);
/// Between two answers of GCP, which come when something changes, or after this time.
const LEAST_PERIOD: Duration = Duration::from_secs(1);
const LONG_POLL_SECONDS: u64 = 60;
/// Answers in a row that are none.
const MOST_FAILURES: u32 = 3;

/// Watches for notices from now on, once in a process.
pub(crate) fn watch(terminal: &Terminal) {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let source = match (variable(AWS_VARIABLE), variable(GCP_VARIABLE)) {
            (Some(address), None) => Source::aws(&address),
            (None, Some(host)) => Source::gcp(&host),
            (None, None) => return,
            (Some(_), Some(_)) => {
                terminal.say(&format!(
                    "warning: {AWS_VARIABLE} and {GCP_VARIABLE} are both set: no cloud is asked for notices; unset one"
                ));
                return;
            }
        };
        let said = terminal.speaker();
        let follow = move || match source.follow(std::thread::sleep) {
            Ended::TakenBack(what) => {
                said(&format!("the cloud takes this machine back ({what}): the run stops with a checkpoint"));
                interrupt::take_back();
            }
            Ended::Silent(why) => {
                said(&format!("warning: no notice of the cloud would be seen, it does not answer: {why}"))
            }
        };
        if let Err(error) = std::thread::Builder::new().name("notices".into()).spawn(follow) {
            terminal.say(&format!("warning: no notice of the cloud would be seen: {error}"));
        }
    });
}

/// Who gives notice.
enum Source {
    Aws(Metadata),
    Gcp(Metadata),
}

/// How the watching ended.
#[derive(Debug, PartialEq)]
enum Ended {
    /// With a notice.
    TakenBack(String),
    /// Without answers: the last one's fault.
    Silent(String),
}

/// What an answer comes to.
enum Heard {
    Nothing,
    Notice(String),
    Fault(String),
}

/// AWS's notice. Its key has two names.
#[derive(Deserialize)]
struct InstanceAction {
    #[serde(alias = "instance-action")]
    action: String,
}

impl Source {
    fn aws(address: &str) -> Self {
        Self::Aws(Metadata::aws(address))
    }

    fn gcp(host: &str) -> Self {
        Self::Gcp(Metadata::gcp(host))
    }

    /// Asks until there is a notice, or no answer.
    fn follow(&self, sleep: impl Fn(Duration)) -> Ended {
        let (mut failures, mut token, mut etag) = (0, None, None);
        loop {
            let (heard, period) = match self {
                Self::Aws(metadata) => (ask_aws(metadata, &mut token), PERIOD),
                Self::Gcp(metadata) => (ask_gcp(metadata, &mut etag), LEAST_PERIOD),
            };
            match heard {
                Heard::Notice(what) => return Ended::TakenBack(what),
                Heard::Nothing => failures = 0,
                Heard::Fault(why) => {
                    failures += 1;
                    if failures == MOST_FAILURES {
                        return Ended::Silent(why);
                    }
                }
            }
            sleep(period);
        }
    }
}

/// Asks AWS, with a token that is renewed when it is refused.
fn ask_aws(metadata: &Metadata, token: &mut Option<String>) -> Heard {
    for _ in 0..2 {
        let known = match token {
            Some(token) => token.clone(),
            None => match metadata.token() {
                Ok(fresh) => token.insert(fresh).clone(),
                Err(why) => return Heard::Fault(why),
            },
        };
        let header = ("X-aws-ec2-metadata-token", known.as_str());
        let answer = match metadata.ask("GET", "/latest/meta-data/spot/instance-action", header, None) {
            Ok(answer) => answer,
            Err(why) => return Heard::Fault(why),
        };
        match answer.status {
            404 => return Heard::Nothing,
            401 => *token = None,
            200 => {
                return match serde_json::from_str::<InstanceAction>(&answer.text) {
                    Ok(notice) if ["terminate", "stop", "hibernate"].contains(&notice.action.as_str()) => {
                        Heard::Notice(notice.action)
                    }
                    _ => Heard::Fault("a notice that names no action".into()),
                };
            }
            status => return Heard::Fault(format!("status {status}")),
        }
    }
    Heard::Fault("status 401 with a fresh token".into())
}

/// Asks GCP: at once what is so, then whenever that changes.
fn ask_gcp(metadata: &Metadata, etag: &mut Option<String>) -> Heard {
    let path = "/computeMetadata/v1/instance/preempted";
    let (path, patience) = match etag {
        None => (path.to_owned(), None),
        Some(etag) => (
            format!("{path}?wait_for_change=true&timeout_sec={LONG_POLL_SECONDS}&last_etag={etag}"),
            Some(Duration::from_secs(LONG_POLL_SECONDS + 5)),
        ),
    };
    match metadata.ask("GET", &path, ("Metadata-Flavor", "Google"), patience) {
        Err(why) => Heard::Fault(why),
        Ok(answer) if answer.status != 200 => Heard::Fault(format!("status {}", answer.status)),
        Ok(answer) => {
            let is_plain = |tag: &String| !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
            *etag = answer.etag.filter(is_plain);
            match answer.text.trim().to_ascii_uppercase().as_str() {
                "TRUE" => Heard::Notice("preempted".into()),
                "FALSE" => Heard::Nothing,
                _ => Heard::Fault("neither TRUE nor FALSE".into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::cloud::tests::double;

    /// What following a double comes to, and how often it was waited between.
    fn follow(source: &Source) -> (Ended, u32) {
        let waits = Cell::new(0);
        (source.follow(|_| waits.set(waits.get() + 1)), waits.get())
    }

    #[test]
    fn aws_gives_notice_under_either_name_and_a_token_that_runs_out_is_renewed() {
        for (key, action) in [("action", "terminate"), ("instance-action", "stop"), ("action", "hibernate")] {
            let asked = std::sync::atomic::AtomicU32::new(0);
            let notice: &'static str =
                Box::leak(format!(r#"{{"{key}":"{action}","time":"2026-11-27T11:22:33Z"}}"#).into());
            let address = double(8, move |text| {
                let number = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let text = text.to_lowercase();
                match (text.starts_with("put "), number) {
                    (true, 0) => (200, "first"),
                    (true, _) => (200, "second"),
                    (false, 1 | 2) => (404, "<html>404 - Not Found</html>"),
                    // The first token runs out.
                    (false, _) if text.contains("metadata-token: first") => (401, "<html>401 - Unauthorized</html>"),
                    (false, _) => (200, notice),
                }
            });
            assert_eq!(follow(&Source::aws(&format!("http://{address}"))), (Ended::TakenBack(action.into()), 2));
        }
    }

    #[test]
    fn gcp_gives_notice_when_it_changes() {
        let asked = std::sync::atomic::AtomicU32::new(0);
        let address = double(3, move |text| {
            let is_right = text.to_lowercase().contains("metadata-flavor: google");
            match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                _ if !is_right => (403, ""),
                0 if !text.contains("wait_for_change") => (200, "FALSE"),
                1 if text.contains("wait_for_change=true&timeout_sec=60&last_etag=abc") => (200, "false\n"),
                2 => (200, "TRUE"),
                _ => (400, ""),
            }
        });
        assert_eq!(follow(&Source::gcp(&address)), (Ended::TakenBack("preempted".into()), 2));
    }

    #[test]
    fn whoever_does_not_answer_three_times_or_answers_nonsense_is_asked_no_more() {
        let aws = |answer: &'static (dyn Fn(&str) -> (u16, &'static str) + Sync)| {
            Source::aws(&format!("http://{}", double(20, answer)))
        };
        let cases = [
            (Source::aws("http://127.0.0.1:9"), "127.0.0.1:9"),
            (Source::gcp("127.0.0.1:9"), "127.0.0.1:9"),
            (aws(&|text| if text.starts_with("PUT") { (200, "t") } else { (503, "") }), "status 503"),
            (
                aws(&|text| if text.starts_with("PUT") { (200, "t") } else { (401, "") }),
                "status 401 with a fresh token",
            ),
            (aws(&|text| if text.starts_with("PUT") { (200, "t") } else { (200, "\u{1b}[2J") }), "names no action"),
            (
                aws(&|text| if text.starts_with("PUT") { (200, "t") } else { (200, r#"{"action":"dance"}"#) }),
                "no action",
            ),
            (aws(&|text| if text.starts_with("PUT") { (403, "") } else { (200, "") }), "status 403"),
            (Source::gcp(&double(20, |_| (200, "maybe"))), "neither TRUE nor FALSE"),
        ];
        for (source, expected) in cases {
            let (Ended::Silent(why), waits) = follow(&source) else { panic!("{expected}: a notice that nobody gave") };
            assert!(why.contains(expected) && waits == 2, "{expected}: {why} after {waits}");
        }
    }

    #[test]
    fn one_fault_among_answers_is_nothing() {
        let asked = std::sync::atomic::AtomicU32::new(0);
        let address = double(20, move |text| match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            _ if text.starts_with("PUT") => (200, "t"),
            8 => (200, r#"{"action":"stop"}"#),
            number if number % 2 == 0 => (503, ""),
            _ => (404, ""),
        });
        assert_eq!(follow(&Source::aws(&format!("http://{address}"))).0, Ended::TakenBack("stop".into()));
    }
}
