//! Calls over TCP (RFC 6544, RFC 4571), for peers that UDP does not get through from.
#![cfg(feature = "tokio")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ice_lite::{Candidate, Path, Transport, tcp};
use portcullis::driver::{Driver, Handle, TcpLimits};
use portcullis::{
    Call, Context, IceMode, Received, RemoteParameters, Session, SessionConfig, SessionEvent,
    SessionId,
};
use support::{Terms, rtp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends back what it hears.
struct Echo;

impl Call for Echo {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        let path = cx.session().selected_path();
        assert_eq!(path.map(|path| path.transport), Some(Transport::Tcp));
        cx.send_rtp(packet).expect("the call is secured");
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}
}

/// A server of so many shards, which listens on TCP too.
struct Server {
    handle: Handle<Echo>,
    address: SocketAddr,
    config: Arc<SessionConfig>,
}

fn server(shards: u16, limits: TcpLimits) -> Server {
    let any = "127.0.0.1:0".parse().expect("an address");
    let mut drivers = Driver::bind_shards(any, shards).expect("ports");
    let address = drivers[0].listen_tcp(any, limits).expect("a port");
    let handle = drivers[0].handle();
    let mut config = Terms::DEFAULT.config(IceMode::Lite, address);
    config.candidates = vec![Candidate::host_tcp(address, 0)];
    for driver in drivers {
        tokio::spawn(driver.run());
    }
    Server {
        handle,
        address,
        config: Arc::new(config),
    }
}

/// The limits of a test that does not wait for long, but for long enough on a busy machine.
fn brief() -> TcpLimits {
    let mut limits = TcpLimits::default();
    limits.proof = Duration::from_secs(2);
    limits.idle = Duration::from_secs(3);
    limits
}

/// A caller whose agent takes the connection for a path of UDP, since it makes none of TCP.
struct Caller {
    session: Session,
    stream: TcpStream,
    deframer: tcp::Deframer,
    path: Path,
    secured: bool,
    heard: Vec<Vec<u8>>,
}

impl Caller {
    async fn dial(server: &Server, shard: u16) -> (Self, SessionId) {
        let stream = TcpStream::connect(server.address)
            .await
            .expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        let local = stream.local_addr().expect("connected");
        let (now, config) = (
            Instant::now(),
            Terms::DEFAULT.config(IceMode::Controlling, local),
        );
        let mut session = support::session(now, config);
        let mut served = support::session(now, (*server.config).clone());
        let offer = session.local_parameters().into();
        served.set_remote(now, offer).expect("they fit");
        let mut answer = RemoteParameters::from(served.local_parameters());
        let inserted = server.handle.insert_on(shard, served, Echo).await;
        // RFC 6544 §4.5: what the server says of it, of which our agent knows UDP alone.
        let [candidate] = &mut answer.candidates[..] else {
            panic!("{answer:?}");
        };
        let text = format!("{} typ host tcptype passive", server.address.port());
        assert!(candidate.to_string().ends_with(&text), "{candidate}");
        candidate.transport = Transport::Udp;
        session.set_remote(now, answer).expect("they fit");
        let caller = Self {
            session,
            deframer: tcp::Deframer::new(2000),
            path: Path::udp(local, server.address),
            stream,
            secured: false,
            heard: Vec::new(),
        };
        (caller, inserted.expect("it serves"))
    }

    async fn send(&mut self, packet: &[u8]) {
        let header = tcp::header(packet.len()).expect("short");
        let frame = [&header[..], packet].concat();
        self.stream.write_all(&frame).await.expect("connected");
    }

    /// Goes on until something is reached.
    async fn run_until(&mut self, reached: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        let mut buf = [0; 1500];
        while !reached(self) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "it takes too long"
            );
            let now = Instant::now();
            self.session.handle_timeout(now).expect("all goes well");
            while let Some(transmit) = self.session.poll_transmit(now, &mut buf) {
                self.send(&buf[..transmit.len]).await;
            }
            while let Some(event) = self.session.poll_event() {
                self.secured |= matches!(event, SessionEvent::Secured(_));
            }
            let wait = Duration::from_millis(5);
            let read = tokio::time::timeout(wait, self.stream.read(&mut buf)).await;
            self.take(&buf[..read.map_or(0, |len| len.expect("connected"))]);
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.deframer.push(bytes)..];
            while let Some(packet) = self.deframer.pop().expect("within the limit") {
                let now = Instant::now();
                let received = self.session.handle_datagram(now, self.path, packet);
                if let Received::Rtp(packet) = received.expect("all goes well") {
                    self.heard.push(packet.to_vec());
                }
            }
        }
    }

    async fn talk(&mut self) {
        self.run_until(|caller| caller.secured).await;
        for sequence in 0..50 {
            let (mut packet, len) = rtp::packet(7, sequence);
            let sealed = self.session.protect_rtp(Instant::now(), &mut packet, len);
            let len = sealed.expect("it is secured").len;
            self.send(&packet[..len]).await;
        }
        self.run_until(|caller| caller.heard.len() == 50).await;
        let sent = (0..50).map(|sequence| rtp::packet(7, sequence).0[..rtp::RTP_LEN].to_vec());
        assert_eq!(
            self.heard,
            sent.collect::<Vec<_>>(),
            "in order, and all of it"
        );
    }
}

/// Whether the server closes the connection, in good time.
async fn closes(stream: &mut TcpStream) -> bool {
    let limit = Duration::from_secs(10);
    let mut buf = [0; 2000];
    let end = tokio::time::timeout(limit, async {
        while stream.read(&mut buf).await.is_ok_and(|len| len > 0) {}
    });
    end.await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_6544_a_call_over_tcp() {
    let server = server(1, TcpLimits::default());
    let (mut caller, _) = Caller::dial(&server, 0).await;
    caller.talk().await;
    assert_eq!(server.handle.connections(), 1);
    assert_eq!(server.handle.overflow(), 0);
}

/// The listener is of shard 0, the calls are everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_tcp_may_live_on_any_shard() {
    let server = server(3, TcpLimits::default());
    for shard in 0..3 {
        let (mut caller, id) = Caller::dial(&server, shard).await;
        assert_eq!(id.shard(), shard);
        caller.talk().await;
    }
    assert_eq!(server.handle.overflow(), 0);
}

/// T-DOS-04: who does not prove to be a call's peer is let go soon, whatever it sends.
#[tokio::test(flavor = "multi_thread")]
async fn t_dos_04_a_connection_without_a_check_is_closed() {
    let server = server(1, brief());
    let mut silent = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let mut noisy = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let (mut reader, mut writer) = noisy.split();
    let frames = async {
        // A frame of a ClientHello's first byte, over and over: no answer, no more time.
        while writer.write_all(&[0, 2, 22, 0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut buf = [0; 100];
    tokio::select! {
        () = frames => {}
        read = reader.read(&mut buf) => assert!(!matches!(read, Ok(1..)), "no answer"),
    }
    assert!(closes(&mut silent).await);
}

/// T-DOS-08: bytes that make no packet keep nothing alive.
#[tokio::test(flavor = "multi_thread")]
async fn t_dos_08_a_proved_connection_without_packets_is_closed() {
    let server = server(1, brief());
    let (mut caller, _) = Caller::dial(&server, 0).await;
    caller.talk().await;
    let mut stream = caller.stream;
    // A frame of 1,792 bytes, of which one comes every tenth of a second.
    stream.write_all(&[7, 0]).await.expect("connected");
    let (mut reader, mut writer) = stream.split();
    let bytes = async {
        while writer.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let end = async {
        let mut buf = [0; 2000];
        while reader.read(&mut buf).await.is_ok_and(|len| len > 0) {}
    };
    let closed = async {
        tokio::select! {
            () = bytes => {}
            () = end => {}
        }
    };
    let limit = Duration::from_secs(20);
    assert!(tokio::time::timeout(limit, closed).await.is_ok());
}

/// T-DOS-08: once its call has ended, packets keep a connection alive no more than anybody's.
#[tokio::test(flavor = "multi_thread")]
async fn t_dos_08_a_connection_outlives_its_call_by_the_idle_time_only() {
    let server = server(1, brief());
    let (mut caller, id) = Caller::dial(&server, 0).await;
    caller.talk().await;
    server.handle.close(id).await.expect("it is there");
    let (mut reader, mut writer) = caller.stream.split();
    let frames = async {
        while writer.write_all(&[0, 2, 0x80, 0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let end = async {
        let mut buf = [0; 2000];
        while reader.read(&mut buf).await.is_ok_and(|len| len > 0) {}
    };
    let closed = async {
        tokio::select! {
            () = frames => {}
            () = end => {}
        }
    };
    let limit = Duration::from_secs(20);
    assert!(tokio::time::timeout(limit, closed).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_4571_a_frame_beyond_the_limit_ends_the_connection() {
    let mut limits = TcpLimits::default();
    limits.frame = 1500;
    let server = server(1, limits);
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let header = tcp::header(1501).expect("a frame of RFC 4571");
    stream.write_all(&header).await.expect("connected");
    assert!(closes(&mut stream).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_refused() {
    let mut limits = TcpLimits::default();
    limits.connections = 2;
    let server = server(1, limits);
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(
            TcpStream::connect(server.address)
                .await
                .expect("it listens"),
        );
    }
    let mut third = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    assert!(closes(&mut third).await);
    assert_eq!(server.handle.refused_connections(), 1);
    held.clear();
    while server.handle.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (mut caller, _) = Caller::dial(&server, 0).await;
    caller.talk().await;
}
