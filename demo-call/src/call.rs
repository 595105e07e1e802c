//! One call: what the program does with a session of the gate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime};

use portcullis::ice_lite::Candidate;
use portcullis::signalling::sdp::{
    Codec, Description, Fragment, Media as Section, MediaKind, Msid, Source,
};
use portcullis::signalling::{Capabilities, Decide, Signalling, SignallingError};
use portcullis::{CloseReason, Context, IceMode, Session, SessionConfig, SessionEvent, SessionId};
use tokio::sync::{mpsc, watch};

use crate::archive::Closed;
use crate::error::Error;
use crate::incoming::RecordTo;
use crate::media::{Counters, Media, MediaConfig, Outgoing};
use crate::opus::Clip;
use crate::player::{Pace, Player};
use crate::report::Report;
use crate::security::{Offer, Security};
use crate::status;
use crate::stream::Stream;
use crate::whip::PatchRefusal;

/// How long a call may take to be secured: longer than a person would wait for one.
const SETUP_LIMIT: Duration = Duration::from_secs(15);

/// How long a side that has finished playing waits for a peer that has gone silent.
const PARTING_LIMIT: Duration = Duration::from_secs(3);

/// When a peer that sent media counts as silent: its next packet is due 20 ms after the last one, or
/// 400 ms where nobody speaks (DTX), and its next report within 1.5 s.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);

/// The same for a peer that only reports: RFC 3550 §6.2 lets it wait for 7.5 s.
const REPORTS_ONLY_SILENCE: Duration = Duration::from_secs(8);

/// Room for the largest packet of the media.
const PACKET: usize = 1500;

/// What a call plays and records.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The number by which its owner knows the call.
    pub(crate) number: u64,
    pub(crate) clip: Arc<Clip>,
    pub(crate) pace: Pace,
    pub(crate) until: Until,
    pub(crate) record: Option<RecordTo>,
    /// Counts what arrives, for a peer in this process that plays at [`Pace::Window`].
    pub(crate) arrivals: Option<Arc<AtomicU64>>,
    pub(crate) ssrc: u32,
    /// This side's name in RTCP and recordings.
    pub(crate) name: &'static str,
    /// What was offered, for error messages.
    pub(crate) offer: Offer,
}

/// What ends a call from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// This side has played everything.
    Played,
    /// Both sides have played everything.
    BothPlayed,
    /// The peer leaves; until then the recording is played over and over.
    PeerLeaves,
}

impl Plan {
    /// The configuration of a session for this call.
    pub(crate) fn session_config(
        &self,
        ice: IceMode,
        candidates: Vec<Candidate>,
    ) -> Arc<SessionConfig> {
        let mut config = SessionConfig::new(Arc::clone(&self.offer.config));
        config.ice = ice;
        config.candidates = candidates;
        config.certificate.clone_from(&self.offer.certificate);
        config.dtls_role = self.offer.role;
        config.sped = true;
        Arc::new(config)
    }

    /// What our offers say of our media: one Opus stream each way.
    pub(crate) fn audio(&self) -> Section {
        self.named(opus().media(MediaKind::Audio))
    }

    /// Takes the first section of an offer that has Opus.
    pub(crate) fn decide(&self) -> impl Decide {
        let mut taken = false;
        move |offered: &portcullis::signalling::sdp::Section, current: Option<&Section>| {
            if taken {
                return None;
            }
            let media = (&opus()).decide(offered, current)?;
            taken = true;
            Some(self.named(media))
        }
    }

    /// With the names of the stream that we send.
    fn named(&self, mut media: Section) -> Section {
        media.msids = vec![Msid::new(self.name, "audio")];
        media.sources = vec![Source::new(self.ssrc, self.name)];
        media
    }
}

fn opus() -> Capabilities {
    let opus = Codec::new(111, "opus", 48_000)
        .with_channels(2)
        .with_parameters("minptime=10;useinbandfec=1");
    Capabilities::new().codec(MediaKind::Audio, opus)
}

/// What a call reports to its owner.
#[derive(Debug)]
pub(crate) enum News {
    /// Media flows.
    Connected { number: u64, security: Security },
    /// The call is over. Its recordings are on their way to the disk.
    Ended {
        number: u64,
        report: Box<Report>,
        result: Result<(), Error>,
        recordings: Option<Closed>,
    },
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    plan: Plan,
    signalling: Signalling,
    /// Present once the call is secured.
    media: Option<Media>,
    placed: Instant,
    last_heard: Instant,
    security: Option<Security>,
    /// This side was asked to hang up.
    hung_up: bool,
    /// Why the call ended, if it was not for a good reason.
    failure: Option<Error>,
    news: mpsc::UnboundedSender<News>,
    live: watch::Sender<Counters>,
}

impl Call {
    /// A call that is placed `now`: its offer or answer goes out.
    pub(crate) fn new(
        plan: Plan,
        signalling: Signalling,
        news: mpsc::UnboundedSender<News>,
        now: Instant,
    ) -> Self {
        Self {
            plan,
            signalling,
            media: None,
            placed: now,
            last_heard: now,
            security: None,
            hung_up: false,
            failure: None,
            news,
            live: watch::Sender::default(),
        }
    }

    /// What was counted so far, as it changes.
    pub(crate) fn live(&self) -> watch::Receiver<Counters> {
        self.live.subscribe()
    }

    /// Takes the answer to the offer that was made for this call.
    pub(crate) fn accept_answer(&mut self, cx: &mut Context<'_>, sdp: &str) {
        let now = cx.now();
        let session = cx.session_mut();
        let accepted = Description::read(sdp)
            .map_err(SignallingError::from)
            .and_then(|answer| self.signalling.accept_answer(session, now, &answer));
        if let Err(error) = accepted {
            self.fail(cx, Error::answer(error));
        }
    }

    /// What is known of the call now, for the page.
    pub(crate) fn status(&self, cx: &Context<'_>) -> serde_json::Value {
        let media = self.media.as_ref();
        status::of(cx.session(), self.security.as_ref(), media, cx.now())
    }

    /// Takes candidates of the peer that come after its offer.
    pub(crate) fn trickle(&mut self, fragment: &str) -> Result<(), PatchRefusal> {
        // An ICE-lite agent learns where its peer is from the peer's checks: there is nothing to
        // keep of them.
        well_formed(fragment)
    }

    /// Restarts ICE with the credentials that the peer's fragment has; gives our own fragment.
    pub(crate) fn restart(
        &mut self,
        cx: &mut Context<'_>,
        fragment: &str,
    ) -> Result<String, PatchRefusal> {
        let now = cx.now();
        let read = Fragment::read(fragment);
        let fragment = read.map_err(|error| PatchRefusal::Malformed(error.to_string()))?;
        let session = cx.session_mut();
        match self.signalling.accept_fragment(session, now, &fragment) {
            Ok(Some(ours)) => Ok(ours),
            Ok(None) => Err(PatchRefusal::Unprocessable(
                "its credentials are those of before".to_owned(),
            )),
            Err(error) => Err(PatchRefusal::Unprocessable(error.to_string())),
        }
    }

    /// Hangs up: BYE, then close_notify.
    pub(crate) fn hang_up(&mut self, cx: &mut Context<'_>) {
        self.hung_up = true;
        match &mut self.media {
            Some(media) => media.say_goodbye(),
            None => cx.close(),
        }
        self.pump(cx);
    }

    /// Sends what is due, and says goodbye when it is time.
    fn pump(&mut self, cx: &mut Context<'_>) {
        let Some(media) = &mut self.media else { return };
        let mut buf = [0; PACKET];
        loop {
            let finished = self.plan.until != Until::PeerLeaves && media.has_played();
            let deserted = self.plan.until != Until::BothPlayed && media.peer_has_left();
            if deserted && !finished && self.plan.until == Until::Played && !self.hung_up {
                let played = (media.counters().rtp_sent, self.plan.clip.packets().len());
                self.failure.get_or_insert(Error::HungUpEarly(played));
            }
            if finished || deserted {
                media.say_goodbye();
            }
            // A packet that can't be sent now is dropped, as if the network had lost it.
            let _ = match media.poll_packet(cx.now(), &mut buf) {
                Some(Outgoing::Rtp(len)) => cx.send_rtp(&buf[..len]),
                Some(Outgoing::Rtcp(len)) => cx.send_rtcp(&buf[..len]),
                None => break,
            };
        }
        self.live.send_replace(media.counters());
        let waits = self.plan.until == Until::BothPlayed && !media.peer_has_left();
        if media.has_left() && !waits {
            cx.close();
        }
    }

    /// The peer has closed the session. If a caller has not played everything, it was hung up on.
    fn deserted(&mut self) {
        let Some(media) = &self.media else { return };
        let early = !media.has_left() && !media.has_played() && !self.hung_up;
        if early && self.plan.until == Until::Played {
            let played = (media.counters().rtp_sent, self.plan.clip.packets().len());
            self.failure.get_or_insert(Error::HungUpEarly(played));
        }
    }

    /// Whether this side has finished and is waiting for the peer's last packets.
    fn is_parting(&self) -> bool {
        self.media.as_ref().is_some_and(Media::has_left)
    }

    fn begin(&mut self, cx: &Context<'_>) {
        let agreed = self.signalling.agreed().next();
        let codec = agreed.and_then(|agreed| agreed.theirs.codecs.first());
        let payload_type = codec.map_or(0, |codec| codec.payload_type);
        // RFC 3550 §5.1: both start at a random value, so that plaintext can't be guessed.
        let stream = Stream::new(self.plan.ssrc, payload_type, rand::random(), rand::random());
        let repeat = self.plan.until == Until::PeerLeaves;
        let clip = Arc::clone(&self.plan.clip);
        let player = Player::new(clip, repeat, self.plan.pace.clone(), stream, cx.now());
        let config = MediaConfig {
            payload_type,
            cname: self.plan.name.to_owned(),
            record: self.plan.record.clone(),
            arrivals: self.plan.arrivals.clone(),
        };
        self.media = Some(Media::new(config, player, cx.now(), SystemTime::now()));
    }

    /// Ends the call for this reason.
    fn fail(&mut self, cx: &mut Context<'_>, error: Error) {
        self.failure.get_or_insert(error);
        cx.close();
    }

    /// Whether a peer that should have sent something has been silent for too long.
    fn is_silent(&self, counters: &Counters, silent: Duration) -> bool {
        let limit = if counters.rtp_received > 0 {
            SILENCE
        } else {
            REPORTS_ONLY_SILENCE
        };
        // In a call that plays as fast as it goes, waiting is part of it.
        silent >= limit && matches!(self.plan.pace, Pace::Real)
    }

    fn report(
        &mut self,
        now: Instant,
        session: &Session,
    ) -> (Report, Result<(), Error>, Option<Closed>) {
        let mut report = Report {
            security: self.security.take(),
            setup: session.timeline().setup_time(),
            round_trip: session.round_trip_time(),
            discarded: discarded(session),
            ..Report::default()
        };
        let Some(media) = self.media.take() else {
            let failure = self.failure.take().unwrap_or(Error::HungUp);
            return (report, Err(failure), None);
        };
        report.counters = media.counters();
        // At another pace than the real one, arrival has nothing to do with timestamps.
        report.jitter = media
            .jitter()
            .filter(|_| matches!(self.plan.pace, Pace::Real));
        report.round_trip = media.round_trip().or(report.round_trip);
        report.lost_at_peer = media.lost_at_peer();
        let silent = now.saturating_duration_since(self.last_heard);
        if self.is_silent(&report.counters, silent) {
            report.silent = Some(silent);
            // Of the calls that it answers, a host expects nothing.
            if self.plan.until != Until::PeerLeaves {
                self.failure.get_or_insert(Error::Silent(silent));
            }
        }
        let result = self.failure.take().map_or(Ok(()), Err);
        let record = self.plan.record.as_ref();
        let closed = record.map(|to| to.archive.close(media.finish()));
        (report, result, closed)
    }
}

impl portcullis::Call for Call {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        self.last_heard = cx.now();
        if let Some(media) = &mut self.media {
            media.handle_rtp(cx.now(), packet);
        }
        self.pump(cx);
    }

    fn handle_rtcp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        self.last_heard = cx.now();
        if let Some(media) = &mut self.media {
            media.handle_rtcp(cx.now(), packet);
        }
        self.pump(cx);
    }

    fn handle_event(&mut self, cx: &mut Context<'_>, event: SessionEvent) {
        match event {
            SessionEvent::Secured(summary) => {
                let security = Security::from(&summary);
                self.security = Some(security.clone());
                self.last_heard = cx.now();
                self.begin(cx);
                // An owner that is gone wants no news.
                let _ = self.news.send(News::Connected {
                    number: self.plan.number,
                    security,
                });
                self.pump(cx);
            }
            SessionEvent::ConsentExpired { .. } => self.fail(cx, Error::Lost),
            SessionEvent::Closed(CloseReason::IceFailed(reason)) => {
                self.failure.get_or_insert(Error::NoPath(reason));
            }
            SessionEvent::Closed(CloseReason::Peer) => self.deserted(),
            _ => {}
        }
    }

    fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        if self.media.is_none() && cx.now() >= self.placed + SETUP_LIMIT {
            self.fail(cx, Error::NotConnected(SETUP_LIMIT));
        }
        if self.is_parting() && cx.now() >= self.last_heard + PARTING_LIMIT {
            cx.close();
        }
        self.pump(cx);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.media {
            None => Some(self.placed + SETUP_LIMIT),
            Some(_) if self.is_parting() => Some(self.last_heard + PARTING_LIMIT),
            Some(media) => media.poll_timeout(),
        }
    }

    fn handle_end(&mut self, _: SessionId, session: &Session, reason: &CloseReason) {
        if let CloseReason::Failed(error) = reason {
            self.failure = Some(Error::session(error.clone(), &self.plan.offer));
        }
        // This is the application's own end of the call: no core is asked for the time.
        let (report, result, recordings) = self.report(Instant::now(), session);
        let ended = News::Ended {
            number: self.plan.number,
            report: Box::new(report),
            result,
            recordings,
        };
        // An owner that is gone wants no news.
        let _ = self.news.send(ended);
    }
}

/// RFC 8866 §5: each line is a letter, an equals sign and a value.
fn well_formed(fragment: &str) -> Result<(), PatchRefusal> {
    let is_line = |line: &str| {
        let (kind, value) = line.split_once('=').unwrap_or_default();
        kind.len() == 1 && !value.is_empty()
    };
    match fragment.lines().find(|line| !is_line(line)) {
        Some(line) => Err(PatchRefusal::Malformed(format!(
            "{line:?} is no line of SDP"
        ))),
        None => Ok(()),
    }
}

/// What the session dropped, by layer and reason.
pub(crate) fn discarded(session: &Session) -> BTreeMap<String, u64> {
    let statistics = session.statistics();
    let counted = statistics.discards().filter(|(_, _, count)| *count > 0);
    counted
        .map(|(layer, reason, count)| (format!("{}: {reason}", layer.name()), count))
        .collect()
}
