//! What viewers of `examples/sfu` ask for reaches the publisher in the publisher's own numbers, and what it
//! repeats reaches the viewer in the viewer's (RFC 4585, RFC 4588, RFC 5104).
#![cfg(feature = "tokio")]

#[path = "../examples/sfu/peer.rs"]
#[allow(dead_code, reason = "the example's HTTP server uses the rest")]
mod peer;
#[path = "../examples/sfu/room.rs"]
mod room;
mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::signalling::sdp::{Direction, Media, MediaKind, Source, SourceGroup};
use portcullis::signalling::{Capabilities, Signalling};
use portcullis::{Gate, IceMode, MAX_OVERHEAD, Path};
use rtcp_types::{
    Compound, Fir, Nack, Packet, PayloadFeedback, Pli, RtcpPacketWriter, TransportFeedback,
};
use rtp_types::{RtpPacket, RtpPacketBuilder};
use support::negotiation::read;
use support::{Terms, server_address};

/// The publisher's SSRCs: of its video and of its retransmissions.
const VIDEO: u32 = 0x1111_1111;
const REPEATS: u32 = 0x2222_2222;

/// The beginning of a VP8 keyframe (RFC 7741 §4.2, §4.3).
const KEYFRAME: [u8; 4] = [0x10, 0, 1, 2];

struct Guest {
    peer: support::Peer,
    signalling: Signalling,
}

/// An SFU with a publisher and then a viewer.
struct Sfu {
    now: Instant,
    gate: Gate<peer::Peer>,
    room: room::SharedRoom,
    guests: Vec<Guest>,
}

impl Sfu {
    fn with_viewer() -> Self {
        let mut sfu = Self {
            now: Instant::now(),
            gate: Gate::new([7; 16]),
            room: room::SharedRoom::default(),
            guests: Vec::new(),
        };
        let browser = |direction| {
            let capabilities = Capabilities::browser().direction(direction);
            capabilities.media(MediaKind::Video)
        };
        let mut sent = browser(Direction::SendOnly);
        sent.sources = [VIDEO, REPEATS].map(|it| Source::new(it, "name")).into();
        sent.source_groups = vec![SourceGroup::new("FID", &[VIDEO, REPEATS])];
        sfu.enter(sent);
        sfu.enter(browser(Direction::RecvOnly));
        sfu.publishes(VIDEO, "VP8", 500, &KEYFRAME);
        assert_eq!(sfu.guests[1].peer.rtp.len(), 1);
        sfu
    }

    fn enter(&mut self, media: Media) {
        let number = self.guests.len() as u16;
        let address = SocketAddr::from(([192, 0, 2, 1], 1024 + number));
        let calling = Terms::DEFAULT.config(IceMode::Controlling, address);
        let serving = Terms::DEFAULT.config(IceMode::Lite, server_address());
        let (mut session, mut signalling, offer) =
            Signalling::offer(Arc::new(calling), self.now, [media]).expect("an offer");
        let (theirs, call, answer) =
            peer::Peer::answer(Arc::new(serving), Arc::clone(&self.room), &offer)
                .expect("an answer");
        self.gate
            .insert(self.now, theirs, call)
            .expect("a new ufrag");
        signalling
            .accept_answer(&mut session, self.now, &read(&answer))
            .expect("it fits");
        let peer = support::Peer::new(session, address);
        self.guests.push(Guest { peer, signalling });
        self.run_for(Duration::from_secs(2));
        assert!(self.guests.iter().all(|it| it.peer.secured().is_some()));
    }

    fn run_for(&mut self, time: Duration) {
        let deadline = self.now + time;
        while self.now < deadline {
            self.now += Duration::from_millis(10);
            self.gate.handle_timeout(self.now);
            for index in 0..self.guests.len() {
                self.guests[index].peer.expire(self.now);
                let mut buf = [0; 1500];
                while let Some(sent) = self.guests[index]
                    .peer
                    .session
                    .poll_transmit(self.now, &mut buf)
                {
                    self.deliver(index, &mut buf[..sent.len]);
                }
                self.guests[index].peer.collect();
            }
            self.answer();
        }
    }

    fn deliver(&mut self, from: usize, datagram: &mut [u8]) {
        let path = Path::udp(server_address(), self.guests[from].peer.address);
        self.gate.handle_datagram(self.now, path, datagram);
    }

    fn answer(&mut self) {
        let outbox = self.gate.outbox();
        let datagrams = outbox.datagrams();
        let sent: Vec<_> = datagrams.map(|it| (it.path, it.bytes.to_vec())).collect();
        outbox.clear();
        for (path, mut bytes) in sent {
            let to = |it: &&mut Guest| it.peer.address == path.remote;
            let guest = self.guests.iter_mut().find(to).expect("a guest");
            let seen = Path::udp(path.remote, path.local);
            guest.peer.handle(self.now, seen, &mut bytes);
        }
    }

    /// The payload type that this guest and the SFU have for VP8, or for its retransmissions.
    fn payload_type(&self, guest: usize, name: &str) -> u8 {
        let section = self.guests[guest].signalling.section("0");
        let codecs = &section.expect("the section").theirs.codecs;
        let number = |name: &str, parameters: &str| {
            let fits = |it: &&portcullis::signalling::sdp::Codec| {
                it.is(name) && it.parameters.contains(parameters)
            };
            codecs.iter().find(fits).expect("the codec").payload_type
        };
        match name {
            "rtx" => number("rtx", &format!("apt={}", number("VP8", ""))),
            _ => number(name, ""),
        }
    }

    fn publishes(&mut self, ssrc: u32, codec: &str, sequence: u16, payload: &[u8]) {
        let mut buf = [0; 200 + MAX_OVERHEAD];
        let len = RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(self.payload_type(0, codec))
            .sequence_number(sequence)
            .ssrc(ssrc)
            .payload(payload)
            .write_into(&mut buf)
            .expect("it fits");
        let session = &mut self.guests[0].peer.session;
        let sealed = session
            .protect_rtp(self.now, &mut buf, len)
            .expect("secured");
        self.deliver(0, &mut buf[..sealed.len]);
        self.answer();
    }

    /// What the publisher is told when the viewer says this.
    fn told_by_viewer(&mut self, feedback: &impl RtcpPacketWriter) -> Vec<Vec<u8>> {
        self.guests[0].peer.rtcp.clear();
        let mut buf = room::bytes(feedback);
        let len = buf.len();
        buf.resize(len + MAX_OVERHEAD, 0);
        let session = &mut self.guests[1].peer.session;
        let sealed = session
            .protect_rtcp(self.now, &mut buf, len)
            .expect("secured");
        self.deliver(1, &mut buf[..sealed.len]);
        self.answer();
        self.guests[0].peer.rtcp.clone()
    }

    /// The SSRCs under which the viewer gets the video and its retransmissions.
    fn viewed(&self) -> [u32; 2] {
        let section = self.guests[1].signalling.section("0").expect("a section");
        let sources = &section.theirs.sources;
        [sources[0].ssrc, sources[1].ssrc]
    }
}

/// The packets that these compound packets hold.
fn packets(compound: &[Vec<u8>]) -> Vec<Packet<'_>> {
    let all = compound.iter().map(|it| Compound::parse(it).expect("RTCP"));
    all.flatten().map(|it| it.expect("a packet")).collect()
}

/// RFC 4585 §6.2.1, RFC 4588 §4.
#[test]
fn a_lost_packet_is_repeated() {
    let mut sfu = Sfu::with_viewer();
    let [video, repeats] = sfu.viewed();
    // The network loses the second of three packets.
    sfu.publishes(VIDEO, "VP8", 501, &[0, 3, 4]);
    let lost = sfu.guests[1].peer.rtp.pop().expect("forwarded");
    let lost = RtpPacket::parse(&lost).expect("RTP").sequence_number();
    sfu.publishes(VIDEO, "VP8", 502, &[0, 5, 6]);
    assert_ne!(lost, 501, "the viewer has numbers of its own");
    let nack = Nack::builder().add_rtp_sequence(lost);
    let told = sfu.told_by_viewer(&TransportFeedback::builder(&nack).media_ssrc(video));
    let [Packet::TransportFeedback(feedback)] = &packets(&told)[..] else {
        panic!("one NACK: {told:?}");
    };
    assert_eq!(feedback.media_ssrc(), VIDEO);
    let nack = feedback.parse_fci::<Nack<'_>>().expect("a NACK");
    assert_eq!(nack.entries().collect::<Vec<_>>(), [501]);

    sfu.guests[1].peer.rtp.clear();
    let original = [&501_u16.to_be_bytes()[..], &[0, 3, 4]].concat();
    sfu.publishes(REPEATS, "rtx", 9000, &original);
    let [repeated] = &sfu.guests[1].peer.rtp[..] else {
        panic!("one packet");
    };
    let repeated = RtpPacket::parse(repeated).expect("RTP");
    assert_eq!(repeated.ssrc(), repeats);
    assert_eq!(repeated.payload_type(), sfu.payload_type(1, "rtx"));
    let expected = [&lost.to_be_bytes()[..], &[0, 3, 4]].concat();
    assert_eq!(repeated.payload(), expected);

    // Nobody gets a stream of this SSRC from us.
    let nack = Nack::builder().add_rtp_sequence(lost);
    let told = sfu.told_by_viewer(&TransportFeedback::builder(&nack).media_ssrc(VIDEO ^ 1));
    assert!(told.is_empty());
}

/// RFC 5104 §4.3.1, RFC 4585 §6.3.1: both ask the publisher for a keyframe, and not for many at once.
#[test]
fn fir_and_pli_ask_for_a_keyframe() {
    let mut sfu = Sfu::with_viewer();
    let [video, _] = sfu.viewed();
    let fir = Fir::builder().add_ssrc(video, 1);
    let fir = PayloadFeedback::builder(&fir).sender_ssrc(1);
    let pli = Pli::builder();
    let pli = PayloadFeedback::builder(&pli).media_ssrc(video);
    let of_nobody = Fir::builder().add_ssrc(VIDEO ^ 1, 1);
    let of_nobody = PayloadFeedback::builder(&of_nobody).sender_ssrc(1);
    assert!(sfu.told_by_viewer(&of_nobody).is_empty());
    for by_fir in [true, false] {
        let told = match by_fir {
            true => sfu.told_by_viewer(&fir),
            false => sfu.told_by_viewer(&pli),
        };
        let [Packet::PayloadFeedback(feedback)] = &packets(&told)[..] else {
            panic!("one request: {told:?}");
        };
        assert!(feedback.parse_fci::<Pli<'_>>().is_ok());
        assert_eq!(feedback.media_ssrc(), VIDEO);
        assert!(
            sfu.told_by_viewer(&pli).is_empty(),
            "it has just been asked"
        );
        sfu.run_for(Duration::from_secs(1));
    }
}
