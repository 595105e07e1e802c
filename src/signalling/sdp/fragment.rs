//! Fragments of descriptions, in which candidates come later: `application/trickle-ice-sdpfrag`
//! (RFC 8840 §9).

use ice_lite::Candidate;
use sdp_types::Attribute;

use super::transport::Transport;
use super::{MAX_LENGTH, SdpError};

/// A fragment of the peer's: candidates, and perhaps new ICE credentials.
#[derive(Clone, Debug)]
pub struct Fragment {
    session: Transport,
    sections: Vec<(Option<String>, Transport)>,
}

impl Fragment {
    /// The media type of a fragment, as HTTP and SIP name it.
    pub const MEDIA_TYPE: &'static str = "application/trickle-ice-sdpfrag";

    /// Reads a fragment.
    ///
    /// # Errors
    /// The text is too long, or does not follow the grammar.
    pub fn read(text: &str) -> Result<Self, SdpError> {
        if text.len() > MAX_LENGTH {
            return Err(SdpError::TooLong(text.len()));
        }
        // RFC 8840 §9.2: it is a description without what stands before the attributes.
        let whole = format!("v=0\r\n{text}");
        let parsed = sdp_types::Session::parse(whole.as_bytes());
        let parsed = parsed.map_err(|error| match SdpError::from(error) {
            SdpError::Malformed(line) => SdpError::Malformed(line.saturating_sub(1)),
            other => other,
        })?;
        let mut session = Transport::default();
        for attribute in &parsed.attributes {
            take(&mut session, attribute);
        }
        let sections = parsed.medias.into_iter().map(|media| {
            let (mut mid, mut transport) = (None, Transport::default());
            for attribute in &media.attributes {
                if attribute.attribute == "mid" {
                    mid = attribute.value.as_deref().map(|mid| mid.trim().to_owned());
                }
                take(&mut transport, attribute);
            }
            (mid, transport)
        });
        Ok(Self {
            sections: sections.collect(),
            session,
        })
    }

    /// The ufrag and the password that it names.
    pub(in crate::signalling) fn credentials(&self) -> (Option<&str>, Option<&str>) {
        let levels = || self.levels().map(|(_, transport)| transport.credentials());
        (
            levels().find_map(|(ufrag, _)| ufrag),
            levels().find_map(|(_, password)| password),
        )
    }

    /// The candidates of this ufrag in the sections that `ours` picks by their mid.
    pub(in crate::signalling) fn candidates(
        &self,
        ufrag: &str,
        ours: impl Fn(Option<&str>) -> bool,
    ) -> Vec<Candidate> {
        let levels = self.levels().filter(|(mid, _)| ours(*mid));
        levels
            .flat_map(|(_, transport)| transport.candidates(ufrag).cloned())
            .collect()
    }

    /// There will be no more of them, for all sections or for one of those that `ours` picks.
    pub(in crate::signalling) fn ends_candidates(
        &self,
        ours: impl Fn(Option<&str>) -> bool,
    ) -> bool {
        let mut levels = self.levels().filter(|(mid, _)| ours(*mid));
        levels.any(|(_, transport)| transport.ends_candidates())
    }

    fn levels(&self) -> impl Iterator<Item = (Option<&str>, &Transport)> {
        let sections = self.sections.iter();
        let sections = sections.map(|(mid, transport)| (mid.as_deref(), transport));
        [(None, &self.session)].into_iter().chain(sections)
    }
}

fn take(transport: &mut Transport, attribute: &Attribute) {
    let value = attribute.value.as_deref().unwrap_or_default().trim();
    // What is none of a transport is none of a fragment.
    let _ = transport.take(&attribute.attribute, value);
}

/// The text of a fragment of ours (RFC 8840 §9.2): what stands for all sections, one m-line with its
/// mid, and what stands below it.
pub(in crate::signalling) fn fragment_of(
    session: &[Attribute],
    section: Option<(String, Option<&str>)>,
    attributes: &[Attribute],
) -> String {
    let mut text: String = session.iter().map(line).collect();
    if let Some((words, mid)) = section {
        text.push_str(&format!("m={words}\r\n"));
        text.extend(mid.map(|mid| format!("a=mid:{mid}\r\n")));
    }
    text.extend(attributes.iter().map(line));
    text
}

fn line(attribute: &Attribute) -> String {
    let name = &attribute.attribute;
    match &attribute.value {
        Some(value) => format!("a={name}:{value}\r\n"),
        None => format!("a={name}\r\n"),
    }
}
