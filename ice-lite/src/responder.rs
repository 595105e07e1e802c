//! The side of an agent that answers checks.

use crate::queue::Queue;
use crate::request::{Request, UnknownTypes};
use crate::stun::{
    AttributeType, BufferTooSmall, Class, ErrorCode, IntegrityKey, Message, MessageType,
    MessageWriter, Method, TransactionId, Unverified,
};
use crate::transaction_memory::TransactionMemory;
use crate::valid_list::{Slot, ValidList};
use crate::{Credentials, Discard, Path, Statistics, Transmit};
use std::hash::{Hash, Hasher};

/// How many answers wait for `poll_transmit`. An owner polls after each datagram; a batch of a few
/// may come first.
const MAX_ANSWERS: u32 = 8;

/// Authenticates requests with our password, and writes the answers.
#[derive(Debug)]
pub(crate) struct Responder {
    local: Credentials,
    key: IntegrityKey,
    remote_ufrag: Option<Box<str>>,
    memory: TransactionMemory,
    answers: Queue<Answer>,
}

impl Responder {
    pub(crate) fn new(local: Credentials) -> Self {
        Self {
            key: IntegrityKey::new(local.password().as_bytes()),
            local,
            remote_ufrag: None,
            memory: TransactionMemory::new(),
            answers: Queue::new(MAX_ANSWERS, 1),
        }
    }

    pub(crate) const fn local(&self) -> &Credentials {
        &self.local
    }

    /// From now on requests must name this ufrag of the peer's.
    pub(crate) fn set_remote_ufrag(&mut self, ufrag: &str) {
        self.remote_ufrag = Some(ufrag.into());
    }

    /// From now on only the new credentials count. Answers under the old ones are dropped.
    pub(crate) fn restart(&mut self, local: Credentials) {
        self.key = IntegrityKey::new(local.password().as_bytes());
        self.local = local;
        self.remote_ufrag = None;
        self.answers.clear();
    }

    /// Reads and authenticates a request; changes nothing.
    pub(crate) fn authenticate<'d>(&self, message: &Message<'d>) -> Result<Request<'d>, Discard> {
        verify_framing(message)?;
        let request = Request::read(message);
        let username = request.username.ok_or(Discard::UsernameMissing)?;
        if !self.is_for_us(username) {
            return Err(Discard::UsernameMismatch);
        }
        // RFC 8489 §9.1.3: a request is authenticated with the password of the receiver.
        message
            .verify_integrity(&self.key)
            .map_err(integrity_discard)?;
        Ok(request)
    }

    /// RFC 8445 §7.3: USERNAME is our ufrag, a colon, and the peer's ufrag if we know it.
    fn is_for_us(&self, username: &[u8]) -> bool {
        let remote = username
            .strip_prefix(self.local.ufrag().as_bytes())
            .and_then(|rest| rest.strip_prefix(b":"));
        match (remote, &self.remote_ufrag) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(named), Some(known)) => named == known.as_bytes(),
        }
    }

    /// Whether a request with this id was accepted before.
    ///
    /// RFC 8489 §6.3.1: a retransmission gets the same answer; it moves and renews nothing, for it
    /// may be a replay. From another address it is one.
    pub(crate) fn is_retransmission(
        &self,
        id: TransactionId,
        path: &Path,
        valid: &ValidList,
    ) -> Result<bool, Discard> {
        match self.memory.origin(id) {
            None => Ok(false),
            Some(origin) if valid.find(path) == Some(origin.into()) && valid.is_valid(path) => {
                Ok(true)
            }
            Some(_) => Err(Discard::Replayed),
        }
    }

    /// Remembers an accepted request, and the place of its path in the valid list.
    pub(crate) fn remember(&mut self, id: TransactionId, slot: Slot) {
        self.memory.remember(id, slot as u8);
    }

    pub(crate) fn accept(&mut self, path: Path, id: TransactionId) {
        self.answers.push(Answer {
            path,
            id,
            verdict: Verdict::Success,
        });
    }

    pub(crate) fn refuse(&mut self, path: Path, request: &Request<'_>, code: ErrorCode) {
        let unknown = match code {
            ErrorCode::UNKNOWN_ATTRIBUTE => request.unknown,
            _ => UnknownTypes::default(),
        };
        let verdict = Verdict::Error { code, unknown };
        self.answers.push(Answer {
            path,
            id: request.id,
            verdict,
        });
    }

    pub(crate) fn has_answer(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Writes the next answer.
    pub(crate) fn poll_answer(
        &mut self,
        buf: &mut [u8],
        statistics: &mut Statistics,
        add: impl FnOnce(&mut MessageWriter<'_>, Path),
    ) -> Option<Transmit> {
        let answer = self.answers.pop()?;
        match answer.write(buf, &self.key, |writer| add(writer, answer.path)) {
            Ok(len) => {
                match answer.verdict {
                    Verdict::Success => statistics.successes_sent += 1,
                    Verdict::Error { .. } => statistics.errors_sent += 1,
                }
                Some(Transmit {
                    path: answer.path,
                    len,
                })
            }
            Err(BufferTooSmall) => {
                statistics.count(Discard::BufferTooSmall);
                None
            }
        }
    }

    /// How many answers were lost because nobody polled.
    pub(crate) const fn answers_dropped(&self) -> u64 {
        self.answers.dropped()
    }
}

impl Hash for Responder {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.local.ufrag().hash(state);
        self.remote_ufrag.hash(state);
        self.memory.hash(state);
        self.answers.hash(state);
    }
}

/// What every message of ICE has to be, whatever its class.
pub(crate) fn verify_framing(message: &Message<'_>) -> Result<(), Discard> {
    if message.kind().method() != Method::BINDING {
        return Err(Discard::UnknownMethod);
    }
    if message.class() == Class::Indication {
        return Err(Discard::Indication);
    }
    // RFC 8445 §7.1: every message of ICE carries FINGERPRINT. It costs a tenth of
    // MESSAGE-INTEGRITY, so it goes first.
    message
        .verify_fingerprint()
        .map_err(|unverified| match unverified {
            Unverified::Missing => Discard::FingerprintMissing,
            Unverified::Mismatch => Discard::FingerprintMismatch,
        })
}

pub(crate) const fn integrity_discard(unverified: Unverified) -> Discard {
    match unverified {
        Unverified::Missing => Discard::IntegrityMissing,
        Unverified::Mismatch => Discard::IntegrityMismatch,
    }
}

/// An answer that waits to be sent.
#[derive(Debug, Hash)]
struct Answer {
    path: Path,
    id: TransactionId,
    verdict: Verdict,
}

#[derive(Debug, Hash)]
enum Verdict {
    Success,
    Error {
        code: ErrorCode,
        unknown: UnknownTypes,
    },
}

impl Answer {
    fn write(
        &self,
        buf: &mut [u8],
        key: &IntegrityKey,
        add: impl FnOnce(&mut MessageWriter<'_>),
    ) -> Result<usize, BufferTooSmall> {
        let kind = match self.verdict {
            Verdict::Success => MessageType::BINDING_SUCCESS,
            Verdict::Error { .. } => MessageType::BINDING_ERROR,
        };
        let mut writer = MessageWriter::new(buf, kind, self.id)?;
        match self.verdict {
            Verdict::Success => {
                writer.xor_mapped_address(self.path.remote)?;
                add(&mut writer);
            }
            Verdict::Error { code, unknown } => {
                writer.error_code(code)?;
                let (value, len) = unknown.value();
                if len > 0 {
                    writer.attribute(AttributeType::UNKNOWN_ATTRIBUTES, &value[..len])?;
                }
            }
        }
        writer.seal(key)
    }
}
