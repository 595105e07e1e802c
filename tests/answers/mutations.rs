//! Offers that nobody would write, and decisions that nobody would take: whatever is answered keeps the
//! laws.

use portcullis::signalling::sdp::{Description, Direction, Media, Section};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::{answer, laws, offers};

/// Puts lines of all offers together: some are dropped, some come twice, some from elsewhere.
fn mutated(random: &mut StdRng, offers: &[Vec<&str>], all: &[&str]) -> String {
    let offer = offers.choose(random).expect("an offer");
    let mut lines = Vec::with_capacity(offer.len() + 8);
    for line in offer {
        match random.random_range(0..24) {
            0 => {}
            1 => lines.extend([*line, *line]),
            2 => lines.extend([*line, *all.choose(random).expect("a line")]),
            3 => lines.push(*all.choose(random).expect("a line")),
            _ => lines.push(*line),
        }
    }
    lines.join("\r\n") + "\r\n"
}

/// A mirror with holes, or nothing.
fn any_decision(random: &mut StdRng, section: &Section) -> Option<Media> {
    if random.random_ratio(1, 6) {
        return None;
    }
    let mut media = section.media.mirrored();
    media.direction = *Direction::ALL.choose(random).expect("a direction");
    if random.random() {
        media.codecs.retain(|_| random.random_ratio(2, 3));
        media.extensions.retain(|_| random.random_ratio(2, 3));
        media.rids.retain(|_| random.random_ratio(2, 3));
    }
    if random.random_ratio(1, 8) {
        // What the offer never had.
        media = section.media.clone();
        media.rtcp_rsize = true;
        media.extmap_allow_mixed = true;
    }
    Some(media)
}

#[test]
fn whatever_is_answered_keeps_the_laws() {
    let texts = offers();
    let offers: Vec<Vec<&str>> = texts.iter().map(|text| text.lines().collect()).collect();
    let all: Vec<&str> = offers.iter().flatten().copied().collect();
    let mut answered = 0;
    for seed in 0..4000 {
        let random = &mut StdRng::seed_from_u64(seed);
        let offer = mutated(random, &offers, &all);
        let Ok(read) = Description::read(&offer) else {
            continue;
        };
        let decide = |section: &Section, _: Option<&Media>| any_decision(random, section);
        let Ok((_, signalling, text)) = answer(&read, decide) else {
            continue;
        };
        answered += 1;
        laws::hold(&offer, &text);
        let ours = Description::read(&text).expect("our own answer");
        let live = ours
            .sections()
            .iter()
            .filter(|section| !section.is_rejected());
        assert_eq!(live.count(), signalling.agreed().count(), "{seed}");
    }
    assert!(answered > 500, "{answered} were answered");
}
