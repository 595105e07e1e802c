//! Targets of `portcullis::signalling`.

use std::time::Instant;

use portcullis::signalling::sdp::{
    DataChannels, Description, Direction, Fragment, Media, MediaKind, Section,
};
use portcullis::signalling::{Capabilities, Signalling, SignallingError, refusal};
use portcullis::{IceMode, Session};

use crate::gate::{address, config};
use crate::input::Input;

fn mirror(section: &Section, _: Option<&Media>) -> Option<Media> {
    Some(section.media.mirrored())
}

/// A description that is understood can be answered or refused, the answer is its mirror, is understood
/// too, and is the same when the same offer comes again.
pub fn gate_sdp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // One that is no fragment is none.
    let _ = Fragment::read(text);
    let Ok(offer) = Description::read(text) else {
        return;
    };
    let refused = Description::read(&refusal(&offer)).expect("our own refusal");
    assert!(refused.sections().iter().all(Section::is_rejected));
    let capabilities = Capabilities::browser();
    let (config, now) = (config(IceMode::Lite, address(1)), Instant::now());
    drop(Signalling::answer(
        config.clone(),
        now,
        &offer,
        &capabilities,
    ));
    let Ok((mut session, mut signalling, answer)) = Signalling::answer(config, now, &offer, mirror)
    else {
        return;
    };
    let ours = Description::read(&answer).expect("our own answer");
    assert_eq!(ours.sections().len(), offer.sections().len());
    for (ours, theirs) in ours.sections().iter().zip(offer.sections()) {
        assert_eq!(ours.media.kind, theirs.media.kind);
        assert_eq!(ours.protocol.trim(), theirs.protocol.trim());
        assert!(ours.is_rejected() || !theirs.is_rejected());
    }
    let again = signalling
        .accept_offer(&mut session, now, &offer, mirror)
        .expect("what was taken once is taken again");
    let without_version = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("o="));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_version(&again), without_version(&answer));
}

struct Side {
    session: Session,
    signalling: Signalling,
}

impl Side {
    /// Asks for something that the next offer brings.
    fn wish(&mut self, input: &mut Input<'_>) {
        let Self {
            session,
            signalling,
        } = self;
        let mids: Vec<_> = signalling
            .agreed()
            .filter_map(|agreed| agreed.mid.clone())
            .collect();
        let mid = match mids.is_empty() {
            true => None,
            false => mids.get(input.choice(mids.len())),
        };
        match (input.choice(6), mid) {
            (0, Some(mid)) => assert!(signalling.stop(mid) || signalling.is_offered()),
            (1, Some(mid)) => {
                let media = signalling.media_mut(mid).expect("it is agreed on");
                media.direction = Direction::ALL[input.choice(4)];
            }
            (2, _) => signalling.rollback(session),
            (3, _) => {
                signalling.add(Media::data_channels(DataChannels::new(1)));
            }
            _ => {
                let kinds = [MediaKind::Audio, MediaKind::Video];
                let capabilities = Capabilities::browser();
                signalling.add(capabilities.media(kinds[input.choice(2)].clone()));
            }
        }
    }

    fn offer(&mut self, restart: bool) -> Result<String, SignallingError> {
        match restart {
            true => self.signalling.restart_ice(&mut self.session),
            false => self.signalling.offer_again(&self.session),
        }
    }

    /// Each of the sections: its mid, and which way media flows.
    fn sections(&self) -> Vec<(Option<Box<str>>, Direction)> {
        let sections = self.signalling.agreed();
        sections
            .map(|agreed| (agreed.mid.clone(), agreed.direction))
            .collect()
    }
}

/// Two sides that change their call as the bytes say, with offers and answers that get lost, cross or
/// are mangled: after each exchange both have the same sections, and what is refused changes nothing.
pub fn gate_renegotiation(data: &[u8]) {
    let mut input = Input::new(data);
    let now = Instant::now();
    let audio = Capabilities::browser().media(MediaKind::Audio);
    let (session, signalling, offer) =
        Signalling::offer(config(IceMode::Controlling, address(1)), now, [audio])
            .expect("an offer");
    let first = Side {
        session,
        signalling,
    };
    let read = |text: &str| Description::read(text).expect("our own description");
    let (session, signalling, answer) = Signalling::answer(
        config(IceMode::Lite, address(2)),
        now,
        &read(&offer),
        &Capabilities::browser(),
    )
    .expect("an answer");
    let second = Side {
        session,
        signalling,
    };
    let mut sides = [first, second];
    let Side {
        session,
        signalling,
    } = &mut sides[0];
    let accepted = signalling.accept_answer(session, now, &read(&answer));
    assert_eq!(accepted, Ok(()));
    for _ in 0..24 {
        if input.is_empty() {
            return;
        }
        let [first, second] = &mut sides;
        let (from, to) = match input.choice(2) {
            0 => (first, second),
            _ => (second, first),
        };
        if input.choice(2) == 0 {
            from.wish(&mut input);
            continue;
        }
        exchange(&mut input, now, from, to);
    }
}

/// An offer of `from`, and whatever becomes of it.
fn exchange(input: &mut Input<'_>, now: Instant, from: &mut Side, to: &mut Side) {
    let Ok(offer) = from.offer(input.choice(4) == 0) else {
        assert!(from.signalling.is_offered());
        from.signalling.rollback(&mut from.session);
        return;
    };
    match input.choice(8) {
        // It is lost, and the next one replaces it; or it crosses one of the other side.
        0 => return from.signalling.rollback(&mut from.session),
        1 => {
            let crossing = to.offer(false);
            assert!(crossing.is_ok() || to.signalling.is_offered());
        }
        2 => mangled(input, now, &offer, to),
        _ => {}
    }
    if to.signalling.is_offered() {
        let offer = Description::read(&offer).expect("our own offer");
        let glare = accept(to, now, &offer);
        assert_eq!(glare, Err(SignallingError::Glare));
        to.signalling.rollback(&mut to.session);
    }
    let offer = Description::read(&offer).expect("our own offer");
    let answer = accept(to, now, &offer).expect("an answer");
    let answer = Description::read(&answer).expect("our own answer");
    let Side {
        session,
        signalling,
    } = from;
    let accepted = signalling.accept_answer(session, now, &answer);
    assert_eq!(accepted, Ok(()));
    let reversed = to.sections().into_iter();
    let reversed: Vec<_> = reversed
        .map(|(mid, direction)| (mid, direction.reversed()))
        .collect();
    assert_eq!(from.sections(), reversed);
}

fn accept(side: &mut Side, now: Instant, offer: &Description) -> Result<String, SignallingError> {
    let Side {
        session,
        signalling,
    } = side;
    signalling.accept_offer(session, now, offer, &Capabilities::browser())
}

/// An offer with a byte changed, and without the end: if it is refused, nothing has changed.
fn mangled(input: &mut Input<'_>, now: Instant, offer: &str, to: &mut Side) {
    let mut bytes = offer.as_bytes().to_vec();
    bytes.truncate(bytes.len() - input.choice(bytes.len()));
    if !bytes.is_empty() {
        let place = input.choice(bytes.len());
        bytes[place] = input.byte();
    }
    let Ok(Ok(offer)) = std::str::from_utf8(&bytes).map(Description::read) else {
        return;
    };
    let before = (to.session.state_digest(), to.sections());
    // One that is taken may be a restart, which the other side would have to follow.
    let Side {
        session,
        signalling,
    } = to;
    let nothing = |_: &Section, _: Option<&Media>| None;
    let refused = signalling.accept_offer(session, now, &offer, nothing);
    if refused.is_err() {
        assert_eq!((to.session.state_digest(), to.sections()), before);
    }
}
