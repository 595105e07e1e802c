//! Codecs: a payload type and what `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` say of it.

use sdp_types::Attribute;

use super::write::pair;

/// How media of one payload type is coded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Codec {
    /// The number in RTP packets, below 128.
    pub payload_type: u8,
    /// As in the registry of media types; case does not matter.
    pub name: String,
    /// In Hz.
    pub clock_rate: u32,
    /// Of sound; 1 for everything else.
    pub channels: u8,
    /// The value of `a=fmtp`, empty if there is none.
    pub parameters: String,
    /// The kinds of RTCP feedback (RFC 4585 §4.2), such as `nack pli`.
    pub feedback: Vec<String>,
}

impl Codec {
    /// A codec with one channel, no parameters and no feedback.
    #[must_use]
    pub fn new(payload_type: u8, name: &str, clock_rate: u32) -> Self {
        Self {
            payload_type,
            name: name.to_owned(),
            clock_rate,
            channels: 1,
            parameters: String::new(),
            feedback: Vec::new(),
        }
    }

    /// The same with so many channels.
    #[must_use]
    pub fn with_channels(mut self, channels: u8) -> Self {
        self.channels = channels;
        self
    }

    /// The same with this value of `a=fmtp`.
    #[must_use]
    pub fn with_parameters(mut self, parameters: &str) -> Self {
        self.parameters = parameters.to_owned();
        self
    }

    /// The same with these kinds of feedback.
    #[must_use]
    pub fn with_feedback(mut self, feedback: &[&str]) -> Self {
        self.feedback = feedback.iter().map(|&kind| kind.to_owned()).collect();
        self
    }

    /// Whether this is its name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// One of the parameters, if they are a list of `name=value`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(found, _)| found.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The payload type that this one retransmits (RFC 4588 §8.1).
    #[must_use]
    pub fn repeats(&self) -> Option<u8> {
        if !self.is("rtx") {
            return None;
        }
        self.parameter("apt")?.parse().ok()
    }

    /// Whether a decoder of one takes what an encoder of the other makes: they have the same name, clock
    /// rate and channels, and the parameters that make two codecs of one name agree (RFC 6184 §8.2.2,
    /// RFC 9628 §6, RFC 7798 §7.2.2, the payload format of AV1). One without parameters takes all.
    #[must_use]
    pub fn is_compatible(&self, other: &Self) -> bool {
        let same_name = self.name.eq_ignore_ascii_case(&other.name);
        let same_form = (self.clock_rate, self.channels) == (other.clock_rate, other.channels);
        if !same_name || !same_form {
            return false;
        }
        if self.parameters.is_empty() || other.parameters.is_empty() {
            return true;
        }
        let same = |name, default| {
            self.parameter(name).unwrap_or(default) == other.parameter(name).unwrap_or(default)
        };
        match self.name.to_ascii_lowercase().as_str() {
            "h264" => {
                same("packetization-mode", "0") && self.h264_profile() == other.h264_profile()
            }
            "h265" => same("profile-id", "1") && same("tier-flag", "0"),
            "vp9" => same("profile-id", "0"),
            "av1" => same("profile", "0") && same("tier", "0"),
            _ => true,
        }
    }

    /// RFC 6184 §8.1, table 5: one profile is written in several ways. The level, which is the last
    /// octet, is each side's own.
    fn h264_profile(&self) -> Option<(u8, u8)> {
        const BASELINE: u8 = 0x42;
        const MAIN: u8 = 0x4D;
        const EXTENDED: u8 = 0x58;
        let constrained_baseline = (BASELINE, 0x40);
        // RFC 6184 §8.1: without the parameter it is the Baseline profile.
        let text = self.parameter("profile-level-id").unwrap_or("42000A");
        let octet = |range| u8::from_str_radix(text.get(range)?, 16).ok();
        let (profile, constraints) = (octet(0..2)?, octet(2..4)?);
        Some(match (profile, constraints & 0xC0) {
            (BASELINE, 0x40 | 0xC0) | (MAIN, 0x80 | 0xC0) | (EXTENDED, 0xC0) => {
                constrained_baseline
            }
            (BASELINE, _) | (EXTENDED, 0x80) => (BASELINE, 0),
            (MAIN | EXTENDED, _) => (profile, 0),
            _ => (profile, constraints),
        })
    }

    pub(super) fn write(&self, attributes: &mut Vec<Attribute>) {
        let Self {
            payload_type,
            name,
            clock_rate,
            channels,
            ..
        } = self;
        let channels = match channels {
            0 | 1 => String::new(),
            more => format!("/{more}"),
        };
        let map = format!("{payload_type} {name}/{clock_rate}{channels}");
        attributes.push(pair("rtpmap", map));
        for feedback in &self.feedback {
            attributes.push(pair("rtcp-fb", format!("{payload_type} {feedback}")));
        }
        if !self.parameters.is_empty() {
            attributes.push(pair("fmtp", format!("{payload_type} {}", self.parameters)));
        }
    }
}

/// The codecs of a section while its attributes are read, in the order of the m-line.
pub(super) struct Codecs {
    listed: Vec<Codec>,
    /// Where each payload type stands among them.
    places: [u8; 128],
}

const NOWHERE: u8 = u8::MAX;

impl Codecs {
    pub(super) fn listed(formats: &str) -> Self {
        let mut codecs = Self {
            listed: Vec::new(),
            places: [NOWHERE; 128],
        };
        let numbers = formats
            .split_ascii_whitespace()
            .filter_map(|it| it.parse().ok());
        for number in numbers {
            let Some(place) = codecs.places.get_mut(usize::from(number)) else {
                continue;
            };
            // There are 128 of them at most, since none is listed twice.
            if *place == NOWHERE {
                *place = codecs.listed.len() as u8;
                codecs.listed.push(Codec::new(number, "", 0));
            }
        }
        codecs
    }

    /// Takes an attribute whose value begins with a payload type, if this is one.
    pub(super) fn take(&mut self, name: &str, value: &str) -> bool {
        if !matches!(name, "rtpmap" | "fmtp" | "rtcp-fb") {
            return false;
        }
        let (number, rest) = value.split_once(' ').unwrap_or((value, ""));
        let rest = rest.trim();
        if (name, number) == ("rtcp-fb", "*") {
            self.listed.iter_mut().for_each(|codec| feed(codec, rest));
        } else if let Some(codec) = self.find(number) {
            match name {
                "rtpmap" => map(codec, rest),
                "fmtp" if codec.parameters.is_empty() => rest.clone_into(&mut codec.parameters),
                "rtcp-fb" => feed(codec, rest),
                _ => {}
            }
        }
        true
    }

    fn find(&mut self, number: &str) -> Option<&mut Codec> {
        let number: usize = number.parse().ok()?;
        let place = *self.places.get(number)?;
        self.listed.get_mut(usize::from(place))
    }

    /// Those that have a meaning: by an `a=rtpmap`, or because their number has a fixed one.
    pub(super) fn finish(mut self) -> Vec<Codec> {
        for codec in &mut self.listed {
            if codec.name.is_empty()
                && let Some((name, clock_rate)) = fixed(codec.payload_type)
            {
                name.clone_into(&mut codec.name);
                codec.clock_rate = clock_rate;
            }
        }
        self.listed.retain(|codec| !codec.name.is_empty());
        self.listed
    }
}

/// The most kinds of feedback that are read for a payload type: browsers have five. An `a=rtcp-fb:*`
/// counts for each of them, so that without a limit the product of both would be kept.
const MAX_FEEDBACK: usize = 16;

fn feed(codec: &mut Codec, kind: &str) {
    if codec.feedback.len() < MAX_FEEDBACK && !codec.feedback.iter().any(|it| it == kind) {
        codec.feedback.push(kind.to_owned());
    }
}

/// RFC 8866 §6.6: `opus/48000/2`.
fn map(codec: &mut Codec, text: &str) {
    let mut words = text.split('/').map(str::trim);
    let name = words.next().unwrap_or_default();
    let clock_rate = words.next().and_then(|word| word.parse().ok());
    let channels = words.next().map_or(Some(1), |word| word.parse().ok());
    if let (true, Some(clock_rate), Some(channels)) = (codec.name.is_empty(), clock_rate, channels)
    {
        name.clone_into(&mut codec.name);
        codec.clock_rate = clock_rate;
        codec.channels = channels;
    }
}

/// RFC 3551 §6: the numbers that need no `a=rtpmap`, as far as they are in use.
const fn fixed(payload_type: u8) -> Option<(&'static str, u32)> {
    Some(match payload_type {
        0 => ("PCMU", 8000),
        3 => ("GSM", 8000),
        4 => ("G723", 8000),
        8 => ("PCMA", 8000),
        9 => ("G722", 8000),
        13 => ("CN", 8000),
        15 => ("G728", 8000),
        18 => ("G729", 8000),
        26 => ("JPEG", 90_000),
        31 => ("H261", 90_000),
        34 => ("H263", 90_000),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6184 §8.1, table 5.
    #[test]
    fn one_profile_of_h264_has_several_names() {
        let codec = |id: &str| {
            let parameters =
                format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={id}");
            Codec::new(102, "H264", 90_000).with_parameters(&parameters)
        };
        for (one, other, compatible) in [
            ("42e01f", "42e034", true),
            ("42e01f", "42c01f", true),
            ("42e01f", "4d8020", true),
            ("42e01f", "42001f", false),
            ("42e01f", "4d001f", false),
            ("4d001f", "4d0032", true),
            ("640c1f", "64001f", false),
            ("640032", "64001f", true),
            ("42e01f", "zz", false),
        ] {
            assert_eq!(
                codec(one).is_compatible(&codec(other)),
                compatible,
                "{one} {other}"
            );
        }
        let other_mode = codec("42e01f").with_parameters("profile-level-id=42e01f");
        assert!(!codec("42e01f").is_compatible(&other_mode));
    }
}
