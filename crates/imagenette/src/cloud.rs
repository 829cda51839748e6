//! The machine of a cloud that this program runs on: the clouds' own variables say whom to ask, and what comes back is
//! the machine's type, its zone and whether it is a spot machine. Where no variable is set nobody is asked.
//!
//! The addresses are links to the machine's host: no proxy can reach them, and an answer takes milliseconds or never
//! comes.

use std::time::Duration;

use imagenette_results::prices::Cloud;
use serde::Serialize;

use crate::terminal::Refusal;

/// The variable with the address of AWS's metadata, as AWS's own tools read it.
pub(crate) const AWS_VARIABLE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
/// The variable with the host of GCP's metadata, as Google's own tools read it.
pub(crate) const GCP_VARIABLE: &str = "GCE_METADATA_HOST";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most bytes of an answer: names of a machine and of a zone.
const MOST_BYTES: u64 = 4096;

/// The machine that this program runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Here {
    pub(crate) cloud: Cloud,
    /// Its type: `c7a.large`.
    pub(crate) machine: String,
    pub(crate) zone: Option<String>,
    /// Whether the cloud may take it back, where it says.
    pub(crate) is_spot: Option<bool>,
}

/// The machine that this program runs on, as its cloud says; `None` where no cloud's variable is set.
///
/// # Errors
/// When two clouds' variables are set, or the cloud does not answer as it should.
pub(crate) fn here() -> anyhow::Result<Option<Here>> {
    of(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
}

fn of(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Here>> {
    match (variable(AWS_VARIABLE), variable(GCP_VARIABLE)) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Refusal::error(
            format!("expected the variable of one cloud, found {AWS_VARIABLE} and {GCP_VARIABLE}"),
            "unset the one of the cloud that this machine is not of",
        )),
        (Some(address), None) => Ok(Some(aws(address.trim().trim_end_matches('/'))?)),
        (None, Some(host)) => Ok(Some(gcp(host.trim().trim_end_matches('/'))?)),
    }
}

fn aws(address: &str) -> anyhow::Result<Here> {
    let metadata = Metadata::aws(address);
    let token = metadata.token().map_err(|found| metadata.refused(found))?;
    let get = |path: &str| {
        let path = format!("/latest/meta-data/{path}");
        metadata.text(&path, ("X-aws-ec2-metadata-token", token.trim()))
    };
    Ok(Here {
        cloud: Cloud::Aws,
        machine: metadata.name(&get("instance-type")?)?,
        zone: get("placement/availability-zone-id").ok().and_then(|zone| metadata.name(&zone).ok()),
        is_spot: get("instance-life-cycle").ok().map(|cycle| cycle.trim() == "spot"),
    })
}

fn gcp(host: &str) -> anyhow::Result<Here> {
    let metadata = Metadata::gcp(host);
    let get =
        |path: &str| metadata.text(&format!("/computeMetadata/v1/instance/{path}"), ("Metadata-Flavor", "Google"));
    Ok(Here {
        cloud: Cloud::Gcp,
        machine: metadata.name(&get("machine-type")?)?,
        zone: get("zone").ok().and_then(|zone| metadata.name(&zone).ok()),
        is_spot: get("scheduling/preemptible").ok().map(|answer| answer.trim().eq_ignore_ascii_case("true")),
    })
}

/// Who is asked.
pub(crate) struct Metadata {
    variable: &'static str,
    address: String,
}

/// What they answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) etag: Option<String>,
}

impl Metadata {
    pub(crate) fn aws(address: &str) -> Self {
        Self { variable: AWS_VARIABLE, address: address.trim().trim_end_matches('/').into() }
    }

    pub(crate) fn gcp(host: &str) -> Self {
        Self { variable: GCP_VARIABLE, address: format!("http://{}", host.trim().trim_end_matches('/')) }
    }

    /// A token of AWS, without which it says nothing; the error is what was found.
    pub(crate) fn token(&self) -> Result<String, String> {
        let (path, ttl) = ("/latest/api/token", ("X-aws-ec2-metadata-token-ttl-seconds", "21600"));
        let answer = self.ask("PUT", path, ttl, None)?;
        match answer.status {
            200 => Ok(answer.text.trim().to_owned()),
            status => Err(format!("{}{path}: status {status}", self.address)),
        }
    }

    /// The answer at a path, which comes in a second or in `patience`; the error is what was found.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        (header, value): (&str, &str),
        patience: Option<Duration>,
    ) -> Result<Answer, String> {
        let url = format!("{}{path}", self.address);
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(PATIENCE))
            .timeout_global(Some(patience.unwrap_or(PATIENCE)));
        let agent: ureq::Agent = config.build().into();
        let answer = match method {
            "PUT" => agent.put(&url).header(header, value).send_empty(),
            _ => agent.get(&url).header(header, value).call(),
        };
        let mut answer = answer.map_err(|error| format!("{url}: {error}"))?;
        let etag = answer.headers().get("etag").and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        let text = answer.body_mut().with_config().limit(MOST_BYTES).read_to_string();
        let text = text.map_err(|error| format!("{url}: {error}"))?;
        Ok(Answer { status: answer.status().as_u16(), text, etag })
    }

    /// The text at a path.
    fn text(&self, path: &str, header: (&str, &str)) -> anyhow::Result<String> {
        let answer = self.ask("GET", path, header, None).map_err(|found| self.refused(found))?;
        match answer.status {
            200 => Ok(answer.text),
            status => Err(self.refused(format!("{}{path}: status {status}", self.address))),
        }
    }

    /// The name at the end of an answer: `projects/1/machineTypes/n2-highcpu-4` names `n2-highcpu-4`.
    fn name(&self, answer: &str) -> anyhow::Result<String> {
        let name = answer.trim().rsplit('/').next().unwrap_or_default();
        let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || b"-._".contains(&letter);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
            let shown: String = answer.trim().chars().take(60).collect();
            return Err(self.refused(format!("`{}` as a machine", shown.escape_debug())));
        }
        Ok(name.to_owned())
    }

    fn refused(&self, found: String) -> anyhow::Error {
        Refusal::error(
            format!("expected the cloud to say which machine this is ({}), found {found}", self.variable),
            format!(
                "unset {}, or name the machine with --machine; in a container the cloud answers only where its hop limit \
                 is 2 or more",
                self.variable
            ),
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers `count` requests, each by its first line and whole text, and ends.
    pub(crate) fn double(count: usize, answer: impl Fn(&str) -> (u16, &'static str) + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for _ in 0..count {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let mut text = Vec::new();
                let mut byte = [0];
                while !text.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                    text.push(byte[0]);
                }
                let (status, body) = answer(&String::from_utf8_lossy(&text));
                if status == 0 {
                    std::thread::sleep(Duration::from_secs(3));
                    continue;
                }
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} So\r\nContent-Length: {length}\r\nETag: abc\r\nConnection: close\r\n\r\n"
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        address
    }

    fn with(variable: &'static str, value: String) -> anyhow::Result<Option<Here>> {
        of(|name| (name == variable).then(|| value.clone()))
    }

    #[test]
    fn nobody_is_asked_where_no_cloud_is_and_two_clouds_are_refused() {
        assert_eq!(of(|_| None).unwrap(), None);
        let error = of(|_| Some("http://127.0.0.1:9".into())).unwrap_err().to_string();
        assert!(error.contains("expected the variable of one cloud"), "{error}");
    }

    #[test]
    fn aws_says_which_machine_this_is_to_whoever_has_a_token() {
        let address = double(4, |text| {
            let has_token = text.to_lowercase().contains("x-aws-ec2-metadata-token: secret");
            match text.split("\r\n").next().unwrap() {
                "PUT /latest/api/token HTTP/1.1" if text.to_lowercase().contains("ttl-seconds: 21600") => {
                    (200, "secret")
                }
                "GET /latest/meta-data/instance-type HTTP/1.1" if has_token => (200, "c7a.large"),
                "GET /latest/meta-data/placement/availability-zone-id HTTP/1.1" if has_token => (200, "use1-az4"),
                "GET /latest/meta-data/instance-life-cycle HTTP/1.1" if has_token => (200, "spot"),
                _ => (401, "<html>401 - Unauthorized</html>"),
            }
        });
        let here = with(AWS_VARIABLE, format!("http://{address}/")).unwrap().unwrap();
        assert_eq!((here.cloud, here.machine.as_str()), (Cloud::Aws, "c7a.large"));
        assert_eq!((here.zone.as_deref(), here.is_spot), (Some("use1-az4"), Some(true)));
    }

    #[test]
    fn gcp_says_it_at_the_end_of_a_path_and_what_it_does_not_say_stays_unknown() {
        let address = double(3, |text| match text.split(' ').nth(1).unwrap() {
            _ if !text.to_lowercase().contains("metadata-flavor: google") => (403, ""),
            "/computeMetadata/v1/instance/machine-type" => (200, "projects/1/machineTypes/n2-highcpu-4"),
            "/computeMetadata/v1/instance/zone" => (200, "projects/1/zones/us-central1-a"),
            _ => (404, "not here"),
        });
        let here = with(GCP_VARIABLE, address).unwrap().unwrap();
        assert_eq!((here.machine.as_str(), here.zone.as_deref()), ("n2-highcpu-4", Some("us-central1-a")));
        assert_eq!((here.cloud, here.is_spot), (Cloud::Gcp, None));
    }

    #[test]
    fn silence_garbage_and_refusals_are_errors_that_say_what_to_do_and_take_a_second() {
        let began = std::time::Instant::now();
        let cases = [
            (double(1, |_| (0, "")), "timeout"),
            (double(1, |_| (200, "\u{1b}[2J a machine")), "`\\u{1b}[2J a machine` as a machine"),
            (double(1, |_| (200, "")), "`` as a machine"),
            (double(1, |_| (503, "")), "status 503"),
            ("127.0.0.1:9".into(), "127.0.0.1:9"),
            ("no such host".into(), "found http://no such host"),
        ];
        for (address, expected) in cases {
            let error = with(GCP_VARIABLE, address).unwrap_err();
            assert!(error.to_string().contains(expected), "{expected}: {error}");
            let hint = imagenette_files::Hint::hint(error.downcast_ref::<Refusal>().unwrap()).unwrap();
            assert!(hint.starts_with("unset GCE_METADATA_HOST, or name the machine"), "{hint}");
        }
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
}
