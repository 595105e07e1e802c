//! WHIP (RFC 9725), as peers of the matrix speak it that are crates.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::http::{Request, respond};

/// Posts an offer to an endpoint such as `http://127.0.0.1:8080/whip`, and returns its answer.
///
/// # Errors
///
/// Those of the connection, and all but `201 Created`.
pub fn post(url: &str, offer: &str) -> io::Result<String> {
    let parts = url.strip_prefix("http://");
    let parts = parts.and_then(|rest| rest.split_once('/'));
    let (host, path) = parts.ok_or(io::ErrorKind::InvalidInput)?;
    let mut connection = TcpStream::connect(host)?;
    write!(
        connection,
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{offer}",
        offer.len()
    )?;
    let mut response = String::new();
    connection.read_to_string(&mut response)?;
    match response.split_once("\r\n\r\n") {
        Some((head, answer)) if head.starts_with("HTTP/1.1 201") => Ok(answer.to_owned()),
        _ => Err(io::Error::other(response)),
    }
}

/// Serves an endpoint on `port` of 127.0.0.1 for one call: says `ready` on stdout, and has `answer`
/// answer the offer that comes.
///
/// # Errors
///
/// Those of the connection, and of `answer`.
pub fn serve(
    port: u16,
    answer: impl FnOnce(&str) -> Result<String, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let server = TcpListener::bind(("127.0.0.1", port))?;
    println!("ready");
    for connection in server.incoming() {
        let mut connection = connection?;
        let request = Request::read(&connection)?;
        let Some(request) = request.filter(|request| request.line.starts_with("POST")) else {
            continue;
        };
        let sdp = answer(&String::from_utf8(request.body)?)?;
        let status = "201 Created\r\nLocation: /call";
        return Ok(respond(&mut connection, status, "application/sdp", &sdp)?);
    }
    Err(io::Error::from(io::ErrorKind::BrokenPipe).into())
}
