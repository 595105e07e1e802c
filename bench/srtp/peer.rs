//! What every library in this benchmark does: protect and unprotect the packets of many sessions.

use srtp::{Kind, Profile};

/// Sessions, and packets of a pass: one of each session, each with a key of its own.
pub(crate) const SESSIONS: usize = 64;
/// Length of the RTP headers in bytes.
pub(crate) const HEADER_LEN: usize = 12;
/// Room for the longest packet of the table, its tag and what a library may write behind it.
const ROOM: usize = 1536;

/// How packets are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// One call a packet.
    Single,
    /// One call for so many packets.
    Batch(usize),
}

impl Mode {
    pub(crate) const ALL: [Self; 3] = [Self::Single, Self::Batch(16), Self::Batch(64)];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Single => "single".to_owned(),
            Self::Batch(packets) => format!("batch{packets}"),
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Protect,
    Unprotect,
}

impl Operation {
    pub(crate) const ALL: [Self; 2] = [Self::Protect, Self::Unprotect];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Protect => "protect",
            Self::Unprotect => "unprotect",
        }
    }
}

/// A packet in a buffer with room behind it.
#[derive(Clone)]
#[repr(align(64))]
pub(crate) struct Packet {
    buffer: [u8; ROOM],
    pub(crate) len: usize,
    pub(crate) kind: Kind,
}

impl Packet {
    /// A packet of `len` bytes of session `session`; RTCP has whole words.
    pub(crate) fn new(kind: Kind, session: usize, sequence_number: u16, len: usize) -> Self {
        match kind {
            Kind::Rtp => Self::rtp(session, sequence_number, len),
            Kind::Rtcp => Self::rtcp(session, len.next_multiple_of(4)),
        }
    }

    /// A sender report, or what begins like one.
    fn rtcp(session: usize, len: usize) -> Self {
        let mut buffer = [0x5a; ROOM];
        let words = len as u16 / 4 - 1;
        buffer[..2].copy_from_slice(&[0x80, 200]);
        buffer[2..4].copy_from_slice(&words.to_be_bytes());
        buffer[4..8].copy_from_slice(&ssrc(session).to_be_bytes());
        Self {
            buffer,
            len,
            kind: Kind::Rtcp,
        }
    }

    fn rtp(session: usize, sequence_number: u16, len: usize) -> Self {
        let mut buffer = [0x5a; ROOM];
        buffer[..2].copy_from_slice(&[0x80, 96]);
        buffer[2..4].copy_from_slice(&sequence_number.to_be_bytes());
        buffer[4..8].copy_from_slice(&u32::from(sequence_number).to_be_bytes());
        buffer[8..HEADER_LEN].copy_from_slice(&ssrc(session).to_be_bytes());
        Self {
            buffer,
            len,
            kind: Kind::Rtp,
        }
    }

    /// The packet.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// The packet and the room behind it.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// Takes `bytes` for the packet.
    #[cfg(any(feature = "webrtc-srtp", feature = "rtc-srtp"))]
    pub(crate) fn replace(&mut self, bytes: &[u8]) {
        self.buffer[..bytes.len()].copy_from_slice(bytes);
        self.len = bytes.len();
    }
}

/// The SSRC of a session.
pub(crate) fn ssrc(session: usize) -> u32 {
    0xcafe_0000 + session as u32
}

/// The master key and salt of a session.
pub(crate) fn master(profile: Profile, session: usize) -> (Vec<u8>, Vec<u8>) {
    let key = (0..profile.key_len())
        .map(|i| (7 * i + session) as u8)
        .collect();
    let salt = (0..profile.salt_len())
        .map(|i| (11 * i + session) as u8)
        .collect();
    (key, salt)
}

/// A library under measurement.
pub(crate) trait Peer {
    fn name(&self) -> &str;

    /// The version, for the record.
    fn version(&self) -> String;

    /// Sessions under `profile`, if the library has it.
    fn sessions(&self, profile: Profile) -> Option<Box<dyn Sessions>>;
}

/// [`SESSIONS`] sessions of one library, both directions, under the keys of [`master`].
pub(crate) trait Sessions {
    /// Whether packets of this kind can be handed over in this way.
    fn has(&self, kind: Kind, mode: Mode) -> bool {
        kind == Kind::Rtp && mode == Mode::Single
    }

    /// Protects the packet of each session. This is what is timed.
    fn protect(&mut self, mode: Mode, packets: &mut [Packet]);

    /// Unprotects the packet of each session, and fails if one is not authentic. This is what is
    /// timed.
    fn unprotect(&mut self, mode: Mode, packets: &mut [Packet]);

    /// Puts results into `packets` that stand elsewhere. This is not timed.
    fn settle(&mut self, _packets: &mut [Packet]) {}
}
