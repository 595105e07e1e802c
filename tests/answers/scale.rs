//! Descriptions of all sizes, and of the shapes that cost the most.

use std::fmt::Write as _;

use portcullis::signalling::sdp::{
    Description, MAX_LENGTH, MAX_SECTIONS, Media, SdpError, Section,
};

use crate::{answer, laws};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

const TRANSPORT: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n\
    a=fingerprint:sha-256 A0:D8:50:92:88:7E:83:18:0A:B7:64:A6:9F:BB:A2:BF:25:27:D6:0E:10:94:FE:4C:\
    FE:C3:22:31:48:91:AF:64\r\n";

const OPUS: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";

fn mirror(section: &Section, _: Option<&Media>) -> Option<Media> {
    Some(section.media.mirrored())
}

/// An offer of so many bundled sections.
fn sections(count: usize) -> String {
    let mids: Vec<_> = (0..count).map(|mid| mid.to_string()).collect();
    let mut text = format!("{HEAD}a=group:BUNDLE {}\r\n{TRANSPORT}", mids.join(" "));
    for mid in mids {
        write!(text, "{OPUS}a=mid:{mid}\r\n").expect("it does not fail");
    }
    text
}

#[test]
fn from_none_to_1500_sections() {
    for count in [0, 1, 2, 100, 1500] {
        let offer = sections(count);
        let read = Description::read(&offer).expect("an offer");
        let (_, signalling, text) = answer(&read, mirror).expect("an answer");
        laws::hold(&offer, &text);
        assert_eq!(signalling.agreed().count(), count);
        let ours = Description::read(&text).expect("our own answer");
        assert_eq!(ours.sections().len(), count);
    }
}

#[test]
fn lengths_have_limits() {
    let filler = format!("a=x:{}\r\n", "y".repeat(994));
    let mut offer = sections(1);
    while offer.len() + filler.len() <= MAX_LENGTH {
        offer.push_str(&filler);
    }
    assert!(MAX_LENGTH >= 256 * 1024 && offer.len() > MAX_LENGTH - 1000);
    assert!(answer(&Description::read(&offer).expect("an offer"), mirror).is_ok());
    offer.push_str(&filler);
    let length = offer.len();
    let refused = |text: &str| Description::read(text).map(|_| ());
    assert_eq!(refused(&offer), Err(SdpError::TooLong(length)));
    let many = |count| format!("{HEAD}{}", "m=a 0 b c\r\n".repeat(count));
    assert_eq!(refused(&many(MAX_SECTIONS)), Ok(()));
    let over = MAX_SECTIONS + 1;
    assert_eq!(refused(&many(over)), Err(SdpError::TooManySections(over)));
}

/// Shapes in which something is named many times, each as a text of about this length.
fn shapes(length: usize) -> Vec<(&'static str, String)> {
    let fill = |beginning: &str, line: &dyn Fn(usize) -> String| {
        let mut text = beginning.to_owned();
        for number in 0.. {
            if text.len() >= length {
                break;
            }
            text.push_str(&line(number));
        }
        text
    };
    let one = format!("{HEAD}a=group:BUNDLE 0\r\n{TRANSPORT}{OPUS}a=mid:0\r\n");
    let all_formats: Vec<_> = (0..128).map(|number| number.to_string()).collect();
    let wide = one.replace("SAVPF 111", &format!("SAVPF {}", all_formats.join(" ")));
    let extensions: String = (0..20)
        .map(|id| format!("a=extmap:{id} urn:example:{id}\r\n"))
        .collect();
    let common = format!("{HEAD}{TRANSPORT}{extensions}a=rtcp-mux\r\n");
    let mids = |text: &str| {
        (0..text.len() / 8)
            .map(|mid| format!(" {mid}"))
            .collect::<String>()
    };
    let tiny = fill(HEAD, &|mid| {
        format!("m=audio 9 RTP/AVP 0\r\na=mid:{mid}\r\n")
    });
    let grouped = |tiny: &str| {
        tiny.replacen(
            "t=0 0\r\n",
            &format!("t=0 0\r\na=group:BUNDLE{}\r\n", mids(tiny)),
            1,
        )
    };
    vec![
        (
            "sections",
            grouped(&tiny).replacen(
                "t=0 0\r\n",
                &format!("t=0 0\r\na=rtcp-mux\r\n{TRANSPORT}"),
                1,
            ),
        ),
        (
            "groups",
            fill(HEAD, &|number| {
                format!("a=group:BUNDLE {number} 0 1 2 3 4 5\r\n")
            }) + OPUS
                + TRANSPORT,
        ),
        (
            "feedback for all",
            fill(&wide, &|number| format!("a=rtcp-fb:* x{number}\r\n")),
        ),
        (
            "extensions",
            fill(&one, &|number| {
                format!("a=extmap:{} urn:{number}\r\n", number % 4096)
            }),
        ),
        (
            "inherited",
            fill(&common, &|_| "m=audio 9 RTP/AVP 0\r\n".to_owned()),
        ),
        (
            "rids",
            fill(&one, &|number| format!("a=rid:{number} send\r\n")),
        ),
        ("simulcast", {
            let streams: Vec<_> = (0..length / 8).map(|number| number.to_string()).collect();
            format!("{one}a=simulcast:send {}\r\n", streams.join(";"))
        }),
        (
            "sources",
            fill(&one, &|number| format!("a=ssrc:{number} cname:x\r\n")),
        ),
        (
            "candidates",
            fill(&one, &|number| {
                format!(
                    "a=candidate:{number} 1 udp 1 192.0.2.1 {} typ host\r\n",
                    number % 65536
                )
            }),
        ),
        ("payload types", {
            let numbers = "111 ".repeat(length / 4);
            one.replace("SAVPF 111", &format!("SAVPF {numbers}"))
        }),
        (
            "attributes",
            fill(&one, &|number| format!("a={number}\r\n")),
        ),
    ]
}

/// Memory is linear in the text, and so is time, which no test can measure without being wrong at
/// times: what is allocated stands for both.
#[test]
fn the_cost_is_linear() {
    let cost = |text: &str| {
        let allocated = allocation_counter::measure(|| {
            let read = Description::read(text).expect("it is read");
            // What is too much for an answer is refused, which has its cost, too.
            drop(answer(&read, mirror));
        });
        allocated.bytes_total
    };
    // What a session costs is there in each of them.
    let base = cost(&sections(1));
    // The shorter of the shapes that are sections has as many as there may be.
    let (short, long) = (8 * 1024, 40 * 1024);
    for ((name, small), (_, large)) in shapes(short).iter().zip(&shapes(long)) {
        assert!(large.len() <= MAX_LENGTH, "{name}: {}", large.len());
        let (few, many) = (
            cost(small).saturating_sub(base),
            cost(large).saturating_sub(base),
        );
        let times = (large.len() as u64).div_ceil(small.len() as u64);
        assert!(
            many <= few * (times + 2),
            "{name}: {few} bytes, {many} bytes"
        );
        let factor = many / large.len() as u64;
        assert!(factor < 500, "{name}: {factor} times the text");
    }
}
