//! The summary for a reader.

use std::fmt::{self, Display, Formatter, Write};
use std::time::Duration;

use super::{Both, One, milliseconds};
use crate::progress::percent;
use crate::report::Report;
use crate::security::Security;

/// Width of the first column.
const LABEL: usize = 18;

/// Width of the columns behind it.
const COLUMN: usize = 18;

/// Bytes of a fingerprint on one line: half of SHA-256.
const FINGERPRINT_BYTES: usize = 16;

impl Display for Both<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [first, second] = self.sides;
        let verdict = if self.is_ok() {
            "The call is complete: every packet arrived, and both recordings are unchanged."
        } else {
            "The call is NOT complete: see the figures below."
        };
        writeln!(f, "{verdict}\n\nSecurity")?;
        write_security(f, first, ["First caller", "Second caller"])?;
        self.write_media(f)?;
        heading(f, "Discarded", &["first caller", "second caller"])?;
        write_discarded(f, &self.sides)?;
        heading(f, "Recordings", &[])?;
        // What the first side said is in the recording of the second.
        for (side, identical) in [(second, self.identical[0]), (first, self.identical[1])] {
            let verdict = if identical {
                "identical to what was played"
            } else {
                "NOT identical"
            };
            write_recordings(f, side, verdict)?;
        }
        Ok(())
    }
}

impl Both<'_> {
    fn write_media(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [first, second] = self.sides;
        heading(f, "Media", &["first to second", "second to first"])?;
        let counters = [first.counters, second.counters];
        let pairs = [(counters[0], counters[1]), (counters[1], counters[0])];
        row(
            f,
            "RTP sent",
            pairs.map(|(from, _)| packets(from.rtp_sent, from.rtp_sent_bytes)),
        )?;
        row(
            f,
            "RTP received",
            pairs.map(|(_, to)| packets(to.rtp_received, to.rtp_received_bytes)),
        )?;
        row(
            f,
            "RTCP sent",
            pairs.map(|(from, _)| grouped(from.rtcp_sent)),
        )?;
        row(
            f,
            "RTCP received",
            pairs.map(|(_, to)| grouped(to.rtcp_received)),
        )?;
        row(
            f,
            "lost",
            pairs.map(|(from, to)| {
                let lost = from.rtp_sent.saturating_sub(to.rtp_received);
                format!("{lost} ({})", percent(lost, to.rtp_received))
            }),
        )?;
        row(
            f,
            "jitter",
            [second, first].map(|side| duration(side.jitter)),
        )?;
        row(
            f,
            "round trip",
            [first, second].map(|side| duration(side.round_trip)),
        )
    }
}

impl Display for One<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { counters, .. } = self.report;
        match self.failure {
            None => writeln!(f, "The call is over, and it was what it should be.")?,
            Some(reason) => writeln!(f, "The call was NOT what it should be:\n{reason}")?,
        }
        writeln!(f, "\nSecurity")?;
        write_security(f, self.report, ["This side", "That side"])?;
        heading(f, "Media", &["sent", "received"])?;
        let Report {
            lost_at_peer,
            round_trip,
            ..
        } = self.report;
        let sent = packets(counters.rtp_sent, counters.rtp_sent_bytes);
        let received = packets(counters.rtp_received, counters.rtp_received_bytes);
        row(f, "RTP", [sent, received])?;
        row(
            f,
            "RTCP",
            [grouped(counters.rtcp_sent), grouped(counters.rtcp_received)],
        )?;
        let lost_sent = lost_at_peer.map_or("not reported".to_owned(), |lost| {
            format!(
                "{lost} ({})",
                percent(lost, counters.rtp_sent.saturating_sub(lost))
            )
        });
        let lost = format!(
            "{} ({})",
            counters.lost,
            percent(counters.lost, counters.rtp_received)
        );
        row(f, "lost", [lost_sent, lost])?;
        if let Some(silent) = self.report.silent {
            let silent = format!("{:.1} s", silent.as_secs_f64());
            row(f, "silent at the end", [String::new(), silent])?;
        }
        row(f, "jitter", [String::new(), duration(self.report.jitter)])?;
        row(f, "round trip", [duration(*round_trip)])?;
        heading(f, "Discarded", &[])?;
        write_discarded(f, &[self.report])?;
        if !self.report.recordings.is_empty() {
            heading(f, "Recordings", &[])?;
            write_recordings(f, self.report, "")?;
        }
        Ok(())
    }
}

fn write_security(f: &mut Formatter<'_>, side: &Report, names: [&str; 2]) -> fmt::Result {
    let Some(security) = &side.security else {
        return line(f, "none", "");
    };
    let Security {
        dtls_version,
        cipher_suite,
        group,
        srtp_profile,
        ..
    } = security;
    line(
        f,
        "DTLS",
        &format!("{dtls_version}, {cipher_suite}, {group}"),
    )?;
    line(f, "SRTP", srtp_profile)?;
    let prints = [&security.local_fingerprint, &security.remote_fingerprint];
    for (name, fingerprint) in names.into_iter().zip(prints) {
        let mut name = name;
        for part in split_fingerprint(fingerprint) {
            line(f, std::mem::take(&mut name), &part)?;
        }
    }
    let setup = duration(side.setup);
    line(
        f,
        "set up in",
        &format!("{setup}, from the first STUN packet to the first media"),
    )
}

/// Cuts a fingerprint into lines.
fn split_fingerprint(fingerprint: &str) -> Vec<String> {
    let (function, bytes) = fingerprint.split_once(' ').unwrap_or(("", fingerprint));
    let bytes: Vec<_> = bytes.split(':').collect();
    let blank = " ".repeat(function.len());
    bytes
        .chunks(FINGERPRINT_BYTES)
        .enumerate()
        .map(|(n, part)| {
            format!(
                "{} {}",
                if n == 0 { function } else { &blank },
                part.join(":")
            )
        })
        .collect()
}

fn write_discarded(f: &mut Formatter<'_>, sides: &[&Report]) -> fmt::Result {
    let mut reasons: Vec<_> = sides
        .iter()
        .flat_map(|side| side.discarded.keys())
        .collect();
    reasons.sort();
    reasons.dedup();
    if reasons.is_empty() {
        line(f, "nothing", "")?;
    }
    for reason in reasons {
        let counts: Vec<_> = sides
            .iter()
            .map(|side| grouped(side.discarded.get(reason).copied().unwrap_or(0)))
            .collect();
        row(f, reason, counts)?;
    }
    Ok(())
}

/// The recordings of one side; `verdict` is on those that lack nothing.
fn write_recordings(f: &mut Formatter<'_>, side: &Report, verdict: &str) -> fmt::Result {
    for recording in &side.recordings {
        writeln!(f, "  {}", recording.path.display())?;
        let packets = grouped(recording.packets);
        let comment = match (&recording.problem, recording.limited, verdict) {
            (Some(problem), ..) => format!(", NOT complete: {problem}"),
            (None, true, _) => ", up to the limit of recordings".to_owned(),
            (None, false, "") => String::new(),
            (None, false, verdict) => format!(", {verdict}"),
        };
        writeln!(f, "    {packets} Opus packets{comment}")?;
    }
    Ok(())
}

fn heading(f: &mut Formatter<'_>, name: &str, columns: &[&str]) -> fmt::Result {
    let columns: String = columns
        .iter()
        .map(|column| format!("{column:>COLUMN$}"))
        .collect();
    writeln!(
        f,
        "\n{}",
        format!("{name:w$}{columns}", w = LABEL + 2).trim_end()
    )
}

fn row(
    f: &mut Formatter<'_>,
    label: &str,
    columns: impl IntoIterator<Item = String>,
) -> fmt::Result {
    let mut text = String::new();
    for column in columns {
        write!(text, "{column:>COLUMN$}")?;
    }
    writeln!(f, "{}", format!("  {label:LABEL$}{text}").trim_end())
}

fn line(f: &mut Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    writeln!(f, "{}", format!("  {label:LABEL$}{text}").trim_end())
}

fn packets(packets: u64, bytes: u64) -> String {
    format!("{} ({:.1} KiB)", grouped(packets), bytes as f64 / 1024.0)
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn duration(duration: Option<Duration>) -> String {
    duration.map_or("not measured".to_owned(), |time| {
        format!("{:.2} ms", milliseconds(time))
    })
}
