//! The state of offer and answer of one call.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Instant;

use super::answer::{Answer, Local, Taken};
use super::error::SignallingError;
use super::lines::{Agreed, MLine};
use super::offer::Offer;
use super::sdp::{Description, DescriptionKind, Direction, Media, Payload, SdpError, Section};
use super::{Decide, agree};
use crate::session::{IceMode, ParametersError, RemoteParameters, Session, SessionConfig};

/// Offers and answers of one call (RFC 3264).
///
/// It holds no session: each verb that needs the session takes it, always the same one. An error has
/// changed nothing, unless it is [`SignallingError::Session`].
#[derive(Debug)]
pub struct Signalling {
    /// The numbers of the `o=` line: that of the session, and of the next description.
    id: u64,
    version: u64,
    pub(super) lines: Vec<MLine>,
    /// What the application has added and our next offer has.
    added: Vec<(Box<str>, Media)>,
    /// The number of the next of them.
    next_mid: u32,
    /// What stands before the number. Both sides may add sections at the same time; everybody else's
    /// mids are numbers, and of us two one has begun the call.
    mid_prefix: &'static str,
    pub(super) offered: Option<Box<Offer>>,
    /// What the session has been told of the peer's transport.
    pub(super) peer: Option<Box<RemoteParameters>>,
}

impl Signalling {
    /// Takes a call: makes a session for the peer's offer, and returns the answer to it.
    ///
    /// An ICE-lite peer sends no checks, so the session does, whatever the configuration says.
    ///
    /// # Errors
    /// What is wrong with the offer; [`SignallingError::NothingTaken`], if nothing of it is wanted. An
    /// offer without any section is fine, and so is the answer to it: a call whose sections come later.
    pub fn answer(
        config: Arc<SessionConfig>,
        now: Instant,
        offer: &Description,
        decide: impl Decide,
    ) -> Result<(Session, Self, String), SignallingError> {
        let config = match offer.is_ice_lite() {
            true => Arc::new(SessionConfig {
                ice: IceMode::Controlling,
                ..(*config).clone()
            }),
            false => config,
        };
        let mut session = Session::new(config, now)?;
        let mut signalling = Self::new(&session);
        let answer = signalling.accept_offer(&mut session, now, offer, decide)?;
        Ok((session, signalling, answer))
    }

    /// Begins a call: makes a session, and returns the offer of these sections. The peer's checks, and its
    /// ClientHello, may come before its answer.
    ///
    /// # Errors
    /// [`SignallingError::Session`].
    pub fn offer(
        config: Arc<SessionConfig>,
        now: Instant,
        sections: impl IntoIterator<Item = Media>,
    ) -> Result<(Session, Self, String), SignallingError> {
        let session = Session::new(config, now)?;
        let mut signalling = Self::new(&session);
        for media in sections {
            signalling.add(media);
        }
        let offer = signalling.offer_again(&session)?;
        Ok((session, signalling, offer))
    }

    /// The state before the first offer of either side, for a session that is there already.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        let mut hasher = DefaultHasher::new();
        // It is random, and long enough.
        session.local_parameters().tls_id.hash(&mut hasher);
        Self {
            // RFC 9429 §5.2.1: 63 bits.
            id: hasher.finish() >> 1,
            version: 1,
            lines: Vec::new(),
            added: Vec::new(),
            next_mid: 0,
            mid_prefix: "",
            offered: None,
            peer: None,
        }
    }

    /// Takes an offer of the peer, the first one or a later one, and returns the answer to it.
    ///
    /// New ICE credentials in it are an ICE restart: ours change too, and the
    /// [`Router`](crate::Router) has to know: see
    /// [`SessionEvent::IceRestarted`](crate::SessionEvent::IceRestarted). The DTLS association and its
    /// keys live on; an offer that asks for a new one is refused with
    /// [`ParametersError::NewAssociation`](crate::ParametersError::NewAssociation), and the call goes
    /// on as it was. Poll the session afterwards.
    ///
    /// In a later offer, the section that tags the BUNDLE group can't be refused alone (RFC 9143 §7.3.3). If
    /// `decide` does not want it, it stays without media, and our next offer stops it:
    /// [`Self::is_stopping`] tells that one is due.
    ///
    /// # Errors
    /// What is wrong with the offer; [`SignallingError::Glare`].
    pub fn accept_offer(
        &mut self,
        session: &mut Session,
        now: Instant,
        offer: &Description,
        decide: impl Decide,
    ) -> Result<String, SignallingError> {
        if session.is_closed() {
            return Err(ParametersError::Closed.into());
        }
        if self.offered.is_some() {
            return Err(SignallingError::Glare);
        }
        self.check_continuity(offer)?;
        let lines = &self.lines;
        let current = |index: usize| {
            let agreed = lines.get(index)?.agreed.as_deref()?;
            Some(&agreed.ours)
        };
        let answer = Answer::decide(offer, current, decide);
        if let (true, Some(refusal)) = (self.peer.is_none(), answer.refusal()) {
            return Err(SignallingError::NothingTaken(refusal));
        }
        let parameters = self.parameters(offer, answer.tagged(), DescriptionKind::Offer)?;
        if let Some(remote) = &parameters {
            session.set_remote(now, remote.clone())?;
        }
        let tls_id = parameters.as_ref().is_some_and(|it| it.tls_id.is_some());
        let ours = session.local_parameters();
        let local = parameters.is_some().then(|| Local::new(&ours, tls_id));
        let text = answer.write(self.id, self.version, local.as_ref());
        self.version += 1;
        let sections = offer.sections().iter().zip(answer.into_taken());
        self.replace_lines(
            sections
                .map(|(section, taken)| line(section, taken))
                .collect(),
        );
        if self.mid_prefix.is_empty() {
            self.mid_prefix = "a";
        }
        self.yield_mids();
        self.remember(parameters);
        Ok(text)
    }

    /// Adds a section to our next offer and returns the mid that it will have.
    ///
    /// If the peer gives this very name to a section of its own before, ours gets another one; peers that
    /// number their sections don't.
    pub fn add(&mut self, media: Media) -> Box<str> {
        let mid = self.new_mid();
        self.added.push((mid.clone(), media));
        mid
    }

    /// Whether a section is to be stopped by our next offer: [`Self::stop`] was called, or
    /// [`Self::accept_offer`] had to keep what the application does not want.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.lines.iter().any(|line| line.stopping)
    }

    /// Stops a section: our next offer disables it. Says whether there is one of this mid. One that was
    /// added and is in no offer yet is forgotten.
    pub fn stop(&mut self, mid: &str) -> bool {
        let waiting = self.offered.as_ref().map_or(0, |offer| offer.added);
        let mut added = self.added.iter().enumerate().skip(waiting);
        if let Some((place, _)) = added.find(|(_, (added, _))| **added == *mid) {
            self.added.remove(place);
            return true;
        }
        let line = self.lines.iter_mut().find(|line| is_live(line, mid));
        line.map(|line| line.stopping = true).is_some()
    }

    /// Our side of a section, to be changed: [`Media::direction`] to hold and to resume it, for example. Our next
    /// offer tells the peer.
    pub fn media_mut(&mut self, mid: &str) -> Option<&mut Media> {
        let line = self.lines.iter_mut().find(|line| is_live(line, mid))?;
        line.agreed.as_mut().map(|agreed| &mut agreed.ours)
    }

    /// Returns an offer of what there is and of what was changed. Its answer, or a
    /// [rollback](Self::rollback), must come before the next one. Until then everything goes on as before.
    ///
    /// # Errors
    /// [`SignallingError::Glare`]: an offer of ours waits already. [`SignallingError::NoBundle`].
    pub fn offer_again(&mut self, session: &Session) -> Result<String, SignallingError> {
        if session.is_closed() {
            return Err(ParametersError::Closed.into());
        }
        if self.offered.is_some() {
            return Err(SignallingError::Glare);
        }
        let offer = Offer::new(&self.lines, &self.added);
        if !offer.is_bundled() {
            return Err(SignallingError::NoBundle);
        }
        let text = offer.write(self.id, self.version, &session.local_parameters());
        self.version += 1;
        self.offered = Some(Box::new(offer));
        Ok(text)
    }

    /// As [`Self::offer_again`], with new ICE credentials (RFC 8839 §4.4.3), because the path has become
    /// bad, or the server moves. An offer of ours that waits is replaced by it.
    ///
    /// # Errors
    /// [`SignallingError::Parameters`]: there is nothing to restart.
    pub fn restart_ice(&mut self, session: &mut Session) -> Result<String, SignallingError> {
        session.restart_ice()?;
        self.offered = None;
        self.offer_again(session)
    }

    /// Withdraws the offer of ours that waits for its answer, and an ICE restart with it. What was
    /// added or changed is in the next one.
    pub fn rollback(&mut self, session: &mut Session) {
        if self.offered.take().is_some() {
            session.withdraw_restart();
        }
    }

    /// Takes the answer to our offer. Poll the session afterwards.
    ///
    /// # Errors
    /// What is wrong with the answer; our offer still waits then. [`SignallingError::AllRefused`], if the
    /// first one brings no call about.
    pub fn accept_answer(
        &mut self,
        session: &mut Session,
        now: Instant,
        answer: &Description,
    ) -> Result<(), SignallingError> {
        let offer = self.offered.as_ref().ok_or(SignallingError::NoOffer)?;
        let mut lines = accept(offer, answer)?;
        let tagged = tagged(&lines, answer);
        let parameters = self.parameters(answer, tagged, DescriptionKind::Answer)?;
        if parameters.is_none() && self.peer.is_none() && !lines.is_empty() {
            return Err(SignallingError::AllRefused);
        }
        match &parameters {
            Some(remote) => session.set_remote(now, remote.clone())?,
            // Nothing is left that has a transport, so that none was restarted either.
            None => session.withdraw_restart(),
        }
        let added = offer.added;
        for (line, before) in lines.iter_mut().zip(&mut self.lines) {
            line.inherit_ours(before);
        }
        self.replace_lines(lines);
        self.added.drain(..added);
        self.offered = None;
        if self.mid_prefix.is_empty() {
            self.mid_prefix = "o";
        }
        self.remember(parameters);
        Ok(())
    }

    /// Whether an offer of ours waits for its answer.
    #[must_use]
    pub const fn is_offered(&self) -> bool {
        self.offered.is_some()
    }

    /// What the peer has told of its transport, but for its candidates, which the session has.
    #[must_use]
    pub fn peer(&self) -> Option<&RemoteParameters> {
        self.peer.as_deref()
    }

    /// The sections that both sides have agreed on, in their order.
    pub fn agreed(&self) -> impl Iterator<Item = &Agreed> {
        self.lines.iter().filter_map(|line| line.agreed.as_deref())
    }

    /// The section of this mid, if both sides have agreed on it.
    #[must_use]
    pub fn section(&self, mid: &str) -> Option<&Agreed> {
        self.agreed()
            .find(|agreed| agreed.mid.as_deref() == Some(mid))
    }

    /// RFC 3264 §8: sections are never fewer, and keep their places.
    fn check_continuity(&self, offer: &Description) -> Result<(), SignallingError> {
        let (expected, found) = (self.lines.len(), offer.sections().len());
        if found < expected {
            return Err(SignallingError::SectionCount { expected, found });
        }
        let mut pairs = self.lines.iter().zip(offer.sections());
        match pairs.position(|(line, section)| !line.continues_in(section)) {
            Some(index) => Err(SignallingError::SectionChanged(index)),
            None => Ok(()),
        }
    }

    fn replace_lines(&mut self, mut lines: Vec<MLine>) {
        for (line, before) in lines.iter_mut().zip(&self.lines) {
            line.inherit_stop(before);
        }
        self.lines = lines;
    }

    /// What the session has to know of the peer, if a section of its description tags a transport.
    fn parameters(
        &self,
        description: &Description,
        tagged: Option<usize>,
        kind: DescriptionKind,
    ) -> Result<Option<RemoteParameters>, SdpError> {
        let parameters = |tagged| match self.peer {
            None => description.parameters(tagged, kind),
            Some(_) => description.later_parameters(tagged, kind),
        };
        tagged.map(parameters).transpose()
    }

    /// Renames sections of ours that are not agreed on yet and whose mids the peer has used.
    fn yield_mids(&mut self) {
        for place in 0..self.added.len() {
            let taken = |mid: &str| {
                self.lines
                    .iter()
                    .any(|line| line.mid.as_deref() == Some(mid))
            };
            if taken(&self.added[place].0) {
                self.added[place].0 = self.new_mid();
            }
        }
    }

    fn new_mid(&mut self) -> Box<str> {
        loop {
            let mid: Box<str> = format!("{}{}", self.mid_prefix, self.next_mid).into();
            self.next_mid += 1;
            if !self
                .lines
                .iter()
                .any(|line| line.mid.as_ref() == Some(&mid))
            {
                return mid;
            }
        }
    }

    fn remember(&mut self, parameters: Option<RemoteParameters>) {
        if let Some(mut parameters) = parameters {
            // The session has them.
            parameters.candidates = Vec::new();
            self.peer = Some(Box::new(parameters));
        }
    }
}

fn is_live(line: &MLine, mid: &str) -> bool {
    line.agreed.is_some() && line.mid.as_deref() == Some(mid)
}

/// What both sides have in a section of the peer's offer.
fn line(section: &Section, taken: Option<Taken>) -> MLine {
    let stopping = taken.as_ref().is_some_and(|taken| taken.is_unwanted);
    let agreed = taken.map(|Taken { wish, media, .. }| Agreed {
        mid: section.mid.as_deref().map(Into::into),
        direction: media.direction,
        theirs: section.media.reduced(media.codecs, media.extensions),
        ours: wish,
    });
    MLine {
        stopping,
        ..MLine::new(section, agreed)
    }
}

/// Compares an answer with our offer, section by section (RFC 3264 §6).
fn accept(offer: &Offer, answer: &Description) -> Result<Vec<MLine>, SignallingError> {
    let sections = answer.sections();
    let (expected, found) = (offer.lines.len(), sections.len());
    if found != expected {
        return Err(SignallingError::SectionCount { expected, found });
    }
    let pairs = offer.lines.iter().zip(sections).enumerate();
    let mut lines = Vec::with_capacity(expected);
    for (index, (offered, section)) in pairs {
        let same_mid = section.mid.is_none() || section.mid.as_deref() == offered.mid.as_deref();
        let same_kind = section.media.kind == offered.kind;
        // RFC 9429 §5.1.2: the answer has the very name of the offer.
        if !same_mid || !same_kind || section.protocol != *offered.protocol {
            return Err(SignallingError::SectionChanged(index));
        }
        // RFC 9143 §7.3.3: port 0 in an answer is a refusal, whatever stands below it.
        let agreed = match &offered.media {
            Ok(ours) if section.port != 0 => Some(Agreed {
                mid: offered.mid.clone(),
                direction: match ours.payload() {
                    Payload::Rtp => ours.direction.agreed(section.media.direction),
                    Payload::Data => Direction::SendRecv,
                },
                theirs: agree::answered(section.media.clone(), ours),
                ours: ours.clone(),
            }),
            _ => None,
        };
        lines.push(MLine {
            mid: offered.mid.clone(),
            ..MLine::new(section, agreed)
        });
    }
    one_transport(&mut lines, answer);
    Ok(lines)
}

/// RFC 9143 §7.4: what the peer has taken over another transport than that of its first section has
/// none with us.
fn one_transport(lines: &mut [MLine], answer: &Description) {
    let Some(first) = lines.iter().position(|line| line.agreed.is_some()) else {
        return;
    };
    let group = |index: usize| answer.sections().get(index).and_then(|it| it.group);
    for (index, line) in lines.iter_mut().enumerate() {
        if index != first && (group(index).is_none() || group(index) != group(first)) {
            line.agreed = None;
        }
    }
}

/// The section that the answer's transport is tagged by: the first of its group (RFC 9143 §7.3.1).
fn tagged(lines: &[MLine], answer: &Description) -> Option<usize> {
    let is_live = |index: &usize| lines.get(*index).is_some_and(|line| line.agreed.is_some());
    let first = (0..lines.len()).find(is_live)?;
    let group = answer.sections().get(first)?.group;
    let members = group.map_or(&[][..], |group| answer.group(group));
    Some(members.iter().copied().find(is_live).unwrap_or(first))
}
