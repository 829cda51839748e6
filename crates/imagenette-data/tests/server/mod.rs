//! A web server on this machine that misbehaves as told, one way for each connection.

#![allow(dead_code, reason = "each test program uses its own part of this module")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How one connection is answered.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Like a good server: 206 for a Range whose If-Range matches, else 200.
    Good,
    /// Like `Good`, and closes after this many bytes of the body.
    DropAfter(usize),
    /// 200 and the whole file, whatever was asked.
    IgnoreRange,
    /// Like `IgnoreRange`, and closes after this many bytes of the body.
    IgnoreRangeAndDropAfter(usize),
    /// 206 with another range than was asked for.
    WrongRange,
    /// A Content-Length that is this much larger (or smaller) than the file, which is then sent.
    LengthOff(i64),
    /// No Content-Length; the end of the connection is the end of the file, after this many bytes.
    NoLength(usize),
    /// A redirect to this path.
    Redirect(&'static str),
    /// This status without a body.
    Status(u16),
    /// Reads the request and never answers.
    Nothing,
    /// Sends this many bytes of the body and then nothing more.
    StallAfter(usize),
    /// Like `Good`, but sends a byte at a time, with this pause after each.
    Drip(Duration),
    /// 206 with marks and a range of 20 kB of nonsense.
    LongHeaders,
    /// Like `Good` with another ETag and other bytes, as if the file had been replaced.
    Replaced(Vec<u8>),
}

/// What a request asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
}

pub(crate) struct Server {
    pub(crate) base_url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) const ETAG: &str = "\"first\"";

impl Server {
    /// Serves `file` at every path; the last answer is given again and again.
    pub(crate) fn start(file: Vec<u8>, answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base_url = format!("http://{}/", listener.local_addr().expect("an address"));
        listener.set_nonblocking(true).expect("a setting");
        let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (asked, stop) = (asked.clone(), stop.clone());
            move || {
                let mut answers = answers.into_iter();
                let mut answer = answers.next().expect("at least one answer");
                while !stop.load(Ordering::Relaxed) {
                    let Ok((stream, _)) = listener.accept() else {
                        std::thread::sleep(Duration::from_millis(2));
                        continue;
                    };
                    let (file, mine, asked, stop) = (file.clone(), answer.clone(), asked.clone(), stop.clone());
                    // Each on its own thread: one that stalls must not hold up the next.
                    std::thread::spawn(move || serve(stream, &file, &mine, &asked, &stop));
                    answer = answers.next().unwrap_or(answer);
                }
            }
        });
        Self { base_url, asked, stop, thread: Some(thread) }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("joined once").join().expect("the server's thread ends");
    }
}

fn serve(mut stream: TcpStream, file: &[u8], answer: &Answer, asked: &Mutex<Vec<Asked>>, stop: &AtomicBool) {
    stream.set_nonblocking(false).expect("a setting");
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => text.push(byte[0]),
            _ => return,
        }
    }
    let text = String::from_utf8(text).expect("a request is text");
    let header = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let path = text.split(' ').nth(1).unwrap_or("").to_owned();
    let (range, if_range) = (header("Range"), header("If-Range"));
    asked.lock().expect("no panic").push(Asked { path, range: range.clone(), if_range: if_range.clone() });
    let from =
        range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());

    let stall = || {
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let (file, etag) = match answer {
        Answer::Replaced(other) => (other.as_slice(), "\"second\""),
        _ => (file, ETAG),
    };
    let whole = |length: i64| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: {etag}\r\nConnection: close\r\n\r\n")
    };
    let length = file.len() as i64;
    let (head, body) = match answer {
        Answer::Nothing => return stall(),
        Answer::Status(status) => {
            (format!("HTTP/1.1 {status} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), &[][..])
        }
        Answer::Redirect(to) => {
            (format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), &[][..])
        }
        Answer::IgnoreRange | Answer::IgnoreRangeAndDropAfter(_) => (whole(length), file),
        Answer::LengthOff(by) => (whole(length + by), file),
        Answer::NoLength(end) => {
            (format!("HTTP/1.1 200 OK\r\nETag: {etag}\r\nConnection: close\r\n\r\n"), &file[..*end])
        }
        Answer::LongHeaders => {
            let long = "x".repeat(20_000);
            let head = format!("HTTP/1.1 206 Partial\r\nContent-Range: {long}\r\nETag: \"{long}\"\r\n");
            (format!("{head}Content-Length: {length}\r\nConnection: close\r\n\r\n"), file)
        }
        Answer::WrongRange => (
            format!(
                "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-{}/{length}\r\nContent-Length: {length}\r\n\
                 ETag: {etag}\r\nConnection: close\r\n\r\n",
                length - 1
            ),
            file,
        ),
        Answer::Good | Answer::DropAfter(_) | Answer::StallAfter(_) | Answer::Drip(_) | Answer::Replaced(_) => {
            match from {
                Some(from) if if_range.is_none_or(|tag| tag == etag) => (
                    format!(
                        "HTTP/1.1 206 Partial\r\nContent-Range: bytes {from}-{}/{length}\r\nContent-Length: {}\r\n\
                     ETag: {etag}\r\nConnection: close\r\n\r\n",
                        length - 1,
                        file.len() - from
                    ),
                    &file[from..],
                ),
                _ => (whole(length), file),
            }
        }
    };
    // The client may be gone already: how it reacts is what the tests look at.
    let _ = stream.write_all(head.as_bytes());
    match answer {
        Answer::DropAfter(n) | Answer::IgnoreRangeAndDropAfter(n) => {
            drop(stream.write_all(&body[..body.len().min(*n)]))
        }
        Answer::StallAfter(n) => {
            let _ = stream.write_all(&body[..body.len().min(*n)]);
            stall();
        }
        Answer::Drip(pause) => {
            for byte in body {
                if stop.load(Ordering::Relaxed) || stream.write_all(&[*byte]).is_err() {
                    return;
                }
                std::thread::sleep(*pause);
            }
        }
        _ => drop(stream.write_all(body)),
    }
}
