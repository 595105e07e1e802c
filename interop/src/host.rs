//! The address of this host.

use std::io;
use std::net::{IpAddr, UdpSocket};

/// The address by which this host would reach another: browsers do not check candidates on
/// 127.0.0.1.
///
/// # Errors
///
/// If it has no route to others.
pub fn address() -> io::Result<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // From the block for documentation: nothing is sent.
    socket.connect("192.0.2.1:9")?;
    Ok(socket.local_addr()?.ip())
}
