//! One HTTP exchange in its own thread: the head of the answer and then its bytes come through a channel, so that the
//! receiver notices a stall or an interruption immediately, whatever the socket is doing.

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::FetchOptions;

const CHUNK_BYTES: usize = 1 << 17;
/// The most bytes of a mark by which a server knows a version of a file.
const LONGEST_MARK_BYTES: usize = 1024;
/// The most chunks that wait for the disk.
const QUEUE: usize = 16;

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) url: String,
    /// Bytes that are already here; zero asks for the whole file.
    pub(super) from_byte: u64,
    /// The ETag or the date of the file that they belong to.
    pub(super) if_range: Option<String>,
}

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) length: Option<u64>,
    pub(super) content_range: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// What comes through the channel: a head, then chunks, then the end, or a failure at any time.
#[derive(Debug)]
pub(super) enum Message {
    Head(Head),
    Chunk(Vec<u8>),
    End,
    Failed { reason: String, hopeless: bool },
}

/// Sends a request. Its thread ends when the receiver is dropped or the socket times out.
pub(super) fn send(request: Request, options: &FetchOptions) -> std::io::Result<Receiver<Message>> {
    let (sender, receiver) = sync_channel(QUEUE);
    let options = options.clone();
    thread::Builder::new().name("download".into()).spawn(move || {
        let last = match exchange(&request, &options, &sender) {
            Ok(()) => Message::End,
            Err((reason, hopeless)) => Message::Failed { reason, hopeless },
        };
        // The receiver may have given up; then nobody waits for this.
        let _ = sender.send(last);
    })?;
    Ok(receiver)
}

fn exchange(request: &Request, options: &FetchOptions, sender: &SyncSender<Message>) -> Result<(), (String, bool)> {
    // A little longer than the receiver waits, so that its own message about a stall comes first.
    let patience = Some(options.stall_timeout + Duration::from_secs(1));
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("imagenette/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_recv_response(patience)
        .timeout_per_read(patience);
    if is_loopback(&request.url) {
        config = config.proxy(None);
    }
    let agent: ureq::Agent = config.build().into();
    let mut call = agent.get(&request.url);
    if request.from_byte > 0 {
        call = call.header("Range", format!("bytes={}-", request.from_byte));
        if let Some(if_range) = &request.if_range {
            call = call.header("If-Range", if_range);
        }
    }
    let response = call.call().map_err(|error| (error.to_string(), is_hopeless(&error)))?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // It is kept and sent back: what is longer is no mark of a file.
    let mark = |name: &str| header(name).filter(|value| value.len() <= LONGEST_MARK_BYTES);
    let head = Head {
        status: response.status().as_u16(),
        length: header("Content-Length").and_then(|length| length.parse().ok()),
        content_range: header("Content-Range"),
        etag: mark("ETag"),
        last_modified: mark("Last-Modified"),
    };
    let gone = || ("nobody waits for it".to_owned(), true);
    sender.send(Message::Head(head)).map_err(|_| gone())?;
    let mut body = response.into_body().into_reader();
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        match body.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                chunk.truncate(n);
                sender.send(Message::Chunk(chunk)).map_err(|_| gone())?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err((error.to_string(), false)),
        }
    }
}

/// Errors that another attempt will not change. A wrong certificate or peer shows up as invalid data of TLS.
fn is_hopeless(error: &ureq::Error) -> bool {
    use ureq::Error;
    matches!(
        error,
        Error::BadUri(_)
            | Error::Http(_)
            | Error::HostNotFound
            | Error::InvalidProxyUrl
            | Error::RequireHttpsOnly(_)
            | Error::TooManyRedirects
            | Error::RedirectFailed
            | Error::Tls(_)
            | Error::Rustls(_)
    ) || matches!(error, Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData)
}

/// A proxy cannot reach the servers on this machine, whatever the environment says.
fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?']).next().unwrap_or("");
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_reached_without_a_proxy() {
        for url in ["http://127.0.0.1:80/x", "http://localhost/", "http://[::1]:9/x", "http://127.9.9.9"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["https://s3.amazonaws.com/127.0.0.1", "http://10.0.0.1/", "http://localhost.example/"] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
