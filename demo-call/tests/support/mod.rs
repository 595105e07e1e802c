//! What the tests of the program share: running it, and plain HTTP.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A recording of two seconds.
pub(crate) const COUNTING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/counting.ogg");

/// The program with these arguments, in the folder `dir`.
pub(crate) fn demo_call(dir: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo-call"));
    command
        .args(arguments)
        .current_dir(dir.path())
        .stdin(Stdio::null());
    command
}

/// A folder that goes at the end of the test.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Runs the program to its end.
pub(crate) fn run(dir: &tempfile::TempDir, arguments: &[&str]) -> Output {
    demo_call(dir, arguments)
        .output()
        .expect("the program runs")
}

/// The JSON object on the last line of stdout.
pub(crate) fn summary(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| {
        panic!(
            "{error} in {line:?}; stderr: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// Asserts that the program failed with exit status 1 and one line; returns the line.
pub(crate) fn one_line_error(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("error: "), "{text}");
    text
}

/// The names of the files in `dir`, sorted.
pub(crate) fn files(dir: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("the folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry
            .expect("its entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

/// A running `listen`. It is killed when this value is dropped.
pub(crate) struct Listen {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    /// Where its HTTP is.
    pub(crate) http: String,
    /// Its media port.
    pub(crate) media: String,
}

impl Listen {
    /// Starts `listen` on free ports of 127.0.0.1.
    pub(crate) fn start(dir: &tempfile::TempDir, arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", dir, arguments)
    }

    /// Starts `listen` with this media port.
    pub(crate) fn start_at(media: &str, dir: &tempfile::TempDir, arguments: &[&str]) -> Self {
        let mut command = demo_call(dir, &["listen", "--http", "127.0.0.1:0", "--media", media]);
        command.args(arguments);
        Self::spawn(command)
    }

    /// Starts this command, which is a `listen`.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let mut listen = Self {
            child,
            stdout: Some(stdout),
            http: String::new(),
            media: String::new(),
        };
        listen.http = listen.after("page and WHIP endpoint  http");
        let url = listen
            .http
            .trim_start_matches("s://")
            .trim_start_matches("://");
        listen.http = url.trim_end_matches('/').to_owned();
        listen.media = listen.after("udp://");
        listen
    }

    /// Its address as `dial` wants it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Reads lines until one contains `mark`; returns what follows the mark in it.
    pub(crate) fn after(&mut self, mark: &str) -> String {
        loop {
            let mut line = String::new();
            let stdout = self.stdout.as_mut().expect("stdout is open");
            let length = stdout.read_line(&mut line).expect("stdout is UTF-8");
            assert_ne!(length, 0, "listen ended before it said {mark:?}");
            if let Some((_, rest)) = line.split_once(mark) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Interrupts it as Ctrl-C does and waits for its end.
    pub(crate) fn interrupt(&mut self) -> ExitStatus {
        self.end("-INT")
    }

    /// Sends it a signal and waits for its end.
    pub(crate) fn end(&mut self, signal: &str) -> ExitStatus {
        kill(&self.child, signal);
        wait(&mut self.child)
    }

    /// Closes the pipe to which it prints.
    pub(crate) fn close_stdout(&mut self) {
        drop(self.stdout.take());
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

/// Sends a signal.
pub(crate) fn kill(child: &Child, signal: &str) {
    let id = child.id().to_string();
    let status = Command::new("kill").args([signal, &id]).status();
    let status = status.expect("kill runs");
    assert!(status.success(), "kill {signal} {id}: {status}");
}

impl Drop for Listen {
    fn drop(&mut self) {
        // It has ended already if the test went to its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a child, ten seconds at most.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            return status;
        }
        assert!(
            Instant::now() < end,
            "the program still runs after ten seconds"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends one HTTP request.
pub(crate) fn http(
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut stream = TcpStream::connect(host).expect("the host listens");
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    stream
        .write_all(head.as_bytes())
        .expect("the request is taken");
    // A server may answer before it has read a body that it refuses.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    parse(&String::from_utf8(bytes).expect("the response is UTF-8"))
}

fn parse(text: &str) -> Response {
    let (head, body) = text.split_once("\r\n\r\n").expect("a response has a head");
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .expect("a status line");
    let headers = lines.filter_map(|line| line.split_once(": "));
    Response {
        status: status.parse().expect("a status is a number"),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

/// An offer as short as one can be.
pub(crate) fn offer() -> String {
    let fingerprint = ["AB"; 32].join(":");
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\n\
         a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=ice-ufrag:abcd\r\n\
         a=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\n"
    )
}
