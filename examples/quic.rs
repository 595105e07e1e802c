//! One port for WebRTC and QUIC (RFC 9443): `quinn` answers a handshake on the gate's port during a
//! call.
//!
//! `cargo run --example quic --features tokio`

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, Waker};
use std::time::Instant;

use portcullis::driver::{Driver, Handle};
use portcullis::ice_lite::Candidate;
use portcullis::{
    Call, Class, Context, Ecn, IceMode, Path, Session, SessionConfig, SessionEvent, dtls,
};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::udp::{EcnCodepoint, RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, ClientConfig, Endpoint, EndpointConfig, ServerConfig, UdpPoller};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::sync::{mpsc, oneshot};

/// The gate's port as a socket for `quinn`.
struct Port {
    local: SocketAddr,
    arrived: Mutex<Arrived>,
    /// To the gate.
    sent: mpsc::UnboundedSender<(Path, Ecn, Vec<u8>)>,
}

/// Datagrams received for QUIC, and the task waiting for them.
#[derive(Default)]
struct Arrived {
    datagrams: VecDeque<(Path, Ecn, Vec<u8>)>,
    waker: Option<Waker>,
}

/// The most datagrams that may wait; QUIC retransmits what is lost.
const MAX_WAITING: usize = 1024;

impl Port {
    /// Receives QUIC's datagrams on the gate's port and sends its answers.
    async fn open<C: Call + Send + 'static>(
        handle: Handle<C>,
        local: SocketAddr,
    ) -> Result<Arc<Self>, Box<dyn Error>> {
        let (sent, mut sending) = mpsc::unbounded_channel();
        let port = Arc::new(Self {
            local,
            arrived: Mutex::default(),
            sent,
        });
        let to = Arc::clone(&port);
        let claim = handle.gate(0, move |gate, _| {
            gate.hand_out(&[Class::Quic], move |_, arrival, _| {
                to.push(arrival.path, arrival.ecn, arrival.bytes);
            });
        });
        claim.await?;
        tokio::spawn(async move {
            while let Some((path, ecn, bytes)) = sending.recv().await {
                let send = handle.gate(0, move |gate, _| gate.send_foreign(path, ecn, &bytes));
                if send.await.is_err() {
                    return;
                }
            }
        });
        Ok(port)
    }

    fn push(&self, path: Path, ecn: Ecn, bytes: &[u8]) {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        if arrived.datagrams.len() < MAX_WAITING {
            arrived.datagrams.push_back((path, ecn, bytes.to_vec()));
        }
        if let Some(waker) = arrived.waker.take() {
            waker.wake();
        }
    }
}

impl AsyncUdpSocket for Port {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let path = Path::udp(self.local, transmit.destination);
        let ecn = match transmit.ecn {
            None => Ecn::NotEct,
            Some(EcnCodepoint::Ect0) => Ecn::Ect0,
            Some(EcnCodepoint::Ect1) => Ecn::Ect1,
            Some(EcnCodepoint::Ce) => Ecn::Ce,
        };
        let bytes = transmit.contents.to_vec();
        let sent = self.sent.send((path, ecn, bytes));
        sent.map_err(|_| io::ErrorKind::NotConnected.into())
    }

    fn poll_recv(
        &self,
        cx: &mut task::Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = 0;
        for (buf, meta) in bufs.iter_mut().zip(meta) {
            let Some((path, ecn, bytes)) = arrived.datagrams.pop_front() else {
                break;
            };
            let len = bytes.len().min(buf.len());
            buf[..len].copy_from_slice(&bytes[..len]);
            *meta = RecvMeta::default();
            (meta.addr, meta.len, meta.stride) = (path.remote, len, len);
            meta.dst_ip = Some(path.local.ip());
            meta.ecn = match ecn {
                Ecn::NotEct => None,
                Ecn::Ect0 => Some(EcnCodepoint::Ect0),
                Ecn::Ect1 => Some(EcnCodepoint::Ect1),
                Ecn::Ce => Some(EcnCodepoint::Ce),
            };
            count += 1;
        }
        if count == 0 {
            arrived.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(count))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port").field("local", &self.local).finish()
    }
}

/// The gate takes everything: it keeps or drops what its socket does not.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A side of a call that sends one packet back and forth.
struct Pong {
    begins: bool,
    /// Notified once a packet has arrived.
    heard: Option<oneshot::Sender<()>>,
}

/// An RTP packet: version 2, payload type 111, sequence number 1, time 0, SSRC 7.
const PACKET: [u8; 16] = [0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4];

impl Call for Pong {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, _: &mut [u8]) {
        if !self.begins {
            // A packet that can't be sent now is dropped, as if the network had lost it.
            let _ = cx.send_rtp(&PACKET);
        }
        if let Some(heard) = self.heard.take() {
            let _ = heard.send(());
        }
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_event(&mut self, cx: &mut Context<'_>, event: SessionEvent) {
        if matches!(event, SessionEvent::Secured(_)) && self.begins {
            let _ = cx.send_rtp(&PACKET);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let local = "127.0.0.1:0".parse()?;
    let (serving, calling) = (Driver::bind(local)?, Driver::bind(local)?);
    let (server, caller) = (serving.local_addr()?, calling.local_addr()?);
    let (to_server, to_caller) = (serving.handle(), calling.handle());
    tokio::spawn(serving.run());
    tokio::spawn(calling.run());

    // A call, on the gate's port.
    let (told, heard) = oneshot::channel();
    let [callers, servers] = sessions(caller, server)?;
    let pong = |begins, heard| Pong { begins, heard };
    let _ = to_server.insert(servers, pong(false, None)).await?;
    let call = to_caller.insert(callers, pong(true, Some(told))).await?;
    heard.await?;
    println!("a call is on at {server}");

    // QUIC, on the same port.
    let certificate = rcgen::generate_simple_self_signed(vec!["localhost".into()])?;
    let chain = vec![certificate.cert.der().clone()];
    let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
    let config = ServerConfig::with_single_cert(chain.clone(), key.into())?;
    let port = Port::open(to_server, server).await?;
    let runtime = Arc::new(quinn::TokioRuntime);
    let defaults = EndpointConfig::default();
    let endpoint = Endpoint::new_with_abstract_socket(defaults, Some(config), port, runtime)?;
    let answered = tokio::spawn(async move { endpoint.accept().await?.await.ok() });

    // Its peer, on a port of its own.
    let mut client = Endpoint::client(local)?;
    client.set_default_client_config(trusting(&chain)?);
    let connection = client.connect(server, "localhost")?.await?;
    let accepted = answered.await?.ok_or("the connection was not accepted")?;
    println!(
        "QUIC too: {} is connected to {}",
        accepted.remote_address(),
        connection.remote_address()
    );
    to_caller.close(call).await?;
    Ok(())
}

/// The two sides of a call, with offer and answer exchanged.
fn sessions(caller: SocketAddr, server: SocketAddr) -> Result<[Session; 2], Box<dyn Error>> {
    let provider = dtls::crypto::default_provider();
    let mut config = SessionConfig::new(Arc::new(dtls::Config::new(provider)?));
    config.candidates = vec![Candidate::host(server, 0)];
    let mut serving = Session::new(Arc::new(config.clone()), Instant::now())?;
    config.ice = IceMode::Controlling;
    config.candidates = vec![Candidate::host(caller, 0)];
    let mut calling = Session::new(Arc::new(config), Instant::now())?;
    serving.set_remote(Instant::now(), calling.local_parameters().into())?;
    calling.set_remote(Instant::now(), serving.local_parameters().into())?;
    Ok([calling, serving])
}

/// A client that trusts this certificate only.
fn trusting(chain: &[CertificateDer<'static>]) -> Result<ClientConfig, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in chain {
        roots.add(certificate.clone())?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(ClientConfig::new(Arc::new(QuicClientConfig::try_from(
        tls,
    )?)))
}
