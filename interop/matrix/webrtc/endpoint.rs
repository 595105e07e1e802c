//! The WHIP endpoint that `demo-call dial` calls, in front of a peer.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use interop::http::{Request, respond};

/// An endpoint on `host`. Each request is given to `answer`. With `active` the offer says that we
/// begin the handshake, which makes the peer the server: offers that leave the choice are answered
/// by peers that want to be clients.
pub(super) fn serve(
    host: IpAddr,
    active: bool,
    answer: impl Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> io::Result<SocketAddr> {
    let server = TcpListener::bind((host, 0))?;
    let address = server.local_addr()?;
    thread::spawn(move || {
        for mut connection in server.incoming().flatten() {
            let Ok(Some(mut request)) = Request::read(&connection) else {
                continue;
            };
            if active {
                let sdp = String::from_utf8_lossy(&request.body);
                let sdp = sdp.replace("a=setup:actpass", "a=setup:active");
                request.body = sdp.into_bytes();
            }
            // The caller notices, and says so.
            let _ = answer(&request, &mut connection);
            if request.line.starts_with("DELETE") {
                return;
            }
        }
    });
    Ok(address)
}

/// Answers a WHIP request with an answer.
pub(super) fn created(connection: &mut TcpStream, sdp: &str) -> io::Result<()> {
    let status = "201 Created\r\nLocation: /call";
    respond(connection, status, "application/sdp", sdp)
}
