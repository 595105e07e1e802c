//! The laws that every answer keeps, whatever the offer and the decision. They are checked on the plain
//! text, without the reader that they are to judge.

use std::collections::HashSet;

/// An m-line with what stands below it.
struct Block<'a> {
    m_line: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Block<'a> {
    fn words(&self) -> Vec<&'a str> {
        self.m_line.split_ascii_whitespace().collect()
    }

    fn port(&self) -> &'a str {
        let port = self.words().get(1).copied().unwrap_or_default();
        port.split('/').next().unwrap_or_default()
    }

    fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        values(&self.lines, name)
    }
}

/// The values of the attributes of this name; an attribute without one has the empty value.
fn values<'a>(lines: &[&'a str], name: &str) -> impl Iterator<Item = &'a str> {
    lines.iter().filter_map(move |line| {
        let attribute = line.strip_prefix("a=")?;
        let (found, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        (found.trim() == name).then_some(value.trim())
    })
}

fn split(text: &str) -> (Vec<&str>, Vec<Block<'_>>) {
    let (mut session, mut blocks) = (Vec::new(), Vec::<Block<'_>>::new());
    for line in text.lines() {
        match (line.strip_prefix("m="), blocks.last_mut()) {
            (Some(m_line), _) => blocks.push(Block {
                m_line,
                lines: Vec::new(),
            }),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => session.push(line),
        }
    }
    (session, blocks)
}

fn groups<'a>(session: &[&'a str]) -> Vec<Vec<&'a str>> {
    let groups = values(session, "group").filter_map(|group| group.strip_prefix("BUNDLE"));
    groups
        .map(|mids| mids.split_ascii_whitespace().collect())
        .collect()
}

/// Panics if one of the laws is broken.
pub(crate) fn hold(offer: &str, answer: &str) {
    let (offered_session, offered) = split(offer);
    let (session, answered) = split(answer);
    assert_eq!(
        answered.len(),
        offered.len(),
        "RFC 3264 §6: section by section"
    );
    for (ours, theirs) in answered.iter().zip(&offered) {
        section(ours, theirs, &offered_session);
    }
    bundle(&groups(&session), &groups(&offered_session), &answered);
    // RFC 8842 §5.3.
    assert!(
        offer.contains("a=tls-id:") || !answer.contains("a=tls-id:"),
        "{answer}"
    );
    // What stands at the session level only if it stood there in the offer.
    for name in ["extmap-allow-mixed", "cryptex", "ice-options"] {
        let theirs = values(&offered_session, name).next().is_some();
        let ours = values(&session, name).next().is_some();
        assert!(theirs || !ours, "{name} at the session: {answer}");
    }
}

fn section(ours: &Block<'_>, theirs: &Block<'_>, session: &[&str]) {
    let (our_words, their_words) = (ours.words(), theirs.words());
    assert_eq!(
        our_words.first(),
        their_words.first(),
        "RFC 3264 §6: the kind"
    );
    assert_eq!(
        our_words.get(2),
        their_words.get(2),
        "RFC 9429 §5.1.2: the transport's name"
    );
    let mid = |block: &Block<'_>| block.values("mid").next().map(str::to_owned);
    assert_eq!(mid(ours), mid(theirs), "RFC 5888 §9: the mid");
    let formats: HashSet<_> = their_words.iter().skip(3).collect();
    for format in our_words.iter().skip(3) {
        assert!(
            formats.contains(format),
            "RFC 3264 §6.1: {format} in {}",
            ours.m_line
        );
    }
    if ours.port() == "0" {
        assert_eq!(
            our_words[3..],
            their_words[3..],
            "RFC 3264 §6: the formats of what is refused"
        );
        return;
    }
    let group = |mid: &str| groups(session).iter().any(|group| group.contains(&mid));
    let bundle_only = theirs.has("bundle-only") && mid(theirs).is_some_and(|mid| group(&mid));
    assert!(
        theirs.port() != "0" || bundle_only,
        "RFC 3264 §6: what is disabled stays so"
    );
    for name in [
        "rtcp-rsize",
        "extmap-allow-mixed",
        "cryptex",
        "ice-options",
        "simulcast",
        "sctpmap",
    ] {
        let offered =
            theirs.has(name) || (name == "rtcp-rsize" && values(session, name).next().is_some());
        assert!(offered || !ours.has(name), "{name} in {}", ours.m_line);
    }
    for never in ["rtcp-mux-only", "bundle-only", "crypto", "group"] {
        assert!(!ours.has(never), "{never} in {}", ours.m_line);
    }
    let muxed = ["rtcp-mux", "rtcp-mux-only"].iter();
    let muxed = muxed
        .into_iter()
        .any(|name| theirs.has(name) || values(session, name).next().is_some());
    assert!(muxed || !ours.has("rtcp-mux"), "RFC 8035 §3.1: rtcp-mux");
    numbers(ours, theirs, session);
    directions(ours, theirs, session);
}

/// RFC 8285 §7, RFC 8851 §6.3: the numbers and names of the offer.
fn numbers(ours: &Block<'_>, theirs: &Block<'_>, session: &[&str]) {
    let mapped = |value: &str| {
        let (id, rest) = value.split_once(' ').unwrap_or_default();
        let id = id.split('/').next().unwrap_or_default();
        let uri = rest.split_ascii_whitespace().next().unwrap_or_default();
        (id.to_owned(), uri.to_owned())
    };
    let offered: HashSet<_> = theirs
        .values("extmap")
        .chain(values(session, "extmap"))
        .map(mapped)
        .collect();
    let mut used = HashSet::new();
    for (id, uri) in ours.values("extmap").map(mapped) {
        assert!(
            used.insert(id.clone()),
            "the number {id} stands for one extension"
        );
        let number: u16 = id.parse().expect("a number");
        let same = |(theirs, of): &(String, String)| *of == uri && theirs.parse() == Ok(number);
        assert!(offered.iter().any(same), "{id} {uri}");
    }
    let rid = |value: &str| {
        let mut words = value.split_ascii_whitespace().map(str::to_owned);
        (words.next(), words.next())
    };
    let offered: HashSet<_> = theirs.values("rid").map(rid).collect();
    for (id, direction) in ours.values("rid").map(rid) {
        let other = if direction.as_deref() == Some("send") {
            "recv"
        } else {
            "send"
        };
        assert!(
            offered.contains(&(id.clone(), Some(other.to_owned()))),
            "{id:?}"
        );
    }
}

/// RFC 3264 §6.1: who was not asked does not send, and who is not told does not receive.
fn directions(ours: &Block<'_>, theirs: &Block<'_>, session: &[&str]) {
    let direction = |lines: &[&str]| {
        let names = ["sendrecv", "sendonly", "recvonly", "inactive"];
        lines
            .iter()
            .filter_map(|line| line.strip_prefix("a="))
            .map(str::trim)
            .find_map(|line| names.into_iter().find(|name| *name == line))
    };
    let Some(answered) = direction(&ours.lines) else {
        return;
    };
    let offered = direction(&theirs.lines)
        .or(direction(session))
        .unwrap_or("sendrecv");
    let sends = |name| matches!(name, "sendrecv" | "sendonly");
    let receives = |name| matches!(name, "sendrecv" | "recvonly");
    assert!(
        !sends(answered) || receives(offered),
        "{offered} {answered}"
    );
    assert!(
        !receives(answered) || sends(offered),
        "{offered} {answered}"
    );
}

/// RFC 9143 §7.3: one group, all of whose sections were in one group of the offer and are taken.
fn bundle(ours: &[Vec<&str>], theirs: &[Vec<&str>], answered: &[Block<'_>]) {
    assert!(ours.len() <= 1, "one transport");
    let live: HashSet<_> = answered
        .iter()
        .filter(|block| block.port() != "0")
        .map(|block| block.values("mid").next())
        .collect();
    for mids in ours {
        assert!(!mids.is_empty());
        let known = |group: &Vec<&str>| mids.iter().all(|mid| group.contains(mid));
        assert!(theirs.iter().any(known), "{mids:?} in {theirs:?}");
        assert!(
            mids.iter().all(|mid| live.contains(&Some(*mid))),
            "{mids:?}"
        );
        assert_eq!(mids.len(), live.len(), "all that is taken is in the group");
    }
    assert!(
        !ours.is_empty() || live.len() <= 1,
        "without a group there is one section"
    );
}
