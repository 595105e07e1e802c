//! The address of this host, and ports of it.

use std::io;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

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

/// A port of 127.0.0.1 for a program that is about to be started. It is none that systems give out
/// by themselves, so that no connection made meanwhile takes it, and another one each time.
///
/// # Errors
///
/// If none is free.
pub fn free_port() -> io::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let is_free = |port: &u16| {
        TcpListener::bind(("127.0.0.1", *port)).is_ok()
            && UdpSocket::bind(("127.0.0.1", *port)).is_ok()
    };
    let mut candidates =
        (0..PORTS).map(|_| FIRST_PORT + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS);
    candidates
        .find(is_free)
        .ok_or(io::ErrorKind::AddrInUse.into())
}

/// Linux gives out ports from 32768 on.
const FIRST_PORT: u16 = 20_000;

/// How many there are.
const PORTS: u16 = 10_000;
