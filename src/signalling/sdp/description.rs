//! A peer's description as a whole.

use std::collections::HashMap;

use sdp_types::Attribute;

use super::section::SessionDefaults;
use super::transport::{IceOptions, Scopes, Transport};
use super::{DescriptionKind, MAX_LENGTH, MAX_SECTIONS, SdpError, Section};
use crate::session::RemoteParameters;

/// An offer or an answer of the peer's, understood.
#[derive(Clone, Debug)]
pub struct Description {
    sections: Vec<Section>,
    /// The sections of each BUNDLE group, in the order of its line.
    groups: Vec<Vec<usize>>,
    ice_lite: bool,
    transport: Transport,
    allow_mixed: bool,
}

impl Description {
    /// Reads an offer or an answer.
    ///
    /// Time and memory are linear in the length of the text. Attributes that make no sense are skipped
    /// if the rest makes sense without them.
    ///
    /// # Errors
    /// The text is too long, or no session description. What a session needs and does not find in it is
    /// an error of [`Signalling`](crate::signalling::Signalling).
    pub fn read(text: &str) -> Result<Self, SdpError> {
        if text.len() > MAX_LENGTH {
            return Err(SdpError::TooLong(text.len()));
        }
        let parsed = sdp_types::Session::parse(text.as_bytes())?;
        if parsed.medias.len() > MAX_SECTIONS {
            return Err(SdpError::TooManySections(parsed.medias.len()));
        }
        let mut transport = Transport::default();
        let mut defaults = SessionDefaults::default();
        for attribute in &parsed.attributes {
            let (name, value) = split(attribute);
            if !transport.take(name, value) {
                defaults.take(name, value);
            }
        }
        let mut sections: Vec<_> = parsed
            .medias
            .into_iter()
            .map(|media| Section::read(media, &defaults))
            .collect();
        let groups = group(&parsed.attributes, &mut sections)?;
        Ok(Self {
            sections,
            groups,
            ice_lite: parsed
                .attributes
                .iter()
                .any(|it| it.attribute == "ice-lite"),
            transport,
            allow_mixed: defaults.allow_mixed,
        })
    }

    /// Its m-lines, in their order.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The section with this `a=mid`.
    #[must_use]
    pub fn section(&self, mid: &str) -> Option<&Section> {
        let mut sections = self.sections.iter();
        sections.find(|section| section.mid.as_deref() == Some(mid))
    }

    /// `a=ice-lite`: its author answers checks and sends none (RFC 8445 §2.5).
    #[must_use]
    pub const fn is_ice_lite(&self) -> bool {
        self.ice_lite
    }

    /// The sections of a BUNDLE group in the order of its line, which is not that of the sections.
    pub(in crate::signalling) fn group(&self, index: usize) -> &[usize] {
        self.groups.get(index).map_or(&[], Vec::as_slice)
    }

    /// What a session has to know of its author: the transport of the section at this place, or of the
    /// BUNDLE group that this section tags.
    ///
    /// # Errors
    /// What is missing or can't be used.
    pub fn parameters(
        &self,
        tagged: usize,
        kind: DescriptionKind,
    ) -> Result<RemoteParameters, SdpError> {
        let mut parameters = self.scopes(tagged).parameters(kind)?;
        parameters.ice_lite = self.ice_lite;
        Ok(parameters)
    }

    /// As [`Self::parameters`], of a later description: without `a=setup` it changes nothing in the roles.
    pub(in crate::signalling) fn later_parameters(
        &self,
        tagged: usize,
        kind: DescriptionKind,
    ) -> Result<RemoteParameters, SdpError> {
        let mut parameters = self.parameters(tagged, kind)?;
        if self.scopes(tagged).setup()?.is_none() {
            parameters.dtls_role = None;
        }
        Ok(parameters)
    }

    fn scopes(&self, tagged: usize) -> Scopes<'_> {
        let group = self.sections.get(tagged).and_then(|section| section.group);
        let group = group.map_or(&[][..], |group| self.group(group));
        let sections = [&tagged].into_iter().chain(group);
        let sections = sections.filter_map(|&index| self.sections.get(index));
        let mut scopes: Vec<_> = sections.map(|section| &section.transport).collect();
        scopes.push(&self.transport);
        Scopes(scopes)
    }

    /// Attributes of the session level that an answer must have there too.
    pub(in crate::signalling) const fn session_level(&self) -> Level {
        Level {
            ice_options: self.transport.ice_options,
            cryptex: self.transport.cryptex,
            allow_mixed: self.allow_mixed,
        }
    }

    /// Attributes of a section that its answer must have too.
    pub(in crate::signalling) fn section_level(&self, index: usize) -> Level {
        let section = self.sections.get(index);
        section.map_or_else(Level::default, |section| Level {
            ice_options: section.transport.ice_options,
            cryptex: section.transport.cryptex,
            allow_mixed: section.own_allow_mixed,
        })
    }
}

/// Attributes that may be at either level, and that an answer has where the offer had them.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::signalling) struct Level {
    pub(in crate::signalling) ice_options: IceOptions,
    pub(in crate::signalling) cryptex: bool,
    pub(in crate::signalling) allow_mixed: bool,
}

fn split(attribute: &Attribute) -> (&str, &str) {
    let value = attribute.value.as_deref().unwrap_or_default().trim();
    (attribute.attribute.trim(), value)
}

/// Reads the BUNDLE groups (RFC 9143 §5) and notes in each section which one it is in. A section that several
/// groups name is in the first of them.
fn group(session: &[Attribute], sections: &mut [Section]) -> Result<Vec<Vec<usize>>, SdpError> {
    let mut places = HashMap::with_capacity(sections.len());
    for (index, section) in sections.iter().enumerate() {
        // RFC 5888 §4: a mid names one section.
        if let Some(mid) = &section.mid
            && let Some(other) = places.insert(mid.clone(), index)
        {
            return Err(SdpError::DuplicateMid(other, index));
        }
    }
    let mut groups = Vec::new();
    for (name, value) in session.iter().map(split) {
        let Some(mids) = value.strip_prefix("BUNDLE").filter(|_| name == "group") else {
            continue;
        };
        let mut members = Vec::new();
        for mid in mids.split_ascii_whitespace() {
            let Some(&index) = places.get(mid) else {
                continue;
            };
            if sections[index].group.is_none() {
                sections[index].group = Some(groups.len());
                members.push(index);
            }
        }
        groups.push(members);
    }
    Ok(groups)
}
