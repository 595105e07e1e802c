//! What both sides agree on in one section: never more than either side offers.

use std::collections::{HashMap, HashSet};

use super::error::Refusal;
use super::sdp::{
    Codec, Direction, Extension, Media, Payload, Section, Simulcast, SimulcastStream,
};

/// Cuts `ours` down to what the offered section allows, so that it can answer it.
pub(super) fn answer(ours: Media, section: &Section) -> Result<Media, Refusal> {
    let offered = &section.media;
    let mut answer = ours;
    answer.kind = offered.kind.clone();
    match section.payload() {
        _ if section.is_rejected() => return Err(Refusal::Disabled),
        None => return Err(Refusal::UnknownTransport),
        Some(Payload::Data) => {
            let (Some(ours), Some(theirs)) = (&answer.data, &offered.data) else {
                return Err(Refusal::Unwanted);
            };
            answer.data = Some(ours.in_form_of(theirs));
            answer.direction = Direction::SendRecv;
            return Ok(answer);
        }
        // RFC 8834 §4.5; RFC 8858 §4: without it we can only say no.
        Some(Payload::Rtp) if !section.rtcp_mux => return Err(Refusal::NoRtcpMux),
        Some(Payload::Rtp) => answer.data = None,
    }
    answer.codecs = codecs(answer.codecs, offered);
    if answer.codecs.is_empty() {
        return Err(Refusal::NoCommonCodec);
    }
    answer.extensions = extensions(&answer.extensions, offered);
    restrict_streams(&mut answer, offered);
    answer.direction = answer.direction.agreed(offered.direction);
    answer.rtcp_rsize &= offered.rtcp_rsize;
    answer.extmap_allow_mixed &= offered.extmap_allow_mixed;
    Ok(answer)
}

/// Cuts what the peer answers down to what our offer had.
pub(super) fn answered(mut theirs: Media, ours: &Media) -> Media {
    theirs.codecs = codecs(theirs.codecs, ours);
    theirs.extensions = extensions(&theirs.extensions, ours);
    theirs
}

/// RFC 3264 §6.1: a subset, in the order of the answerer. What depends on a codec goes with it.
fn codecs(mut codecs: Vec<Codec>, offered: &Media) -> Vec<Codec> {
    codecs.retain_mut(|ours| {
        let Some(theirs) = offered.codec(ours.payload_type) else {
            return false;
        };
        // RFC 4585 §4.2: only feedback that both sides know is used.
        ours.feedback.retain(|kind| theirs.feedback.contains(kind));
        let form = |codec: &Codec| (codec.clock_rate, codec.channels);
        ours.is(&theirs.name) && form(ours) == form(theirs)
    });
    let mut seen = HashSet::new();
    codecs.retain(|codec| seen.insert(codec.payload_type));
    // RFC 4588 §8.1: a retransmission format needs the codec it repeats; RFC 2198 §5: so does redundancy.
    codecs.retain(|codec| depends_on(codec).all(|needed| seen.contains(&needed)));
    codecs
}

/// The payload types without which a codec is of no use.
fn depends_on(codec: &Codec) -> impl Iterator<Item = u8> {
    let list = match codec.is("red") {
        true => codec.parameters.as_str(),
        false => "",
    };
    let redundant = list.split('/').filter_map(|it| it.trim().parse().ok());
    codec.repeats().into_iter().chain(redundant)
}

/// RFC 8285 §7: an answer has the numbers of the offer, and the directions seen from the other side.
fn extensions(ours: &[Extension], offered: &Media) -> Vec<Extension> {
    let mut by_uri = HashMap::new();
    for extension in &offered.extensions {
        if (1..=Extension::MAX_ID).contains(&extension.id) {
            by_uri.entry(extension.uri.as_str()).or_insert(extension);
        }
    }
    let mut taken = HashSet::new();
    let mut answer = Vec::new();
    for extension in ours {
        // An extension is taken once, even if ours lists it twice.
        let Some(theirs) = by_uri.remove(extension.uri.as_str()) else {
            continue;
        };
        let wish = extension.direction.unwrap_or_default();
        let direction = match theirs.direction {
            None => extension.direction,
            Some(direction) => Some(wish.agreed(direction)),
        };
        if direction != Some(Direction::Inactive) && taken.insert(theirs.id) {
            answer.push(Extension {
                id: theirs.id,
                direction,
                ..extension.clone()
            });
        }
    }
    answer
}

/// RFC 8851 §6.3, RFC 8853 §5.3.2: streams of the offer, in the other direction, and no others.
fn restrict_streams(answer: &mut Media, offered: &Media) {
    let offered_rids: HashSet<_> = offered
        .rids
        .iter()
        .map(|rid| (rid.id.as_str(), rid.direction.reversed()))
        .collect();
    let listed: HashSet<u8> = answer
        .codecs
        .iter()
        .map(|codec| codec.payload_type)
        .collect();
    let mut kept = HashSet::new();
    answer.rids.retain_mut(|rid| {
        let known = offered_rids.contains(&(rid.id.as_str(), rid.direction));
        let any_codec = rid.payload_types.is_empty();
        rid.payload_types.retain(|number| listed.contains(number));
        let usable = any_codec || !rid.payload_types.is_empty();
        known && usable && kept.insert(rid.id.clone())
    });
    let theirs = offered.simulcast.clone().unwrap_or_default();
    let ours = answer.simulcast.take().unwrap_or_default();
    let simulcast = Simulcast {
        send: streams(ours.send, &theirs.recv, &kept),
        recv: streams(ours.recv, &theirs.send, &kept),
    };
    answer.simulcast = (!simulcast.is_empty()).then_some(simulcast);
}

type Streams = Vec<Vec<SimulcastStream>>;

fn streams(mut ours: Streams, theirs: &Streams, rids: &HashSet<String>) -> Streams {
    let theirs: HashSet<_> = theirs.iter().flatten().map(|stream| &stream.rid).collect();
    for alternatives in &mut ours {
        alternatives.retain(|stream| theirs.contains(&stream.rid) && rids.contains(&stream.rid));
    }
    ours.retain(|alternatives| !alternatives.is_empty());
    ours
}

/// Whether a codec carries media by itself, rather than for or beside another one.
pub(super) fn is_primary(codec: &Codec) -> bool {
    const OTHERS: [&str; 7] = [
        "rtx",
        "red",
        "ulpfec",
        "flexfec",
        "flexfec-03",
        "telephone-event",
        "CN",
    ];
    !OTHERS.iter().any(|name| codec.is(name))
}
