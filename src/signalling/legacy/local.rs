//! Writing our own description: an offer, or the answer to one.

use dtls::Fingerprint;
use ice_lite::{Candidate, Credentials};
use sdp_types::{Attribute, Connection, Media, Origin, Session, Time};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::remote::RemoteDescription;
use super::{Direction, Section, Setup};

/// What we send and want to receive: one Opus stream each way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Audio {
    /// The SSRC of what we send, if it is known now (RFC 5576).
    pub ssrc: Option<u32>,
    /// The CNAME that our RTCP will bear, and the name of our media stream (RFC 8830).
    pub cname: String,
    /// Which way we want media to flow.
    pub direction: Direction,
    /// The payload type of Opus in our offers; an answer takes that of the offer.
    pub payload_type: u8,
}

impl Default for Audio {
    /// Both ways, payload type 111.
    fn default() -> Self {
        Self {
            ssrc: None,
            cname: "portcullis".to_owned(),
            direction: Direction::SendRecv,
            payload_type: 111,
        }
    }
}

/// What our description is made of.
#[derive(Clone, Debug)]
pub struct LocalDescription<'a> {
    /// The number in the `o=` line.
    pub session_id: u64,
    /// The version in the `o=` line: one more with each new description of a session.
    pub version: u64,
    /// For ICE.
    pub credentials: &'a Credentials,
    /// Whether we only answer checks.
    pub ice_lite: bool,
    /// Where we can be reached, best first.
    pub candidates: &'a [Candidate],
    /// Of our certificate.
    pub fingerprint: Fingerprint,
    /// Our role in the DTLS handshake.
    pub setup: Setup,
    /// `a=tls-id` (RFC 8842 §4).
    pub tls_id: Option<&'a str>,
    /// `a=cryptex`: we take encrypted header extensions (RFC 9335 §4).
    pub cryptex: bool,
    /// Our media.
    pub audio: &'a Audio,
}

impl LocalDescription<'_> {
    /// An offer.
    #[must_use]
    pub fn offer(&self) -> String {
        let Audio {
            payload_type,
            direction,
            ..
        } = *self.audio;
        self.session("0", vec![self.section("0", payload_type, direction)])
    }

    /// The answer to `offer`.
    #[must_use]
    pub fn answer(&self, offer: &RemoteDescription) -> String {
        let direction = self.audio.direction.agreed(offer.audio().direction);
        self.sections_of(offer, direction)
    }

    /// An offer in a call that has one already, whose sections stay (RFC 3264 §8).
    #[must_use]
    pub fn later_offer(&self, peer: &RemoteDescription) -> String {
        self.sections_of(peer, self.audio.direction)
    }

    fn sections_of(&self, peer: &RemoteDescription, direction: Direction) -> String {
        let audio = peer.audio();
        let mid = audio.mid.as_deref().unwrap_or("0");
        let payload_type = audio.opus.unwrap_or(self.audio.payload_type);
        let sections = peer.sections.iter().enumerate().map(|(index, section)| {
            if index == peer.audio {
                self.section(mid, payload_type, direction)
            } else {
                rejected(section)
            }
        });
        self.session(mid, sections.collect())
    }

    fn session(&self, mid: &str, medias: Vec<Media>) -> String {
        let address = self.default_address().ip();
        let origin = Origin::with_ip_addr(self.session_id, self.version, address);
        let mut session = Session::new(origin, "-");
        session.times = vec![Time::new(0, 0)];
        if self.ice_lite {
            session.add_attribute_from_str("ice-lite");
        }
        session.add_attribute_with_value("ice-options", "ice2");
        session.add_attribute_with_value("group", format!("BUNDLE {mid}"));
        session.medias = medias;
        let mut text = Vec::new();
        // Writing to a Vec does not fail.
        drop(session.write(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    }

    fn section(&self, mid: &str, payload_type: u8, direction: Direction) -> Media {
        let Audio { ssrc, cname, .. } = self.audio;
        let mut attributes = vec![
            pair("mid", mid),
            Attribute::new(direction.name()),
            Attribute::new("rtcp-mux"),
            pair("rtpmap", format!("{payload_type} opus/48000/2")),
            pair("fmtp", format!("{payload_type} minptime=10;useinbandfec=1")),
            pair("ice-ufrag", self.credentials.ufrag()),
            pair("ice-pwd", self.credentials.password()),
            pair("fingerprint", self.fingerprint),
            pair("setup", self.setup),
        ];
        attributes.extend(self.tls_id.map(|id| pair("tls-id", id)));
        attributes.extend(self.cryptex.then(|| Attribute::new("cryptex")));
        if direction.sends() {
            attributes.push(pair("msid", format!("{cname} {mid}")));
            attributes.extend(ssrc.map(|ssrc| pair("ssrc", format!("{ssrc} cname:{cname}"))));
        }
        attributes.extend(self.candidates.iter().filter_map(candidate));
        attributes.push(Attribute::new("end-of-candidates"));
        let address = self.default_address();
        Media {
            connections: vec![Connection::from_ip_addr(address.ip())],
            attributes,
            ..media("audio", address.port(), SAVPF, payload_type)
        }
    }

    /// RFC 8839 §4.2.1.2: the m-line bears a candidate's address; without one, port 9.
    fn default_address(&self) -> SocketAddr {
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9);
        self.candidates.first().map_or(nowhere, |best| best.address)
    }
}

/// The transport that every WebRTC peer speaks (RFC 8834 §4.2).
const SAVPF: &str = "UDP/TLS/RTP/SAVPF";

/// RFC 3264 §6: a section that is not taken is repeated with port 0.
fn rejected(section: &Section) -> Media {
    let mid = section.mid.as_ref().map(|mid| pair("mid", mid));
    Media {
        connections: vec![Connection::from_ip_addr(Ipv4Addr::UNSPECIFIED)],
        attributes: mid
            .into_iter()
            .chain([Attribute::new(Direction::Inactive.name())])
            .collect(),
        ..media(&section.kind, 0, &section.protocol, &section.formats)
    }
}

fn media(kind: &str, port: u16, protocol: &str, formats: impl ToString) -> Media {
    Media {
        media: kind.to_owned(),
        port,
        num_ports: None,
        proto: protocol.to_owned(),
        fmt: formats.to_string(),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

fn pair(name: &str, value: impl ToString) -> Attribute {
    Attribute::with_value(name, value)
}

fn candidate(candidate: &Candidate) -> Option<Attribute> {
    let text = candidate.to_string();
    let (name, value) = text.split_once(':')?;
    Some(pair(name, value))
}
