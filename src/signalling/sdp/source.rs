//! Which streams and sources a section's author sends (RFC 8830, RFC 5576).

use std::collections::HashMap;

use sdp_types::Attribute;

use super::write::pair;

/// What an `a=msid` says: to which stream of the application this track belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Msid {
    /// `-` for none.
    pub stream: String,
    /// The track.
    pub track: Option<String>,
}

impl Msid {
    /// Both names.
    #[must_use]
    pub fn new(stream: &str, track: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            track: Some(track.to_owned()),
        }
    }

    pub(super) fn read(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace().map(str::to_owned);
        Some(Self {
            stream: words.next()?,
            track: words.next(),
        })
    }

    pub(super) fn value(&self) -> String {
        let Self { stream, track } = self;
        match track {
            Some(track) => format!("{stream} {track}"),
            None => stream.clone(),
        }
    }
}

/// What all `a=ssrc` lines of one SSRC say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// As in RTP packets.
    pub ssrc: u32,
    /// As in RTCP.
    pub cname: Option<String>,
    /// Whatever else is said of it, such as `msid:stream track`.
    pub attributes: Vec<String>,
}

impl Source {
    /// A source with its CNAME.
    #[must_use]
    pub fn new(ssrc: u32, cname: &str) -> Self {
        Self {
            ssrc,
            cname: Some(cname.to_owned()),
            attributes: Vec::new(),
        }
    }

    pub(super) fn write(&self, attributes: &mut Vec<Attribute>) {
        let cname = self.cname.iter().map(|cname| format!("cname:{cname}"));
        for said in cname.chain(self.attributes.iter().cloned()) {
            attributes.push(pair("ssrc", format!("{} {said}", self.ssrc)));
        }
    }
}

/// What an `a=ssrc-group` says, such as which source repeats which: `FID 1 2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceGroup {
    /// What the sources are to each other.
    pub semantics: String,
    /// In their order.
    pub ssrcs: Vec<u32>,
}

impl SourceGroup {
    /// These sources in this order.
    #[must_use]
    pub fn new(semantics: &str, ssrcs: &[u32]) -> Self {
        Self {
            semantics: semantics.to_owned(),
            ssrcs: ssrcs.to_vec(),
        }
    }

    pub(super) fn read(value: &str) -> Option<Self> {
        let (semantics, ssrcs) = value.split_once(' ')?;
        let ssrcs = ssrcs.split_ascii_whitespace();
        Some(Self {
            semantics: semantics.to_owned(),
            ssrcs: ssrcs.map(|it| it.parse().ok()).collect::<Option<_>>()?,
        })
    }

    pub(super) fn value(&self) -> String {
        let mut value = self.semantics.clone();
        for ssrc in &self.ssrcs {
            value.push(' ');
            value.push_str(&ssrc.to_string());
        }
        value
    }
}

/// The sources of a section while its attributes are read.
#[derive(Default)]
pub(super) struct Sources {
    found: Vec<Source>,
    places: HashMap<u32, usize>,
}

impl Sources {
    /// The value of an `a=ssrc`.
    pub(super) fn take(&mut self, value: &str) {
        let (ssrc, said) = value.split_once(' ').unwrap_or((value, ""));
        let Ok(ssrc) = ssrc.parse() else {
            return;
        };
        let place = *self.places.entry(ssrc).or_insert_with(|| {
            self.found.push(Source {
                ssrc,
                cname: None,
                attributes: Vec::new(),
            });
            self.found.len() - 1
        });
        let source = &mut self.found[place];
        match said.trim().strip_prefix("cname:") {
            Some(cname) => source.cname = Some(cname.to_owned()),
            None if !said.trim().is_empty() => source.attributes.push(said.trim().to_owned()),
            None => {}
        }
    }

    pub(super) fn finish(self) -> Vec<Source> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::Msid;

    /// RFC 8830 §2: a stream, and the track after one space, which may be missing. Some leave more
    /// space; a third word belongs to nothing and is left out.
    #[test]
    fn an_msid_is_read_in_each_of_its_forms() {
        let forms = [
            ("stream track", Some(Msid::new("stream", "track"))),
            ("- track", Some(Msid::new("-", "track"))),
            ("  stream   track  ", Some(Msid::new("stream", "track"))),
            ("stream track more", Some(Msid::new("stream", "track"))),
            (
                "stream",
                Some(Msid {
                    stream: "stream".to_owned(),
                    track: None,
                }),
            ),
            (" ", None),
            ("", None),
        ];
        for (value, expected) in forms {
            let read = Msid::read(value);
            assert_eq!(read, expected, "{value:?}");
            let again = read.map(|msid| Msid::read(&msid.value()));
            assert_eq!(again.flatten(), expected, "{value:?}, written and read");
        }
    }
}
