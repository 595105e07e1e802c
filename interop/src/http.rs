//! As much of HTTP as the tests need, over plain connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// One HTTP request, as far as the tests care.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method, target, version.
    pub line: String,
    /// The lines of its header.
    pub headers: Vec<String>,
    /// What follows.
    pub body: Vec<u8>,
}

impl Request {
    /// Reads a request; `None` if the connection was closed without one.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub fn read(connection: &TcpStream) -> std::io::Result<Option<Self>> {
        let mut reader = BufReader::new(connection);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let length = lines
            .iter()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, length)| length.trim().parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let headers = lines.split_off(lines.len().min(1));
        Ok(lines.pop().map(|line| Self {
            line,
            headers,
            body,
        }))
    }

    /// Has `upstream` answer the request on this connection.
    ///
    /// # Errors
    ///
    /// Those of both connections.
    pub fn pass_on(&self, upstream: &str, connection: &mut TcpStream) -> std::io::Result<()> {
        let mut upstream = TcpStream::connect(upstream)?;
        write!(upstream, "{}\r\nConnection: close\r\n", self.line)?;
        for header in &self.headers {
            let name = header.to_ascii_lowercase();
            if !name.starts_with("connection:") && !name.starts_with("content-length:") {
                write!(upstream, "{header}\r\n")?;
            }
        }
        write!(upstream, "Content-Length: {}\r\n\r\n", self.body.len())?;
        upstream.write_all(&self.body)?;
        std::io::copy(&mut upstream, connection).map(drop)
    }
}

/// Answers a request. `status` has the code and its words; more lines of the header may follow.
///
/// # Errors
///
/// Those of the connection.
pub fn respond(
    connection: &mut TcpStream,
    status: &str,
    kind: &str,
    body: &str,
) -> std::io::Result<()> {
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}
