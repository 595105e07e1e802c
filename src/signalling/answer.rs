//! The answer to an offer: its mirror, with what we take of it.

use super::error::Refusal;
use super::sdp::{Content, Description, Direction, Line, Media, Payload, Section, SessionLevel};
use super::sdp::{flag, pair, write};
use super::{Decide, agree, describe};
use crate::session::LocalParameters;

/// What becomes of each section of an offer, and over which of its transports.
pub(super) struct Answer<'a> {
    offer: &'a Description,
    /// For each section, our side of it.
    taken: Vec<Result<Taken, Refusal>>,
    /// The section that the transport is tagged by (RFC 9143 §7.3.1), if any is taken.
    tagged: Option<usize>,
}

/// Our side of a section that is taken.
pub(super) struct Taken {
    /// As the application wants it.
    pub(super) wish: Media,
    /// As the offer allows.
    pub(super) media: Media,
    /// The application does not want it, and it is kept until an offer of ours stops it.
    pub(super) is_unwanted: bool,
}

impl<'a> Answer<'a> {
    /// Asks the application about each section. `current` is what we have in a section so far.
    pub(super) fn decide<'m>(
        offer: &'a Description,
        current: impl Fn(usize) -> Option<&'m Media>,
        mut decide: impl Decide,
    ) -> Self {
        let mut answer = Self {
            offer,
            taken: Vec::with_capacity(offer.sections().len()),
            tagged: None,
        };
        for (index, section) in offer.sections().iter().enumerate() {
            answer
                .taken
                .push(take(section, current(index), &mut decide));
        }
        answer.choose_transport(&current);
        answer
    }

    /// A session has one transport. It is that of the first section that is taken, but if there are
    /// sections from before, theirs; all sections with another one are refused.
    ///
    /// RFC 9429 §5.3.1, for an answerer that bundles everything: a section is refused if it is not bundled with the first;
    /// RFC 3264 §6: any section may be.
    fn choose_transport<'m>(&mut self, current: &impl Fn(usize) -> Option<&'m Media>) {
        let is_current = |index| current(index).is_some();
        let before = self.taken_places().find(|&it| is_current(it));
        let Some(first) = before.or_else(|| self.taken_places().next()) else {
            return;
        };
        let sections = self.offer.sections();
        let group = sections[first].group;
        for (index, taken) in self.taken.iter_mut().enumerate() {
            let same = index == first || (group.is_some() && sections[index].group == group);
            if taken.is_ok() && !same {
                *taken = Err(Refusal::OtherTransport);
            }
        }
        let members = group.map_or(&[][..], |group| self.offer.group(group));
        if members.iter().any(|&it| is_current(it)) {
            self.keep_suggested(members, current);
        }
        // RFC 9143 §7.3.1: the first of its group that is taken and has a port. A transport that none
        // has a port for still has its attributes.
        let mut members = members.iter().copied();
        let has_port = |&index: &usize| self.taken[index].is_ok() && sections[index].port != 0;
        let tagged = members.find(has_port);
        self.tagged = Some(tagged.unwrap_or(first));
    }

    /// RFC 9143 §7.3.3: in a group that there is already, the section that the offer suggests for the tag is not refused
    /// alone. It stays, without media, and we stop it by an offer of ours.
    ///
    /// One that we could not have at all is refused nevertheless; then the next one has the tag.
    fn keep_suggested<'m>(
        &mut self,
        members: &[usize],
        current: impl Fn(usize) -> Option<&'m Media>,
    ) {
        let sections = self.offer.sections();
        let mut members = members.iter().copied();
        let Some(suggested) = members.find(|&index| sections[index].port != 0) else {
            return;
        };
        if self.taken[suggested].is_err()
            && let Some(kept) = keep(&sections[suggested], current(suggested))
        {
            self.taken[suggested] = Ok(kept);
        }
    }

    fn taken_places(&self) -> impl Iterator<Item = usize> {
        let taken = self.taken.iter().enumerate();
        taken.filter(|(_, it)| it.is_ok()).map(|(index, _)| index)
    }

    /// Why the first section is refused; `None` if one is taken, or there is none.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self.tagged {
            Some(_) => None,
            None => self.taken.first()?.as_ref().err().copied(),
        }
    }

    /// The section that the transport is tagged by, if anything is taken.
    pub(super) const fn tagged(&self) -> Option<usize> {
        self.tagged
    }

    pub(super) fn into_taken(self) -> Vec<Option<Taken>> {
        self.taken.into_iter().map(Result::ok).collect()
    }

    /// The text. `local` is ours, if anything is taken.
    pub(super) fn write(&self, id: u64, version: u64, local: Option<&Local<'_>>) -> String {
        let sections = self.offer.sections();
        let lines: Vec<_> = sections
            .iter()
            .zip(&self.taken)
            .enumerate()
            .map(|(index, (section, taken))| Line {
                kind: &section.media.kind,
                protocol: &section.protocol,
                mid: section.mid.as_deref(),
                content: match (taken, local) {
                    (Ok(taken), Some(local)) => Content::Media {
                        media: &taken.media,
                        attributes: self.around(index, &taken.media, local),
                        bundle_only: false,
                    },
                    _ => Content::Rejected {
                        formats: &section.formats,
                    },
                },
            })
            .collect();
        let session = SessionLevel {
            id,
            version,
            address: local.and_then(|local| local.address()),
            attributes: local.map_or_else(Vec::new, |local| self.session_attributes(local)),
        };
        write(session, &lines)
    }

    /// What goes at the session level, because it was there in the offer.
    fn session_attributes(&self, local: &Local<'_>) -> Vec<sdp_types::Attribute> {
        let offered = self.offer.session_level();
        let mut attributes = Vec::new();
        attributes.extend(local.parameters.ice_lite.then(|| flag("ice-lite")));
        let options = offered.ice_options.taken(local.parameters.sped).value();
        attributes.extend(options.map(|options| pair("ice-options", options)));
        attributes.extend(describe::bundle(self.bundled()));
        let mut taken = self.taken.iter().flatten();
        let mixed = offered.allow_mixed && taken.any(|taken| taken.media.extmap_allow_mixed);
        attributes.extend(mixed.then(|| flag("extmap-allow-mixed")));
        let cryptex = offered.cryptex && local.parameters.cryptex;
        attributes.extend(cryptex.then(|| flag("cryptex")));
        attributes
    }

    /// RFC 9143 §7.3: the mids of the offer's group that are taken, the tagged one first.
    fn bundled(&self) -> impl Iterator<Item = &'a str> {
        let tagged = self.tagged;
        let offer = self.offer;
        let group = tagged.and_then(|tagged| offer.sections()[tagged].group);
        let members = group.map_or(&[][..], |group| offer.group(group));
        let members = members.iter().copied();
        let others =
            members.filter(move |&index| Some(index) != tagged && self.taken[index].is_ok());
        let tagged = tagged.filter(|_| group.is_some());
        let all = tagged.into_iter().chain(others);
        all.filter_map(|index| offer.sections()[index].mid.as_deref())
    }

    /// What stands around the media of a section.
    fn around(&self, index: usize, media: &Media, local: &Local<'_>) -> Vec<sdp_types::Attribute> {
        let offered = self.offer.section_level(index);
        let mut attributes = local.transport.clone();
        let options = offered.ice_options.taken(local.parameters.sped).value();
        attributes.extend(options.map(|options| pair("ice-options", options)));
        let cryptex = offered.cryptex && local.parameters.cryptex;
        attributes.extend(cryptex.then(|| flag("cryptex")));
        if self.tagged == Some(index) {
            attributes.extend(describe::candidates(local.parameters));
        }
        if media.payload() == Payload::Rtp {
            // RFC 8035 §3.1: only if the offer has it. RFC 8858 §4.3: never a=rtcp-mux-only.
            attributes.push(flag("rtcp-mux"));
            let mixed = offered.allow_mixed && media.extmap_allow_mixed;
            attributes.extend(mixed.then(|| flag("extmap-allow-mixed")));
        }
        attributes
    }
}

/// Our side of a section, asked for and cut down to what is offered.
fn take(
    section: &Section,
    current: Option<&Media>,
    decide: &mut impl Decide,
) -> Result<Taken, Refusal> {
    // The application is not asked about a section that can't be taken.
    match section.payload() {
        _ if section.is_rejected() => return Err(Refusal::Disabled),
        None => return Err(Refusal::UnknownTransport),
        Some(Payload::Rtp) if !section.rtcp_mux => return Err(Refusal::NoRtcpMux),
        Some(_) => {}
    }
    let wish = decide.decide(section, current).ok_or(Refusal::Unwanted)?;
    let media = agree::answer(wish.clone(), section)?;
    Ok(Taken {
        wish,
        media,
        is_unwanted: false,
    })
}

/// A section that is not wanted, without media: as it has been, or else as it is offered.
fn keep(section: &Section, current: Option<&Media>) -> Option<Taken> {
    let offered = section.media.mirrored();
    let mut wishes = current.cloned().into_iter().chain([offered]);
    wishes.find_map(|wish| {
        let wish = Media {
            direction: Direction::Inactive,
            ..wish
        };
        let mut media = agree::answer(wish.clone(), section).ok()?;
        media.direction = Direction::Inactive;
        Some(Taken {
            wish,
            media,
            is_unwanted: true,
        })
    })
}

/// Our side of the transport, as an answer says it.
pub(super) struct Local<'a> {
    parameters: &'a LocalParameters,
    transport: Vec<sdp_types::Attribute>,
}

impl<'a> Local<'a> {
    /// `tls_id` says whether the offer has one (RFC 8842 §5.3).
    pub(super) fn new(parameters: &'a LocalParameters, tls_id: bool) -> Self {
        let setup = describe::setup(parameters.dtls_role);
        Self {
            transport: describe::transport(parameters, setup, tls_id),
            parameters,
        }
    }

    fn address(&self) -> Option<std::net::SocketAddr> {
        self.parameters.candidates.first().map(|best| best.address)
    }
}

/// An answer that refuses everything, as RFC 3264 §6 has it for an offer that leads to no call.
#[must_use]
pub fn refusal(offer: &Description) -> String {
    let nothing = |_: &Section, _: Option<&Media>| None;
    let answer = Answer::decide(offer, |_| None, nothing);
    answer.write(0, 0, None)
}
