//! Encrypted UDP with many clients on one socket, with nothing but the standard library around it.
//!
//! ```text
//! cargo run -p portcullis-dtls --example echo                                   # both sides, three clients
//! cargo run -p portcullis-dtls --example echo -- server 127.0.0.1:4433          # prints its fingerprint
//! cargo run -p portcullis-dtls --example echo -- client 127.0.0.1:4433 'sha-256 AB:CD:…' hello
//! ```
//!
//! The server asks no client for a certificate; a client knows the server by the fingerprint of its certificate, which
//! it has been told.

use std::collections::HashMap;
use std::error::Error;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dtls::{
    AddressProof, Certificate, ClientAuth, Config, Connection, Event, Fingerprint, PeerIdentity,
    Role, Verdict, crypto,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Longer than any datagram that comes over the Internet.
const BUFFER: usize = 2048;

/// How long a client waits for what it is owed.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => demonstrate(),
        ["server", address] => {
            let server = Server::bind(address.parse()?)?;
            println!("{}", server.fingerprint());
            server.serve()
        }
        ["client", address, fingerprint, text] => {
            println!("{}", ask(address.parse()?, fingerprint.parse()?, text)?);
            Ok(())
        }
        _ => Err("expected: server ADDRESS, or: client ADDRESS FINGERPRINT TEXT".into()),
    }
}

/// A server and three clients, in threads of one process.
fn demonstrate() -> Result<()> {
    let server = Server::bind("127.0.0.1:0".parse()?)?;
    let (address, fingerprint) = (server.socket.local_addr()?, server.fingerprint());
    thread::spawn(move || server.serve().map_err(|error| eprintln!("{error}")));
    for name in ["one", "two", "three"] {
        let text = format!("hello from {name}");
        let answer = ask(address, fingerprint, &text)?;
        assert_eq!(answer, text);
        println!("{answer}");
    }
    Ok(())
}

/// No SRTP, which the defaults demand.
fn config(client_auth: ClientAuth) -> Result<Arc<Config>> {
    let config = Config::builder(crypto::default_provider())
        .for_data()
        .client_auth(client_auth);
    Ok(Arc::new(config.build()?))
}

struct Server {
    socket: UdpSocket,
    config: Arc<Config>,
    certificate: Arc<Certificate>,
    /// Stands in front of the connections: whoever forges a source address leaves no state behind.
    proof: AddressProof,
    connections: HashMap<SocketAddr, Connection>,
}

impl Server {
    fn bind(address: SocketAddr) -> Result<Self> {
        let config = config(ClientAuth::None)?;
        Ok(Self {
            socket: UdpSocket::bind(address)?,
            certificate: Arc::new(Certificate::generate(&**config.provider())?),
            proof: AddressProof::new(Arc::clone(&config), Instant::now())?,
            config,
            connections: HashMap::new(),
        })
    }

    fn fingerprint(&self) -> Fingerprint {
        self.certificate.fingerprint_sha256()
    }

    fn serve(mut self) -> Result<()> {
        let mut buf = [0; BUFFER];
        loop {
            let alarms = self.connections.values();
            let alarm = alarms.filter_map(Connection::poll_timeout).min();
            let datagram = receive(&self.socket, &mut buf, alarm)?;
            let now = Instant::now();
            if let Some((length, from)) = datagram {
                self.handle_datagram(now, from, &mut buf[..length])?;
            }
            self.drive(now)?;
        }
    }

    /// Gives a datagram to its connection. What belongs to none has to prove its address first.
    fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<()> {
        if let Some(connection) = self.connections.get_mut(&from) {
            // An error ends the connection, and `drive` takes it out.
            let _ = connection.handle_datagram(now, datagram);
            return Ok(());
        }
        match self.proof.handle_datagram(now, from, datagram) {
            Verdict::Dropped(_) | Verdict::Incomplete => {}
            Verdict::Ask(answer) | Verdict::Refused { alert: answer, .. } => {
                self.socket.send_to(answer, from)?;
            }
            Verdict::Proven(hello) => {
                let (config, certificate) =
                    (Arc::clone(&self.config), Arc::clone(&self.certificate));
                // Without a certificate there is nobody to tell apart.
                let anyone = PeerIdentity::DangerousAny;
                let connection = Connection::accept(config, certificate, anyone, hello, now)?;
                self.connections.insert(from, connection);
            }
        }
        Ok(())
    }

    /// Timers, echoes and datagrams of all connections; those that have ended are dropped.
    fn drive(&mut self, now: Instant) -> Result<()> {
        let socket = &self.socket;
        let mut failure = None;
        self.connections.retain(|&peer, connection| {
            let mut alive = connection.handle_timeout(now).is_ok();
            while let Some(event) = connection.poll_event() {
                match event {
                    Event::ApplicationData(data) => alive &= connection.send(now, &data).is_ok(),
                    Event::Closed => {
                        connection.close(now);
                        alive = false;
                    }
                    _ => {}
                }
            }
            if let Err(error) = flush(socket, peer, connection, now) {
                failure = Some(error);
            }
            alive
        });
        failure.map_or(Ok(()), Err)
    }
}

/// Connects, sends a text, and returns what comes back.
fn ask(server: SocketAddr, fingerprint: Fingerprint, text: &str) -> Result<String> {
    let any = if server.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(any)?;
    let config = config(ClientAuth::None)?;
    // A client of a server that asks for no certificate still has one; it shows it to nobody.
    let certificate = Arc::new(Certificate::generate(&**config.provider())?);
    let peer = PeerIdentity::Fingerprints(vec![fingerprint]);
    let now = Instant::now();
    let mut connection = Connection::new(config, Role::Client, certificate, peer, now)?;
    let (mut buf, deadline) = ([0; BUFFER], now + PATIENCE);
    flush(&socket, server, &mut connection, now)?;
    while Instant::now() < deadline {
        let alarm = connection
            .poll_timeout()
            .map_or(deadline, |alarm| alarm.min(deadline));
        let datagram = receive(&socket, &mut buf, Some(alarm))?;
        let now = Instant::now();
        match datagram {
            Some((length, from)) if from == server => {
                connection.handle_datagram(now, &mut buf[..length])?;
            }
            _ => connection.handle_timeout(now)?,
        }
        let mut answer = None;
        while let Some(event) = connection.poll_event() {
            match event {
                Event::Connected(_) => connection.send(now, text.as_bytes())?,
                Event::ApplicationData(data) => answer = Some(String::from_utf8(data)?),
                Event::Closed => return Err("the server has closed the connection".into()),
                _ => {}
            }
        }
        if answer.is_some() {
            connection.close(now);
        }
        flush(&socket, server, &mut connection, now)?;
        if let Some(answer) = answer {
            return Ok(answer);
        }
    }
    Err("no answer".into())
}

/// Sends all datagrams that a connection has.
fn flush(
    socket: &UdpSocket,
    to: SocketAddr,
    connection: &mut Connection,
    now: Instant,
) -> Result<()> {
    let mut buf = [0; BUFFER];
    while let Some(length) = connection.poll_transmit(now, &mut buf) {
        socket.send_to(&buf[..length], to)?;
    }
    Ok(())
}

/// Waits for a datagram, or until `alarm`.
fn receive(
    socket: &UdpSocket,
    buf: &mut [u8],
    alarm: Option<Instant>,
) -> Result<Option<(usize, SocketAddr)>> {
    let wait = alarm.map(|alarm| alarm.saturating_duration_since(Instant::now()));
    // The system takes a wait of zero for one without end.
    socket.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
    match socket.recv_from(buf) {
        Ok(datagram) => Ok(Some(datagram)),
        // Some systems report here that an earlier datagram was refused.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
